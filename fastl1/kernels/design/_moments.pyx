"""Means and centred products of columns and target over blocks of rows.

For rows z_i = (x_i, y_i) of weights s_i,

    W = sum_i s_i,   m = sum_i s_i z_i / W,   C = sum_i s_i (z_i - m)(z_i - m)'

and disjoint blocks of rows join exactly (Chan, Golub and LeVeque, 1979):

    W = W1 + W2,   C = C1 + C2 + (W1 W2 / W) (m1 - m2)(m1 - m2)'

Nothing cancels on the diagonal.  The training rows of a fold are joined from the blocks
of the other folds, never subtracted from a total: a column that is constant on them
keeps C_jj = 0 up to the rounding of its means, however it varies elsewhere.
"""
import numpy as np

from libc.math cimport fmax, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastl1.kernels.design._design cimport design_stats, design_t, stats_t
from fastl1._ops cimport FL1_F64
from fastl1.kernels.design._product cimport design_gram
from fastl1._runtime cimport OPS

ctypedef fused floating:
    float
    double


cdef class Moments:
    """Moments of no rows; `join` adds blocks, `of_blocks` makes them.

    Parameters
    ----------
    size : int
        Number of columns and the target, which is the last one.
    """

    def __init__(self, ptrdiff_t size):
        self.size = size
        self.mean = np.zeros(size)
        self.products = np.zeros((size, size), order="F")

    def join(self, Moments other, double times=1.0):
        """Add the rows of `other`, which are disjoint from those here, with weights
        multiplied by `times`."""
        cdef double here = self.weight, there = times * other.weight
        cdef double share, x
        cdef ptrdiff_t a, b, q = self.size
        cdef double* m1 = &self.mean[0]
        cdef double* C1 = &self.products[0, 0]
        cdef const double* m2
        cdef const double* C2
        if other.size != q:
            raise ValueError(f"moments of {q} and of {other.size} columns do not join")
        if there == 0.0:
            return
        m2 = &other.mean[0]
        C2 = &other.products[0, 0]
        share = there / (here + there)
        with nogil:
            for b in range(q):
                x = here * share * (m2[b] - m1[b])
                for a in range(q):
                    C1[a + b * q] += times * C2[a + b * q] + x * (m2[a] - m1[a])
            for a in range(q):
                m1[a] += share * (m2[a] - m1[a])
        self.weight = here + there

    def squared_error(self, columns, coefs, intercepts):
        """Mean squared errors (K,) of K models on these rows.

        Parameters
        ----------
        columns : ndarray (k,) of int
            The columns with a coefficient.
        coefs : ndarray (k, K)
        intercepts : ndarray (K,)
        """
        cdef ptrdiff_t a, b, k, q = self.size
        cdef const ptrdiff_t[::1] cols = np.append(columns, q - 1).astype(np.intp)
        cdef ptrdiff_t m = cols.shape[0], count = coefs.shape[1]
        cdef const double[::1, :] u = np.asfortranarray(
            np.vstack([-coefs, np.ones((1, count))]), dtype=np.float64
        )
        cdef const double[::1] shift = np.ascontiguousarray(
            intercepts, dtype=np.float64
        )
        out = np.empty(count)
        cdef double[::1] error = out
        cdef double total, row, mean
        with nogil:
            for k in range(count):
                total = 0.0
                mean = -shift[k]
                for b in range(m):
                    if u[b, k] == 0.0:
                        continue
                    row = 0.5 * u[b, k] * self.products[cols[b], cols[b]]
                    for a in range(b):
                        row += u[a, k] * self.products[cols[a], cols[b]]
                    total += u[b, k] * row
                    mean += u[b, k] * self.mean[cols[b]]
                # rounding only: a square cannot be negative
                error[k] = fmax(2.0 * total / self.weight, 0.0) + mean * mean
        return out


cdef void _gather(
    const floating* x, const ptrdiff_t* rows, const ptrdiff_t* ends, ptrdiff_t blocks,
    ptrdiff_t size, ptrdiff_t column, double* out
) noexcept nogil:
    """Entries `rows` of one column, those of block b to where its matrix keeps it."""
    cdef ptrdiff_t b, i, start = 0
    cdef double* to
    for b in range(blocks):
        to = out + start * size + column * (ends[b] - start)
        for i in range(ends[b] - start):
            to[i] = x[rows[start + i]]
        start = ends[b]


cdef int _moments_of(
    const design_t* Z, double* s, double* mean, double* C
) noexcept nogil:
    """Means and centred products of all columns of Z; s (n,), of sum > 0, becomes its
    root.  -1 without memory."""
    cdef ptrdiff_t i, q = Z.p
    cdef double total = OPS.sum(Z.n, s)
    cdef double* work = <double*> malloc(2 * q * sizeof(double))
    cdef ptrdiff_t* cols = <ptrdiff_t*> malloc(q * sizeof(ptrdiff_t))
    cdef stats_t stats
    cdef int status = -1
    if work != NULL and cols != NULL:
        for i in range(Z.n):
            s[i] /= total
        memset(&stats, 0, sizeof(stats_t))
        stats.s, stats.centre = s, True
        stats.mean, stats.scale, stats.norm = mean, work, work + q
        design_stats(Z, &stats, 1)
        for i in range(Z.n):
            s[i] = sqrt(s[i] * total)
        for i in range(q):
            cols[i] = i
        status = design_gram(Z, NULL, cols, 0, q, s, NULL, total, C, q, 1)
    free(work)
    free(cols)
    return status


def of_blocks(
    const floating[::1, :] X, const double[::1] y, const double[::1] s,
    const ptrdiff_t[::1] rows, const ptrdiff_t[::1] ends, double[::1] scratch=None
):
    """Moments of blocks of rows, by one thread and without the GIL.

    Parameters
    ----------
    X : ndarray (n, p), Fortran order, float32 or float64
    y, s : ndarray (n,)
        Target and weights.
    rows : ndarray (m,) of intp
        Row numbers, block after block.  Read column by column: best when they lie
        within a few thousand rows.
    ends : ndarray (blocks,) of intp
        Where in `rows` each block ends.
    scratch : ndarray (m * (p + 1),) at least, optional
        Written to.  Worth keeping from call to call: fresh memory costs as much as the
        products.

    Returns
    -------
    list (blocks,) of Moments
        Weight 0 for a block without rows of positive weight.
    """
    cdef ptrdiff_t n = X.shape[0], p = X.shape[1], q = p + 1, m = rows.shape[0]
    cdef ptrdiff_t j, i, b, start = 0, blocks = ends.shape[0]
    cdef double* Z
    cdef double* weight
    cdef double* scale
    cdef design_t D
    cdef Moments block
    cdef double total
    cdef int status = 0
    out = [Moments(q) for _ in range(blocks)]
    if m == 0:
        return out
    if scratch is None:
        scratch = np.empty(m * q)
    if scratch.shape[0] < m * q:
        raise ValueError(f"scratch has {scratch.shape[0]} of {m * q} numbers")
    Z = &scratch[0]
    weight = <double*> malloc(m * sizeof(double))
    scale = <double*> malloc(q * sizeof(double))
    if weight == NULL or scale == NULL:
        status = -1
    else:
        with nogil:
            for j in range(p):
                _gather(&X[0, 0] + j * n, &rows[0], &ends[0], blocks, q, j, Z)
            _gather(&y[0], &rows[0], &ends[0], blocks, q, p, Z)
            for i in range(m):
                weight[i] = s[rows[i]]
            for j in range(q):
                scale[j] = 1.0
        memset(&D, 0, sizeof(design_t))
        D.vtype, D.vsize, D.ops, D.p, D.scale = FL1_F64, sizeof(double), OPS, q, scale
        for b in range(blocks):
            D.n = ends[b] - start
            D.data = <const char*> (Z + start * q)
            total = OPS.sum(D.n, weight + start)
            if total > 0.0 and status == 0:
                block = out[b]
                block.weight = total
                D.mean = &block.mean[0]
                with nogil:
                    status = _moments_of(
                        &D, weight + start, &block.mean[0], &block.products[0, 0]
                    )
            start = ends[b]
    free(weight)
    free(scale)
    if status < 0:
        raise MemoryError(f"no memory for the products of {q} columns")
    return out
