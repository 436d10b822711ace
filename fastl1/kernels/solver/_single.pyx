"""The engine of one output: what the outer loop asks of a state.

    min_{w,b}  sum_i s_i loss(y_i, x_i w + b + offset_i)
               + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2),
    lower <= w <= upper,   sum_i s_i = 1

Inside, columns are centred (with an intercept) and scaled (standardize), and w, b are
those of that design.
"""
from libc.math cimport NAN, fabs, isfinite

from fastl1.kernels.solver._certificate cimport (
    add_candidates,
    full_pass,
    gradient_tolerance,
    measure,
    primal_value,
    relative_gap,
    scan_outside,
    signed_correlation,
    unit_pull,
)
from fastl1.kernels.solver._coupled cimport solve_coupled
from fastl1.kernels.solver._engine cimport engine_t, run_t
from fastl1.kernels.solver._newton cimport solve_newton
from fastl1.kernels.solver._samples cimport (
    evaluate,
    fit_intercept,
    fit_null,
    project_dual,
    renew_eta,
)
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    INTERRUPTED,
    NO_MEMORY,
    NO_REGIME,
    WANTS_PASS,
    state_t,
)
from fastl1.kernels.solver._working cimport (
    add_all_columns,
    add_unit,
    choose_regime,
    extrapolate,
    load_quad,
    prune,
    solve_squared,
    start_covariance,
)

cdef double LOOSE = 0.03         # of the least gap of all columns, for sweeps ...
cdef double FAR_LOOSE = 0.1      # ... by a coarse path, which adds columns more often
cdef double FAR = 0.01           # ... and by Newton steps where it is beyond this
cdef int PATH_SOLVES = 3         # alphas from which a solver is taken to run a path
# of alpha: the correlation from which the extrapolation has a column enter; where the
# working set has a Gram block a column is dear
cdef double AHEAD = 0.99
cdef double EASY_AHEAD = 0.95


# ---- the null model

cdef int _fit_null(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    fit_null(S)
    if S.n_free == 0:  # else their gradient is wanted
        project_dual(S)
    return 0


cdef bint _runs_off(const state_t* S) noexcept nogil:
    """Whether the unpenalized block leads to infinity: a Newton step that is still long
    where the gradient has vanished, of a loss that some rows have least at infinity,
    and a coefficient that no bound holds."""
    cdef ptrdiff_t k, j
    if S.move <= 0.1 or not S.traits.least_at_infinity:
        return False
    for k in range(S.m):
        j = S.ws[k]
        if S.lo[j] < S.w[j] < S.hi[j]:
            return True
    return False


cdef int _fit_free(run_t* R) noexcept nogil:
    """The scale of correlations; the unpenalized block and its dual point."""
    cdef state_t* S = <state_t*> R
    cdef ptrdiff_t k
    cdef double tol
    S.c_null = 0.0
    for k in range(S.n_alive):
        S.c_null = max(S.c_null, fabs(S.cache.c[S.alive[k]]))
    S.r2 = S.r2_zero = S.q.ops.dot(S.n, S.g, S.g)
    S.cache.slack = 1e-15 * S.r2  # updates of r2 round at the scale they started from
    for k in range(S.p):
        S.c_zero[k] = S.cache.c[k]
    if S.n_free == 0:
        return CONVERGED
    for k in range(S.n_alive):
        if S.pf[S.alive[k]] == 0.0 and add_unit(S, S.alive[k]) < 0:
            return NO_MEMORY
    # the squared loss is measured by its gap, others by their relative gradient
    tol = 1e-16 * R.null_objective if S.traits.quadratic else 1e-12
    if _solve_working_set(S, tol, 50) < 0 and not S.interrupted:
        return NO_MEMORY
    if S.interrupted:
        return INTERRUPTED
    R.separated = _runs_off(S)
    renew_eta(S)
    evaluate(S)
    project_dual(S)
    return WANTS_PASS


cdef double _find_alpha_max(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    cdef ptrdiff_t k, j, u
    cdef const double* last = S.cache.c + (S.cache.count - 1) * S.p
    cdef double most = 0.0
    if R.null_objective > 0.0:
        for k in range(S.n_alive):
            j = S.alive[k]
            if S.pf[j] > 0.0 and S.unit == NULL:
                most = max(most, signed_correlation(S, j, last[j]) / S.pf[j])
        for u in range(S.n_units):
            for k in range(S.unit_first[u], S.unit_first[u + 1]):
                S.p_work[k - S.unit_first[u]] = last[S.unit_columns[k]]
            j = S.unit_columns[S.unit_first[u]]
            if S.pf[j] > 0.0:
                most = max(most, unit_pull(S, j, S.p_work) / S.pf[j])
    return most / S.pen.l1 if R.selects else NAN


cdef void _clear_coef(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    cdef ptrdiff_t k
    for k in range(S.m):
        S.w[S.ws[k]] = 0.0
    S.b = S.b_null
    renew_eta(S)
    evaluate(S)


# ---- a solve

cdef void _start(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    S.keep_intercept = False
    S.lazy = False
    S.regime = NO_REGIME
    if S.traits.quadratic and S.fresh:
        evaluate(S)
        fit_intercept(S, 0.0)
        S.m_gram = 0
    S.fresh = False
    S.n_solves += 1
    if S.covariance_ok and not S.covariance and S.n_solves >= PATH_SOLVES:
        start_covariance(S)
    R.near = S.piloted


cdef int _enter(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    S.sweep_work = 0.0
    S.lazy = S.lazy_ok and (S.m > 0 or S.covariance) and (
        S.m_gram == S.m or (S.piloted and S.covariance)  # all coefficients are 0
    )
    R.ahead = 0.0
    if extrapolate(S):
        R.ahead = AHEAD if S.X.blocks else EASY_AHEAD
    # without a working set nothing has moved since the null model was measured
    if R.ahead > 0.0 or not (
        S.lazy and S.estimated or S.m == 0 and S.located and not R.restarted
    ):
        measure(S)
    return 0


cdef bint _trusts_set(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    if S.piloted or (S.covariance and S.cross != NULL and S.m > 0):
        S.piloted = False  # correlations after the next solve are better grounds
        return True
    return False


cdef int _solve_working_set(state_t* S, double tol, int rounds) noexcept nogil:
    """Minimize over the working set to a gap of about tol (absolute)."""
    if S.m == 0:
        return 0
    choose_regime(S)
    if S.traits.quadratic:
        return solve_squared(S, S.run.alpha_now, tol, rounds)
    if S.traits.coupled_rows and S.use_gram:
        return solve_coupled(S, S.run.alpha_now, tol, rounds)
    return solve_newton(S, S.run.alpha_now, tol, rounds)


cdef int _minimize(run_t* R, double tol) noexcept nogil:
    cdef state_t* S = <state_t*> R
    S.located = False
    if _solve_working_set(S, tol, 100) < 0 and not S.interrupted:
        return NO_MEMORY
    if S.interrupted:
        return INTERRUPTED
    if R.alpha_now == 0.0 and S.traits.coupled_rows:
        R.separated = _runs_off(S)
    S.lazy = S.lazy_ok and S.use_gram and (S.m > 0 or S.covariance)
    return 0


cdef double _gradient_tolerance(run_t* R) noexcept nogil:
    return gradient_tolerance(<const state_t*> R, R.tol_now)


cdef double _enough(run_t* R, double least) noexcept nogil:
    """The gap of a loss with corners says little before its linear program is
    solved."""
    cdef const state_t* S = <const state_t*> R
    if not isfinite(least) or S.traits.corners:
        return 0.0
    if S.use_gram and (
        least <= FAR or S.traits.quadratic or S.traits.coupled_rows
    ):
        return 0.0
    return (FAR_LOOSE if R.n_steps > 1 else LOOSE) * least


cdef int _measure(run_t* R) noexcept nogil:
    measure(<state_t*> R)
    return 0


cdef int _scan(run_t* R, bint exact) noexcept nogil:
    cdef state_t* S = <state_t*> R
    cdef bint wants = scan_outside(S, exact)
    R.n_outside = S.n_cand
    return WANTS_PASS if wants else 0


cdef double _find_gap(run_t* R) noexcept nogil:
    return relative_gap(<state_t*> R, R.alpha_now)


cdef ptrdiff_t _support(const run_t* R) noexcept nogil:
    cdef const state_t* S = <const state_t*> R
    cdef ptrdiff_t k, count = 0
    for k in range(S.m):
        count += S.w[S.ws[k]] != 0.0
    return count


cdef bint _is_loose(const state_t* S) noexcept nogil:
    """Whether the working set holds so many zeros that it is to be pruned: soon where
    its Gram block lasts for one Newton step only."""
    cdef ptrdiff_t support = _support(&S.run)
    if S.covariance:
        return False
    if S.traits.quadratic or not S.X.blocks:
        return S.m > 1.5 * support + 100
    return S.m > 1.1 * support + 10


cdef void _prune(run_t* R, double limit) noexcept nogil:
    cdef state_t* S = <state_t*> R
    if _is_loose(S):
        prune(S, S.pen.l1 * limit)


cdef ptrdiff_t _add(run_t* R, double limit) noexcept nogil:
    """A share of the support at most."""
    cdef state_t* S = <state_t*> R
    cdef ptrdiff_t before = S.m
    if add_candidates(
        S, S.pen.l1 * limit, max(S.grow_min, <ptrdiff_t> (S.grow * _support(R)))
    ) < 0:
        return NO_MEMORY
    return S.m - before


cdef int _add_all(run_t* R) noexcept nogil:
    return add_all_columns(<state_t*> R)


cdef int _settle(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    if R.gap <= R.tol_goal or R.alpha_goal == 0.0:
        return 0
    load_quad(S, R.alpha_goal)
    if primal_value(S) <= R.null_objective:
        return 0
    _clear_coef(R)
    S.lazy = S.estimated = False
    S.m_gram = 0
    S.fresh = R.restarted = True
    R.gap = 1.0  # by the dual point 0
    return 0


cdef void _hold(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    S.lazy = False
    S.keep_intercept = True
    load_quad(S, R.alpha_now)
    S.m_gram = 0
    S.fresh = True


cdef bint _poll(run_t* R) noexcept nogil:
    cdef state_t* S = <state_t*> R
    return S.poll(S)


cdef int _full_pass(run_t* R) noexcept nogil:
    full_pass(<state_t*> R)
    return 0


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


cdef const engine_t* single_engine() noexcept nogil:
    return &ENGINE
