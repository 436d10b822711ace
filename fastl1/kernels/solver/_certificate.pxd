# The duality gap, and the columns that screening leaves.
from fastl1.kernels.design._design cimport design_t
from fastl1.kernels.solver._state cimport state_t

cdef double signed_correlation(
    const state_t* S, ptrdiff_t j, double c
) noexcept nogil
cdef double unit_pull(
    const state_t* S, ptrdiff_t j, const double* c
) noexcept nogil
cdef void refresh(state_t* S) noexcept nogil
cdef double* pass_begin(state_t* S) noexcept nogil
cdef void pass_end(state_t* S) noexcept nogil
cdef void take_products(
    state_t* S, const double* products, const design_t* X
) noexcept nogil
cdef void full_pass(state_t* S) noexcept nogil
cdef double dual_excess(const state_t* S, bint outside) noexcept nogil
cdef double penalty_young(
    const state_t* S, double kappa, bint augmented, bint outside
) noexcept nogil
cdef double penalty_value(const state_t* S) noexcept nogil
cdef double gap_at(state_t* S, const double* v, bint outside) noexcept nogil
cdef void correlate(state_t* S, double* v_sum, double* h_sum) noexcept nogil
cdef double working_gap(state_t* S, double v_sum, double h_sum) noexcept nogil
cdef void locate(state_t* S) noexcept nogil
cdef double gradient_norm(const state_t* S) noexcept nogil
cdef double gradient_tolerance(const state_t* S, double tol) noexcept nogil
cdef double primal_value(const state_t* S) noexcept nogil
cdef double relative_gap(state_t* S, double alpha) noexcept nogil
cdef void measure(state_t* S) noexcept nogil
cdef bint scan_outside(state_t* S, bint exact) noexcept nogil
cdef int add_candidates(state_t* S, double limit, ptrdiff_t most) noexcept nogil
