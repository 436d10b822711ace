"""A float64 copy of some columns, times sqrt(h): what sweeps over them read."""
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastl1.kernels.design._design cimport col_nnz, design_t
from fastl1._ops cimport FL1_F64


cdef void packed_free(packed_t* P) noexcept nogil:
    free(P.values)
    free(P.indices)
    free(P.indptr)
    free(P.mean)
    P.values, P.indices, P.indptr, P.mean = NULL, NULL, NULL, NULL
    P.value_room = P.column_room = 0


cdef int _packed_reserve(
    packed_t* P, const design_t* X, ptrdiff_t values, ptrdiff_t columns
) noexcept nogil:
    if values > P.value_room:
        free(P.values)
        free(P.indices)
        P.value_room = values + values // 4
        P.values = <double*> malloc(P.value_room * sizeof(double))
        P.indices = <char*> malloc(P.value_room * X.isize) if X.sparse else NULL
    if columns > P.column_room:
        free(P.indptr)
        free(P.mean)
        P.column_room = columns + columns // 4
        P.indptr = <int64_t*> malloc((P.column_room + 1) * sizeof(int64_t))
        P.mean = <double*> malloc(2 * P.column_room * sizeof(double))
    if (
        P.values == NULL or P.indptr == NULL or P.mean == NULL
        or (X.sparse and P.indices == NULL)
    ):
        packed_free(P)
        return -1
    P.scale = P.mean + P.column_room
    return 0


cdef int packed_build(
    packed_t* P, const design_t* X, const ptrdiff_t* cols, ptrdiff_t m,
    const double* h_sqrt, const double* h_mean, double* diag, double h_sum
) noexcept nogil:
    """Pack the m columns `cols`; diag (m,) gets their centred squared norms.

    h_mean (m,) are their means under h, NULL where the design is already centred under
    h or is not to be.  Returns -1 without memory.
    """
    cdef ptrdiff_t k, j, nnz, at = 0
    cdef int64_t a
    for k in range(m):
        at += col_nnz(X, cols[k])
    if _packed_reserve(P, X, max(at, 1), max(m, 1)) < 0:
        return -1
    at = 0
    for k in range(m):
        j = cols[k]
        nnz = col_nnz(X, j)
        P.indptr[k] = at
        P.scale[k] = 1.0
        P.mean[k] = 0.0
        if X.sparse:
            a = X.indptr[j]
            X.ops.sparse_pack[X.vtype][X.itype](
                nnz, X.data + a * X.vsize, X.indices + a * X.isize, X.scale[j], h_sqrt,
                P.values + at
            )
            memcpy(P.indices + at * X.isize, X.indices + a * X.isize, nnz * X.isize)
            P.mean[k] = X.scale[j] * X.mean[j] + (h_mean[k] if h_mean else 0.0)
        else:
            X.ops.dense_pack[X.vtype](
                nnz, X.data + j * X.n * X.vsize,
                X.mean[j] + (h_mean[k] / X.scale[j] if h_mean else 0.0), X.scale[j],
                h_sqrt, P.values + at
            )
        diag[k] = (
            X.ops.dot(nnz, P.values + at, P.values + at) - P.mean[k] * P.mean[k] * h_sum
        )
        at += nnz
    P.indptr[m] = at
    P.A = X[0]
    P.A.p = m
    P.A.vtype = FL1_F64
    P.A.vsize = sizeof(double)
    P.A.data = <const char*> P.values
    P.A.indices = P.indices
    P.A.indptr = P.indptr
    P.A.mean = P.mean
    P.A.scale = P.scale
    return 0
