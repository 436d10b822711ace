# Cached correlations and the bound they give on the present ones.
from fastl1._ops cimport fl1_ops

cdef enum:
    MAX_REFS = 8

cdef struct cache_t:
    ptrdiff_t n
    ptrdiff_t p
    int room                         # references there is memory for
    int count                        # ... and held
    double* g                        # (room, n) residuals in the weighted norm
    double* c                        # (room, p) their correlations
    double[MAX_REFS * MAX_REFS] gram  # inner products of the residuals
    double[MAX_REFS] beta            # projection of the present residual ...
    double dist                      # ... and its distance from their span
    double slack                     # rounding of the squared norms, absolute
    const fl1_ops* ops

cdef int cache_reserve(cache_t* K, ptrdiff_t n, ptrdiff_t p, int room) noexcept nogil
cdef void cache_free(cache_t* K) noexcept nogil
cdef double* cache_push(cache_t* K, const double* g) noexcept nogil
cdef void cache_project(cache_t* K, const double* b, double gg) noexcept nogil
