"""The linear predictor, the loss and the dual point.

eta = X w + b + offset is kept by differences, and summed anew for a certificate.

The intercept and the unpenalized columns Z need Z'v = 0 at a dual point: v' = v - h (Z
delta), with the curvatures h of the loss, meets it exactly and moves v least where the
loss says most.  Rows that this
takes out of the domain of the conjugate stay at its edge, and the others move again.
"""
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy, memset

from fastl1.kernels.design._cholesky cimport chol_free, chol_solve_small, chol_t
from fastl1.kernels.solver._cox cimport cox_gram
from fastl1.kernels.design._design cimport design_add_xw, design_means, design_xtv
from fastl1._ops cimport fl1_range
from fastl1.kernels.design._product cimport design_gram
from fastl1.kernels.design._rows cimport rows_t
from fastl1.kernels.solver._state cimport state_t

cdef enum:
    EDGES = 10           # times rows may turn out to lie beyond the domain's edge
    REFITS = 8           # Newton steps of the free columns, for a dual point of Cox's


cdef double LONGEST = 2e9     # multiplications between two looks for Ctrl-C
cdef double FAR = 1e3        # longest Newton step of an intercept outside a bracket
cdef double SHARP = 0.01     # of the median residual: a delta that makes corners


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


cdef void renew_eta(state_t* S) noexcept nogil:
    """eta from the present coefficients alone: what rounding has added to differences,
    on coefficients that have been far larger say, is gone."""
    cdef ptrdiff_t i, k, j, count = 0
    for k in range(S.m):
        j = S.ws[k]
        S.w_eta[j] = S.w[j]
        if S.w[j] != 0.0:
            S.cols[count] = j
            S.p_work[count] = S.w[j]
            count += 1
    for i in range(S.n):
        S.eta[i] = S.b + (S.offset[i] if S.has_offset else 0.0)
    design_add_xw(&S.X, S.cols, S.p_work, count, S.eta, S.n_threads)
    S.n_column_products += count
    S.travel = 0.0


cdef double loss_at_eta(state_t* S) noexcept nogil:
    """The loss at eta, with v and h (with `keeps_dual` v stays: csrc/losses.inc)."""
    S.loss_param.cox.there = NULL
    S.loss_value = S.q.ops.loss_eval[S.loss](
        &S.loss_param, S.n, S.y, S.eta, S.s, S.v, S.h
    )
    return S.loss_value


cdef void evaluate(state_t* S) noexcept nogil:
    """eta, loss, v and h at the present coefficients."""
    sync_eta(S)
    loss_at_eta(S)


cdef double young_at(state_t* S, const double* v, double kappa) noexcept nogil:
    """Fenchel-Young gap of the loss at eta and the dual point kappa v; at kappa = 0 the
    loss itself."""
    if S.traits.coupled_rows and kappa == 0.0:
        return S.loss_value
    return S.q.ops.loss_young[S.loss](
        &S.loss_param, S.n, S.y, S.eta, S.s, v, kappa
    )


cdef void shift_intercept(state_t* S, double delta) noexcept nogil:
    cdef ptrdiff_t i
    S.b += delta
    for i in range(S.n):
        S.eta[i] += delta


cdef void _move_intercept(state_t* S, double start, double b) noexcept nogil:
    """To the intercept b, from linear predictors in n_work that belong to `start`."""
    cdef ptrdiff_t i
    S.b = b
    for i in range(S.n):
        S.eta[i] = S.n_work[i] + (b - start)
    loss_at_eta(S)


cdef void _root_intercept(state_t* S, double slack) noexcept nogil:
    """The root of sum v, which falls with b, but for a decrease of the loss by slack:
    Newton, kept inside the bracket known.

    Where Newton is slow (an exponential shrinks by e a step) steps double until the
    root is bracketed, then halve the bracket.
    """
    cdef int _
    cdef ptrdiff_t i
    cdef double low = -INFINITY, high = INFINITY, start = S.b, b
    cdef double total, curve, before = INFINITY, size, step = 0.0
    memcpy(S.n_work, S.eta, S.n * sizeof(double))
    for _ in range(300):
        total = S.q.ops.sum(S.n, S.v)
        curve = S.q.ops.sum(S.n, S.h)
        if 0.5 * total * total <= slack * curve:
            return
        size = 0.0
        for i in range(S.n):
            size += fabs(S.v[i])
        if not fabs(total) > 1e-15 * size:
            return
        if total > 0.0:
            low = S.b
        else:
            high = S.b
        b = S.b + total / curve
        if not low < b < high or fabs(b - S.b) > FAR or fabs(total) > 0.3 * before:
            if isfinite(low) and isfinite(high):
                b = 0.5 * (low + high)
            else:
                step = max(2.0 * fabs(step), 1.0)
                b = S.b + (step if total > 0.0 else -step)
        step = b - S.b
        before = fabs(total)
        _move_intercept(S, start, b)
        if fabs(step) <= 1e-15 * (1.0 + fabs(b)):
            return


cdef int _by_value(const void* a, const void* b) noexcept nogil:
    cdef double x = (<const double*> a)[0], y = (<const double*> b)[0]
    return (x > y) - (x < y)


cdef double _row_quantile(state_t* S, const double* x, double q) noexcept nogil:
    """The q-quantile of x (n,) under the weights; NaN without memory."""
    cdef ptrdiff_t i, count = 0
    cdef double total = 0.0, below = 0.0, at = NAN
    cdef double* pairs = <double*> malloc(2 * S.n * sizeof(double))
    if pairs == NULL:
        return NAN
    for i in range(S.n):
        if S.s[i] > 0.0:
            pairs[2 * count], pairs[2 * count + 1] = x[i], S.s[i]
            total += S.s[i]
            count += 1
    qsort(pairs, count, 2 * sizeof(double), &_by_value)
    for i in range(count):
        at = pairs[2 * i]
        below += pairs[2 * i + 1]
        if below >= (1.0 - 1e-15) * q * total:
            break
    free(pairs)
    return at


cdef void _quantile_intercept(state_t* S, double q) noexcept nogil:
    """The intercept that makes 0 the q-quantile of the residuals (left as it is without
    memory)."""
    cdef ptrdiff_t i
    cdef double at
    for i in range(S.n):
        S.n_work[i] = S.y[i] - S.eta[i]
    at = _row_quantile(S, S.n_work, q)
    if isfinite(at):
        shift_intercept(S, at)


cdef inline fl1_range _slopes(const state_t* S) noexcept nogil:
    """The ends of v / s, of a loss where they are the same for every row."""
    return S.q.ops.loss_slopes[S.loss](&S.loss_param, 0.0)


cdef void _corner_dual(state_t* S) noexcept nogil:
    """v: the slopes at eta of a loss that keeps its dual point; rows on the corner but
    for rounding share what is left of sum v = 0."""
    cdef ptrdiff_t i
    cdef double r, total = 0.0, tied = 0.0, t = 0.0
    cdef fl1_range ends = _slopes(S)
    cdef double lo = ends.lo, hi = ends.hi
    for i in range(S.n):
        r = S.y[i] - S.eta[i]
        S.v[i] = S.s[i] * (hi if r > 0.0 else lo)
        if S.loss_param.sharp:
            S.v[i] = S.s[i] * min(max(r, lo), hi)
        if fabs(r) <= 1e-14 * (fabs(S.y[i]) + fabs(S.eta[i])):
            S.v[i] = 0.0
            tied += S.s[i]
        total += S.v[i]
    if S.centre and tied > 0.0:
        t = min(max(-total / tied, lo), hi)
    for i in range(S.n):
        if S.v[i] == 0.0:
            S.v[i] = t * S.s[i]
    loss_at_eta(S)


cdef void fit_intercept(state_t* S, double slack) noexcept nogil:
    """Minimize over the intercept alone, but for a decrease of the loss by about slack;
    leaves the state evaluated."""
    cdef ptrdiff_t i = 0
    cdef int _
    cdef fl1_range ends
    evaluate(S)
    if not S.centre or not S.traits.has_intercept or S.loss_param.sharp:
        return
    if S.traits.dual_is_variable or S.traits.sharpens and S.b == 0.0:
        # where the slopes of the rows balance; of the curved loss a start
        ends = _slopes(S)
        _quantile_intercept(S, ends.hi / (ends.hi - ends.lo))
        evaluate(S)
        if S.traits.dual_is_variable:
            return
    if S.b == 0.0 and S.traits.quadratic:
        # from one residual on: exact for a constant y
        while i < S.n - 1 and S.s[i] == 0.0:
            i += 1
        shift_intercept(S, S.y[i] - S.eta[i])
        evaluate(S)
    if not S.traits.quadratic:
        _root_intercept(S, slack)
        return
    for _ in range(2):
        shift_intercept(S, S.q.ops.sum(S.n, S.v) / S.q.ops.sum(S.n, S.h))
        evaluate(S)


cdef void _sharpen(state_t* S) noexcept nogil:
    """Whether the loss is all corner at the scale of the residuals."""
    cdef ptrdiff_t i
    for i in range(S.n):
        S.n_work[i] = fabs(S.y[i] - S.eta[i])
    if _slopes(S).hi < SHARP * _row_quantile(S, S.n_work, 0.5):
        S.loss_param.sharp = True
        _corner_dual(S)


cdef void fit_null(state_t* S) noexcept nogil:
    """The intercept of the null model and its objective; 0 where it fits every row but
    for rounding."""
    cdef ptrdiff_t i
    cdef double slope = 0.0
    memset(S.v, 0, S.n * sizeof(double))
    S.loss_param.sharp = False
    fit_intercept(S, 0.0)
    if S.traits.dual_is_variable:
        _corner_dual(S)
    S.b_null = S.b
    S.run.null_objective = young_at(S, S.v, 0.0)
    S.curve_null = S.q.ops.sum(S.n, S.h)
    if not S.traits.quadratic:
        for i in range(S.n):
            slope += fabs(S.v[i])
        if slope <= 1e-14 * S.curve_null:
            S.run.null_objective = 0.0
    if not S.curve_null > 0.0:
        S.curve_null = 1.0
    if S.traits.sharpens:
        _sharpen(S)


cdef int gram_in_turns(
    state_t* S, rows_t* rows, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m,
    const double* means, double h_sum, double* G, ptrdiff_t ldg
) noexcept nogil:
    """As design_gram under h_sqrt, so many columns at a time that Ctrl-C is seen; -1
    also where that came (S.interrupted)."""
    cdef ptrdiff_t end, turn = m
    if S.X.blocks and m > 0:
        turn = max(<ptrdiff_t> (LONGEST / (<double> S.n * m)), 16)
    while m0 < m:
        end = min(m, m0 + turn)
        if design_gram(
            &S.X, rows, cols, m0, end, S.h_sqrt, means, h_sum, G, ldg, S.n_threads
        ) < 0 or (end < m and S.poll(S)):
            return -1
        m0 = end
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
    status = gram_in_turns(
        S, NULL, S.proj, 0, S.n_proj, means if S.centre else NULL, h_sum, A, S.n_free
    )
    if status == 0:
        status = chol_solve_small(&F, S.n_proj, A, S.n_free, x)
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


cdef int _refit_free(state_t* S, double* A) noexcept nogil:
    """project_dual for the Cox loss, whose conjugate couples the rows: the dual point
    is the gradient where the free columns are fitted anew, by Newton steps.

    eta is kept; S.there has that other linear predictor, and v and h belong to it.
    """
    cdef chol_t F
    cdef double* x = A + S.n_free * S.n_free
    cdef double value = S.loss_value, size = 0.0, worst, before = INFINITY
    cdef int status = 0, _
    cdef ptrdiff_t k
    memcpy(S.there, S.eta, S.n * sizeof(double))
    for k in range(S.n):
        size += S.v[k] * S.v[k] / S.s[k] if S.s[k] > 0.0 else 0.0
    size = sqrt(size)
    for _ in range(REFITS):
        _free_columns(S, x, x + S.n_free)
        worst = 0.0
        for k in range(S.n_proj):
            worst = max(worst, fabs(x[k]) / S.norm[S.proj[k]])
        if worst <= 1e-14 * size or not worst < 0.5 * before:
            break
        before = worst
        S.m_gram = S.F.m = 0  # of another Hessian
        S.q.ops.cox_freeze(&S.loss_param.cox, S.n, S.there, S.h)
        status = cox_gram(S, S.proj, 0, S.n_proj, 0.0, A, S.n_free)
        if status == 0:
            memset(&F, 0, sizeof(chol_t))
            F.ops = S.q.ops
            status = chol_solve_small(&F, S.n_proj, A, S.n_free, x)
            chol_free(&F)
        if status < 0:
            break
        design_add_xw(&S.X, S.proj, x, S.n_proj, S.there, S.n_threads)
        S.q.ops.loss_eval[S.loss](
            &S.loss_param, S.n, S.y, S.there, S.s, S.v, S.h
        )
    S.loss_param.cox.there = S.there
    S.loss_value = value
    return status


cdef void _balance(ptrdiff_t n, double* v) noexcept nogil:
    """sum v = 0 by scaling the heavier sign, which no domain can object to."""
    cdef ptrdiff_t i
    cdef double above = 0.0, below = 0.0, up, down
    for i in range(n):
        above += max(v[i], 0.0)
        below -= min(v[i], 0.0)
    up = below / above if above > below else 1.0
    down = above / below if below > above else 1.0
    for i in range(n):
        v[i] *= up if v[i] > 0.0 else down


cdef ptrdiff_t centre_dual(state_t* S, double* v, double* h) noexcept nogil:
    """v <- v - h delta with sum v = 0, inside the domain of the conjugate; h becomes 0
    at rows kept at its edge.  Returns how many those are."""
    cdef ptrdiff_t count, moved = 0
    cdef double h_sum
    cdef int _
    for _ in range(EDGES):
        h_sum = S.q.ops.sum(S.n, h)
        if not h_sum > 0.0:
            break
        S.q.ops.axpy(S.n, -S.q.ops.sum(S.n, v) / h_sum, h, v)
        if S.traits.quadratic:
            return 0
        count = S.q.ops.loss_domain[S.loss](&S.loss_param, S.n, S.y, S.s, v, h)
        if count == 0:
            return moved
        moved += count
    _balance(S.n, v)
    return moved + 1


cdef int project_dual(state_t* S) noexcept nogil:
    """v <- v - h (Z delta) with Z' v = 0, Z = the intercept and the free columns.

    Rows at the edge of the conjugate's domain keep their v, and their h becomes 0: rows
    that Z separates reach v = 0 in the limit only.  Where no curvature is left, or
    without memory, v becomes 0.  Returns 0, or -1 without memory.
    """
    cdef double* A
    cdef int status = 0, _
    S.n_proj = 0
    if S.n_free == 0:
        if S.centre and S.traits.has_intercept:  # else the gradient sums to 0
            centre_dual(S, S.v, S.h)
        return 0
    A = <double*> malloc(S.n_free * (S.n_free + 3) * sizeof(double))
    if A == NULL:
        memset(S.v, 0, S.n * sizeof(double))
        return -1
    if S.traits.coupled_rows:
        status = _refit_free(S, A)
        free(A)
        return status
    for _ in range(EDGES):
        if not S.q.ops.sum(S.n, S.h) > 0.0:
            status = 1
            break
        status = _project_free(S, A)
        if status < 0 or S.traits.quadratic:
            break
        status = S.q.ops.loss_domain[S.loss](
            &S.loss_param, S.n, S.y, S.s, S.v, S.h
        ) > 0
        if status == 0:
            break
    free(A)
    if status != 0:
        memset(S.v, 0, S.n * sizeof(double))
        S.n_proj = 0
    return min(status, 0)
