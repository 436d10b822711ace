"""Products with the columns of X, dense or CSC, float32 or float64.

Column j of the design stands for scale_j (x_j - mean_j 1): centring and scaling are two
numbers a column, X is never copied or densified.  Work is split over columns, over
fixed row blocks or over tiles of the result, so that no sum depends on the number of
threads.
"""
import numpy as np

from cython.parallel cimport prange
from libc.math cimport NAN, fabs, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from fastl1._ops cimport (
    FL1_F32,
    FL1_F64,
    FL1_I32,
    FL1_I64,
    FL1_MAX_ABS,
    fl1_moments,
)
from fastl1._runtime cimport OPS

cdef enum:
    ROW_BLOCK = 2048       # rows of one unit of work in X w
    PASS_ROWS = 8192       # rows of a vector that stay in cache from column to column
    GROUP = 16             # columns of one unit of work
    COLUMN_BLOCK = 1024    # CSC columns of one unit of work in X'v


cdef double GATHER = 4.0     # what a multiplication at a sparse index costs
cdef double EPS = 2.220446049250313e-16
cdef double FAR = 4.0        # variances between a shift and the mean: 2 digits at most


cdef void bind_dense(
    design_t* D, ptrdiff_t n, ptrdiff_t p, int vtype, const void* values
) noexcept nogil:
    """D over columns of n values, one after another, which have to outlive it; means
    and scales are the caller's."""
    D.ops = OPS
    D.n, D.p, D.sparse = n, p, False
    D.blocks, D.implicit_mean, D.consecutive, D.entry_cost = True, False, True, 1.0
    D.vtype = vtype
    D.vsize = sizeof(float) if vtype == FL1_F32 else sizeof(double)
    D.data = <const char*> values


cdef void bind_csc(
    design_t* D, ptrdiff_t n, ptrdiff_t p, int vtype, int itype, const void* values,
    const void* indices, const int64_t* indptr
) noexcept nogil:
    """The same over compressed columns."""
    bind_dense(D, n, p, vtype, values)
    D.sparse = True
    D.blocks, D.implicit_mean, D.consecutive, D.entry_cost = False, True, False, GATHER
    D.itype = itype
    D.isize = sizeof(int32_t) if itype == FL1_I32 else sizeof(int64_t)
    D.indices, D.indptr = <const char*> indices, indptr


cdef int bind_design(design_t* D, X) except -1:
    """D over a canonical X, a Fortran-ordered array or CSC."""
    cdef const int64_t[::1] indptr
    cdef bint sparse = not isinstance(X, np.ndarray)
    data = X.data if sparse else X
    cdef int vtype = FL1_F32 if data.dtype == np.float32 else FL1_F64
    cdef const void* values = <const void*> <size_t> data.ctypes.data
    if sparse:
        indptr = X.indptr
        bind_csc(
            D, X.shape[0], X.shape[1], vtype,
            FL1_I32 if X.indices.dtype == np.int32 else FL1_I64, values,
            <const void*> <size_t> X.indices.ctypes.data, &indptr[0]
        )
        return 0
    if not X.flags.f_contiguous:
        raise ValueError("X must be in Fortran order")
    bind_dense(D, X.shape[0], X.shape[1], vtype, values)
    return 0


cdef inline double _sparse_dot(
    const design_t* X, ptrdiff_t j, const double* v
) noexcept nogil:
    cdef int64_t a = X.indptr[j]
    return X.ops.sparse_dot[X.vtype][X.itype](
        X.indptr[j + 1] - a, X.data + a * X.vsize, X.indices + a * X.isize, v
    )


cdef double _sparse_sqdev(
    const design_t* X, ptrdiff_t j, const double* s, double shift
) noexcept nogil:
    """sum_i s_i (x_ij - shift)^2, sum(s) = 1; implicit zeros counted."""
    cdef int64_t a = X.indptr[j]
    cdef ptrdiff_t nnz = X.indptr[j + 1] - a, k
    cdef double dev, covered = 0.0
    cdef const int32_t* i32
    cdef const int64_t* i64
    dev = X.ops.sparse_sqdev[X.vtype][X.itype](
        nnz, X.data + a * X.vsize, X.indices + a * X.isize, shift, s
    )
    if shift == 0.0:
        return dev
    if X.itype == 0:
        i32 = <const int32_t*> (X.indices + a * X.isize)
        for k in range(nnz):
            covered += s[i32[k]]
    else:
        i64 = <const int64_t*> (X.indices + a * X.isize)
        for k in range(nnz):
            covered += s[i64[k]]
    covered = 1.0 - covered  # weight of the implicit zeros
    if nnz == X.n or covered <= X.n * EPS:
        return dev
    return dev + covered * shift * shift


cdef inline double _work(const design_t* X) noexcept nogil:
    """Multiplications of one pass over X."""
    return X.indptr[X.p] if X.sparse else <double> X.n * X.p


cdef void column_stats(
    ptrdiff_t n, double m, double var, bint centre, bint standardize, double* mean,
    double* scale, double* norm
) noexcept nogil:
    """What a design keeps of a column: n rows of weighted mean m and variance var."""
    cdef double moment, noise = n * EPS * fabs(m)
    if var <= n * EPS * var + noise * noise:  # a constant column up to rounding
        var = 0.0
    moment = var if centre else var + m * m
    mean[0] = m if centre else 0.0
    scale[0] = 1.0
    if standardize:
        # a constant column is left out of a standardized fit
        scale[0] = 1.0 / sqrt(var) if var > 0.0 else 1.0
        moment = moment / var if var > 0.0 else 0.0
    norm[0] = sqrt(moment)


cdef void _sum_moments(
    const design_t* X, ptrdiff_t m, const void** cols, const double* shift,
    const double* s, const double* v, fl1_moments* sums
) noexcept nogil:
    """Moments of m <= GROUP dense columns; s and v stay in cache."""
    cdef const void* at[GROUP]
    cdef ptrdiff_t row = 0, k
    memset(sums, 0, m * sizeof(fl1_moments))
    while row < X.n:
        for k in range(m):
            at[k] = <const char*> cols[k] + row * X.vsize
        X.ops.dense_moments[X.vtype](
            min(<ptrdiff_t> PASS_ROWS, X.n - row), m, at, shift, s + row if s else NULL,
            v + row, sums
        )
        row += PASS_ROWS


cdef inline void _mean_and_variance(
    ptrdiff_t n, const fl1_moments* sums, double shift, double weight, double* m,
    double* var
) noexcept nogil:
    cdef double off = sums.first / weight
    m[0] = shift + off
    var[0] = sums.second / weight - off * off
    if var[0] <= 4.0 * n * EPS * off * off:  # nothing left but rounding
        var[0] = 0.0


cdef void _dense_stats(
    const design_t* X, const stats_t* W, ptrdiff_t first, ptrdiff_t count
) noexcept nogil:
    """One pass over columns first..first+count, from a shift: that of the first entry,
    which is exact for a constant column.  Where the mean lies far from it, another pass
    from the mean loses no digits."""
    cdef const void* cols[GROUP]
    cdef double[GROUP] shift
    cdef fl1_moments[GROUP] sums
    cdef ptrdiff_t k, j
    cdef double m, var, weight = <double> X.n if W.uniform else 1.0
    cdef const double* s = NULL
    cdef bint shifted = W.centre or W.standardize, doubtful
    for k in range(count):
        cols[k] = X.data + (first + k) * X.n * X.vsize
        shift[k] = 0.0
        if shifted:
            shift[k] = (
                (<const float*> cols[k])[0] if X.vtype == FL1_F32
                else (<const double*> cols[k])[0]
            )
    if not W.uniform:
        s = W.s
    _sum_moments(X, count, cols, shift, s, W.v, sums)
    for k in range(count):
        j = first + k
        # a value beyond FL1_MAX_ABS, or a shift that may hide it
        doubtful = (
            not sums[k].size < 0.25 * FL1_MAX_ABS * FL1_MAX_ABS
            or not fabs(shift[k]) < 0.5 * FL1_MAX_ABS
        )
        if shifted:
            _mean_and_variance(X.n, sums + k, shift[k], weight, &m, &var)
            if (m - shift[k]) * (m - shift[k]) > FAR * var:
                shift[k] = m
                _sum_moments(X, 1, cols + k, shift + k, s, W.v, sums + k)
                _mean_and_variance(X.n, sums + k, shift[k], weight, &m, &var)
            column_stats(
                X.n, m, var, W.centre, W.standardize, W.mean + j, W.scale + j,
                W.norm + j
            )
        else:
            W.mean[j], W.scale[j] = 0.0, 1.0
            W.norm[j] = sqrt(sums[k].second / weight)
        if W.c:
            W.c[j] = W.scale[j] * (sums[k].cross + (shift[k] - W.mean[j]) * W.v_sum)
        if W.check and doubtful:
            W.norm[j] = NAN


cdef void _sparse_stats(
    const design_t* X, const stats_t* W, ptrdiff_t j
) noexcept nogil:
    """All passes over one column while it is in cache."""
    cdef double m
    cdef int64_t a = X.indptr[j]
    if W.centre or W.standardize:
        m = _sparse_dot(X, j, W.s)
        column_stats(
            X.n, m, _sparse_sqdev(X, j, W.s, m), W.centre, W.standardize, W.mean + j,
            W.scale + j, W.norm + j
        )
    else:
        W.mean[j], W.scale[j] = 0.0, 1.0
        W.norm[j] = sqrt(_sparse_sqdev(X, j, W.s, 0.0))
    if W.c:
        W.c[j] = W.scale[j] * (_sparse_dot(X, j, W.v) - W.mean[j] * W.v_sum)
    if W.check and not X.ops.dense_sqdev[X.vtype](
        X.indptr[j + 1] - a, X.data + a * X.vsize, 0.0, NULL
    ) < FL1_MAX_ABS * FL1_MAX_ABS:
        W.norm[j] = NAN


cdef void _stats_of_group(
    const design_t* X, const stats_t* W, ptrdiff_t group
) noexcept nogil:
    cdef ptrdiff_t j, first = group * GROUP, end = min(first + GROUP, X.p)
    if not X.sparse:
        _dense_stats(X, W, first, end - first)
        return
    for j in range(first, end):
        _sparse_stats(X, W, j)


cdef ptrdiff_t design_stats(
    const design_t* X, stats_t* W, int n_threads
) noexcept nogil:
    """Weighted means, scales 1/std and norms of the centred and scaled columns, and
    their correlations with v, in one pass over X; see stats_t.

    norm_j = 0 marks a column that cannot enter the model.  Returns -1 or, with `check`,
    the first column that may hold NaN, infinity or a magnitude beyond FL1_MAX_ABS: then
    nothing else is worth reading.
    """
    cdef ptrdiff_t j, group
    if _work(X) < MIN_PARALLEL:
        n_threads = 1
    if W.v == NULL:
        W.v, W.c = W.s, NULL
    W.v_sum = X.ops.sum(X.n, W.v)
    for group in prange(
        (X.p + GROUP - 1) // GROUP, schedule="static", num_threads=n_threads,
        use_threads_if=n_threads > 1
    ):
        _stats_of_group(X, W, group)
    if W.check:
        for j in range(X.p):
            if W.norm[j] != W.norm[j]:
                return j
    return -1


cdef void _sparse_xtv(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t lo, ptrdiff_t hi,
    const double* v, double v_sum, double* out
) noexcept nogil:
    cdef ptrdiff_t k, j
    X.ops.sparse_xtv[X.vtype][X.itype](
        hi - lo, cols + lo if cols else NULL, X.indptr + (0 if cols else lo), X.data,
        X.indices, v, out + lo
    )
    for k in range(lo, hi):
        j = cols[k] if cols else k
        out[k] = X.scale[j] * (out[k] - X.mean[j] * v_sum)


cdef void _dots_of_group(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t first, ptrdiff_t count,
    const double* v, double* out, const double* v2, double* out2
) noexcept nogil:
    """out[first..first+count] for a dense design_xtv, count <= GROUP; the same for v2
    while the rows are in cache."""
    cdef const void* at[GROUP]
    cdef double[GROUP] shift
    cdef ptrdiff_t[GROUP] column
    cdef ptrdiff_t k, some, row = 0
    for k in range(count):
        column[k] = cols[first + k] if cols else first + k
        shift[k] = X.mean[column[k]]
        out[first + k] = 0.0
        if v2:
            out2[first + k] = 0.0
    while row < X.n:
        some = min(<ptrdiff_t> PASS_ROWS, X.n - row)
        for k in range(count):
            at[k] = X.data + (column[k] * X.n + row) * X.vsize
        X.ops.dense_dots[X.vtype](some, count, at, shift, v + row, out + first)
        if v2:
            X.ops.dense_dots[X.vtype](some, count, at, shift, v2 + row, out2 + first)
        row += PASS_ROWS
    for k in range(count):
        out[first + k] *= X.scale[column[k]]
        if v2:
            out2[first + k] *= X.scale[column[k]]


cdef void design_xtv_pair(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* v, double* out,
    const double* v2, double* out2, int n_threads
) noexcept nogil:
    """design_xtv for v, and for v2 unless it is NULL, with one pass over X."""
    cdef ptrdiff_t b, lo, hi
    cdef double v_sum, v2_sum = 0.0
    if m == 0 or _work(X) * m / X.p < MIN_PARALLEL:
        n_threads = 1
    if X.sparse:
        v_sum = X.ops.sum(X.n, v)
        if v2:
            v2_sum = X.ops.sum(X.n, v2)
        for b in prange(
            (m + COLUMN_BLOCK - 1) // COLUMN_BLOCK, schedule="dynamic",
            num_threads=n_threads, use_threads_if=n_threads > 1
        ):
            lo = b * COLUMN_BLOCK
            hi = min(m, lo + COLUMN_BLOCK)
            _sparse_xtv(X, cols, lo, hi, v, v_sum, out)
            if v2:
                _sparse_xtv(X, cols, lo, hi, v2, v2_sum, out2)
        return
    for b in prange(
        (m + GROUP - 1) // GROUP, schedule="static", num_threads=n_threads,
        use_threads_if=n_threads > 1
    ):
        _dots_of_group(
            X, cols, b * GROUP, min(<ptrdiff_t> GROUP, m - b * GROUP), v, out, v2, out2
        )


cdef void design_xtv(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* v, double* out,
    int n_threads
) noexcept nogil:
    """out[k] = column_k' v for the m columns `cols` (NULL for the first m)."""
    design_xtv_pair(X, cols, m, v, out, NULL, NULL, n_threads)


cdef void _add_xw_rows(
    const design_t* X, const ptrdiff_t* cols, const double* w, ptrdiff_t m, double* y,
    ptrdiff_t row, ptrdiff_t rows
) noexcept nogil:
    cdef ptrdiff_t k, j
    for k in range(m):
        j = cols[k]
        if w[k] != 0.0:
            X.ops.dense_axpy[X.vtype](
                rows, w[k] * X.scale[j], X.data + (j * X.n + row) * X.vsize,
                X.mean[j], y + row
            )


cdef void design_add_xw(
    const design_t* X, const ptrdiff_t* cols, const double* w, ptrdiff_t m, double* y,
    int n_threads
) noexcept nogil:
    """y += sum_k w[k] column_cols[k]."""
    cdef ptrdiff_t k, b, row
    cdef ptrdiff_t blocks = (X.n + ROW_BLOCK - 1) // ROW_BLOCK
    cdef double shift = 0.0
    if X.sparse:
        for k in range(m):
            if w[k] != 0.0:
                col_axpy(X, cols[k], w[k], y, &shift)
        if shift != 0.0:
            for k in range(X.n):
                y[k] += shift
        return
    if <double> X.n * m < MIN_PARALLEL:
        n_threads = 1
    if n_threads == 1:
        for b in range(blocks):
            row = b * ROW_BLOCK
            _add_xw_rows(X, cols, w, m, y, row, min(ROW_BLOCK, X.n - row))
        return
    for b in prange(blocks, schedule="static", num_threads=n_threads):
        _add_xw_rows(
            X, cols, w, m, y, b * ROW_BLOCK, min(ROW_BLOCK, X.n - b * ROW_BLOCK)
        )


cdef void design_means(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* h,
    double h_sum, double* out, int n_threads
) noexcept nogil:
    """out[k] = weighted mean of column_cols[k] under the weights h (sum h_sum)."""
    cdef ptrdiff_t k
    design_xtv(X, cols, m, h, out, n_threads)
    for k in range(m):
        out[k] /= h_sum


cdef void design_take_rows(
    const design_t* X, ptrdiff_t first, ptrdiff_t count, ptrdiff_t at, ptrdiff_t rows,
    void* out
) noexcept nogil:
    """Rows first..first+count of consecutive columns, of the same type, to the places
    from `at` of columns of `rows` values."""
    cdef ptrdiff_t j
    for j in range(X.p):
        memcpy(
            <char*> out + (j * rows + at) * X.vsize,
            X.data + (j * X.n + first) * X.vsize, count * X.vsize
        )


cdef void design_column(const design_t* X, ptrdiff_t j, double* out) noexcept nogil:
    """out (n,): column j."""
    cdef ptrdiff_t i
    cdef double shift = 0.0
    if not X.sparse:
        X.ops.dense_pack[X.vtype](
            X.n, X.data + j * X.n * X.vsize, X.mean[j], X.scale[j], NULL, out
        )
        return
    memset(out, 0, X.n * sizeof(double))
    col_axpy(X, j, 1.0, out, &shift)
    for i in range(X.n):
        out[i] += shift


cdef ptrdiff_t design_unfit(const design_t* X, double largest) noexcept nogil:
    """The first column with a value that is NaN or beyond +-largest, or -1."""
    cdef ptrdiff_t j
    cdef int64_t e, end
    cdef double x
    for j in range(X.p):
        e = X.indptr[j] if X.sparse else j * X.n
        end = X.indptr[j + 1] if X.sparse else (j + 1) * X.n
        while e < end:
            if X.vtype == FL1_F32:
                x = (<const float*> X.data)[e]
            else:
                x = (<const double*> X.data)[e]
            if not fabs(x) <= largest:
                return j
            e += 1
    return -1


# Stored columns as they are, neither centred nor scaled, and dense ones `stride` bytes
# apart.


cdef double raw_dot(
    const design_t* X, ptrdiff_t stride, ptrdiff_t j, const double* v
) noexcept nogil:
    """x_j' v."""
    if X.sparse:
        return _sparse_dot(X, j, v)
    return X.ops.dense_dot[X.vtype](X.n, X.data + j * stride, 0.0, v)


cdef void raw_axpy(
    const design_t* X, ptrdiff_t stride, ptrdiff_t j, double a, double* y
) noexcept nogil:
    """y += a x_j."""
    cdef int64_t k
    if X.sparse:
        k = X.indptr[j]
        X.ops.sparse_axpy[X.vtype][X.itype](
            X.indptr[j + 1] - k, a, X.data + k * X.vsize, X.indices + k * X.isize, y
        )
    else:
        X.ops.dense_axpy[X.vtype](X.n, a, X.data + j * stride, 0.0, y)


cdef double raw_square(
    const design_t* X, ptrdiff_t stride, ptrdiff_t j, const double* s
) noexcept nogil:
    """sum_i s_i x_ij^2, with s = NULL for all ones."""
    cdef int64_t a
    if not X.sparse:
        return X.ops.dense_sqdev[X.vtype](X.n, X.data + j * stride, 0.0, s)
    a = X.indptr[j]
    if s == NULL:  # the stored values are as good as a dense column
        return X.ops.dense_sqdev[X.vtype](
            X.indptr[j + 1] - a, X.data + a * X.vsize, 0.0, NULL
        )
    return X.ops.sparse_sqdev[X.vtype][X.itype](
        X.indptr[j + 1] - a, X.data + a * X.vsize, X.indices + a * X.isize, 0.0, s
    )
