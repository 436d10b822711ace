# The working set and its quadratic, in the regime that costs least.
from fastl1._state cimport state_t
from fastl1._sweeps cimport residual_t

cdef int add_slot(state_t* S, ptrdiff_t j) noexcept nogil
cdef int add_all_columns(state_t* S) noexcept nogil
cdef void start_covariance(state_t* S) noexcept nogil
cdef void covariance_correlations(state_t* S, double* c) noexcept nogil
cdef void prune(state_t* S, double limit) noexcept nogil
cdef void load_quad(state_t* S, double alpha) noexcept nogil
cdef int solve_quadratic(state_t* S, double tol, int rounds) noexcept nogil
cdef int solve_squared(state_t* S, double alpha, double tol, int rounds) noexcept nogil
cdef bint choose_gram(const state_t* S) noexcept nogil
