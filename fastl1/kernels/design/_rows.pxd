# Gram blocks of sparse columns.
from libc.stdint cimport int32_t, int64_t

from fastl1.kernels.design._design cimport design_t

# Some columns by rows: row i holds the entries end[i - 1] (0 for the first) to end[i].
cdef struct rows_t:
    ptrdiff_t m              # columns in the lists: slots 0 to m - 1
    ptrdiff_t nnz
    ptrdiff_t room
    int64_t* end             # (n,)
    int32_t* slots           # (nnz,)
    double* values


cdef void rows_free(rows_t* R) noexcept nogil

cdef int gram_sparse(
    const design_t* X, rows_t* R, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double h_sum, double* G, ptrdiff_t ldg,
    int n_threads
) noexcept nogil
