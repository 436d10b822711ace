"""Softmax regression with a penalty per coefficient, by blocks of one class each.

    min_{W,b}  sum_i s_i (log sum_k exp(eta_ik) - eta_i,label)
               + alpha sum_jk pf_j (l1_ratio |w_jk| + (1 - l1_ratio)/2 w_jk^2),
    eta_ik = x_i w_k + b_k + offset_ik,    lower <= w_k <= upper,    sum_i s_i = 1

Prox-Newton with the Hessian of all classes together: its quadratic model is minimized
class after class by the solver of one weighted quadratic (_working.solve_quadratic),
whose curvatures are the diagonal s p_k (1 - p_k) and whose residual carries what the
other classes have moved.  A class costs what a reweighted least-squares problem costs,
and the coupling is exact, so the steps converge quadratically.  A line search makes the
objective fall at every step, from any start.

Adding a constant to the coefficients of a feature in every class changes no
probability; the penalty is least at their median, where the answer is put at the end.
"""
from libc.math cimport INFINITY, NAN, ceil, fabs, isfinite, log, sqrt
from libc.string cimport memcpy

from fastl1.kernels.solver._certificate cimport (
    add_candidates,
    dual_excess,
    gradient_norm,
    locate,
    pass_begin,
    pass_end,
    penalty_value,
    penalty_young,
    scan_outside,
    signed_correlation,
)
from fastl1.kernels.design._design cimport design_means, design_xtv
from fastl1.kernels.design._product cimport design_xtm
from fastl1.kernels.penalty._penalty cimport fl1_augments, fl1_penalty
from fastl1.kernels.softmax._softmax cimport (
    dual_point,
    fit_intercepts,
    multi_t,
    softmax_evaluate,
    softmax_gap,
    softmax_losses,
)
from fastl1.kernels.softmax._model cimport solve_model
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    FAILED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    is_interior_free,
    state_t,
)
from fastl1.kernels.solver._working cimport (
    add_all_columns,
    add_slot,
    choose_regime,
    load_quad,
    penalty_along,
    prune,
)

cdef double INNER = 0.3          # of the gap asked for, on the working set
cdef double SEPARATED = 1e-3     # relative gap of a null model without end; or its loss
cdef double STILL_LONG = 0.1     # a Newton step, in linear predictors
cdef double FIRST = 3e-3         # relative gap on working sets by the strong rule
cdef double MODEL = 0.03         # of the present gap, on the quadratic model
cdef double COARSE_TOL = 1e-3    # relative gap along a coarse path
cdef int COARSE_ITER = 2
cdef int PATIENCE = 10           # outer iterations without a lower gap
cdef double SHARE = 0.1          # of the model's decrease, that a last cycle gains


# ---- the gap

cdef double _gap_at(multi_t* M, bint outside) noexcept nogil:
    """Duality gap (absolute) at the dual direction V; as _certificate.gap_at."""
    cdef ptrdiff_t k
    cdef const fl1_penalty* pen = &M.block[0].pen
    cdef double ratio = 1.0, best = INFINITY, total
    if pen.l1 > 0.0:
        for k in range(M.K):
            ratio = max(ratio, dual_excess(&M.block[k], outside))
        best = softmax_gap(M, 1.0 / ratio)
        for k in range(M.K):
            best += penalty_young(&M.block[k], 1.0 / ratio, True, outside)
    if not fl1_augments(pen):
        total = softmax_gap(M, 1.0)
        for k in range(M.K):
            total += penalty_young(&M.block[k], 1.0, False, outside)
        best = min(best, total)
    if outside:  # the dual point 0 bounds the objective by 0
        total = M.loss_value
        for k in range(M.K):
            total += penalty_value(&M.block[k])
        best = min(best, total)
    return best


cdef double _gradient_norm(multi_t* M) noexcept nogil:
    cdef ptrdiff_t k
    cdef double worst = 0.0
    for k in range(M.K):
        worst = max(worst, gradient_norm(&M.block[k]))
    return worst


cdef double _relative_gap(multi_t* M, double alpha) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(M.K):
        load_quad(&M.block[k], alpha)
    if alpha == 0.0:
        return _gradient_norm(M)
    return max(_gap_at(M, True) / M.null_objective, 0.0)


cdef int _measure(multi_t* M) noexcept nogil:
    """The dual point, the correlations of the slots, and what screening knows."""
    cdef ptrdiff_t k
    cdef state_t* B
    cdef int status = 0
    cdef bint moved = M.keep_intercept and M.block[0].centre
    softmax_evaluate(M)
    if moved:  # the dual point belongs to the best intercepts, the objective does not
        for k in range(M.K):
            M.db[k] = M.block[k].b
    if fit_intercepts(M) < 0:
        status = NO_MEMORY
    if dual_point(M) < 0:
        status = NO_MEMORY
    if moved:
        memcpy(M.D, M.V, M.n * M.K * sizeof(double))
        _set_intercepts(M)
        softmax_losses(M)
        memcpy(M.V, M.D, M.n * M.K * sizeof(double))
    for k in range(M.K):
        B = &M.block[k]
        design_xtv(&B.X, B.ws, B.m, B.v, B.q.c, B.n_threads)
        B.n_column_products += B.m
        locate(B)
    return status


cdef void _set_intercepts(multi_t* M) noexcept nogil:
    """Intercepts to db, eta with them."""
    cdef ptrdiff_t i, k
    cdef double move
    for k in range(M.K):
        move = M.db[k] - M.block[k].b
        M.block[k].b = M.db[k]
        for i in range(M.n):
            M.eta[i + k * M.n] += move


cdef int _pass(multi_t* M, const bint* wanted) noexcept nogil:
    """Correlations of all columns with V, for the classes that want them (NULL: all),
    as one matrix product.  0 or NO_MEMORY."""
    cdef ptrdiff_t k, count = 0, p = M.block[0].p
    cdef const double* V = M.V
    for k in range(M.K):
        count += wanted == NULL or wanted[k]
    if count == 0:
        return 0
    if count < M.K:
        count = 0
        for k in range(M.K):
            if wanted[k]:
                memcpy(M.Y + count * M.n, M.V + k * M.n, M.n * sizeof(double))
                count += 1
        V = M.Y
    if design_xtm(
        &M.block[0].X, NULL, p, V, count, M.products, M.n_threads
    ) < 0:
        return NO_MEMORY
    count = 0
    for k in range(M.K):
        if wanted == NULL or wanted[k]:
            memcpy(
                pass_begin(&M.block[k]), M.products + count * p, p * sizeof(double)
            )
            pass_end(&M.block[k])
            count += 1
    return 0


cdef ptrdiff_t _scan(multi_t* M, bint exact) noexcept nogil:
    """Columns outside the working sets that may exceed their limit; their number, or
    NO_MEMORY."""
    cdef ptrdiff_t k, count = 0
    for k in range(M.K):
        M.wanted[k] = scan_outside(&M.block[k], exact)
    if _pass(M, M.wanted) < 0:
        return NO_MEMORY
    for k in range(M.K):
        count += M.block[k].n_cand
    return count


# ---- prox-Newton on the working sets

cdef double _working_gap(multi_t* M) noexcept nogil:
    """About the duality gap on the working sets at the present point: intercepts and
    unpenalized columns count with the decrease that their gradient promises."""
    cdef ptrdiff_t k, a
    cdef double free_part = 0.0, total, norm
    cdef state_t* B
    if M.block[0].run.alpha_now == 0.0:
        return _gradient_norm(M)
    for k in range(M.K):
        B = &M.block[k]
        for a in range(B.m):
            if is_interior_free(B, a):
                norm = B.norm[B.ws[a]]
                free_part += 0.5 * B.q.c[a] * B.q.c[a] / (norm * norm * M.h_sum[k])
        if B.centre:
            total = M.v_sum[k]
            free_part += 0.5 * total * total / M.h_sum[k]
    return free_part + _gap_at(M, False)


cdef double _l1_value(const state_t* B) noexcept nogil:
    cdef ptrdiff_t a
    cdef double total = 0.0
    for a in range(B.m):
        total += B.q.lam1[a] * fabs(B.q.w[a])
    return total


cdef void _curvatures(multi_t* M, double alpha) noexcept nogil:
    """Curvatures, correlations and means of every class at P and V."""
    cdef ptrdiff_t i, k, a
    cdef double l1 = 0.0
    cdef state_t* B
    cdef const double* p
    for k in range(M.K):
        load_quad(&M.block[k], alpha)
        M.block[k].q.elsewhere = -_l1_value(&M.block[k])
        l1 -= M.block[k].q.elsewhere
    for k in range(M.K):
        B = &M.block[k]
        B.q.elsewhere += l1
        p = M.P + k * M.n
        B.q.augmented = fl1_augments(&B.pen)
        B.m_gram = B.F.m = 0
        for i in range(M.n):  # saturated samples keep the quadratic bounded
            B.h[i] = B.s[i] * max(p[i] * (1.0 - p[i]), 1e-10)
        for i in range(M.n):
            B.h_sqrt[i] = sqrt(B.h[i])
        M.h_sum[k] = M.ops.sum(M.n, B.h)
        M.v_sum[k] = M.ops.sum(M.n, B.v)
        design_xtv(&B.X, B.ws, B.m, B.v, B.q.c, B.n_threads)
        B.n_column_products += B.m
        for a in range(B.m):  # a guess, until the regime knows
            B.q.diag[a] = B.norm[B.ws[a]] ** 2 * M.h_sum[k]
        if B.centre:
            design_means(
                &B.X, B.ws, B.m, B.h, M.h_sum[k], B.hmean, B.n_threads
            )
            for a in range(B.m):
                B.q.c[a] -= B.hmean[a] * M.v_sum[k]


cdef bint _line_search(multi_t* M) noexcept nogil:
    """Move to the model's solution as far as the objective goes down."""
    cdef ptrdiff_t k, a, j
    cdef double t = 1.0, done = 0.0, pen0 = 0.0, pen1 = 0.0, pen_t, w
    cdef double slope, start
    cdef state_t* B
    cdef int _half
    for k in range(M.K):
        B = &M.block[k]
        pen0 = penalty_along(B, 0.0, pen0)
        pen1 = B.q.row.value(&B.q, B.q.w, pen1)
    slope = pen1 - pen0
    for k in range(M.K):
        slope -= M.ops.dot(M.n, M.V + k * M.n, M.D + k * M.n)
    if not isfinite(slope):
        return False
    start = M.loss_value + pen0
    for _half in range(30):
        for k in range(M.K):
            M.ops.axpy(M.n, t - done, M.D + k * M.n, M.eta + k * M.n)
        done = t
        softmax_losses(M)
        pen_t = pen1
        if t < 1.0:
            pen_t = 0.0
            for k in range(M.K):
                pen_t = penalty_along(&M.block[k], t, pen_t)
        if M.loss_value + pen_t <= start + 1e-4 * t * slope + 1e-15 * start:
            break
        t *= 0.5
    else:
        for k in range(M.K):
            M.ops.axpy(M.n, -done, M.D + k * M.n, M.eta + k * M.n)
        softmax_losses(M)
        return False
    for k in range(M.K):
        B = &M.block[k]
        for a in range(B.m):
            j = B.ws[a]
            w = B.q.w[a] if t == 1.0 else B.w[j] + t * (B.q.w[a] - B.w[j])
            B.w[j] = w
            B.w_eta[j] = w
        B.b += t * M.db[k]
    return True


cdef int _solve_newton(
    multi_t* M, double alpha, double tol, int rounds
) noexcept nogil:
    """Minimize over the working sets to a gap of about tol (absolute; relative gradient
    at alpha = 0).

    Returns 0, 1 (rounds used up, interrupted, or no progress) or NO_MEMORY.
    """
    cdef int it
    cdef ptrdiff_t k
    cdef int stalled = 0
    cdef double gap, before = INFINITY, least = INFINITY, share
    softmax_evaluate(M)
    for k in range(M.K):
        choose_regime(&M.block[k])
    for it in range(rounds):
        if M.block[0].poll(&M.block[0]):
            return 1
        _curvatures(M, alpha)
        gap = _working_gap(M)
        if gap <= tol:
            return 0
        if gap >= before and it > 3 and gap <= 10.0 * tol:
            return 1
        stalled = 0 if gap < 0.99 * least else stalled + 1
        if stalled > PATIENCE:
            return 1
        least = min(least, gap)
        before = gap
        M.n_newton += 1
        share = min(SHARE, gap / M.null_objective)
        # at alpha = 0 the gap is that of the gradient, which the model does not know
        if solve_model(M, MODEL * gap if alpha > 0.0 else 0.0, share) < 0:
            return NO_MEMORY
        if M.interrupted or not _line_search(M):
            return 1
    return 1


# ---- the driver

cdef ptrdiff_t _support(const state_t* B) noexcept nogil:
    cdef ptrdiff_t a, count = 0
    for a in range(B.m):
        count += B.w[B.ws[a]] != 0.0
    return count


cdef ptrdiff_t _add(multi_t* M, double limit) noexcept nogil:
    """Candidates beyond limit * pf into the working sets, so many at a time; how many
    entered, or NO_MEMORY."""
    cdef ptrdiff_t k, count = 0
    cdef state_t* B
    for k in range(M.K):
        B = &M.block[k]
        count -= B.m
        if add_candidates(
            B, limit, max(B.grow_min, <ptrdiff_t> (B.grow * _support(B)))
        ) < 0:
            return NO_MEMORY
        count += B.m
    return count


cdef void _prune(multi_t* M, double limit) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(M.K):
        if M.block[k].m > 1.5 * _support(&M.block[k]) + 20:
            prune(&M.block[k], limit)


cdef int _add_all(multi_t* M) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(M.K):
        if add_all_columns(&M.block[k]) < 0:
            return NO_MEMORY
    return 0


cdef bint _runs_off(const multi_t* M) noexcept nogil:
    """Whether a Newton step along the last direction of the unpenalized block is still
    long where the gradient has vanished, and no bound holds it.  Exact curvatures tell:
    those of the quadratic do not fall below a floor, and its steps end there."""
    cdef ptrdiff_t i, k, a, at
    cdef double slope = 0.0, curve = 0.0, longest = 0.0, mean, d
    cdef const state_t* B
    for k in range(M.K):
        B = &M.block[k]
        for a in range(B.m):
            if not B.lo[B.ws[a]] < B.w[B.ws[a]] < B.hi[B.ws[a]]:
                return False
    for i in range(M.n):
        mean = 0.0
        for k in range(M.K):
            mean += M.P[k * M.n + i] * M.D[k * M.n + i]
        for k in range(M.K):
            at = k * M.n + i
            d = M.D[at] - mean
            slope += M.V[at] * M.D[at]
            curve += M.block[k].s[i] * M.P[at] * d * d
            longest = max(longest, fabs(d))
    return slope * longest > STILL_LONG * curve


cdef int multi_null_model(multi_t* M) noexcept nogil:
    """Objective at W = 0, the fit of the unpenalized block, and alpha_max; FAILED where
    that block separates the classes, so that there is no fit."""
    cdef ptrdiff_t k, a, j
    cdef state_t* B
    cdef const double* c
    cdef double c_null = 0.0
    cdef bint endless = False
    softmax_evaluate(M)
    if fit_intercepts(M) < 0 or dual_point(M) < 0:
        return NO_MEMORY
    M.null_objective = M.loss_value
    for k in range(M.K):
        locate(&M.block[k])
    if _pass(M, NULL) < 0:
        return NO_MEMORY
    for k in range(M.K):
        B = &M.block[k]
        for a in range(B.n_alive):
            c_null = max(c_null, fabs(B.cache.c[B.alive[a]]))
    for k in range(M.K):
        M.block[k].c_null = c_null
        M.block[k].cache.slack = 1e-15 * M.block[k].r2
    if M.block[0].n_free:
        for k in range(M.K):
            B = &M.block[k]
            B.run.alpha_now = 0.0
            for a in range(B.n_alive):
                if B.pf[B.alive[a]] == 0.0 and add_slot(B, B.alive[a]) < 0:
                    return NO_MEMORY
        if _solve_newton(M, 0.0, 1e-12, 50) < 0:
            return NO_MEMORY
        softmax_evaluate(M)
        endless = M.n_newton > 0 and _runs_off(M)
        if fit_intercepts(M) < 0 or dual_point(M) < 0:
            return NO_MEMORY
        if _pass(M, NULL) < 0:
            return NO_MEMORY
    M.alpha_max = 0.0
    for k in range(M.K):
        B = &M.block[k]
        c = B.cache.c + (B.cache.count - 1) * B.p
        for a in range(B.n_alive):
            j = B.alive[a]
            if B.pf[j] > 0.0:
                M.alpha_max = max(
                    M.alpha_max, signed_correlation(B, j, c[j]) / B.pf[j]
                )
    B = &M.block[0]
    M.alpha_max = M.alpha_max / B.pen.l1 if B.pen.l1 > 0.0 else NAN
    M.alpha_prev = INFINITY
    if B.n_free and M.alpha_max > 0.0:
        for k in range(M.K):
            M.block[k].run.alpha_now = M.alpha_max
            load_quad(&M.block[k], M.alpha_max)
        if _measure(M) < 0 or _scan(M, True) < 0:
            return NO_MEMORY
        if (
            endless
            or M.loss_value < SEPARATED ** 3 * M.null_objective
            or not _relative_gap(M, M.alpha_max) < SEPARATED
        ):
            return FAILED
    return CONVERGED


cdef int _solve_at(multi_t* M, double alpha, double tol, int max_iter) noexcept nogil:
    """Solve at alpha; stops when M.n_iter, counted on, reaches max_iter."""
    cdef int stalled = 0
    cdef ptrdiff_t k, count
    cdef double gap = INFINITY, least = INFINITY, limit = alpha, inner, tighten = 1.0
    cdef double l1_ratio = M.block[0].pen.l1
    cdef bint smooth = alpha == 0.0 or l1_ratio == 0.0
    # the coefficients may be the answer as they are: given, or 0 from alpha_max on
    cdef bint expected = M.restarted or alpha >= M.alpha_max
    for k in range(M.K):
        M.block[k].run.alpha_now = alpha
        M.block[k].sweep_work = 0.0
    if smooth and _add_all(M) < 0:
        return NO_MEMORY
    if _measure(M) < 0:
        return NO_MEMORY
    for k in range(M.K):
        load_quad(&M.block[k], alpha)
    count = _scan(M, expected)
    if count < 0:
        return NO_MEMORY
    if count == 0 or expected:
        M.gap = gap = _relative_gap(M, alpha)
        if gap <= tol:
            M.restarted = False
            return CONVERGED
    if not M.restarted:  # the strong rule
        limit = max(alpha, 2.0 * alpha - min(M.alpha_prev, M.alpha_max))
    M.restarted = False
    if not smooth:
        _prune(M, limit * l1_ratio)
        if _add(M, limit * l1_ratio) < 0:
            return NO_MEMORY
    while M.n_iter < max_iter and stalled < PATIENCE:
        M.n_iter += 1
        if M.block[0].poll(&M.block[0]):
            return INTERRUPTED
        inner = INNER * tol
        if alpha > 0.0:
            # what is missing outside of the working sets limits what they are worth
            inner = max(inner, 0.03 * gap if isfinite(gap) else FIRST)
            inner *= M.null_objective
        inner *= tighten
        if _solve_newton(M, alpha, inner, 100) < 0:
            return NO_MEMORY
        if M.interrupted:
            return INTERRUPTED
        if _measure(M) < 0:
            return NO_MEMORY
        count = _scan(M, True)
        if count < 0:
            return NO_MEMORY
        M.gap = gap = _relative_gap(M, alpha)
        if not gap >= 0.0:
            return FAILED
        if gap <= tol:
            return CONVERGED
        if not smooth:
            _prune(M, 0.9 * l1_ratio * alpha)
        stalled = 0 if gap < 0.99 * least else stalled + 1
        least = min(least, gap)
        count = _add(M, l1_ratio * alpha)
        if count < 0:
            return NO_MEMORY
        if count == 0:  # the working sets are right, their solution is not
            tighten *= 0.1
    return MAX_ITER


cdef double _best_shift(multi_t* M, ptrdiff_t j) noexcept nogil:
    """The constant whose subtraction from feature j's coefficients makes the penalty
    least: their median for l1, their mean without a penalty, between with both."""
    cdef double* x = M.t
    cdef ptrdiff_t k, a, K = M.K
    cdef state_t* B = &M.block[0]
    cdef double lam1 = B.run.alpha_now * B.pen.l1 * B.pf[j]
    cdef double lam2 = B.run.alpha_now * B.pen.l2 * B.pf[j]
    cdef double value, total = 0.0, shift = 0.0, slope, low = -INFINITY, high = INFINITY
    for k in range(K):  # sorted
        value = M.block[k].w[j]
        total += value
        a = k
        while a > 0 and x[a - 1] > value:
            x[a] = x[a - 1]
            a -= 1
        x[a] = value
    if lam1 == 0.0:
        shift = total / K
    elif lam2 == 0.0:
        shift = min(max(0.0, x[(K - 1) // 2]), x[K // 2])
    else:
        for a in range(K):
            slope = lam1 * (2 * a - K) + lam2 * (K * x[a] - total)
            if slope >= 0.0:  # between the last value and this one
                shift = x[a] - slope / (lam2 * K)
                break
            shift = x[a]
            if slope + 2.0 * lam1 >= 0.0:
                break
            shift = x[a] - (slope + 2.0 * lam1) / (lam2 * K)
    low = x[K - 1] - B.hi[j]
    high = x[0] - B.lo[j]
    shift = min(max(shift, low), high)
    return shift if fabs(shift) > 1e-15 * max(fabs(x[0]), fabs(x[K - 1])) else 0.0


cdef int _normalize(multi_t* M) noexcept nogil:
    """Shift every feature's coefficients to where the penalty is least."""
    cdef ptrdiff_t k, a, j, c, size
    cdef double shift
    cdef state_t* B
    cdef bint seen
    for k in range(M.K):
        size = M.block[k].m
        for a in range(size):
            j = M.block[k].ws[a]
            seen = M.block[k].w[j] == 0.0
            for c in range(k):
                seen = seen or M.block[c].w[j] != 0.0
            if seen:
                continue
            shift = _best_shift(M, j)
            if shift == 0.0:
                continue
            for c in range(M.K):
                B = &M.block[c]
                if add_slot(B, j) < 0:
                    return NO_MEMORY
                B.w[j] -= shift
                B.w_eta[j] = B.w[j]  # eta, up to a constant a row
    return 0


cdef int multi_solve(multi_t* M, double alpha, double tol, int max_iter) noexcept nogil:
    """Solve at alpha from where the state stands; far jumps go by way of a coarse
    path."""
    cdef double start, mid, far = M.block[0].run.far
    cdef int steps, k, status
    M.n_iter = 0
    M.keep_intercept = False
    start = alpha if M.restarted else min(M.alpha_prev, M.alpha_max)
    if M.block[0].pen.l1 > 0.0 and 0.0 < alpha < far * start:
        steps = <int> ceil(log(start / alpha) / -log(far))
        if COARSE_ITER * steps > max_iter:
            steps = 0
        for k in range(1, steps):
            mid = start * (alpha / start) ** (<double> k / steps)
            status = _solve_at(
                M, mid, max(tol, COARSE_TOL), M.n_iter + COARSE_ITER
            )
            if status != CONVERGED and status != MAX_ITER:
                return status
            M.alpha_prev = mid
    status = _solve_at(M, alpha, tol, max_iter)
    if status == CONVERGED or status == MAX_ITER:
        M.alpha_prev = alpha
        if _normalize(M) < 0:
            return NO_MEMORY
    return status


cdef double multi_certify(multi_t* M, double alpha) noexcept nogil:
    """Relative gap of the present coefficients and intercepts, recomputed in full;
    negative without memory."""
    cdef ptrdiff_t k
    M.keep_intercept = True
    for k in range(M.K):
        M.block[k].run.alpha_now = alpha
    if alpha == 0.0 and _add_all(M) < 0:
        return -1.0
    for k in range(M.K):
        load_quad(&M.block[k], alpha)
    if _measure(M) < 0 or _scan(M, True) < 0:
        return -1.0
    M.gap = _relative_gap(M, alpha)
    return M.gap


cdef double multi_objective(multi_t* M, double alpha) noexcept nogil:
    """Objective at the present coefficients and intercepts."""
    cdef ptrdiff_t k
    cdef double total
    softmax_evaluate(M)
    total = M.loss_value
    for k in range(M.K):
        load_quad(&M.block[k], alpha)
        total += penalty_value(&M.block[k])
    return total
