# One problem solved at one alpha after another.
from fastl1._state cimport state_t

cdef int null_model(state_t* S) noexcept nogil
cdef int solve_alpha(state_t* S, double alpha, double tol, int max_iter) noexcept nogil
cdef double certify(state_t* S, double alpha) noexcept nogil
