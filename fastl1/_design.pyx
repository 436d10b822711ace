"""Products with the columns of X, dense or CSC, float32 or float64.

Column j of the design stands for scale_j (x_j - mean_j 1): centring and scaling are two
numbers a column, X is never copied or densified.  Work is split over columns, over
fixed row blocks or over tiles of the result, so that no sum depends on the number of
threads.
"""
from cython.parallel cimport prange, threadid
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

from fastl1._ops cimport FL1_F32

cdef enum:
    ROW_BLOCK = 2048       # rows of one unit of work in X w
    GRAM_ROWS = 512        # rows of one step of a Gram block: a tile stays in cache
    PAD = 8                # doubles between packed columns, off powers of two
    GRAM_PACK = 1 << 19    # doubles packed at a time, at least GRAM_ROWS a column
    GRAM_TILE = 32         # columns of one unit of work in a Gram block
    CROSS_ROWS = 8192      # rows of one unit of work against all columns
    MIN_PARALLEL = 500000  # multiplications below which a second thread does not pay


cdef double EPS = 2.220446049250313e-16


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


cdef void design_xtv(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* v, double* out,
    int n_threads
) noexcept nogil:
    """out[k] = column_k' v for the m columns `cols` (NULL for the first m)."""
    cdef ptrdiff_t k
    cdef double v_sum = X.ops.sum(X.n, v)
    if m == 0 or _work(X) * m / X.p < MIN_PARALLEL:
        n_threads = 1
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


cdef void _gram_dense_tile(
    const design_t* X, const double* pack, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t m0,
    ptrdiff_t m, ptrdiff_t tile, double* G, ptrdiff_t ldg
) noexcept nogil:
    """Columns b of one tile against all columns a up to the tile's end."""
    cdef ptrdiff_t b0 = m0 + tile * GRAM_TILE
    cdef ptrdiff_t b1 = min(b0 + GRAM_TILE, m), a, row = 0
    while row < rows:
        a = 0
        while a < b1:
            X.ops.gram_block(
                min(<ptrdiff_t> GRAM_ROWS, rows - row), pack + a * ld + row, ld,
                min(<ptrdiff_t> GRAM_TILE, b1 - a), pack + b0 * ld + row, ld, b1 - b0,
                G + a + b0 * ldg, ldg
            )
            a += GRAM_TILE
        row += GRAM_ROWS


cdef int _gram_dense(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double* G, ptrdiff_t ldg, int n_threads
) noexcept nogil:
    """Row blocks are packed (float64, centred, weighted) and multiplied tile by tile.

    The size of a block depends on m alone, so the sums do not depend on n_threads."""
    cdef ptrdiff_t block, row, rows, k, j, t, ld, step
    cdef ptrdiff_t tiles = (m - m0 + GRAM_TILE - 1) // GRAM_TILE
    cdef double* pack
    step = max(GRAM_ROWS, GRAM_PACK // m // GRAM_ROWS * GRAM_ROWS)
    step = min(step, X.n)
    ld = step + PAD
    pack = <double*> malloc(ld * m * sizeof(double))
    if pack == NULL:
        return -1
    for block in range((X.n + step - 1) // step):
        row = block * step
        rows = min(step, X.n - row)
        for k in prange(
            m, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1
        ):
            j = cols[k]
            X.ops.dense_pack[X.vtype](
                rows, X.data + (j * X.n + row) * X.vsize,
                X.mean[j] + (h_mean[k] / X.scale[j] if h_mean else 0.0), X.scale[j],
                h_sqrt + row, pack + k * ld
            )
        for t in prange(
            tiles, schedule="dynamic", chunksize=1, num_threads=n_threads,
            use_threads_if=n_threads > 1 and tiles > 1
        ):
            _gram_dense_tile(X, pack, ld, rows, m0, m, tiles - 1 - t, G, ldg)
    free(pack)
    return 0


cdef void _cross_tile(
    const design_t* X, const double* B, ptrdiff_t m, ptrdiff_t row, ptrdiff_t rows,
    ptrdiff_t tile, const double* h_sqrt, double* pack, double* out
) noexcept nogil:
    """out[columns of the tile, :] += (the tile's packed rows)' B."""
    cdef ptrdiff_t j0 = tile * GRAM_TILE, at = 0, k, some
    cdef ptrdiff_t count = min(<ptrdiff_t> GRAM_TILE, X.p - j0)
    while at < rows:
        some = min(<ptrdiff_t> GRAM_ROWS, rows - at)
        for k in range(count):
            X.ops.dense_pack[X.vtype](
                some, X.data + ((j0 + k) * X.n + row + at) * X.vsize, X.mean[j0 + k],
                X.scale[j0 + k], h_sqrt + row + at, pack + k * (GRAM_ROWS + PAD)
            )
        X.ops.gram_block(
            some, pack, GRAM_ROWS + PAD, count, B + at, CROSS_ROWS + PAD, m, out + j0,
            X.p
        )
        at += some


cdef int design_cross(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* h_sqrt,
    double* out, int n_threads
) noexcept nogil:
    """out (p, m), columns contiguous: weighted products of all columns of a dense X
    with the m columns `cols`, under the weights h_sqrt^2.  One pass over X; -1 without
    memory."""
    cdef ptrdiff_t block, row, rows, k, t
    cdef ptrdiff_t tiles = (X.p + GRAM_TILE - 1) // GRAM_TILE
    cdef double* B
    cdef double* pack
    if m == 0:
        return 0
    if <double> X.n * X.p * m < MIN_PARALLEL:
        n_threads = 1
    B = <double*> malloc((CROSS_ROWS + PAD) * m * sizeof(double))
    pack = <double*> malloc(
        n_threads * GRAM_TILE * (GRAM_ROWS + PAD) * sizeof(double)
    )
    if B == NULL or pack == NULL:
        free(B)
        free(pack)
        return -1
    for k in range(X.p * m):
        out[k] = 0.0
    for block in range((X.n + CROSS_ROWS - 1) // CROSS_ROWS):
        row = block * CROSS_ROWS
        rows = min(<ptrdiff_t> CROSS_ROWS, X.n - row)
        for k in range(m):
            X.ops.dense_pack[X.vtype](
                rows, X.data + (cols[k] * X.n + row) * X.vsize, X.mean[cols[k]],
                X.scale[cols[k]], h_sqrt + row, B + k * (CROSS_ROWS + PAD)
            )
        for t in prange(
            tiles, schedule="dynamic", chunksize=1, num_threads=n_threads,
            use_threads_if=n_threads > 1
        ):
            _cross_tile(
                X, B, m, row, rows, t, h_sqrt,
                pack + threadid() * GRAM_TILE * (GRAM_ROWS + PAD), out
            )
    free(B)
    free(pack)
    return 0


cdef void _scatter(
    const design_t* X, ptrdiff_t j, const double* h_sqrt, double* work, bint clear
) noexcept nogil:
    """work[i] = h_i x_ij on the nonzeros of column j (0 to clear)."""
    cdef int64_t a = X.indptr[j]
    cdef ptrdiff_t nnz = X.indptr[j + 1] - a, k, i
    cdef double x
    cdef const float* x32 = <const float*> (X.data + a * X.vsize)
    cdef const double* x64 = <const double*> (X.data + a * X.vsize)
    cdef const int32_t* i32 = <const int32_t*> (X.indices + a * X.isize)
    cdef const int64_t* i64 = <const int64_t*> (X.indices + a * X.isize)
    for k in range(nnz):
        i = i32[k] if X.itype == 0 else i64[k]
        if clear:
            work[i] = 0.0
        else:
            x = <double> x32[k] if X.vtype == FL1_F32 else x64[k]
            work[i] = h_sqrt[i] * h_sqrt[i] * x


cdef void _gram_sparse_column(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t b, const double* h_sqrt,
    const double* h_mean, double h_sum, double* work, double* G, ptrdiff_t ldg
) noexcept nogil:
    cdef ptrdiff_t a, j = cols[b]
    cdef int64_t lo
    cdef double mean_a, mean_b
    _scatter(X, j, h_sqrt, work, False)
    mean_b = X.scale[j] * X.mean[j] + (h_mean[b] if h_mean else 0.0)
    for a in range(b + 1):
        lo = X.indptr[cols[a]]
        mean_a = X.scale[cols[a]] * X.mean[cols[a]] + (h_mean[a] if h_mean else 0.0)
        G[a + b * ldg] = X.scale[j] * X.scale[cols[a]] * (
            X.ops.sparse_dot[X.vtype][X.itype](
                X.indptr[cols[a] + 1] - lo, X.data + lo * X.vsize,
                X.indices + lo * X.isize, work
            )
        ) - mean_a * mean_b * h_sum
    _scatter(X, j, h_sqrt, work, True)


cdef int _gram_sparse(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double h_sum, double* G, ptrdiff_t ldg,
    int n_threads
) noexcept nogil:
    cdef ptrdiff_t b
    cdef double* work = <double*> calloc(n_threads * X.n, sizeof(double))
    if work == NULL:
        return -1
    for b in prange(
        m0, m, schedule="dynamic", chunksize=4, num_threads=n_threads,
        use_threads_if=n_threads > 1
    ):
        _gram_sparse_column(
            X, cols, b, h_sqrt, h_mean, h_sum, work + threadid() * X.n, G, ldg
        )
    free(work)
    return 0


cdef int design_gram(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double h_sum, double* G, ptrdiff_t ldg,
    int n_threads
) noexcept nogil:
    """Columns m0..m-1 (and, by symmetry, rows) of the weighted Gram matrix

        G[a, b] = sum_i h_i (z_ia - c_a) (z_ib - c_b),   z = the design's columns `cols`

    with h = h_sqrt^2 of sum h_sum.  c = h_mean, the weighted means of z, or NULL for 0,
    which is also right where the design is already centred under h.  G is symmetric
    with column stride ldg.  Returns -1 without memory.
    """
    cdef ptrdiff_t a, b
    cdef double work
    if m0 >= m:
        return 0
    if X.sparse:
        work = 0.0
        for b in range(m):
            work += col_nnz(X, cols[b])
        work *= m - m0
    else:
        work = <double> X.n * m * (m - m0)
    if work < MIN_PARALLEL:
        n_threads = 1
    for b in range(m0, m):
        for a in range(m):
            G[a + b * ldg] = 0.0
    if X.sparse:
        a = _gram_sparse(X, cols, m0, m, h_sqrt, h_mean, h_sum, G, ldg, n_threads)
    else:
        a = _gram_dense(X, cols, m0, m, h_sqrt, h_mean, G, ldg, n_threads)
    if a < 0:
        return -1
    for b in range(m0, m):
        for a in range(b):
            G[b + a * ldg] = G[a + b * ldg]
    return 0
