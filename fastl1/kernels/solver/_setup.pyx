"""From a design and its samples to a state that a driver can start from.

    reserve        memory, once, for the largest problem the state will hold
    give_moments   where they are known: instead of passes over X
    set_samples    y, weights, offset; no coefficients
    set_columns    statistics of the columns under these weights, penalties, bounds

in this order; problems with the same weights lend each other what `set_columns` makes.
A state may be set again, also to a smaller problem, without new memory.
"""
from libc.math cimport INFINITY, NAN, fabs, sqrt
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastl1.kernels.solver._certificate cimport (
    pass_begin,
    pass_end,
    refresh,
)
from fastl1.kernels.design._cholesky cimport chol_free
from fastl1.kernels.design._design cimport (
    cheap_pass,
    column_stats,
    design_stats,
    stats_t,
)
from fastl1.kernels.solver._driver cimport certify, clear_run
from fastl1._ops cimport FL1_N_LOSSES, fl1_cox, fl1_set_param
from fastl1.kernels.design._packed cimport packed_free, packed_t
from fastl1.kernels.design._rows cimport rows_free
from fastl1._runtime cimport OPS, Watch
from fastl1.kernels.solver._samples cimport renew_eta, shift_intercept, sync_eta
from fastl1.kernels.solver._screen cimport cache_free, cache_reserve
from fastl1.kernels.solver._single cimport single_engine
from fastl1.kernels.solver._own cimport OwnLoss
from fastl1.kernels.solver._state cimport NO_MEMORY, candidate_t, choose_loss, state_t
from fastl1.kernels.solver._working cimport (
    add_unit,
    covariance_correlations,
    grow_gram,
    load_quad,
    start_covariance,
)

cdef enum:
    # columns up to which the products of all with the working set are kept (128 MB at
    # most)
    MAX_CROSS = 4000
    OF_ROWS = 11         # arrays of n doubles
    OF_COLUMNS = 6       # arrays of p doubles ...
    LENT_COLUMNS = 6     # ... and those that may be another state's
    PLACES = 3           # arrays of p indices, and one that may be another state's
    UNIT_PLACES = 3      # ... and those of units of several columns (one is p + 1)


cdef extern from "math.h":
    float nextafterf(float, float) noexcept nogil


# name: number
LOSSES = {OPS.loss_traits[k].name.decode(): k for k in range(FL1_N_LOSSES)}


cdef int set_loss(state_t* S, loss, params) except -1:
    """The loss by its name, and what it depends on, from a dict or None; X is bound."""
    params = params or {}
    choose_loss(S, LOSSES[loss])
    if S.traits.param != NULL and S.traits.param.decode() in params:
        fl1_set_param(
            &S.loss_param, &S.traits, params[S.traits.param.decode()]
        )
    if S.traits.coupled_rows:
        _set_risk(&S.loss_param.cox, params)
    if S.traits.own:
        own = <OwnLoss?> params["own"]
        own.bind(&S.loss_param.own)
        S.traits.least_at_infinity = own.loss.least_at_infinity
    return 0


cdef const ptrdiff_t* _indices(array):
    cdef const ptrdiff_t[::1] view = array
    return &view[0] if len(view) else NULL


cdef double* _numbers(array):
    cdef double[::1] view = array
    return &view[0]


cdef int _set_risk(fl1_cox* c, params) except -1:
    """Borrows the arrays of params["risk"], see Survival.risk_sets."""
    if "risk" not in params:
        raise ValueError("loss='cox' needs times, which this function does not take")
    risk = params["risk"]
    c.n_groups, c.n_deaths = len(risk["opens"]), len(risk["deaths"])
    c.n_early = len(risk["early"])
    c.first, c.start = _indices(risk["first"]), _indices(risk["start"])
    c.deaths, c.group = _indices(risk["deaths"]), _indices(risk["group"])
    c.opens, c.early = _indices(risk["opens"]), _indices(risk["early"])
    c.early_from = _indices(risk["early_from"])
    c.early_to = _indices(risk["early_to"])
    c.efron = params["ties"] == "efron"
    c.there = NULL
    c.work, c.scratch = _numbers(risk["work"]), _numbers(risk["scratch"])
    return 0


cdef bint poll_watch(state_t* S) noexcept nogil:
    """What S.poll is where S.owner is a Watch."""
    S.interrupted = (<Watch> S.owner).look()
    return S.interrupted


cdef size_t state_bytes(
    ptrdiff_t n, ptrdiff_t p, int refs, bint borrows
) noexcept nogil:
    """What `reserve` allocates; working sets come on top."""
    cdef ptrdiff_t rows = OF_ROWS + refs, columns = OF_COLUMNS + refs
    columns += PLACES + sizeof(candidate_t) // sizeof(double)
    if not borrows:
        columns += LENT_COLUMNS + 1
    return sizeof(double) * (n * rows + p * columns)


cdef int reserve(
    state_t* S, ptrdiff_t n, ptrdiff_t p, int refs, const state_t* lender
) noexcept nogil:
    """Arrays for up to n rows and p columns with `refs` references for screening.

    S is zeroed but for its design and options.  With a lender, which lives longer,
    its columns are used.  Returns 0 or NO_MEMORY.
    """
    cdef ptrdiff_t of_columns = OF_COLUMNS + (0 if lender else LENT_COLUMNS)
    cdef double* at
    cdef ptrdiff_t* place
    n, p = max(n, 1), max(p, 1)
    S.numbers = <double*> malloc((OF_ROWS * n + of_columns * p) * sizeof(double))
    S.places = <ptrdiff_t*> malloc((PLACES + 1) * p * sizeof(ptrdiff_t))
    S.cand = <candidate_t*> malloc(p * sizeof(candidate_t))
    S.run.engine = single_engine()
    S.n, S.p = S.X.n, S.X.p
    S.q.row = S.pen.row
    S.cache.ops = S.q.ops = S.F.ops = S.X.ops
    if (
        S.numbers == NULL or S.places == NULL or S.cand == NULL
        or cache_reserve(&S.cache, n, p, refs) < 0
    ):
        return NO_MEMORY
    at = S.numbers
    S.y, S.s, S.s_sqrt = at, at + n, at + 2 * n
    S.eta, S.v, S.h = at + 3 * n, at + 4 * n, at + 5 * n
    S.h_sqrt, S.g, S.n_work = at + 6 * n, at + 7 * n, at + 8 * n
    S.there, S.offset = at + 9 * n, at + 10 * n
    at += OF_ROWS * n
    S.w, S.w_eta, S.p_work = at, at + p, at + 2 * p
    S.c_work, S.c_zero, S.w_back = at + 3 * p, at + 4 * p, at + 5 * p
    place = S.places
    S.slot, S.cols, S.proj = place, place + p, place + 2 * p
    S.borrows = lender != NULL
    if S.borrows:
        S.mean, S.scale, S.norm = lender.mean, lender.scale, lender.norm
        S.pf, S.lo, S.hi = lender.pf, lender.lo, lender.hi
        S.alive = lender.alive
        S.n_alive, S.n_free = lender.n_alive, lender.n_free
        S.cancels = lender.cancels
    else:
        at += OF_COLUMNS * p
        S.mean, S.scale, S.norm = at, at + p, at + 2 * p
        S.pf, S.lo, S.hi = at + 3 * p, at + 4 * p, at + 5 * p
        S.alive = place + 3 * p
    S.X.mean, S.X.scale = S.mean, S.scale
    S.ridge = S.pf
    if S.pen.group != NULL:
        S.unit = <ptrdiff_t*> malloc((UNIT_PLACES * p + 1) * sizeof(ptrdiff_t))
        S.unit_norm = <double*> malloc(2 * p * sizeof(double))
        if S.unit == NULL or S.unit_norm == NULL:
            return NO_MEMORY
        S.unit_columns, S.unit_first = S.unit + p, S.unit + 2 * p
        S.ridge = S.unit_norm + p
    return 0


cdef size_t working_bytes(const state_t* S) noexcept nogil:
    """What the working set takes."""
    cdef ptrdiff_t numbers = S.ldg * S.ldg + S.F.cap * S.F.cap + 14 * S.cap
    if S.cross != NULL:
        numbers += (S.p if S.shared == S.cross else S.ldg) * S.p
    return sizeof(double) * (numbers + 2 * (S.packed.value_room + S.rows.room))


cdef void clear_memory(state_t* S) noexcept nogil:
    """Give back what the working set takes; S has to be set again."""
    chol_free(&S.F)
    packed_free(&S.packed)
    memset(&S.packed, 0, sizeof(packed_t))
    rows_free(&S.rows)
    free(S.G)
    free(S.basis)
    S.basis, S.basis_room, S.m_basis = NULL, 0, 0
    if S.shared == S.cross:
        S.shared = NULL
    free(S.cross)
    free(S.slots)
    free(S.ws)
    S.G, S.cross, S.slots, S.ws = NULL, NULL, NULL, NULL
    S.ldg = S.cap = S.m = 0


cdef void release(state_t* S) noexcept nogil:
    clear_memory(S)
    cache_free(&S.cache)
    free(S.unit)
    free(S.unit_norm)
    free(S.cand)
    free(S.numbers)
    free(S.places)


cdef void _set_weights(state_t* S, const double* weight) noexcept nogil:
    """s: the weights divided by their sum (by the largest first: no overflow)."""
    cdef ptrdiff_t i
    cdef double largest = 0.0, total
    S.uniform = weight == NULL
    if S.uniform:
        for i in range(S.n):
            S.s[i] = 1.0 / S.n
    else:
        for i in range(S.n):
            largest = max(largest, weight[i])
        for i in range(S.n):
            S.s[i] = weight[i] / largest
        total = S.X.ops.sum(S.n, S.s)
        for i in range(S.n):
            S.s[i] /= total
    for i in range(S.n):
        S.s_sqrt[i] = sqrt(S.s[i])


cdef void _clear(state_t* S) noexcept nogil:
    """No coefficients, no working set, no history; memory is kept."""
    cdef ptrdiff_t j
    if S.shared == S.cross:  # its own
        S.shared = NULL
    if S.covariance and S.shared == NULL:  # cross grows with G
        free(S.G)
        free(S.cross)
        S.G, S.cross, S.ldg = NULL, NULL, 0
    memset(S.w, 0, S.p * sizeof(double))
    memset(S.w_eta, 0, S.p * sizeof(double))
    memset(S.w_back, 0, S.p * sizeof(double))
    for j in range(S.p):
        S.slot[j] = -1
    S.m = S.m_gram = S.m_basis = S.F.m = S.rows.m = S.n_cand = S.n_proj = 0
    S.cache.count = 0
    S.cache.slack = 0.0
    S.b = 0.0
    S.factor_alpha = NAN
    S.use_gram = True
    S.estimated = S.lazy = S.covariance = S.fresh = False
    S.keep_intercept = S.interrupted = False
    S.piloted = S.located = False
    S.n_solves = 0
    S.alpha_back = INFINITY
    S.n_epochs = S.n_newton = S.n_column_products = 0
    S.n_full_passes = S.n_gram_columns = 0
    clear_run(&S.run)


cdef void set_samples(
    state_t* S, const double* y, const double* weight, const double* offset
) noexcept nogil:
    """The problem of these (n,) samples (weight and offset may be NULL), from w = 0."""
    _set_weights(S, weight)
    memcpy(S.y, y, S.n * sizeof(double))
    S.has_offset = offset != NULL
    if S.has_offset:
        memcpy(S.offset, offset, S.n * sizeof(double))
        memcpy(S.eta, offset, S.n * sizeof(double))
    else:
        memset(S.eta, 0, S.n * sizeof(double))
    memcpy(S.h, S.s, S.n * sizeof(double))
    memcpy(S.h_sqrt, S.s_sqrt, S.n * sizeof(double))
    _clear(S)
    if S.borrows:
        _choose(S)


cdef inline bint is_alive(const state_t* S, ptrdiff_t j) noexcept nogil:
    """Whether column j may enter."""
    return S.norm[j] > 0.0 and S.pf[j] < INFINITY and S.lo[j] < S.hi[j]


cdef bint _cancels(const state_t* S) noexcept nogil:
    """Whether a column's mean is so large beside its deviation that Gram entries lose
    half their digits: then they must not carry the correlations."""
    cdef ptrdiff_t k, j
    if S.X.implicit_mean:
        for k in range(S.n_alive):
            j = S.alive[k]
            if fabs(S.mean[j] * S.scale[j]) > 1e3 * S.norm[j]:
                return True
    return False


cdef void give_moments(
    state_t* S, const double* products, const double* mean, double weight
) noexcept nogil:
    """The moments of the samples of S and the target less the offset, which are to
    outlive it: squared loss, dense X, no column unpenalized."""
    S.given, S.given_mean, S.given_weight = products, mean, weight


cdef void _given_stats(state_t* S, bint standardize) noexcept nogil:
    cdef ptrdiff_t j, q = S.p + 1
    for j in range(S.p):
        column_stats(
            S.n, S.given_mean[j], S.given[j + j * q] / S.given_weight, S.centre,
            standardize, S.mean + j, S.scale + j, S.norm + j
        )


cdef void null_correlations(state_t* S) noexcept nogil:
    """What the null model wants of X, from the moments."""
    cdef ptrdiff_t j
    cdef const double* target = S.given + S.p * (S.p + 1)
    cdef double* c = pass_begin(S)
    for j in range(S.p):
        c[j] = target[j] / S.given_weight
        if not S.centre:
            c[j] += S.given_mean[j] * S.given_mean[S.p]
        c[j] *= S.scale[j]
    pass_end(S)
    S.n_full_passes = S.n_column_products = 0
    start_covariance(S)


cdef ptrdiff_t set_columns(
    state_t* S, const double* pf, const double* lo, const double* hi, bint standardize,
    double* c, bint check
) noexcept nogil:
    """Statistics under the weights, penalties, bounds (each (p,) or NULL) on the scaled
    coefficients, and the columns that may enter.

    The same pass over X makes c (p,), the correlations with v (or NULL), and looks for
    values that are not finite with `check`: returns the first column that may hold
    one, or -1.
    """
    cdef ptrdiff_t j
    cdef stats_t stats
    if S.given != NULL:
        _given_stats(S, standardize)
    else:
        stats.s, stats.uniform, stats.v = S.s, S.uniform, S.v if c else NULL
        stats.centre, stats.standardize, stats.check = S.centre, standardize, check
        stats.mean, stats.scale, stats.norm, stats.c = S.mean, S.scale, S.norm, c
        j = design_stats(&S.X, &stats, S.n_threads)
        if j >= 0:
            return j
    S.n_alive = S.n_free = 0
    for j in range(S.p):
        S.pf[j] = pf[j] if pf else 1.0
        S.lo[j] = lo[j] / S.scale[j] if lo else -INFINITY
        S.hi[j] = hi[j] / S.scale[j] if hi else INFINITY
        if is_alive(S, j):
            S.alive[S.n_alive] = j
            S.n_alive += 1
            S.n_free += S.pf[j] == 0.0
    if S.unit != NULL:
        _set_units(S)
    S.cancels = _cancels(S)
    _choose(S)
    return -1


cdef void _set_units(state_t* S) noexcept nogil:
    """The columns that may enter, by group; those without a penalty are one unit."""
    cdef ptrdiff_t k, j, u, free_unit = -1
    cdef ptrdiff_t* unit_of_group = S.cols
    S.n_units = 0
    for j in range(S.p):
        unit_of_group[j] = -1
        S.ridge[j] = S.pf[j] > 0.0
    for k in range(S.n_alive):
        j = S.alive[k]
        u = unit_of_group[S.pen.group[j]] if S.pf[j] > 0.0 else free_unit
        if u < 0:
            u = S.n_units
            S.n_units += 1
            S.unit_first[u + 1] = 0
            S.unit_norm[u] = 0.0
            if S.pf[j] > 0.0:
                unit_of_group[S.pen.group[j]] = u
            else:
                free_unit = u
        S.unit[j] = u
        S.unit_first[u + 1] += 1
        S.unit_norm[u] += S.norm[j] * S.norm[j]
    S.unit_first[0] = 0
    for u in range(S.n_units):
        S.unit_norm[u] = sqrt(S.unit_norm[u])
        S.unit_first[u + 1] += S.unit_first[u]
    for k in range(S.n_alive):
        j = S.alive[k]
        S.unit_columns[S.unit_first[S.unit[j]]] = j
        S.unit_first[S.unit[j]] += 1
    for u in range(S.n_units, 0, -1):
        S.unit_first[u] = S.unit_first[u - 1]
    S.unit_first[0] = 0


cdef void _choose(state_t* S) noexcept nogil:
    """What the shape of the problem decides."""
    S.lazy_ok = S.traits.quadratic and S.n_free == 0 and not S.cancels
    S.covariance_ok = (
        S.lazy_ok and S.X.blocks and 4 * S.p <= S.n and S.p <= MAX_CROSS
        and S.unit == NULL
    )
    S.pass_share = 0.25
    S.run.selects = S.pen.l1 > 0.0
    # an iteration of other losses takes several Newton steps, a Gram block each
    S.run.coarse_iter = 2 if S.traits.quadratic else 1
    # Where a pass over X is cheap far alphas are reached in more steps and the working
    # set grows more carefully.
    if cheap_pass(&S.X):
        S.run.far, S.grow, S.grow_min = 0.6, 0.25, 50
    else:
        S.run.far, S.grow, S.grow_min = 0.3, 3.0, 100


cdef int set_coef(
    state_t* S, ptrdiff_t count, const int32_t* columns, const double* values,
    double intercept
) noexcept nogil:
    """Start from these coefficients (others are kept) and this intercept, on the
    original scale; NaN keeps the mean of the linear predictor.  0 or NO_MEMORY."""
    cdef ptrdiff_t k, j
    cdef double b = intercept
    if S.given == NULL:
        sync_eta(S)
    for k in range(count):
        j = columns[k]
        if not is_alive(S, j):
            continue
        S.w[j] = values[k] / S.scale[j]
        b += S.mean[j] * values[k]
        if S.w[j] != 0.0 and add_unit(S, j) < 0:
            return NO_MEMORY
    if b == b:
        shift_intercept(S, (b if S.centre else 0.0) - S.b)
    S.m_gram = 0
    S.piloted = False
    S.fresh = S.run.restarted = True
    return 0


cdef double intercept_of(const state_t* S) noexcept nogil:
    """The intercept on the original scale."""
    cdef double b = S.b
    cdef ptrdiff_t k, j
    if not S.traits.has_intercept:
        return 0.0
    for k in range(S.m):
        j = S.ws[k]
        b -= S.mean[j] * S.scale[j] * S.w[j]
    return b


cdef double objective(state_t* S, double alpha) noexcept nogil:
    """At the present coefficients and intercept; NaN without memory."""
    cdef double total, off
    if S.given == NULL:
        renew_eta(S)
        refresh(S)
        total = S.loss_value
    else:  # by the products, without the rows
        if grow_gram(S) < 0:
            return NAN
        covariance_correlations(S, S.p_work)
        off = S.b - S.given_mean[S.p] if S.centre else 0.0
        total = 0.5 * (S.r2 + off * off)
    load_quad(S, alpha)
    return S.q.row.value(&S.q, S.q.w, total)


cdef double rounded_within(
    double value, ptrdiff_t j, const double* lo, const double* hi
) noexcept nogil:
    """The float32 next to value, within the bounds."""
    cdef float x = <float> value
    if (lo != NULL and x < lo[j]) or (hi != NULL and x > hi[j]):
        x = nextafterf(x, 0.0)
    return x


cdef double answer(
    state_t* S, const double* lo, const double* hi, bint float32, double* values
) noexcept nogil:
    """values (m,): the coefficients of the slots on the original scale, within their
    bounds (p,); returns the intercept that goes with them.

    Those of a float32 X are rounded.  The dual point of the exact ones bounds the
    optimum for any others: the gap grows by what the objective does.  S keeps the exact
    ones.
    """
    cdef double* exact = S.q.work
    cdef ptrdiff_t k, j
    cdef double before = 0.0, intercept
    cdef bint certified = S.run.alpha_goal > 0.0 and S.run.null_objective > 0.0
    for k in range(S.m):
        j = S.ws[k]
        values[k] = within(S.w[j] * S.scale[j], j, lo, hi) if S.w[j] != 0.0 else 0.0
    if not float32:
        return intercept_of(S)
    if certified:
        before = objective(S, S.run.alpha_goal)
    for k in range(S.m):
        j = S.ws[k]
        exact[k] = S.w[j]
        values[k] = rounded_within(values[k], j, lo, hi)
        S.w[j] = values[k] / S.scale[j]
    intercept = intercept_of(S)
    if certified:
        before = objective(S, S.run.alpha_goal) - before
        S.run.gap = max(S.run.gap + before / S.run.null_objective, 0.0)
    elif S.run.null_objective > 0.0:
        certify(&S.run, 0.0)
    for k in range(S.m):
        S.w[S.ws[k]] = exact[k]
    return intercept
