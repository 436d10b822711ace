"""Products with the columns of X, dense or CSC, float32 or float64.

Column j of the design stands for scale_j (x_j - mean_j 1): centring and scaling are two
numbers a column, X is never copied or densified.  Work is split over columns, over
fixed row blocks or over tiles of the result, so that no sum depends on the number of
threads.
"""
import numpy as np

from cython.parallel cimport prange
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t

from fastl1._ops cimport FL1_F32, FL1_F64, FL1_I32, FL1_I64
from fastl1._runtime cimport OPS

cdef enum:
    ROW_BLOCK = 2048       # rows of one unit of work in X w
    COLUMN_BLOCK = 1024    # CSC columns of one unit of work in X'v


cdef double EPS = 2.220446049250313e-16


cdef int bind_design(design_t* D, X) except -1:
    """D over a canonical X (a Fortran-ordered array or CSC), which has to outlive it;
    means and scales are the caller's."""
    cdef const int64_t[::1] indptr
    D.ops = OPS
    D.sparse = not isinstance(X, np.ndarray)
    D.n, D.p = X.shape
    data = X.data if D.sparse else X
    if D.sparse:
        D.itype = FL1_I32 if X.indices.dtype == np.int32 else FL1_I64
        D.isize = X.indices.dtype.itemsize
        D.indices = <const char*> <size_t> X.indices.ctypes.data
        indptr = X.indptr
        D.indptr = &indptr[0]
    elif not X.flags.f_contiguous:
        raise ValueError("X must be in Fortran order")
    D.vtype = FL1_F32 if data.dtype == np.float32 else FL1_F64
    D.vsize = data.dtype.itemsize
    D.data = <const char*> <size_t> data.ctypes.data
    return 0


cdef inline double _col_dot_raw(
    const design_t* X, ptrdiff_t j, const double* v, double shift, double v_sum
) noexcept nogil:
    """(x_j - shift 1)' v on the stored values."""
    cdef int64_t a
    if X.sparse:
        a = X.indptr[j]
        return X.ops.sparse_dot[X.vtype][X.itype](
            X.indptr[j + 1] - a, X.data + a * X.vsize, X.indices + a * X.isize, v
        ) - shift * v_sum
    return X.ops.dense_dot[X.vtype](X.n, X.data + j * X.n * X.vsize, shift, v)


cdef inline double _col_sqdev(
    const design_t* X, ptrdiff_t j, const double* s, double shift
) noexcept nogil:
    """sum_i s_i (x_ij - shift)^2, sum(s) = 1; implicit zeros counted."""
    cdef int64_t a
    cdef ptrdiff_t nnz, k
    cdef double dev, covered = 0.0
    cdef const int32_t* i32
    cdef const int64_t* i64
    if not X.sparse:
        return X.ops.dense_sqdev[X.vtype](X.n, X.data + j * X.n * X.vsize, shift, s)
    a = X.indptr[j]
    nnz = X.indptr[j + 1] - a
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


cdef void _stats_of(
    const design_t* X, ptrdiff_t j, const double* s, bint centre, bint standardize,
    double* mean, double* scale, double* norm
) noexcept nogil:
    cdef double m = 0.0
    if not centre and not standardize:
        mean[j] = 0.0
        scale[j] = 1.0
        norm[j] = sqrt(_col_sqdev(X, j, s, 0.0))
        return
    if not X.sparse and X.n:  # from the first entry: exact for a constant column
        m = (
            (<const float*> X.data)[j * X.n] if X.vtype == FL1_F32
            else (<const double*> X.data)[j * X.n]
        )
    m += _col_dot_raw(X, j, s, m, 1.0)
    m += _col_dot_raw(X, j, s, m, 1.0)  # second pass: no loss where mean >> std
    column_stats(
        X.n, m, _col_sqdev(X, j, s, m), centre, standardize, mean + j, scale + j,
        norm + j
    )


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


cdef void design_stats(
    const design_t* X, const double* s, bint centre, bint standardize, double* mean,
    double* scale, double* norm, int n_threads
) noexcept nogil:
    """Weighted means, scales 1/std and norms of the centred and scaled columns.

    s (n,) sums to 1; mean, scale, norm (p,) are outputs.  norm_j = 0 marks a column
    that cannot enter the model.
    """
    cdef ptrdiff_t j
    if _work(X) < MIN_PARALLEL:
        n_threads = 1
    for j in prange(
        X.p, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1
    ):
        _stats_of(X, j, s, centre, standardize, mean, scale, norm)


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


cdef void design_xtv(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* v, double* out,
    int n_threads
) noexcept nogil:
    """out[k] = column_k' v for the m columns `cols` (NULL for the first m)."""
    cdef ptrdiff_t k, b, blocks
    cdef double v_sum = X.ops.sum(X.n, v)
    if m == 0 or _work(X) * m / X.p < MIN_PARALLEL:
        n_threads = 1
    if X.sparse:
        blocks = (m + COLUMN_BLOCK - 1) // COLUMN_BLOCK
        for b in prange(
            blocks, schedule="dynamic", num_threads=n_threads,
            use_threads_if=n_threads > 1
        ):
            _sparse_xtv(
                X, cols, b * COLUMN_BLOCK, min(m, (b + 1) * COLUMN_BLOCK), v, v_sum, out
            )
        return
    if n_threads == 1:
        for k in range(m):
            out[k] = col_dot(X, cols[k] if cols else k, v, v_sum)
        return
    for k in prange(m, schedule="static", num_threads=n_threads):
        out[k] = col_dot(X, cols[k] if cols else k, v, v_sum)


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
