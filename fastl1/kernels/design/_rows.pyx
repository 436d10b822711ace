"""Gram blocks of sparse columns, by row lists.

Two sparse columns meet in few rows.  With the columns of the working set listed by
rows, a Gram column costs the products of its own rows only,

    G[:, b] = sum_{i in b} h_i x_ib (row i of the working set),

where one product after another costs a pass over all entries of the working set.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

from fastl1.kernels.design._design cimport col_nnz, design_t
from fastl1._ops cimport FL1_F32


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


cdef void rows_free(rows_t* R) noexcept nogil:
    free(R.end)
    free(R.values)
    R.end, R.values, R.slots = NULL, NULL, NULL
    R.m = R.nnz = R.room = 0


cdef int _rows_grow(
    rows_t* R, const design_t* X, const ptrdiff_t* cols, ptrdiff_t m
) noexcept nogil:
    """Lists of the columns `cols`, made anew once those that are not in them hold a
    quarter of the entries; -1 without memory."""
    cdef ptrdiff_t k, i, nnz = 0
    cdef int64_t a, count, at = 0
    for k in range(m):
        nnz += col_nnz(X, cols[k])
    if 0 < R.m <= m and 4 * R.nnz >= 3 * nnz:
        return 0
    R.m = 0
    if R.end == NULL:
        R.end = <int64_t*> malloc(max(X.n, 1) * sizeof(int64_t))
    if nnz > R.room or R.values == NULL:
        free(R.values)
        R.room = max(nnz + nnz // 4, 1)
        R.values = <double*> malloc(R.room * (sizeof(double) + sizeof(int32_t)))
    if R.end == NULL or R.values == NULL:
        rows_free(R)
        return -1
    R.slots = <int32_t*> (R.values + R.room)
    for i in range(X.n):
        R.end[i] = 0
    for k in range(m):
        X.ops.rows_count[X.vtype][X.itype](
            col_nnz(X, cols[k]), X.indices + X.indptr[cols[k]] * X.isize, R.end
        )
    for i in range(X.n):
        count = R.end[i]
        R.end[i] = at
        at += count
    for k in range(m):
        a = X.indptr[cols[k]]
        X.ops.rows_append[X.vtype][X.itype](
            col_nnz(X, cols[k]), X.data + a * X.vsize, X.indices + a * X.isize,
            X.scale[cols[k]], <int32_t> k, R.end, R.slots, R.values
        )
    R.m, R.nnz = m, nnz
    return 0


cdef void _gram_column(
    const design_t* X, const rows_t* R, const ptrdiff_t* cols, ptrdiff_t b,
    const double* h_sqrt, const double* h_mean, double h_sum, double* work, double* G
) noexcept nogil:
    """G (b + 1,): column b against those in the lists by rows, against the few others
    one by one."""
    cdef ptrdiff_t a, j = cols[b], first = R.m if R else 0
    cdef int64_t at = X.indptr[j]
    cdef double mean_a, mean_b
    for a in range(b + 1):
        G[a] = 0.0
    if first > 0:
        X.ops.rows_gram[X.vtype][X.itype](
            col_nnz(X, j), X.data + at * X.vsize, X.indices + at * X.isize, X.scale[j],
            h_sqrt, R.end, R.slots, R.values, <int32_t> b, G
        )
    if first <= b:
        _scatter(X, j, h_sqrt, work, False)
        for a in range(first, b + 1):
            at = X.indptr[cols[a]]
            G[a] = X.scale[j] * X.scale[cols[a]] * (
                X.ops.sparse_dot[X.vtype][X.itype](
                    X.indptr[cols[a] + 1] - at, X.data + at * X.vsize,
                    X.indices + at * X.isize, work
                )
            )
        _scatter(X, j, h_sqrt, work, True)
    mean_b = X.scale[j] * X.mean[j] + (h_mean[b] if h_mean else 0.0)
    if mean_b != 0.0:
        for a in range(b + 1):
            mean_a = X.scale[cols[a]] * X.mean[cols[a]] + (h_mean[a] if h_mean else 0.0)
            G[a] -= mean_a * mean_b * h_sum


cdef int gram_sparse(
    const design_t* X, rows_t* R, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double h_sum, double* G, ptrdiff_t ldg,
    int n_threads
) noexcept nogil:
    """See design_gram.  R, or NULL, keeps the row lists from call to call: set R.m = 0
    where `cols` changed other than by new ones at its end."""
    cdef ptrdiff_t a, b
    cdef double* work
    if R and _rows_grow(R, X, cols, m) < 0:
        return -1
    work = <double*> calloc(max(n_threads * X.n, 1), sizeof(double))
    if work == NULL:
        return -1
    for b in prange(
        m0, m, schedule="dynamic", chunksize=4, num_threads=n_threads,
        use_threads_if=n_threads > 1
    ):
        _gram_column(
            X, R, cols, b, h_sqrt, h_mean, h_sum, work + threadid() * X.n, G + b * ldg
        )
    free(work)
    for b in range(m0, m):
        for a in range(b):
            G[b + a * ldg] = G[a + b * ldg]
    return 0
