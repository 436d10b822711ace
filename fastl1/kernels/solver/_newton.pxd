# Prox-Newton on the working set, for any loss.
from fastl1.kernels.solver._state cimport state_t

cdef double line_search(state_t* S, double v_sum, double h_sum) noexcept nogil
cdef int solve_newton(state_t* S, double alpha, double tol, int rounds) noexcept nogil
