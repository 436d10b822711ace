"""Screening with cached correlations.

For residuals g_1..g_R whose correlations with every column are known, and any beta,

    |x_j' g - sum_r beta_r x_j' g_r|  <=  |x_j| |g - sum_r beta_r g_r|
    (Cauchy-Schwarz),

so most columns need no pass over X for the present residual g: the residuals along a
path lie close to the span of the last few.  Inner products and norms are the weighted
ones, and hold for the gradient of any loss.  beta is the projection, which makes the
right-hand side least; the bound is valid for any beta, so its rounding does not matter.
"""
from libc.math cimport sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove


cdef int cache_reserve(cache_t* K, ptrdiff_t n, ptrdiff_t p, int room) noexcept nogil:
    """Memory for `room` references of up to n and p; 0, or -1 without."""
    K.n, K.p, K.room, K.count, K.dist = n, p, room, 0, 0.0
    K.g = <double*> malloc(room * n * sizeof(double))
    K.c = <double*> malloc(room * p * sizeof(double))
    return -1 if K.g == NULL or K.c == NULL else 0


cdef void cache_free(cache_t* K) noexcept nogil:
    free(K.g)
    free(K.c)
    K.g, K.c = NULL, NULL


cdef double* cache_push(cache_t* K, const double* g) noexcept nogil:
    """Add a reference (the oldest leaves when full); returns where its (p,)
    correlations are to be written."""
    cdef int r, q
    if K.count == K.room:
        K.count -= 1
        memmove(K.g, K.g + K.n, K.count * K.n * sizeof(double))
        memmove(K.c, K.c + K.p, K.count * K.p * sizeof(double))
        for r in range(K.count):
            for q in range(K.count):
                K.gram[r * MAX_REFS + q] = K.gram[(r + 1) * MAX_REFS + q + 1]
    r = K.count
    memcpy(K.g + r * K.n, g, K.n * sizeof(double))
    for q in range(r + 1):
        K.gram[r * MAX_REFS + q] = K.ops.dot(K.n, g, K.g + q * K.n)
        K.gram[q * MAX_REFS + r] = K.gram[r * MAX_REFS + q]
    K.count = r + 1
    return K.c + r * K.p


cdef void cache_project(cache_t* K, const double* b, double gg) noexcept nogil:
    """Set beta and dist from b (count,), the products of the present residual with the
    references, and gg, its squared norm."""
    cdef double L[MAX_REFS * MAX_REFS]
    cdef bint kept[MAX_REFS]
    cdef int i, j, k
    cdef double x, dist2
    for i in range(K.count):
        kept[i] = True
        for j in range(i + 1):
            x = K.gram[i * MAX_REFS + j]
            for k in range(j):
                if kept[k]:
                    x -= L[i * MAX_REFS + k] * L[j * MAX_REFS + k]
            if j < i:
                L[i * MAX_REFS + j] = x / L[j * MAX_REFS + j] if kept[j] else 0.0
            elif x > 1e-13 * K.gram[i * MAX_REFS + i]:
                L[i * MAX_REFS + i] = sqrt(x)
            else:
                kept[i] = False
        K.beta[i] = b[i]
        for k in range(i):
            if kept[k]:
                K.beta[i] -= L[i * MAX_REFS + k] * K.beta[k]
        K.beta[i] = K.beta[i] / L[i * MAX_REFS + i] if kept[i] else 0.0
    for i in range(K.count - 1, -1, -1):
        if kept[i]:
            for k in range(i + 1, K.count):
                if kept[k]:
                    K.beta[i] -= L[k * MAX_REFS + i] * K.beta[k]
            K.beta[i] /= L[i * MAX_REFS + i]
    dist2 = gg
    for i in range(K.count):
        x = -2.0 * b[i]
        for j in range(K.count):
            x += K.gram[i * MAX_REFS + j] * K.beta[j]
        dist2 += K.beta[i] * x
    # slack for the rounding of gg and of the inner products
    K.dist = sqrt(max(dist2, 0.0) + 1e-14 * gg + K.slack)
