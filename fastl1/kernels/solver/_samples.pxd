# The linear predictor, the loss and the dual point.
from fastl1.kernels.design._rows cimport rows_t
from fastl1.kernels.solver._state cimport state_t

cdef void sync_eta(state_t* S) noexcept nogil
cdef void renew_eta(state_t* S) noexcept nogil
cdef double loss_at_eta(state_t* S) noexcept nogil
cdef void evaluate(state_t* S) noexcept nogil
cdef double young_at(state_t* S, const double* v, double kappa) noexcept nogil
cdef void shift_intercept(state_t* S, double delta) noexcept nogil
cdef void fit_intercept(state_t* S, double slack) noexcept nogil
cdef void fit_null(state_t* S) noexcept nogil
cdef int gram_in_turns(
    state_t* S, rows_t* rows, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* means, double h_sum, double* G, ptrdiff_t ldg
) noexcept nogil
cdef ptrdiff_t centre_dual(state_t* S, double* v, double* h) noexcept nogil
cdef int project_dual(state_t* S) noexcept nogil
