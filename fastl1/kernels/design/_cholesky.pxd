# Cholesky factor of a growing and shrinking principal submatrix.
from fastl1._ops cimport fl1_ops

cdef struct chol_t:
    ptrdiff_t m          # rows of the factor
    ptrdiff_t cap        # allocated rows = column stride of L
    double* L            # lower triangle, columns contiguous
    ptrdiff_t* slot      # (cap,) slot of each row
    double* work         # (cap,)
    const fl1_ops* ops

cdef int chol_reserve(chol_t* F, ptrdiff_t cap) noexcept nogil
cdef void chol_free(chol_t* F) noexcept nogil
cdef bint chol_append(
    chol_t* F, ptrdiff_t slot, double* g, double diag, double ridge
) noexcept nogil
cdef void chol_backward(const chol_t* F, double* b) noexcept nogil
cdef void chol_delete(chol_t* F, ptrdiff_t row) noexcept nogil
cdef void chol_solve(const chol_t* F, double* b) noexcept nogil
cdef int chol_solve_small(
    chol_t* F, ptrdiff_t m, const double* A, ptrdiff_t lda, double* x
) noexcept nogil
