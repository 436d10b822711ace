# The working set and its quadratic, in the regime that costs least.
from fastl1.kernels.solver._state cimport state_t
from fastl1.kernels.solver._sweeps cimport residual_t

cdef enum:
    MAX_GRAM = 8000      # columns of a Gram block (512 MB)
    EASY_SWEEPS = 10     # that a well-conditioned working set takes

cdef int add_slot(state_t* S, ptrdiff_t j) noexcept nogil
cdef int add_unit(state_t* S, ptrdiff_t j) noexcept nogil
cdef int add_all_columns(state_t* S) noexcept nogil
cdef void start_covariance(state_t* S) noexcept nogil
cdef void covariance_correlations(state_t* S, double* c) noexcept nogil
cdef double penalty_along(
    const state_t* S, double t, double total
) noexcept nogil
cdef bint extrapolate(state_t* S) noexcept nogil
cdef int grow_gram(state_t* S) noexcept nogil
cdef void prune(state_t* S, double limit) noexcept nogil
cdef void load_quad(state_t* S, double alpha) noexcept nogil
cdef int solve_quadratic(state_t* S, double tol, int rounds) noexcept nogil
cdef int solve_squared(state_t* S, double alpha, double tol, int rounds) noexcept nogil
cdef void choose_regime(state_t* S) noexcept nogil
