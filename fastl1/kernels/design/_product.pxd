# Matrix products with the columns of X.
from fastl1.kernels.design._design cimport design_t
from fastl1.kernels.design._rows cimport rows_t

cdef int design_gram(
    const design_t* X, rows_t* R, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double h_sum, double* G, ptrdiff_t ldg,
    int n_threads
) noexcept nogil

cdef int design_cross(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* h_sqrt,
    double* out, int n_threads
) noexcept nogil

cdef int design_xtm(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* V, ptrdiff_t k,
    double* out, int n_threads
) noexcept nogil

cdef double entries(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t first, ptrdiff_t m
) noexcept nogil
cdef double gram_work(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m
) noexcept nogil
cdef double cross_work(const design_t* X, ptrdiff_t count) noexcept nogil
