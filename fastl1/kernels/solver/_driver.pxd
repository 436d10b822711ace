# One problem solved at one alpha after another.
from fastl1.kernels.solver._state cimport state_t

cdef int null_model(state_t* S) noexcept nogil
cdef int start_alpha(state_t* S, double alpha, double tol, int max_iter) noexcept nogil
cdef int resume(state_t* S) noexcept nogil
cdef int finish(state_t* S, int status) noexcept nogil
cdef double certify(state_t* S, double alpha) noexcept nogil
