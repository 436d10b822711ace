# Prox-Newton on the working set, for any loss.
from fastl1._state cimport state_t

cdef int solve_newton(state_t* S, double alpha, double tol, int rounds) noexcept nogil
