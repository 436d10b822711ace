# Newton on the working set of the Cox loss.
from fastl1.kernels.solver._state cimport state_t

cdef int solve_coupled(
    state_t* S, double alpha, double tol, int rounds
) noexcept nogil
