# Packed columns.
from libc.stdint cimport int64_t

from fastl1.kernels.design._design cimport design_t

# Float64 copy of some columns, times sqrt(h).
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
