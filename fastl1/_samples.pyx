"""The linear predictor, the loss and the dual point.

eta = X w + b + offset is kept by differences.  The intercept and the unpenalized
columns Z need Z'v = 0 at a dual point: v' = v - h (Z delta), with the curvatures h of
the loss, meets it exactly and stays in the domain of the conjugate near the solution.
"""
from libc.math cimport fabs, isfinite, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastl1._cholesky cimport (
    chol_append,
    chol_free,
    chol_reserve,
    chol_solve,
    chol_t,
)
from fastl1._design cimport design_add_xw, design_gram, design_means, design_xtv
from fastl1._ops cimport FL1_SQUARED
from fastl1._state cimport state_t


cdef void sync_eta(state_t* S) noexcept nogil:
    """Bring eta to the present coefficients."""
    cdef ptrdiff_t k, j, count = 0
    cdef ptrdiff_t* cols = S.cols
    for k in range(S.m):
        j = S.ws[k]
        if S.w[j] != S.w_eta[j]:
            cols[count] = j
            S.p_work[count] = S.w[j] - S.w_eta[j]
            S.w_eta[j] = S.w[j]
            count += 1
    if count:
        design_add_xw(&S.X, cols, S.p_work, count, S.eta, S.n_threads)
        S.n_column_products += count


cdef void evaluate(state_t* S) noexcept nogil:
    """eta, loss, v and h at the present coefficients."""
    sync_eta(S)
    S.loss_value = S.q.ops.loss_eval[S.loss](S.n, S.y, S.eta, S.s, S.v, S.h)


cdef void shift_intercept(state_t* S, double delta) noexcept nogil:
    cdef ptrdiff_t i
    S.b += delta
    for i in range(S.n):
        S.eta[i] += delta


cdef void fit_intercept(state_t* S) noexcept nogil:
    """Damped Newton on the intercept alone; leaves the state evaluated."""
    cdef int it, _half
    cdef ptrdiff_t i = 0
    cdef double total, curve, step, before
    evaluate(S)
    if not S.centre:
        return
    if S.loss == FL1_SQUARED and S.b == 0.0:
        # from one residual on: exact for a constant y
        while i < S.n - 1 and S.s[i] == 0.0:
            i += 1
        shift_intercept(S, S.y[i] - S.eta[i])
        evaluate(S)
    for it in range(100):
        total = S.q.ops.sum(S.n, S.v)
        curve = S.q.ops.sum(S.n, S.h)
        # total is a difference of probabilities for logistic, in units of y for squared
        if curve <= 0.0 or (S.loss != FL1_SQUARED and fabs(total) <= 1e-15):
            return
        step = total / curve
        if S.loss == FL1_SQUARED:
            shift_intercept(S, step)
            evaluate(S)
            if it == 1:
                return
            continue
        step = min(max(step, -3.0), 3.0)
        before = S.loss_value
        for _half in range(30):
            shift_intercept(S, step)
            evaluate(S)
            # a short step is in the region of quadratic convergence, and its
            # decrease below the rounding of the loss
            if S.loss_value <= before or fabs(step) < 1e-4:
                break
            shift_intercept(S, -step)
            step *= 0.5
        else:
            evaluate(S)
            return
        if fabs(step) <= 1e-13 * (1.0 + fabs(S.b)):
            return


cdef int _small_solve(
    chol_t* F, ptrdiff_t f, const double* A, ptrdiff_t lda, double* x
) noexcept nogil:
    """x <- A^{-1} x for a small symmetric A, dependent rows left at 0."""
    cdef ptrdiff_t i, k
    if chol_reserve(F, max(f, 1)) < 0:
        return -1
    for k in range(f):
        for i in range(F.m):
            F.work[i] = A[F.slot[i] + k * lda]
        chol_append(F, k, F.work, A[k + k * lda], 0.0)
    for i in range(F.m):
        F.work[i] = x[F.slot[i]]
    chol_solve(F, F.work)
    for k in range(f):
        x[k] = 0.0
    for i in range(F.m):
        x[F.slot[i]] = F.work[i]
    return 0


cdef int _free_columns(state_t* S, double* x, double* means) noexcept nogil:
    """The unpenalized columns that v has to be made orthogonal to, into proj; x gets
    their correlations with v, means their means under h.

    A column at its bound whose correlation points outwards is left out: its conjugate
    is finite there.
    """
    cdef ptrdiff_t k, j, f = 0
    cdef double total = S.q.ops.sum(S.n, S.v), c, bound
    for k in range(S.n_alive):
        j = S.alive[k]
        if S.pf[j] == 0.0:
            S.proj[f] = j
            f += 1
    design_xtv(&S.X, S.proj, f, S.v, x, S.n_threads)
    if S.centre:
        design_means(
            &S.X, S.proj, f, S.h, S.q.ops.sum(S.n, S.h), means, S.n_threads
        )
    S.n_proj = 0
    for k in range(f):
        j = S.proj[k]
        c = x[k] - (means[k] * total if S.centre else 0.0)
        bound = S.hi[j] if c > 0.0 else S.lo[j]
        if isfinite(bound) and fabs(bound - S.w[j]) <= 1e-6 * fabs(bound):
            continue
        S.proj[S.n_proj] = j
        x[S.n_proj] = c
        means[S.n_proj] = means[k]
        S.n_proj += 1
    return 0


cdef int _project_free(state_t* S, double* A) noexcept nogil:
    """project_dual with unpenalized columns; A has room for n_free (n_free + 3)."""
    cdef ptrdiff_t i
    cdef double h_sum = S.q.ops.sum(S.n, S.h), total = S.q.ops.sum(S.n, S.v)
    cdef chol_t F
    cdef double* x = A + S.n_free * S.n_free
    cdef double* means = x + S.n_free
    cdef int status
    _free_columns(S, x, means)
    for i in range(S.n):
        S.h_sqrt[i] = sqrt(S.h[i])
        S.n_work[i] = 0.0
    memset(&F, 0, sizeof(chol_t))
    F.ops = S.q.ops
    status = design_gram(
        &S.X, S.proj, 0, S.n_proj, S.h_sqrt, means if S.centre else NULL, h_sum, A,
        S.n_free, S.n_threads
    )
    if status == 0:
        status = _small_solve(&F, S.n_proj, A, S.n_free, x)
    chol_free(&F)
    if status < 0:
        return status
    design_add_xw(&S.X, S.proj, x, S.n_proj, S.n_work, S.n_threads)
    if S.centre and h_sum > 0.0:
        total -= S.q.ops.dot(S.n, S.h, S.n_work)
        for i in range(S.n):
            S.n_work[i] += total / h_sum
    for i in range(S.n):
        S.v[i] -= S.h[i] * S.n_work[i]
    return 0


cdef int project_dual(state_t* S) noexcept nogil:
    """v <- v - h (Z delta) with Z' v = 0, Z = the intercept and the free columns.

    Rows that Z separates reach v = 0 in the limit only, and the projection may push
    them out of the domain of the conjugate: then v and h of rows below a cut become 0,
    which is in the domain.  Where every curvature underflows, or without memory, v
    becomes 0.  Returns 0, or -1 without memory.
    """
    cdef double cut, h_sum
    cdef double* A
    cdef ptrdiff_t i
    cdef int status = 0, step
    S.n_proj = 0
    if S.n_free == 0 and not S.centre:
        return 0
    h_sum = S.q.ops.sum(S.n, S.h)
    if not h_sum > 0.0:
        memset(S.v, 0, S.n * sizeof(double))
        return 0
    if S.n_free == 0:
        S.q.ops.axpy(S.n, -S.q.ops.sum(S.n, S.v) / h_sum, S.h, S.v)
        return 0
    A = <double*> malloc(S.n_free * (S.n_free + 3) * sizeof(double))
    if A == NULL:
        memset(S.v, 0, S.n * sizeof(double))
        return -1
    for step in range(4):
        cut = 0.0 if step == 0 else 1e-12 * 1000.0 ** (step - 1)
        if step > 0:
            S.q.ops.loss_eval[S.loss](S.n, S.y, S.eta, S.s, S.v, S.h)
            for i in range(S.n):
                if fabs(S.v[i]) < cut * S.s[i]:
                    S.v[i] = S.h[i] = 0.0
        status = _project_free(S, A)
        if status < 0 or S.loss == FL1_SQUARED or isfinite(
            S.q.ops.loss_young[S.loss](S.n, S.y, S.eta, S.s, S.v, 1.0)
        ):
            break
    free(A)
    if status < 0:
        memset(S.v, 0, S.n * sizeof(double))
        S.n_proj = 0
    return status
