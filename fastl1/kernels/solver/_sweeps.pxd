# The penalized quadratic on a working set, in the residual regime.
from libc.stdint cimport int64_t

from fastl1.kernels.design._design cimport design_t
from fastl1.kernels.penalty._penalty cimport quad_t

cdef struct residual_t:
    const design_t* A    # packed columns sqrt(h) z, float64
    double* u            # (n,) sqrt(h) times the residual, uncentred where A is
    double u_sum         # sum sqrt(h) u; kept where A is centred implicitly
    double h_sum         # sum h
    double* scratch      # (n,)

# Float64 copy of the columns of a working set, times sqrt(h).
cdef struct packed_t:
    design_t A
    ptrdiff_t value_room, column_room
    double* values
    char* indices
    int64_t* indptr
    double* mean
    double* scale

cdef int packed_build(
    packed_t* P, const design_t* X, const ptrdiff_t* cols, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double* diag, double h_sum
) noexcept nogil
cdef void packed_free(packed_t* P) noexcept nogil

cdef int sweep_solve(
    quad_t* q, residual_t* r, int max_rounds
) noexcept nogil
