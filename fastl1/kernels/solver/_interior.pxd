# Interior-point method on the working set, for losses with corners.
from fastl1.kernels.solver._state cimport state_t

cdef int solve_interior(state_t* S, double tol) noexcept nogil
