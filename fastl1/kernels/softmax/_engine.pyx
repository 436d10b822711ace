"""The engine of softmax regression with a penalty per coefficient: blocks of one class.

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
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.string cimport memcpy

from fastl1.kernels.solver._certificate cimport (
    add_candidates,
    dual_excess,
    gradient_norm,
    gradient_tolerance,
    locate,
    penalty_value,
    penalty_young,
    scan_outside,
    signed_correlation,
    take_products,
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
    softmax_renew,
)
from fastl1.kernels.softmax._model cimport solve_model
from fastl1.kernels.solver._engine cimport engine_t, run_t
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    INTERRUPTED,
    NO_MEMORY,
    WANTS_PASS,
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

cdef double SEPARATED = 1e-3     # relative gap of a null model without end; or its loss
cdef double STILL_LONG = 0.1     # a Newton step, in linear predictors
cdef double LOOSE = 0.03         # of the least gap of all columns, is enough ...
cdef double FIRST = 3e-3         # ... on working sets by the strong rule
cdef double MODEL = 0.03         # of the present gap, on the quadratic model
cdef int PATIENCE = 10           # Newton steps without a lower gap
cdef double SHARE = 0.1          # of the model's decrease, that a last cycle gains


# ---- the gap

cdef double _primal_value(const multi_t* M) noexcept nogil:
    """Objective of the loaded coefficients."""
    cdef ptrdiff_t k
    cdef double total = M.loss_value
    for k in range(M.K):
        total += penalty_value(&M.block[k])
    return total


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
        best = min(best, _primal_value(M))
    return best


cdef double _gradient_norm(multi_t* M) noexcept nogil:
    cdef ptrdiff_t k
    cdef double worst = 0.0
    for k in range(M.K):
        worst = max(worst, gradient_norm(&M.block[k]))
    return worst


cdef double _relative_gap(multi_t* M) noexcept nogil:
    _load(M)
    if M.run.alpha_now == 0.0:
        return _gradient_norm(M)
    return max(_gap_at(M, True) / M.run.null_objective, 0.0)


cdef void _load(multi_t* M) noexcept nogil:
    """The quadratics of all classes at the present alpha."""
    cdef ptrdiff_t k
    for k in range(M.K):
        M.block[k].run.alpha_now = M.run.alpha_now
        load_quad(&M.block[k], M.run.alpha_now)


cdef void _correlate(multi_t* M) noexcept nogil:
    """The correlations of the slots with V, and what screening knows of it."""
    cdef ptrdiff_t k
    cdef state_t* B
    for k in range(M.K):
        B = &M.block[k]
        design_xtv(&B.X, B.ws, B.m, B.v, B.q.c, B.n_threads)
        B.n_column_products += B.m
        locate(B)


cdef int _measure(run_t* R) noexcept nogil:
    """The dual point, the correlations of the slots, and what screening knows."""
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k
    cdef int status = 0
    cdef bint moved = M.keep_intercept and M.block[0].centre
    softmax_renew(M)
    if moved:  # the dual point belongs to the best intercepts, the objective does not
        for k in range(M.K):
            M.db[k] = M.block[k].b
    if fit_intercepts(M) < 0:
        status = NO_MEMORY
    if dual_point(M) < 0:
        status = NO_MEMORY
    if moved:
        memcpy(M.D, M.V, M.n * M.K * sizeof(double))
        for k in range(M.K):
            M.block[k].b = M.db[k]
        softmax_renew(M)
        memcpy(M.V, M.D, M.n * M.K * sizeof(double))
    _correlate(M)
    return status


# ---- passes over X

cdef void _want_all(multi_t* M) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(M.K):
        M.wanted[k] = True


cdef int _scan(run_t* R, bint exact) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k
    cdef bint wants = False
    R.n_outside = 0
    for k in range(M.K):
        M.wanted[k] = scan_outside(&M.block[k], exact)
        wants = wants or M.wanted[k]
        R.n_outside += M.block[k].n_cand
    return WANTS_PASS if wants else 0


cdef int _full_pass(run_t* R) noexcept nogil:
    """All classes that want it, as one matrix product."""
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k, count = 0, p = M.block[0].p
    cdef state_t* B
    for k in range(M.K):
        if M.wanted[k]:
            memcpy(M.Y + count * M.n, M.V + k * M.n, M.n * sizeof(double))
            count += 1
    if design_xtm(&M.block[0].X, NULL, p, M.Y, count, M.products, M.n_threads) < 0:
        return NO_MEMORY
    count = 0
    for k in range(M.K):
        if M.wanted[k]:
            B = &M.block[k]
            take_products(B, M.products + count * p, &B.X)
            count += 1
    return 0


# ---- prox-Newton on the working sets

cdef double _working_gap(multi_t* M) noexcept nogil:
    """About the duality gap on the working sets at the present point: intercepts and
    unpenalized columns count with the decrease that their gradient promises."""
    cdef ptrdiff_t k, a
    cdef double free_part = 0.0, total, norm
    cdef state_t* B
    if M.run.alpha_now == 0.0:
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


cdef void _curvatures(multi_t* M) noexcept nogil:
    """Curvatures, correlations and means of every class at P and V."""
    cdef ptrdiff_t i, k, a
    cdef double l1 = 0.0
    cdef state_t* B
    cdef const double* p
    _load(M)
    for k in range(M.K):
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


cdef int _solve_newton(multi_t* M, double tol, int rounds) noexcept nogil:
    """Minimize over the working sets to a gap of about tol (absolute; relative gradient
    at alpha = 0).

    Returns 0, 1 (rounds used up, interrupted, or no progress) or NO_MEMORY.
    """
    cdef int it
    cdef ptrdiff_t k
    cdef int stalled = 0
    cdef double gap, before = INFINITY, least = INFINITY, share
    _load(M)
    softmax_evaluate(M)
    for k in range(M.K):
        choose_regime(&M.block[k])
    for it in range(rounds):
        if M.block[0].poll(&M.block[0]):
            return 1
        _curvatures(M)
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
        share = min(SHARE, gap / M.run.null_objective)
        # at alpha = 0 the gap is that of the gradient, which the model does not know
        if solve_model(M, MODEL * gap if M.run.alpha_now > 0.0 else 0.0, share) < 0:
            return NO_MEMORY
        if M.interrupted or not _line_search(M):
            return 1
    return 1


# ---- the null model

cdef int _fit_null(run_t* R) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k
    R.selects, R.far = M.block[0].run.selects, M.block[0].run.far
    R.coarse_iter = M.block[0].run.coarse_iter
    softmax_evaluate(M)
    if fit_intercepts(M) < 0 or dual_point(M) < 0:
        return NO_MEMORY
    R.null_objective = M.loss_value
    for k in range(M.K):
        locate(&M.block[k])
    _want_all(M)
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


cdef int _fit_free(run_t* R) noexcept nogil:
    """The scale of correlations; the unpenalized block and its dual point."""
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k, a
    cdef state_t* B
    cdef double c_null = 0.0
    for k in range(M.K):
        B = &M.block[k]
        for a in range(B.n_alive):
            c_null = max(c_null, fabs(B.cache.c[B.alive[a]]))
    for k in range(M.K):
        B = &M.block[k]
        B.c_null = c_null
        B.cache.slack = 1e-15 * B.r2
        for a in range(B.n_alive if B.n_free else 0):
            if B.pf[B.alive[a]] == 0.0 and add_slot(B, B.alive[a]) < 0:
                return NO_MEMORY
    if M.block[0].n_free == 0:
        return CONVERGED
    if _solve_newton(M, 1e-12, 50) < 0:
        return NO_MEMORY
    softmax_renew(M)
    R.separated = M.n_newton > 0 and _runs_off(M)
    if fit_intercepts(M) < 0 or dual_point(M) < 0:
        return NO_MEMORY
    _want_all(M)
    return WANTS_PASS


cdef double _find_alpha_max(run_t* R) noexcept nogil:
    """Also whether the unpenalized block separates the classes, so that there is no
    fit: then it is not certified at alpha_max."""
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k, a, j
    cdef const state_t* B
    cdef const double* c
    cdef double most = 0.0
    for k in range(M.K):
        B = &M.block[k]
        c = B.cache.c + (B.cache.count - 1) * B.p
        for a in range(B.n_alive):
            j = B.alive[a]
            if B.pf[j] > 0.0:
                most = max(most, signed_correlation(B, j, c[j]) / B.pf[j])
    if not R.selects:
        return NAN
    most /= M.block[0].pen.l1
    if M.block[0].n_free and most > 0.0:
        R.alpha_now = most
        _correlate(M)
        R.separated = (
            R.separated or M.loss_value < SEPARATED ** 3 * R.null_objective
            or not _relative_gap(M) < SEPARATED
        )
    return most


cdef void _clear_coef(run_t* R) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k, a
    cdef state_t* B
    for k in range(M.K):
        B = &M.block[k]
        B.b = 0.0
        for a in range(B.m):
            B.w[B.ws[a]] = 0.0
    softmax_renew(M)
    fit_intercepts(M)


# ---- a solve

cdef void _start(run_t* R) noexcept nogil:
    (<multi_t*> R).keep_intercept = False


cdef int _enter(run_t* R) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k
    for k in range(M.K):
        M.block[k].sweep_work = 0.0
    _load(M)
    return _measure(R)


cdef bint _trusts_set(run_t* R) noexcept nogil:
    return False


cdef int _minimize(run_t* R, double tol) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    if _solve_newton(M, tol, 100) < 0:
        return NO_MEMORY
    return INTERRUPTED if M.interrupted else 0


cdef double _gradient_tolerance(run_t* R) noexcept nogil:
    return gradient_tolerance((<multi_t*> R).block, R.tol_now)


cdef double _enough(run_t* R, double least) noexcept nogil:
    """Tightened with the loop's own tolerance: with unpenalized columns the gap on the
    working sets may be far below that of all columns."""
    return R.tighten * (LOOSE * least if isfinite(least) else FIRST)


cdef double _find_gap(run_t* R) noexcept nogil:
    return _relative_gap(<multi_t*> R)


cdef ptrdiff_t _nonzero(const state_t* B) noexcept nogil:
    cdef ptrdiff_t a, count = 0
    for a in range(B.m):
        count += B.w[B.ws[a]] != 0.0
    return count


cdef ptrdiff_t _support(const run_t* R) noexcept nogil:
    cdef const multi_t* M = <const multi_t*> R
    cdef ptrdiff_t k, count = 0
    for k in range(M.K):
        count += _nonzero(&M.block[k])
    return count


cdef void _prune(run_t* R, double limit) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k
    cdef state_t* B
    for k in range(M.K):
        B = &M.block[k]
        if B.m > 1.5 * _nonzero(B) + 20:
            prune(B, B.pen.l1 * limit)


cdef ptrdiff_t _add(run_t* R, double limit) noexcept nogil:
    """To each class a share of its support at most."""
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k, count = 0
    cdef state_t* B
    for k in range(M.K):
        B = &M.block[k]
        count -= B.m
        if add_candidates(
            B, B.pen.l1 * limit,
            max(B.grow_min, <ptrdiff_t> (B.grow * _nonzero(B)))
        ) < 0:
            return NO_MEMORY
        count += B.m
    return count


cdef int _add_all(run_t* R) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k
    for k in range(M.K):
        if add_all_columns(&M.block[k]) < 0:
            return NO_MEMORY
    return 0


cdef void _hold(run_t* R) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    M.keep_intercept = True
    _load(M)


cdef bint _poll(run_t* R) noexcept nogil:
    cdef multi_t* M = <multi_t*> R
    return M.block[0].poll(M.block)


cdef double _best_shift(multi_t* M, ptrdiff_t j) noexcept nogil:
    """The constant whose subtraction from feature j's coefficients makes the penalty
    least: their median for l1, their mean without a penalty, between with both."""
    cdef double* x = M.t
    cdef ptrdiff_t k, a, K = M.K
    cdef state_t* B = &M.block[0]
    cdef double lam1 = M.run.alpha_now * B.pen.l1 * B.pf[j]
    cdef double lam2 = M.run.alpha_now * B.pen.l2 * B.pf[j]
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


cdef int _settle(run_t* R) noexcept nogil:
    """Shift every feature's coefficients to where the penalty is least; 0 where they
    are worse."""
    cdef multi_t* M = <multi_t*> R
    cdef ptrdiff_t k, a, j, c, size
    cdef double shift
    cdef state_t* B
    cdef bint seen
    if not R.gap <= R.tol_goal and R.alpha_goal > 0.0:
        R.alpha_now = R.alpha_goal
        _load(M)
        if not _primal_value(M) <= R.null_objective:
            _clear_coef(R)
            R.restarted = True
            R.gap = 1.0  # by the dual point 0
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


cdef double multi_objective(multi_t* M, double alpha) noexcept nogil:
    """Objective at the present coefficients and intercepts."""
    cdef ptrdiff_t k
    softmax_renew(M)
    for k in range(M.K):
        load_quad(&M.block[k], alpha)
    return _primal_value(M)


cdef engine_t ENGINE

ENGINE.fit_null = _fit_null
ENGINE.fit_free = _fit_free
ENGINE.find_alpha_max = _find_alpha_max
ENGINE.clear_coef = _clear_coef
ENGINE.start = _start
ENGINE.enter = _enter
ENGINE.trusts_set = _trusts_set
ENGINE.minimize = _minimize
ENGINE.gradient_tolerance = _gradient_tolerance
ENGINE.enough = _enough
ENGINE.measure = _measure
ENGINE.scan = _scan
ENGINE.find_gap = _find_gap
ENGINE.prune = _prune
ENGINE.add = _add
ENGINE.add_all = _add_all
ENGINE.settle = _settle
ENGINE.hold = _hold
ENGINE.support = _support
ENGINE.poll = _poll
ENGINE.full_pass = _full_pass


cdef const engine_t* softmax_engine() noexcept nogil:
    return &ENGINE
