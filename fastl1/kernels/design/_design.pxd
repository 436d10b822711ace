# What a solver may ask of X: products with its columns (see also _product.pxd).
from libc.stdint cimport int64_t

from fastl1._ops cimport fl1_ops

cdef enum:
    MIN_PARALLEL = 500000  # multiplications below which a second thread does not pay

# X as the solver sees it: column j stands for scale_j (x_j - mean_j 1).  How X is
# stored is known in this folder only; its traits tell what that costs and allows.
cdef struct design_t:
    ptrdiff_t n
    ptrdiff_t p
    bint sparse              # for this folder
    # traits
    bint blocks              # Gram blocks, as matrix products, cost less than sweeps
    bint implicit_mean       # means are taken off sums, not entries: digits may cancel
    bint consecutive         # neighbouring rows of a column lie together
    double entry_cost        # of an entry in a sweep, in multiplications of a dot
    int vtype                # FL1_F32 | FL1_F64
    int itype                # FL1_I32 | FL1_I64
    ptrdiff_t vsize          # bytes of a value
    ptrdiff_t isize          # bytes of a row index
    const char* data
    const char* indices
    const int64_t* indptr    # sparse only
    const double* mean       # (p,)
    const double* scale      # (p,)
    const fl1_ops* ops


cdef int bind_design(design_t* D, X) except -1
cdef void bind_dense(
    design_t* D, ptrdiff_t n, ptrdiff_t p, int vtype, const void* values
) noexcept nogil
cdef void bind_csc(
    design_t* D, ptrdiff_t n, ptrdiff_t p, int vtype, int itype, const void* values,
    const void* indices, const int64_t* indptr
) noexcept nogil


cdef inline bint cheap_pass(const design_t* X) noexcept nogil:
    """Whether a pass over X is cheap beside the work on a working set."""
    return X.blocks and X.n < X.p


cdef inline ptrdiff_t col_nnz(const design_t* X, ptrdiff_t j) noexcept nogil:
    return X.indptr[j + 1] - X.indptr[j] if X.sparse else X.n


# scale_j (x_j - mean_j 1)' v, where v_sum = sum(v) (read for sparse X only)
cdef inline double col_dot(
    const design_t* X, ptrdiff_t j, const double* v, double v_sum
) noexcept nogil:
    cdef int64_t a
    if X.sparse:
        a = X.indptr[j]
        return X.scale[j] * (
            X.ops.sparse_dot[X.vtype][X.itype](
                X.indptr[j + 1] - a, X.data + a * X.vsize, X.indices + a * X.isize, v
            )
            - X.mean[j] * v_sum
        )
    return X.scale[j] * X.ops.dense_dot[X.vtype](
        X.n, X.data + j * X.n * X.vsize, X.mean[j], v
    )


# y += a scale_j (x_j - mean_j 1).  Sparse X touches its nonzeros only: the constant
# part is added to shift[0], so the true vector is y + shift.
cdef inline void col_axpy(
    const design_t* X, ptrdiff_t j, double a, double* y, double* shift
) noexcept nogil:
    cdef int64_t k
    a *= X.scale[j]
    if X.sparse:
        k = X.indptr[j]
        X.ops.sparse_axpy[X.vtype][X.itype](
            X.indptr[j + 1] - k, a, X.data + k * X.vsize, X.indices + k * X.isize, y
        )
        shift[0] -= a * X.mean[j]
    else:
        X.ops.dense_axpy[X.vtype](
            X.n, a, X.data + j * X.n * X.vsize, X.mean[j], y
        )


cdef void column_stats(
    ptrdiff_t n, double m, double var, bint centre, bint standardize, double* mean,
    double* scale, double* norm
) noexcept nogil

# What the first pass over X takes and makes.
cdef struct stats_t:
    const double* s          # (n,) weights of sum 1 ...
    bint uniform             # ... all the same
    const double* v          # (n,) or NULL
    double v_sum             # of v; set by the pass
    bint centre
    bint standardize
    bint check
    double* mean             # (p,), as are the following
    double* scale
    double* norm
    double* c                # correlations with v, or NULL

cdef ptrdiff_t design_stats(
    const design_t* X, stats_t* W, int n_threads
) noexcept nogil

cdef void design_xtv(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* v, double* out,
    int n_threads
) noexcept nogil

cdef void design_xtv_pair(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* v, double* out,
    const double* v2, double* out2, int n_threads
) noexcept nogil

cdef void design_add_xw(
    const design_t* X, const ptrdiff_t* cols, const double* w, ptrdiff_t m, double* y,
    int n_threads
) noexcept nogil

cdef void design_means(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* h,
    double h_sum, double* out, int n_threads
) noexcept nogil

cdef void design_take_rows(
    const design_t* X, ptrdiff_t first, ptrdiff_t count, ptrdiff_t at, ptrdiff_t rows,
    void* out
) noexcept nogil

cdef void design_column(const design_t* X, ptrdiff_t j, double* out) noexcept nogil

cdef ptrdiff_t design_unfit(const design_t* X, double largest) noexcept nogil

cdef double raw_dot(
    const design_t* X, ptrdiff_t stride, ptrdiff_t j, const double* v
) noexcept nogil
cdef void raw_axpy(
    const design_t* X, ptrdiff_t stride, ptrdiff_t j, double a, double* y
) noexcept nogil
cdef double raw_square(
    const design_t* X, ptrdiff_t stride, ptrdiff_t j, const double* s
) noexcept nogil
