# A working set from a sample of the rows, where that pays; then the solve.
from fastl1.kernels.solver._state cimport state_t

cdef int solve_alpha(
    state_t* S, double alpha, double expected, double tol, int max_iter
) noexcept nogil
