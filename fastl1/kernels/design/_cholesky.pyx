"""Cholesky factor L L' of the Gram matrix of a support, updated as the support changes.

Columns of L are contiguous, so the triangular solves are dot and axpy.  A column that
depends on those before it (relative pivot below DEPENDENT) is refused by `chol_append`:
genotypes, one-hot columns and n-grams have exact duplicates, and the factor must
survive them.  Library factorizations are not used: their bits depend on the number of
threads.
"""
from libc.math cimport hypot, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove

cdef double DEPENDENT = 1e-11


cdef int chol_reserve(chol_t* F, ptrdiff_t cap) noexcept nogil:
    """Room for `cap` rows, the factor kept; -1 without memory."""
    cdef ptrdiff_t k, old = F.cap
    cdef double* L
    cdef ptrdiff_t* slot
    cdef double* work
    if cap <= old:
        return 0
    cap = max(cap, old + old // 2, 32)
    L = <double*> malloc(cap * cap * sizeof(double))
    slot = <ptrdiff_t*> malloc(cap * sizeof(ptrdiff_t))
    work = <double*> malloc(cap * sizeof(double))
    if L == NULL or slot == NULL or work == NULL:
        free(L)
        free(slot)
        free(work)
        return -1
    for k in range(F.m):
        memcpy(L + k * cap + k, F.L + k * old + k, (F.m - k) * sizeof(double))
    if F.m:
        memcpy(slot, F.slot, F.m * sizeof(ptrdiff_t))
    free(F.L)
    free(F.slot)
    free(F.work)
    F.L, F.slot, F.work, F.cap = L, slot, work, cap
    return 0


cdef void chol_free(chol_t* F) noexcept nogil:
    free(F.L)
    free(F.slot)
    free(F.work)
    F.L, F.slot, F.work = NULL, NULL, NULL
    F.m = F.cap = 0


cdef void _forward(const chol_t* F, double* b) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(F.m):
        b[k] /= F.L[k * F.cap + k]
        F.ops.axpy(F.m - k - 1, -b[k], F.L + k * F.cap + k + 1, b + k + 1)


cdef bint chol_append(
    chol_t* F, ptrdiff_t slot, double* g, double diag, double ridge
) noexcept nogil:
    """Append a row: g (m,) its products with the rows so far (overwritten).

    diag counts the l2 term `ridge`, which bounds the pivot from below.  Returns False,
    with the factor unchanged and g = L^{-1} g, when the row is dependent. The caller
    has reserved room.
    """
    cdef ptrdiff_t k, m = F.m
    cdef double pivot
    _forward(F, g)
    pivot = diag - F.ops.dot(m, g, g)
    if not pivot > DEPENDENT * diag:
        if not ridge > 0.0:
            return False
        pivot = max(pivot, ridge)
    for k in range(m):
        F.L[k * F.cap + m] = g[k]
    F.L[m * F.cap + m] = sqrt(pivot)
    F.slot[m] = slot
    F.m = m + 1
    return True


cdef void chol_backward(const chol_t* F, double* b) noexcept nogil:
    """b <- L'^{-1} b."""
    cdef ptrdiff_t k
    for k in range(F.m - 1, -1, -1):
        b[k] -= F.ops.dot(F.m - k - 1, F.L + k * F.cap + k + 1, b + k + 1)
        b[k] /= F.L[k * F.cap + k]


cdef void chol_delete(chol_t* F, ptrdiff_t row) noexcept nogil:
    """Remove a row: the columns behind it take a rank-one update and move up."""
    cdef ptrdiff_t k, m = F.m, ld = F.cap
    cdef double pivot, root
    cdef double* x = F.work
    cdef double* src
    cdef double* dst
    memcpy(x + row + 1, F.L + row * ld + row + 1, (m - row - 1) * sizeof(double))
    for k in range(row):
        memmove(
            F.L + k * ld + row, F.L + k * ld + row + 1, (m - row - 1) * sizeof(double)
        )
    for k in range(row + 1, m):
        src = F.L + k * ld + k
        dst = F.L + (k - 1) * ld + k - 1
        pivot = src[0]
        root = hypot(pivot, x[k])
        F.ops.chol_column(
            m - k - 1, root / pivot, x[k] / pivot, src + 1, x + k + 1, dst + 1
        )
        dst[0] = root
    memmove(F.slot + row, F.slot + row + 1, (m - row - 1) * sizeof(ptrdiff_t))
    F.m = m - 1


cdef void chol_solve(const chol_t* F, double* b) noexcept nogil:
    """b <- (L L')^{-1} b."""
    _forward(F, b)
    chol_backward(F, b)


cdef int chol_solve_small(
    chol_t* F, ptrdiff_t m, const double* A, ptrdiff_t lda, double* x
) noexcept nogil:
    """x <- A^{-1} x for a symmetric A (m, m), dependent rows left at 0; F, empty, gets
    the factor.  Returns -1 without memory."""
    cdef ptrdiff_t i, k
    if chol_reserve(F, max(m, 1)) < 0:
        return -1
    for k in range(m):
        for i in range(F.m):
            F.work[i] = A[F.slot[i] + k * lda]
        chol_append(F, k, F.work, A[k + k * lda], 0.0)
    for i in range(F.m):
        F.work[i] = x[F.slot[i]]
    chol_solve(F, F.work)
    for k in range(m):
        x[k] = 0.0
    for i in range(F.m):
        x[F.slot[i]] = F.work[i]
    return 0
