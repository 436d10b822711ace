"""Matrix products with the columns of X: Gram blocks, X'X_S and X'V.

Dense columns are packed (float64, centred, scaled, weighted) in blocks of rows: one
side into panels that stay in the second-level cache, the other a few columns at a time
into the first.  Threads share the columns of that other side; an entry of a result is
the same chain of sums whatever their number and whichever columns are asked for.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastl1.kernels.design._design cimport MIN_PARALLEL, col_nnz, design_t
from fastl1._ops cimport FL1_F64, FL1_GROUP, FL1_WIDTH
from fastl1.kernels.design._rows cimport gram_sparse, rows_t

cdef enum:
    STEP = 256             # rows that one call of the kernel sums over
    PANELS = 1 << 16       # doubles of packed panels at a time (512 KB)
    LEFT = 256             # columns in panels at a time: a step of them fits

cdef double PACKED = 0.25      # what a multiplication in a product of blocks costs
cdef double ROW_SKEW = 2.0     # how much longer than the mean rows that meet are


# sum_i A_ia B_ib for the ma columns of A and the mb of B, those with b <= first + a at
# least.
cdef struct product_t:
    const design_t* A
    const ptrdiff_t* a_cols  # NULL for the first ma
    const double* a_mean     # subtracted on top of the design's own, or NULL
    ptrdiff_t ma
    const design_t* B
    const ptrdiff_t* b_cols
    const double* b_mean
    ptrdiff_t mb
    const double* d          # (n,) factor of the rows of both, or NULL
    ptrdiff_t first


cdef void _pack(
    const design_t* X, const ptrdiff_t* cols, const double* mean, ptrdiff_t k,
    ptrdiff_t count, const double* d, ptrdiff_t row, ptrdiff_t rows, double* out
) noexcept nogil:
    """Columns k..k+count of the list, a STEP apart: (z - mean) d on `rows` rows."""
    cdef ptrdiff_t j, end = k + count
    cdef double shift
    while k < end:
        j = cols[k] if cols else k
        shift = X.mean[j] + mean[k] / X.scale[j] if mean else X.mean[j]
        X.ops.dense_pack[X.vtype](
            rows, X.data + (j * X.n + row) * X.vsize, shift, X.scale[j],
            d + row if d else NULL, out
        )
        out += STEP
        k += 1


cdef void _ahead(
    const product_t* P, ptrdiff_t b, ptrdiff_t row, const char** next
) noexcept nogil:
    """Where B's columns b..b+FL1_GROUP have the given row."""
    cdef ptrdiff_t k, j
    for k in range(FL1_GROUP):
        j = min(b + k, P.mb - 1)
        if P.b_cols:
            j = P.b_cols[j]
        next[k] = P.B.data + (j * P.B.n + row) * P.B.vsize


cdef void _multiply_group(
    const product_t* P, ptrdiff_t a, ptrdiff_t count, const double* panels,
    ptrdiff_t padded, ptrdiff_t b, ptrdiff_t row, ptrdiff_t rows, double* columns,
    double* C, ptrdiff_t ldc
) noexcept nogil:
    """The panels of A's columns a..a+count against B's columns b..b+FL1_GROUP."""
    cdef ptrdiff_t some, at = 0, width = min(<ptrdiff_t> FL1_GROUP, P.mb - b)
    cdef ptrdiff_t skip = max(<ptrdiff_t> 0, b - P.first - a)
    cdef const char* next[FL1_GROUP]
    skip -= skip % P.A.ops.lanes
    if skip >= count:
        return
    while at < rows:
        some = min(<ptrdiff_t> STEP, rows - at)
        _pack(P.B, P.b_cols, P.b_mean, b, width, P.d, row + at, some, columns)
        if at + some < rows:
            _ahead(P, b, row + at + some, next)
        else:
            _ahead(P, b + FL1_GROUP, row, next)
        P.A.ops.product_block(
            some, panels + at * padded + skip * some, count - skip, columns, STEP,
            width, C + skip + b * ldc, ldc, next
        )
        at += some


cdef void _pack_panel(
    const product_t* P, ptrdiff_t a, ptrdiff_t count, ptrdiff_t row, ptrdiff_t rows,
    double* columns, double* panel
) noexcept nogil:
    _pack(P.A, P.a_cols, P.a_mean, a, count, P.d, row, rows, columns)
    P.A.ops.product_panels(rows, count, columns, STEP, panel)


cdef void _multiply_rows(
    const product_t* P, ptrdiff_t a, ptrdiff_t count, ptrdiff_t row, ptrdiff_t rows,
    double* panels, double* columns, double* C, ptrdiff_t ldc, int n_threads
) noexcept nogil:
    """A's columns a..a+count against all of B's on a block of rows."""
    cdef ptrdiff_t lanes = P.A.ops.lanes, unit, step, k, some
    cdef ptrdiff_t across = (count + lanes - 1) // lanes
    cdef ptrdiff_t steps = (rows + STEP - 1) // STEP
    cdef ptrdiff_t groups = (P.mb + FL1_GROUP - 1) // FL1_GROUP
    for unit in prange(
        steps * across, schedule="static", num_threads=n_threads,
        use_threads_if=n_threads > 1
    ):
        step = unit // across * STEP
        k = unit % across * lanes
        some = min(<ptrdiff_t> STEP, rows - step)
        _pack_panel(
            P, a + k, min(lanes, count - k), row + step, some,
            columns + threadid() * FL1_GROUP * STEP,
            panels + step * across * lanes + k * some
        )
    for unit in prange(
        groups, schedule="dynamic", chunksize=1, num_threads=n_threads,
        use_threads_if=n_threads > 1
    ):
        _multiply_group(
            P, a, count, panels, across * lanes, unit * FL1_GROUP, row, rows,
            columns + threadid() * FL1_GROUP * STEP, C, ldc
        )


cdef void _multiply_columns(
    const product_t* P, ptrdiff_t a, ptrdiff_t count, double* pack, double* C,
    ptrdiff_t ldc, int n_threads
) noexcept nogil:
    """C[k + b*ldc] += the product of A's column a + k and B's column b, k < count.

    count <= LEFT; pack has _pack_size(n_threads) doubles and begins a cache line."""
    cdef ptrdiff_t row = 0, rows = PANELS // ((count + 7) // 8 * 8) // STEP * STEP
    while row < P.A.n:
        _multiply_rows(
            P, a, count, row, min(rows, P.A.n - row), pack, pack + PANELS, C, ldc,
            n_threads
        )
        row += rows


cdef inline ptrdiff_t _pack_size(int n_threads) noexcept nogil:
    return PANELS + n_threads * FL1_GROUP * STEP


cdef inline double* _on_cache_line(double* memory) noexcept nogil:
    """The first whole cache line of memory that has 8 doubles to spare."""
    return <double*> ((<uintptr_t> memory + 63) // 64 * 64)


cdef int _multiply_across(
    const product_t* P, double* out, int n_threads
) noexcept nogil:
    """out[b + a*mb] = the product, with the columns of B contiguous; -1 without
    memory."""
    cdef ptrdiff_t a = 0, b, k, count, size = min(<ptrdiff_t> LEFT, P.ma) * P.mb
    cdef double* memory = <double*> malloc(
        (_pack_size(n_threads) + 8 + size) * sizeof(double)
    )
    cdef double* pack
    cdef double* C
    if memory == NULL:
        return -1
    pack = _on_cache_line(memory)
    C = pack + _pack_size(n_threads)
    while a < P.ma:
        count = min(<ptrdiff_t> LEFT, P.ma - a)
        memset(C, 0, count * P.mb * sizeof(double))
        _multiply_columns(P, a, count, pack, C, count, n_threads)
        for k in range(count):
            for b in range(P.mb):
                out[b + (a + k) * P.mb] = C[k + b * count]
        a += count
    free(memory)
    return 0


cdef int _gram_dense(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double* G, ptrdiff_t ldg, int n_threads
) noexcept nogil:
    """Rows m0..m-1 of G up to the diagonal: the new columns in panels, those before
    against them."""
    cdef ptrdiff_t a = 0, b, count
    cdef double* memory = <double*> malloc(
        (_pack_size(n_threads) + 8) * sizeof(double)
    )
    cdef product_t P
    if memory == NULL:
        return -1
    P.A = P.B = X
    P.a_cols, P.b_cols = cols + m0, cols
    P.a_mean = h_mean + m0 if h_mean else NULL
    P.b_mean, P.d = h_mean, h_sqrt
    P.ma, P.first = m - m0, m0
    for b in range(m):
        memset(G + m0 + b * ldg, 0, (m - m0) * sizeof(double))
    while a < P.ma:
        count = min(<ptrdiff_t> LEFT, P.ma - a)
        P.mb = m0 + a + count
        _multiply_columns(
            &P, a, count, _on_cache_line(memory), G + m0 + a, ldg, n_threads
        )
        a += count
    free(memory)
    return 0


cdef double entries(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t first, ptrdiff_t m
) noexcept nogil:
    """Stored values of columns first..m of the list."""
    cdef ptrdiff_t k
    cdef double count = 0.0
    for k in range(first, m):
        count += col_nnz(X, cols[k])
    return count


cdef double gram_work(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m
) noexcept nogil:
    """What `design_gram` takes, in multiplications of a dot product; sparse columns
    multiply the entries of their rows."""
    cdef double new, all
    if X.blocks:
        return PACKED * X.n * (m - m0) * (0.5 * (m + m0 + 1))
    new, all = entries(X, cols, m0, m), entries(X, cols, 0, m)
    return X.entry_cost * new * (1.0 + ROW_SKEW * (all - 0.5 * new) / X.n)


cdef double cross_work(const design_t* X, ptrdiff_t count) noexcept nogil:
    """What `design_cross` takes for so many columns."""
    return PACKED * X.n * count * X.p


cdef int design_gram(
    const design_t* X, rows_t* R, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double h_sum, double* G, ptrdiff_t ldg,
    int n_threads
) noexcept nogil:
    """Columns m0..m-1 (and, by symmetry, rows) of the weighted Gram matrix

        G[a, b] = sum_i h_i (z_ia - c_a) (z_ib - c_b),   z = the design's columns `cols`

    with h = h_sqrt^2 of sum h_sum.  c = h_mean, the weighted means of z, or NULL for 0,
    which is also right where the design is already centred under h.  G is symmetric
    with column stride ldg.  R, or NULL, keeps row lists of a sparse X from call to
    call.  Returns -1 without memory.
    """
    cdef ptrdiff_t a, b
    if m0 >= m:
        return 0
    if entries(X, cols, 0, m) * (m - m0) < MIN_PARALLEL:
        n_threads = 1
    if X.sparse:
        return gram_sparse(
            X, R, cols, m0, m, h_sqrt, h_mean, h_sum, G, ldg, n_threads
        )
    if _gram_dense(X, cols, m0, m, h_sqrt, h_mean, G, ldg, n_threads) < 0:
        return -1
    for b in range(m0, m):
        for a in range(b):
            G[a + b * ldg] = G[b + a * ldg]
    return 0


cdef int design_cross(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* h_sqrt,
    double* out, int n_threads
) noexcept nogil:
    """out (p, m), columns contiguous: weighted products of all columns of a dense X
    with the m columns `cols`, under the weights h_sqrt^2.  One pass over X; -1 without
    memory."""
    cdef product_t P
    if m == 0:
        return 0
    if <double> X.n * X.p * m < MIN_PARALLEL:
        n_threads = 1
    P.A = P.B = X
    P.a_cols, P.b_cols = cols, NULL
    P.a_mean = P.b_mean = NULL
    P.ma, P.mb, P.first, P.d = m, X.p, X.p, h_sqrt
    return _multiply_across(&P, out, n_threads)


cdef void _interleave(
    const double* V, ptrdiff_t n, ptrdiff_t k, double* rows, double* sums
) noexcept nogil:
    """rows (n, FL1_WIDTH): the k columns of V, then zeros; sums (k,) those of V."""
    cdef ptrdiff_t i, r
    memset(rows, 0, n * FL1_WIDTH * sizeof(double))
    for r in range(k):
        sums[r] = 0.0
        for i in range(n):
            rows[i * FL1_WIDTH + r] = V[i + r * n]
            sums[r] += V[i + r * n]


cdef void _sparse_products(
    const design_t* X, ptrdiff_t j, const double* rows, const double* sums, ptrdiff_t k,
    double* out, ptrdiff_t ldo
) noexcept nogil:
    """out[r*ldo] = column_j' v_r for the k vectors side by side in `rows`."""
    cdef double[FL1_WIDTH] products
    cdef int64_t a = X.indptr[j]
    cdef ptrdiff_t r
    X.ops.sparse_dots[X.vtype][X.itype](
        X.indptr[j + 1] - a, X.data + a * X.vsize, X.indices + a * X.isize, rows,
        products
    )
    for r in range(k):
        out[r * ldo] = X.scale[j] * (products[r] - X.mean[j] * sums[r])


cdef int _xtm_sparse(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* V, ptrdiff_t k,
    double* out, int n_threads
) noexcept nogil:
    """FL1_WIDTH vectors at a time, side by side: an entry of X meets all of them on two
    cache lines."""
    cdef ptrdiff_t r = 0, j, some
    cdef double[FL1_WIDTH] sums
    cdef double* memory = <double*> malloc((X.n * FL1_WIDTH + 8) * sizeof(double))
    cdef double* rows
    if memory == NULL:
        return -1
    rows = _on_cache_line(memory)
    while r < k:
        some = min(<ptrdiff_t> FL1_WIDTH, k - r)
        _interleave(V + r * X.n, X.n, some, rows, sums)
        for j in prange(
            m, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1
        ):
            _sparse_products(
                X, cols[j] if cols else j, rows, sums, some, out + j + r * m, m
            )
        r += some
    free(memory)
    return 0


cdef int _xtm_dense(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* V, ptrdiff_t k,
    double* out, int n_threads
) noexcept nogil:
    """The vectors in panels, the columns of X against them."""
    cdef ptrdiff_t r
    cdef int status
    cdef design_t R = X[0]
    cdef product_t P
    cdef double* plain = <double*> malloc(2 * k * sizeof(double))
    if plain == NULL:
        return -1
    for r in range(k):
        plain[r] = 0.0
        plain[k + r] = 1.0
    R.p, R.vtype, R.vsize, R.data = k, FL1_F64, sizeof(double), <const char*> V
    R.mean, R.scale = plain, plain + k
    P.A, P.B = &R, X
    P.a_cols, P.b_cols = NULL, cols
    P.a_mean = P.b_mean = P.d = NULL
    P.ma, P.mb, P.first = k, m, m
    status = _multiply_across(&P, out, n_threads)
    free(plain)
    return status


cdef int design_xtm(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t m, const double* V, ptrdiff_t k,
    double* out, int n_threads
) noexcept nogil:
    """out (m, k), columns contiguous: products of the m columns `cols` (NULL for the
    first m) with the k columns of V (n, k), contiguous as well.

    A dense X is read once for up to LEFT vectors, a sparse one for FL1_WIDTH.  -1
    without memory (as much as `out`, at most LEFT columns of it).
    """
    if m == 0 or k == 0:
        return 0
    if (<double> X.indptr[X.p] / X.p * m if X.sparse else <double> X.n * m) * k < (
        MIN_PARALLEL
    ):
        n_threads = 1
    if X.sparse:
        return _xtm_sparse(X, cols, m, V, k, out, n_threads)
    return _xtm_dense(X, cols, m, V, k, out, n_threads)
