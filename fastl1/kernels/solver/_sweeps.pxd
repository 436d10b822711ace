# The penalized quadratic on a working set, in the residual regime.
from fastl1.kernels.design._design cimport design_t
from fastl1.kernels.penalty._penalty cimport quad_t

cdef struct residual_t:
    const design_t* A    # packed columns sqrt(h) z, float64
    double* u            # (n,) sqrt(h) times the residual, uncentred where A is
    double u_sum         # sum sqrt(h) u; kept where A is centred implicitly
    double h_sum         # sum h
    double* scratch      # (n,)

cdef int sweep_solve(
    quad_t* q, residual_t* r, int max_rounds
) noexcept nogil
