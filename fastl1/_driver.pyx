"""One problem solved at one alpha after another: warm starts, working sets, screening.

    min_{w,b}  sum_i s_i loss(y_i, x_i w + b + offset_i)
               + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2),
    lower <= w <= upper,   sum_i s_i = 1

Inside, columns are centred (with an intercept) and scaled (standardize), and w, b are
those of that design.  At each alpha: minimize on the working set; make v dual feasible;
bound or compute the correlations outside; compute the gap; add the violators.
"""
from libc.math cimport INFINITY, NAN, ceil, fabs, isfinite, log

from fastl1._certificate cimport (
    add_candidates,
    full_pass,
    gradient_tolerance,
    measure,
    relative_gap,
    scan_outside,
    signed_correlation,
)
from fastl1._newton cimport solve_newton
from fastl1._ops cimport FL1_SQUARED
from fastl1._samples cimport evaluate, fit_intercept, project_dual
from fastl1._state cimport (
    CONVERGED,
    FAILED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    state_t,
)
from fastl1._working cimport (
    add_all_columns,
    add_slot,
    choose_gram,
    load_quad,
    prune,
    solve_squared,
    start_covariance,
)

cdef double INNER = 0.3          # of the gap asked for, on the working set
cdef double COARSE_TOL = 1e-3    # relative gap along a coarse path
cdef int COARSE_ITER = 2
cdef int PATH_SOLVES = 3         # alphas from which a solver is taken to run a path
cdef int PATIENCE = 10           # outer iterations without a lower gap


cdef int _solve_working_set(
    state_t* S, double alpha, double tol, int rounds
) noexcept nogil:
    """Minimize over the working set to a gap of about tol (absolute)."""
    if S.m == 0:
        return 0
    S.use_gram = choose_gram(S)
    if S.loss == FL1_SQUARED:
        return solve_squared(S, alpha, tol, rounds)
    return solve_newton(S, alpha, tol, rounds)


cdef int null_model(state_t* S) noexcept nogil:
    """Objective at w = 0, the fit of the unpenalized block, and alpha_max."""
    cdef ptrdiff_t k, j
    cdef double c, tol
    cdef double* last
    fit_intercept(S)
    S.null_objective = S.loss_value
    project_dual(S)
    full_pass(S)
    S.c_null = 0.0
    for k in range(S.n_alive):
        S.c_null = max(S.c_null, fabs(S.cache.c[S.alive[k]]))
    S.r2 = S.r2_zero = S.q.ops.dot(S.n, S.g, S.g)
    S.cache.slack = 1e-15 * S.r2  # updates of r2 round at the scale they started from
    for k in range(S.p):
        S.c_zero[k] = S.cache.c[k]
    if S.n_free:
        for k in range(S.n_alive):
            if S.pf[S.alive[k]] == 0.0 and add_slot(S, S.alive[k]) < 0:
                return NO_MEMORY
        # the squared loss is measured by its gap, others by their relative gradient
        tol = 1e-16 * S.null_objective if S.loss == FL1_SQUARED else 1e-12
        S.alpha_now = 0.0
        if _solve_working_set(S, 0.0, tol, 50) < 0:
            return NO_MEMORY
        evaluate(S)
        project_dual(S)
        full_pass(S)
    S.alpha_max = 0.0
    if S.null_objective > 0.0:
        last = S.cache.c + (S.cache.count - 1) * S.p
        for k in range(S.n_alive):
            j = S.alive[k]
            if S.pf[j] > 0.0:
                c = signed_correlation(S, j, last[j])
                S.alpha_max = max(S.alpha_max, c / S.pf[j])
    S.alpha_max = S.alpha_max / S.l1_ratio if S.l1_ratio > 0.0 else NAN
    S.alpha_prev = INFINITY
    return CONVERGED


cdef ptrdiff_t _support(const state_t* S) noexcept nogil:
    """Nonzero coefficients."""
    cdef ptrdiff_t k, count = 0
    for k in range(S.m):
        count += S.w[S.ws[k]] != 0.0
    return count


cdef int _solve_at(state_t* S, double alpha, double tol, int max_iter) noexcept nogil:
    """Solve at alpha; stops when S.n_iter, counted on, reaches max_iter."""
    cdef ptrdiff_t support
    cdef int stalled = 0
    cdef double gap = INFINITY, least = INFINITY, limit = alpha, inner, tighten = 1.0
    cdef bint smooth = alpha == 0.0 or S.l1_ratio == 0.0
    S.alpha_now = alpha
    S.sweep_work = 0.0
    if smooth and add_all_columns(S) < 0:
        return NO_MEMORY
    S.lazy = S.lazy_ok and S.m_gram == S.m and S.m > 0
    load_quad(S, alpha)
    if not (S.lazy and S.estimated):
        measure(S)
    scan_outside(S, S.restarted)
    if S.n_cand == 0 or S.restarted:
        gap = relative_gap(S, alpha)
        if gap <= tol:
            S.gap = gap
            S.restarted = False
            return CONVERGED
    support = _support(S)
    if not S.restarted:  # the strong rule
        limit = max(alpha, 2.0 * alpha - min(S.alpha_prev, S.alpha_max))
    S.restarted = False
    limit *= S.l1_ratio
    if not smooth:
        if S.m > 1.5 * support + 100 and not S.covariance:
            prune(S, limit)
        if add_candidates(
            S, limit, max(S.grow_min, <ptrdiff_t> (S.grow * support))
        ) < 0:
            return NO_MEMORY
    while S.n_iter < max_iter and stalled < PATIENCE:
        S.n_iter += 1
        if S.poll(S):
            return INTERRUPTED
        inner = INNER * tol * S.null_objective
        if alpha == 0.0:
            inner = gradient_tolerance(S, tol)
        inner *= tighten
        if alpha > 0.0 and not S.use_gram and isfinite(gap):
            inner = max(inner, 0.03 * gap * S.null_objective)
        if _solve_working_set(S, alpha, inner, 100) < 0:
            return NO_MEMORY
        if S.interrupted:
            return INTERRUPTED
        S.lazy = S.lazy_ok and S.use_gram and S.m > 0
        measure(S)
        scan_outside(S, True)
        gap = relative_gap(S, alpha)
        S.gap = gap
        if not gap >= 0.0:
            return FAILED
        if gap <= tol:
            return CONVERGED
        support = _support(S)
        if not smooth and not S.covariance and S.m > 1.5 * support + 100:
            prune(S, 0.9 * S.l1_ratio * alpha)
        if S.n_cand == 0:  # the working set is right, its solution is not
            tighten *= 0.1
        stalled = 0 if gap < 0.99 * least else stalled + 1
        least = min(least, gap)
        if add_candidates(
            S, S.l1_ratio * alpha, max(S.grow_min, <ptrdiff_t> (S.grow * support))
        ) < 0:
            return NO_MEMORY
    return MAX_ITER


cdef int _null_solution(state_t* S) noexcept nogil:
    """The answer where the null model fits exactly: w = 0, whatever it was."""
    cdef ptrdiff_t k
    for k in range(S.m):
        S.w[S.ws[k]] = 0.0
    evaluate(S)
    fit_intercept(S)
    S.gap = 0.0
    return CONVERGED


cdef int solve_alpha(state_t* S, double alpha, double tol, int max_iter) noexcept nogil:
    """Solve at alpha from where the state stands; far jumps go by way of a coarse
    path."""
    cdef double start, mid
    cdef int steps, k, status
    S.n_iter = 0
    S.keep_intercept = False
    S.lazy = False
    if S.null_objective == 0.0:
        return _null_solution(S)
    if S.loss == FL1_SQUARED and S.fresh:
        evaluate(S)
        fit_intercept(S)
        S.m_gram = 0
    S.fresh = False
    S.n_solves += 1
    if S.covariance_ok and not S.covariance and S.n_solves >= PATH_SOLVES:
        start_covariance(S)
    start = alpha if S.restarted else min(S.alpha_prev, S.alpha_max)
    if S.l1_ratio > 0.0 and 0.0 < alpha < S.far * start:
        steps = <int> ceil(log(start / alpha) / -log(S.far))
        if COARSE_ITER * steps > max_iter:
            steps = 0
        for k in range(1, steps):
            mid = start * (alpha / start) ** (<double> k / steps)
            status = _solve_at(
                S, mid, max(tol, COARSE_TOL), S.n_iter + COARSE_ITER
            )
            if status != CONVERGED and status != MAX_ITER:
                return status
            S.alpha_prev = mid
    status = _solve_at(S, alpha, tol, max_iter)
    if status == CONVERGED or status == MAX_ITER:
        S.alpha_prev = alpha
    return status


cdef double certify(state_t* S, double alpha) noexcept nogil:
    """Relative gap of the present coefficients and intercept, recomputed in full;
    negative without memory."""
    if S.null_objective == 0.0:
        return INFINITY if _support(S) else 0.0
    S.alpha_now = alpha
    S.lazy = False
    S.keep_intercept = True
    if alpha == 0.0 and add_all_columns(S) < 0:
        return -1.0
    load_quad(S, alpha)
    measure(S)
    S.m_gram = 0
    scan_outside(S, True)
    S.gap = relative_gap(S, alpha)
    S.fresh = True
    return S.gap
