"""Very many small problems, stacked by rows: each is solved whole by one thread.

Squared loss, few columns: the rows are centred, weighted and packed, y among them as
one more column, so that one product gives the Gram matrix, the correlations and the
norm of y; the problem then is a quadratic of p coordinates (_quadratic.pyx), and X is
not seen again.  All else goes through the general solver, on a packed copy.  Either
way all memory is a desk for each thread, as large as the largest problem asks for.
"""
import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastl1.kernels.design._cholesky cimport chol_free, chol_reserve, chol_t
from fastl1.kernels.design._design cimport bind_dense, column_stats
from fastl1.kernels.solver._driver cimport finish, null_model, start_alpha
from fastl1._ops cimport FL1_F32, FL1_F64, FL1_MAX_ABS, FL1_STACK, fl1_ops
from fastl1.kernels.penalty._penalty cimport (
    elastic_net,
    fl1_augments,
    fl1_penalty,
    quad_t,
)
from fastl1.kernels.solver._engine cimport (
    BAD_VALUE,
    CONVERGED,
    FAILED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    NO_ROWS,
    ONE_CLASS,
)
from fastl1.kernels.solver._quadratic cimport gram_solve
from fastl1._runtime cimport OPS, Watch, resolve_threads
from fastl1.kernels.solver._setup cimport (
    answer,
    poll_watch,
    release,
    reserve,
    rounded_within,
    set_coef,
    set_columns,
    set_loss,
    set_samples,
    within,
)
from fastl1.kernels.solver._state cimport state_t

from fastl1.kernels.solver._setup import LOSSES

cdef enum:
    MAX_SMALL = 256      # columns of a problem that is solved on its Gram matrix
    CHUNK = 16           # problems that a thread takes at a time
    REFS = 3             # references for screening in the general solver

cdef double TURN = 5e7   # multiplications between two looks for Ctrl-C


cdef struct stack_t:
    # the problems
    const fl1_ops* ops
    ptrdiff_t count
    ptrdiff_t p
    ptrdiff_t largest        # rows of the largest problem
    const int64_t* rows      # (count + 1,)
    const char* data         # rows one after another, or their stored values
    int vtype
    ptrdiff_t vsize
    const int64_t* indptr    # of CSR rows, or NULL
    const int32_t* indices
    const double* y
    const double* weight     # or NULL
    const double* offset     # or NULL
    int loss
    bint labels
    bint centre
    bint standardize
    fl1_penalty pen
    const double* pf         # (p,) or NULL, like lo and hi
    const double* lo
    const double* hi
    bint small               # what all problems share allows the small path
    bint relative
    double tol
    int max_iter
    bint float32
    const double* start      # (count, p) or NULL
    const double* start_intercept
    # answers
    double* coef             # (count, p)
    double* intercept
    double* alpha            # in: as asked, out: absolute
    double* alpha_max
    double* gap
    int64_t* n_iter
    int8_t* status


cdef struct desk_t:
    # one thread's memory
    double* numbers
    double* dense            # (largest, p) rows of a sparse problem
    double* s                # (largest,) weights of sum 1, and their roots
    double* d
    double* Z                # (largest, ld) packed rows, y the last of p + 1 columns;
    ptrdiff_t ld             # or the columns of the general solver
    double* G                # (ld, ld)
    double* mean             # (ld,), and so on
    double* centre
    double* scale
    double* norm
    double* c0
    double* start
    quad_t q
    int32_t* columns         # 0 to p - 1
    chol_t F
    state_t S
    bint dirty               # columns lie in Z
    ptrdiff_t uniform        # rows that s and d are filled for without weights
    long n_small


cdef const char* _rows_of(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """The problem's rows, contiguous: of the value type K.vtype where dense, else
    unpacked as float64."""
    cdef ptrdiff_t i, first = K.rows[b], n = K.rows[b + 1] - K.rows[b]
    cdef int64_t k
    cdef const float* x32 = <const float*> K.data
    cdef const double* x64 = <const double*> K.data
    if K.indptr == NULL:
        return K.data + first * K.p * K.vsize
    memset(D.dense, 0, n * K.p * sizeof(double))
    for i in range(n):
        for k in range(K.indptr[first + i], K.indptr[first + i + 1]):
            D.dense[i * K.p + K.indices[k]] += (
                <double> x32[k] if K.vtype == FL1_F32 else x64[k]
            )
    return <const char*> D.dense


cdef int _weights(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """s and d; 0 or what is wrong."""
    cdef ptrdiff_t i, first = K.rows[b], n = K.rows[b + 1] - K.rows[b]
    cdef double largest = 0.0, total
    if n == 0:
        return NO_ROWS
    if K.weight == NULL:
        if D.uniform != n:
            for i in range(n):
                D.s[i] = 1.0 / n
                D.d[i] = sqrt(D.s[i])
            D.uniform = n
        return 0
    for i in range(n):
        if not 0.0 <= K.weight[first + i] <= FL1_MAX_ABS:
            return BAD_VALUE
        largest = max(largest, K.weight[first + i])
    if largest == 0.0:
        return NO_ROWS
    for i in range(n):
        D.s[i] = K.weight[first + i] / largest
    total = K.ops.sum(n, D.s)
    for i in range(n):
        D.s[i] /= total
        D.d[i] = sqrt(D.s[i])
    return 0


cdef int _check_target(const desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """0, or what is wrong with y or the offset."""
    cdef ptrdiff_t i, first = K.rows[b], n = K.rows[b + 1] - K.rows[b]
    cdef bint seen[2]
    seen[0] = seen[1] = False
    for i in range(first, first + n):
        if not fabs(K.y[i]) <= FL1_MAX_ABS:
            return BAD_VALUE
        if K.offset != NULL and not fabs(K.offset[i]) <= FL1_MAX_ABS:
            return BAD_VALUE
        if K.labels and D.s[i - first] > 0.0:
            seen[K.y[i] > 0.5] = True
    return 0 if not K.labels or (seen[0] and seen[1]) else ONE_CLASS


cdef int _pack(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """G of the packed rows and what it says of the columns; 0 or what is wrong."""
    cdef ptrdiff_t i, j, first = K.rows[b], n = K.rows[b + 1] - K.rows[b]
    cdef ptrdiff_t p = K.p, ld = D.ld
    cdef const char* rows = _rows_of(D, K, b)
    cdef int vtype = K.vtype if K.indptr == NULL else FL1_F64
    cdef double base, total = 0.0, var
    if D.dirty:
        memset(D.Z, 0, K.largest * ld * sizeof(double))
        D.dirty = False
    # y less the offset, from the first row on: exact where it is constant
    base = K.y[first] - (K.offset[first] if K.offset else 0.0)
    for i in range(n):
        j = first + i
        D.Z[i * ld + p] = K.y[j] - (K.offset[j] if K.offset else 0.0) - base
        total += D.s[i] * D.Z[i * ld + p]
    for i in range(n):
        D.Z[i * ld + p] = (D.Z[i * ld + p] - total) * D.d[i]
    D.mean[p] = base + total
    K.ops.stack_mean[vtype](n, p, rows, D.s, D.mean)
    K.ops.stack_pack[vtype](n, p, rows, D.mean, D.d, ld, D.Z)
    K.ops.stack_gram(n, D.Z, ld, D.G, rows + n * p * K.vsize)
    for j in range(p + 1):
        var = D.G[j + j * ld]
        if not var <= FL1_MAX_ABS * FL1_MAX_ABS:
            return BAD_VALUE
        column_stats(
            n, D.mean[j], var, K.centre, K.standardize and j < p, D.centre + j,
            D.scale + j, D.norm + j
        )
    if not K.centre:
        for j in range(p + 1):
            K.ops.axpy(p + 1, D.mean[j], D.mean, D.G + j * ld)
    if K.standardize:
        for j in range(p + 1):
            for i in range(p + 1):
                D.G[i + j * ld] *= D.scale[i] * D.scale[j]
    return 0


cdef void _correlate(desk_t* D) noexcept nogil:
    """c and r2 at w, anew."""
    cdef quad_t* q = &D.q
    cdef ptrdiff_t k
    memcpy(q.c, D.c0, q.m * sizeof(double))
    for k in range(q.m):
        if q.w[k] != 0.0:
            q.ops.axpy(q.m, -q.w[k], D.G + k * D.ld, q.c)
    q.r2 = D.G[q.m + q.m * D.ld]
    for k in range(q.m):
        q.r2 -= (D.c0[k] + q.c[k]) * q.w[k]
    q.r2 = max(q.r2, 0.0)


cdef double _alpha_max(const desk_t* D, const stack_t* K) noexcept nogil:
    cdef ptrdiff_t j
    cdef double c, top = 0.0
    for j in range(K.p):
        c = D.c0[j]
        if (c > 0.0 and D.q.hi[j] > 0.0) or (c < 0.0 and D.q.lo[j] < 0.0):
            top = max(top, fabs(c) / (K.pf[j] if K.pf else 1.0))
    return top / K.pen.l1


cdef void _load(desk_t* D, const stack_t* K) noexcept nogil:
    """The quadratic at w = 0, but for the penalties.  Columns that cannot enter are
    held at 0 by their bounds."""
    cdef quad_t* q = &D.q
    cdef ptrdiff_t j
    memcpy(D.c0, D.G + K.p * D.ld, K.p * sizeof(double))
    memset(q.w, 0, K.p * sizeof(double))
    for j in range(K.p):
        q.diag[j] = D.G[j + j * D.ld]
        q.lo[j] = K.lo[j] / D.scale[j] if K.lo else -INFINITY
        q.hi[j] = K.hi[j] / D.scale[j] if K.hi else INFINITY
        if D.norm[j] == 0.0 or (K.pf != NULL and K.pf[j] == INFINITY):
            q.lo[j] = q.hi[j] = q.diag[j] = 0.0


cdef int _solve_small(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """The problem whose G is made; FAILED, CONVERGED or MAX_ITER."""
    cdef quad_t* q = &D.q
    cdef ptrdiff_t j, p = K.p
    cdef double null = 0.5 * D.G[p + p * D.ld], pf, before = 0.0
    cdef double* coef = K.coef + b * p
    K.gap[b] = 0.0
    K.intercept[b] = D.centre[p]
    if null > 0.0:
        q.tol = K.tol * (0.9 if K.float32 else 1.0) * null  # room for the rounding
        for j in range(p):
            pf = K.pf[j] if K.pf and K.pf[j] < INFINITY else 1.0
            q.lam1[j] = K.alpha[b] * K.pen.l1 * pf
            q.lam2[j] = K.alpha[b] * K.pen.l2 * pf
            if K.start != NULL:
                q.w[j] = min(
                    max(K.start[b * p + j] / D.scale[j], q.lo[j]), q.hi[j]
                )
        _correlate(D)
        D.F.m = 0
        q.n_newton = 0
        gram_solve(q, D.G, D.ld, &D.F, K.max_iter)
        K.n_iter[b] = q.n_newton
        _correlate(D)
        K.gap[b] = max(q.row.gap(q), 0.0) / null
        before = 0.5 * q.r2 + q.row.value(q, q.w, 0.0)
    for j in range(p):
        coef[j] = 0.0
        if q.w[j] != 0.0:
            coef[j] = within(q.w[j] * D.scale[j], j, K.lo, K.hi)
            if K.float32:
                coef[j] = rounded_within(coef[j], j, K.lo, K.hi)
                q.w[j] = coef[j] / D.scale[j]
            K.intercept[b] -= D.centre[j] * coef[j]
    if K.float32 and null > 0.0:  # as in _setup.answer
        _correlate(D)
        before = 0.5 * q.r2 + q.row.value(q, q.w, 0.0) - before
        K.gap[b] = max(K.gap[b] + before / null, 0.0)
    if not isfinite(K.gap[b]):
        return FAILED
    return CONVERGED if K.gap[b] <= K.tol else MAX_ITER


cdef int _pack_columns(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """The problem's rows as float64 columns in Z; 0 or BAD_VALUE."""
    cdef ptrdiff_t i, j, n = K.rows[b + 1] - K.rows[b]
    cdef const char* rows = _rows_of(D, K, b)
    cdef const float* x32 = <const float*> rows
    cdef const double* x64 = <const double*> rows
    cdef bint narrow = K.indptr == NULL and K.vtype == FL1_F32
    cdef double x
    for i in range(n):
        for j in range(K.p):
            x = <double> x32[i * K.p + j] if narrow else x64[i * K.p + j]
            if not fabs(x) <= FL1_MAX_ABS:
                return BAD_VALUE
            D.Z[i + j * n] = x
    return 0


cdef int _solve_general(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """Any problem, by the solver of single ones."""
    cdef state_t* S = &D.S
    cdef ptrdiff_t first = K.rows[b], n = K.rows[b + 1] - K.rows[b], k
    cdef const double* weight = K.weight + first if K.weight else NULL
    cdef const double* offset = K.offset + first if K.offset else NULL
    cdef double* coef = K.coef + b * K.p
    cdef double* values
    cdef int status = _pack_columns(D, K, b)
    D.dirty = True
    if status != 0:
        return status
    S.X.n = S.n = S.cache.n = n
    S.X.data = <const char*> D.Z
    set_samples(S, K.y + first, weight, offset)
    set_columns(S, K.pf, K.lo, K.hi, K.standardize, NULL, False)
    status = finish(&S.run, null_model(&S.run))
    K.alpha_max[b] = S.run.alpha_max
    if K.relative:
        K.alpha[b] *= S.run.alpha_max
    if status == CONVERGED and K.start != NULL:
        for k in range(K.p):
            D.start[k] = within(K.start[b * K.p + k], k, K.lo, K.hi)
        if set_coef(
            S, K.p, D.columns, D.start,
            K.start_intercept[b] if K.start_intercept else NAN
        ) < 0:
            return NO_MEMORY
    if status == CONVERGED:
        status = finish(&S.run, start_alpha(
            &S.run, K.alpha[b], K.tol * (0.9 if K.float32 else 1.0), K.max_iter
        ))
    if status == NO_MEMORY or status == INTERRUPTED:
        return status
    values = S.q.work + S.m
    K.intercept[b] = answer(S, K.lo, K.hi, K.float32, values)
    memset(coef, 0, K.p * sizeof(double))
    for k in range(S.m):
        coef[S.ws[k]] = values[k]
    K.gap[b] = S.run.gap
    K.n_iter[b] = S.run.n_iter
    if status == FAILED or not isfinite(S.run.gap):
        return FAILED
    return CONVERGED if S.run.gap <= K.tol else MAX_ITER


cdef int _solve(desk_t* D, const stack_t* K, ptrdiff_t b) noexcept nogil:
    """Problem b; its status."""
    cdef int status = _weights(D, K, b)
    cdef double top
    if status == 0:
        status = _check_target(D, K, b)
    if status != 0:
        return status
    if not K.small or not K.alpha[b] > 0.0:
        return _solve_general(D, K, b)
    status = _pack(D, K, b)
    if status != 0:
        return status
    _load(D, K)
    top = _alpha_max(D, K)
    K.alpha_max[b] = top
    if K.relative:
        K.alpha[b] *= top
    if not K.alpha[b] > 0.0 and D.G[K.p + K.p * D.ld] > 0.0:
        return _solve_general(D, K, b)  # nothing to penalize: alpha_max is 0
    D.n_small += 1
    return _solve_small(D, K, b)


cdef class Stack:
    """Problems stacked by rows; `solve` may be called once.

    Parameters
    ----------
    X : ndarray (rows, p), C order, float32 or float64, or (data, indices int32, indptr
        int64, shape) of CSR rows
    y : ndarray (rows,) float64; {0, 1} for losses of labels
    rows : ndarray (count + 1,) int64
        Where each problem begins.
    alphas : ndarray (count,)
    relative : bool
        Whether alphas are fractions of each problem's alpha_max.
    start : (coefs (count, p), intercepts (count,) or None) or None
    status : ndarray (count,) int8
        Problems whose status is not INTERRUPTED are left out.
    Others as in `Solver`.
    """

    cdef stack_t K
    cdef desk_t* desks
    cdef int n_threads
    cdef Watch watch
    cdef list keep
    cdef readonly dict arrays

    def __cinit__(self):
        memset(&self.K, 0, sizeof(stack_t))

    def __dealloc__(self):
        cdef int t
        if self.desks != NULL:
            for t in range(self.n_threads):
                free(self.desks[t].numbers)
                free(self.desks[t].columns)
                free(self.desks[t].q.index)
                chol_free(&self.desks[t].F)
                release(&self.desks[t].S)
        free(self.desks)

    def __init__(self, X, y, rows, alphas, *, relative, loss, loss_params, labels,
                 l1_ratio, penalty_factor, lower, upper, fit_intercept, standardize,
                 sample_weight, offset, tol, max_iter, start, status, n_threads):
        cdef stack_t* K = &self.K
        if self.desks != NULL:
            raise RuntimeError("a Stack is set up once")
        self.keep = []
        self.watch = Watch()
        self.n_threads = resolve_threads(n_threads)
        K.ops = OPS
        K.count = len(rows) - 1
        K.largest = int(np.diff(rows).max()) if K.count else 0
        K.rows = <const int64_t*> self._at(rows, np.int64)
        data = X
        if not isinstance(X, np.ndarray):
            data, indices, indptr, (_, K.p) = X
            K.indptr = <const int64_t*> self._at(indptr, np.int64)
            K.indices = <const int32_t*> self._at(indices, np.int32)
        else:
            K.p = X.shape[1]
        K.vtype = FL1_F32 if data.dtype == np.float32 else FL1_F64
        K.vsize = data.dtype.itemsize
        K.float32 = K.vtype == FL1_F32
        K.data = <const char*> self._at(data, data.dtype)
        K.y = <const double*> self._at(y)
        K.weight = <const double*> self._at(sample_weight)
        K.offset = <const double*> self._at(offset)
        K.pf = <const double*> self._at(penalty_factor)
        K.lo, K.hi = <const double*> self._at(lower), <const double*> self._at(upper)
        K.labels, K.centre, K.standardize = labels, fit_intercept, standardize
        K.pen, K.relative = elastic_net(l1_ratio), relative
        K.tol, K.max_iter = tol, max_iter
        if start is not None:
            K.start = <const double*> self._at(start[0])
            K.start_intercept = <const double*> self._at(start[1])
        K.small = (
            OPS.loss_traits[LOSSES[loss]].quadratic
            and l1_ratio > 0.0 and K.p <= MAX_SMALL
            and (penalty_factor is None or penalty_factor.min() > 0.0)
        )
        self._set_answers(alphas, status)
        self._set_desks(loss, loss_params)

    cdef void* _at(self, array, dtype=np.float64) except? NULL:
        """Where the values of an array begin; kept alive."""
        if array is None:
            return NULL
        if array.dtype != dtype or not array.flags.c_contiguous:
            raise ValueError(f"arrays of a stack are contiguous, this one {dtype}")
        self.keep.append(array)
        return <void*> <size_t> array.ctypes.data

    cdef int _set_answers(self, alphas, status) except -1:
        cdef stack_t* K = &self.K
        self.arrays = {
            "coefs": np.zeros((K.count, K.p)),
            "intercepts": np.zeros(K.count),
            "alphas": np.array(alphas),
            "alpha_max": np.full(K.count, np.nan),
            "dual_gaps": np.full(K.count, np.inf),
            "n_iters": np.zeros(K.count, dtype=np.int64),
            "status": status,
        }
        at = {name: array.ctypes.data for name, array in self.arrays.items()}
        K.coef = <double*> <size_t> at["coefs"]
        K.intercept = <double*> <size_t> at["intercepts"]
        K.alpha = <double*> <size_t> at["alphas"]
        K.alpha_max = <double*> <size_t> at["alpha_max"]
        K.gap = <double*> <size_t> at["dual_gaps"]
        K.n_iter = <int64_t*> <size_t> at["n_iters"]
        K.status = <int8_t*> <size_t> at["status"]
        return 0

    cdef int _set_desks(self, loss, loss_params) except -1:
        cdef stack_t* K = &self.K
        cdef ptrdiff_t n = max(K.largest, 1), p = max(K.p, 1), j
        cdef ptrdiff_t ld = (p + FL1_STACK) // FL1_STACK * FL1_STACK
        cdef ptrdiff_t size = 2 * n + n * ld + 18 * ld
        cdef desk_t* D
        cdef double* at
        cdef int t
        size += ld * ld if K.small else 0
        size += n * p if K.indptr != NULL else 0
        self.desks = <desk_t*> calloc(self.n_threads, sizeof(desk_t))
        if self.desks == NULL:
            raise MemoryError
        for t in range(self.n_threads):
            D = &self.desks[t]
            bind_dense(&D.S.X, n, p, FL1_F64, NULL)
            D.S.pen, D.S.centre = K.pen, K.centre
            D.S.n_threads = 1
            D.S.poll = poll_watch
            D.S.owner = <void*> self.watch
            set_loss(&D.S, loss, loss_params)
            # calloc: the padding of Z stays 0
            D.numbers = <double*> calloc(size, sizeof(double))
            D.columns = <int32_t*> malloc(p * sizeof(int32_t))
            D.q.index = <ptrdiff_t*> malloc(p * sizeof(ptrdiff_t))
            if (
                D.numbers == NULL or D.columns == NULL or D.q.index == NULL
                or reserve(&D.S, n, p, REFS, NULL) < 0
            ):
                raise MemoryError(
                    f"no memory for {self.n_threads} problems of {n} x {p}"
                )
            D.F.ops = D.q.ops = K.ops
            D.ld, D.q.m = ld, p
            D.q.augmented = fl1_augments(&K.pen)
            D.q.row = K.pen.row
            at = D.numbers
            D.s, D.d, D.Z = at, at + n, at + 2 * n
            at += 2 * n + n * ld
            D.mean, D.centre, D.scale, D.norm = at, at + ld, at + 2 * ld, at + 3 * ld
            D.c0, D.start = at + 4 * ld, at + 5 * ld
            D.q.w, D.q.c, D.q.diag = at + 6 * ld, at + 7 * ld, at + 8 * ld
            D.q.lam1, D.q.lam2 = at + 9 * ld, at + 10 * ld
            D.q.lo, D.q.hi, D.q.work = at + 11 * ld, at + 12 * ld, at + 13 * ld
            at += 18 * ld
            D.dense = at
            if K.indptr != NULL:
                at += n * p
            if K.small:
                D.G = at
                if chol_reserve(&D.F, p) < 0:
                    raise MemoryError(f"no memory for a factor of {p} columns")
            for j in range(p):
                D.columns[j] = <int32_t> j
        return 0

    cdef bint _span(self, ptrdiff_t first, ptrdiff_t last) noexcept nogil:
        """Problems first..last; whether memory sufficed."""
        cdef ptrdiff_t b
        cdef int lost = 0
        for b in prange(
            first, last, schedule="dynamic", chunksize=CHUNK,
            num_threads=self.n_threads, use_threads_if=self.n_threads > 1
        ):
            lost += self._one(b)
        return lost == 0

    cdef int _one(self, ptrdiff_t b) noexcept nogil:
        cdef int status
        if self.K.status[b] != INTERRUPTED:
            return 0
        status = _solve(&self.desks[threadid()], &self.K, b)
        if status == NO_MEMORY:
            return 1
        self.K.status[b] = status
        return 0

    def solve(self, report=None):
        """Solve all.

        `report(n_done)` is called now and then; a true answer stops.  Returns "end",
        "callback" or "interrupted" (Ctrl-C); those not solved keep the status
        INTERRUPTED.  Raises MemoryError, and whatever a signal handler raised other
        than KeyboardInterrupt.
        """
        cdef stack_t* K = &self.K
        cdef ptrdiff_t first = 0, last, span
        cdef double work, rows
        cdef bint enough
        rows = <double> K.rows[K.count] / max(K.count, 1)
        work = (rows + K.p) * K.p * max(K.p, 16)
        if not K.small:
            work *= 20.0  # every iteration reads the rows
        span = <ptrdiff_t> max(TURN / work, 1.0) * self.n_threads
        while first < K.count:
            last = min(first + span, K.count)
            with nogil:
                enough = self._span(first, last)
            if not enough:
                raise MemoryError(f"no memory for a problem from {first} to {last - 1}")
            first = last
            self.watch.look_now()
            if self.watch.stopped():
                return "interrupted"
            if report is not None and report(first):
                return "callback"
        return "end"

    @property
    def n_small(self):
        """Problems that were solved on the Gram matrix of all columns."""
        cdef long total = 0
        for t in range(self.n_threads):
            total += self.desks[t].n_small
        return total
