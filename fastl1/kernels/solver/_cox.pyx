"""The Hessian of the Cox loss on some columns, Z' H Z.

H = diag(h) - sum m p p' couples the rows at risk together.  A vector meets it by two
running sums over the risk sets (csrc/cox.inc), so H Z costs as much as reading Z a few
times, and Z' (H Z) is a matrix product like that of any other loss.
"""
from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastl1.kernels.design._design cimport design_column, design_t
from fastl1._ops cimport FL1_COX_WIDTH
from fastl1.kernels.design._product cimport design_xtm
from fastl1.kernels.solver._state cimport NO_MEMORY, state_t

cdef enum:
    BLOCK = 1 << 22        # numbers of H Z at a time (32 MB) ...
    LEAST = 64             # ... and columns at least

# of the part diag(h) of the diagonal: where the chances p are nearly 0 or 1, H is so
# close to singular that the quadratic alone is as hard to solve as the problem
cdef double RIDGE = 1e-6


cdef void _load(
    const design_t* X, const ptrdiff_t* cols, ptrdiff_t count, double* V
) noexcept nogil:
    """V (n, FL1_COX_WIDTH): the columns, then zeros."""
    cdef ptrdiff_t k
    for k in range(FL1_COX_WIDTH):
        if k < count:
            design_column(X, cols[k], V + k * X.n)
        else:
            memset(V + k * X.n, 0, X.n * sizeof(double))


cdef int cox_gram(
    state_t* S, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m, double damp,
    double* G, ptrdiff_t ldg
) noexcept nogil:
    """Columns m0..m-1 (and rows) of Z' (H + damp diag(h)) Z, Z the design's columns
    `cols`, under the Hessian that was frozen last.  0, or NO_MEMORY."""
    cdef const design_t* X = &S.X
    cdef ptrdiff_t unit, width, a, b, k, some
    cdef ptrdiff_t groups = S.loss_param.cox.n_groups + 1
    cdef double* V
    cdef double* size
    cdef double* out
    cdef double* scratch
    if m0 >= m:
        return 0
    width = max(<ptrdiff_t> LEAST, <ptrdiff_t> BLOCK // max(S.n, <ptrdiff_t> 1))
    width = min(width, m - m0)
    width = (width + FL1_COX_WIDTH - 1) // FL1_COX_WIDTH * FL1_COX_WIDTH
    V = <double*> malloc(S.n * width * sizeof(double))
    size = <double*> malloc(width * sizeof(double))
    out = <double*> malloc(m * width * sizeof(double))
    scratch = <double*> malloc(
        S.n_threads * 4 * FL1_COX_WIDTH * groups * sizeof(double)
    )
    if V == NULL or size == NULL or out == NULL or scratch == NULL:
        free(V)
        free(size)
        free(out)
        free(scratch)
        return NO_MEMORY
    a = m0
    while a < m:
        some = min(width, m - a)
        for unit in prange(
            (some + FL1_COX_WIDTH - 1) // FL1_COX_WIDTH, schedule="static",
            num_threads=S.n_threads, use_threads_if=S.n_threads > 1
        ):
            _load(
                X, cols + a + unit * FL1_COX_WIDTH,
                min(<ptrdiff_t> FL1_COX_WIDTH, some - unit * FL1_COX_WIDTH),
                V + unit * FL1_COX_WIDTH * S.n
            )
            S.q.ops.cox_product(
                &S.loss_param.cox, S.n, damp, V + unit * FL1_COX_WIDTH * S.n,
                size + unit * FL1_COX_WIDTH,
                scratch + threadid() * 4 * FL1_COX_WIDTH * groups
            )
        if design_xtm(X, cols, a + some, V, some, out, S.n_threads) < 0:
            break
        for k in range(some):
            for b in range(a + k + 1):
                G[b + (a + k) * ldg] = G[a + k + b * ldg] = out[b + k * (a + some)]
            G[(a + k) * (ldg + 1)] += RIDGE * size[k]
        a += some
    free(V)
    free(size)
    free(out)
    free(scratch)
    return 0 if a >= m else NO_MEMORY
