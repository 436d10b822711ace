"""The duality gap, and the columns outside the working set that screening leaves.

The gap is a sum of Fenchel-Young terms at the dual point kappa v, none of them
negative:

    sum_i s_i [loss + loss*](kappa)
        + sum_j pen_j(w_j) + pen_j*(kappa c_j) - kappa c_j w_j

With l2, the l2 term joins the loss as p more squares (the augmented lasso, as other
packages certify it); where l1_ratio is small that bound is loose, and pen* carries the
l2 term instead (finite for any c, kappa = 1) if that is less.  The dual point 0 gives a
last bound.  Rounding: lam1 is widened by a few ulp, so that the coordinate that sets
kappa does not round to outside of its own limit.
"""
from libc.math cimport INFINITY, fabs, sqrt
from libc.stdlib cimport qsort
from libc.string cimport memcpy

from fastl1.kernels.design._design cimport design_t, design_xtv, design_xtv_pair
from fastl1.kernels.penalty._penalty cimport fl1_augment, fl1_augments, fl1_unit
from fastl1.kernels.solver._samples cimport (
    centre_dual,
    evaluate,
    fit_intercept,
    project_dual,
    renew_eta,
    young_at,
)
from fastl1.kernels.solver._screen cimport MAX_REFS, cache_project, cache_push
from fastl1.kernels.solver._state cimport (
    NO_MEMORY,
    candidate_t,
    column_penalty,
    is_interior_free,
    keeps_dual,
    state_t,
    unit_size,
)
from fastl1.kernels.solver._working cimport add_unit, covariance_correlations, load_quad


cdef double INTERCEPT = 1e-3     # of the gap asked for, left to the intercept

# correlation of an unpenalized column with the dual point, relative to the product of
# their norms, up to which it is rounding (dependent columns are left to the others)
cdef double ORTHOGONAL = 1e-5

cdef enum:
    BATCH = 16           # columns at least that enter together where that takes a pass


cdef double signed_correlation(
    const state_t* S, ptrdiff_t j, double c
) noexcept nogil:
    """|c| where the bounds of column j let it move that way from 0, else 0."""
    if c > 0.0:
        return c if S.hi[j] > 0.0 else 0.0
    return -c if S.lo[j] < 0.0 else 0.0


cdef double unit_pull(
    const state_t* S, ptrdiff_t j, const double* c
) noexcept nogil:
    """The norm of the correlations c (unit_size,) of the unit of column j, as far as
    bounds let it move that way from 0."""
    cdef fl1_unit t
    if S.unit == NULL:
        return signed_correlation(S, j, c[0])
    t = column_penalty(S, j)
    return S.q.row.pull(&t, unit_size(S, j), c)


cdef inline double _lam1(const state_t* S, ptrdiff_t j) noexcept nogil:
    return S.run.alpha_now * S.pen.l1 * S.pf[j]


cdef void _set_residual(state_t* S) noexcept nogil:
    cdef ptrdiff_t i
    for i in range(S.n):
        S.g[i] = S.v[i] / S.s_sqrt[i] if S.s[i] > 0.0 else 0.0


cdef void _refresh_products(state_t* S) noexcept nogil:
    """b_eta[r] = product of the residual at eta with reference r (lazy updates)."""
    cdef int r
    for r in range(S.cache.count):
        S.b_eta[r] = S.q.ops.dot(S.n, S.g, S.cache.g + r * S.n)


cdef void refresh(state_t* S) noexcept nogil:
    """Evaluate at the present coefficients; lazy updates start from there."""
    evaluate(S)
    _set_residual(S)
    _refresh_products(S)


cdef double* pass_begin(state_t* S) noexcept nogil:
    """v becomes a reference for screening; where its (p,) correlations are wanted."""
    _set_residual(S)
    S.located = False
    return cache_push(&S.cache, S.g)


cdef void pass_end(state_t* S) noexcept nogil:
    """The correlations that `pass_begin` asked for are there."""
    cdef ptrdiff_t k
    cdef const double* c = S.cache.c + (S.cache.count - 1) * S.p
    S.n_column_products += S.p
    S.n_full_passes += 1
    S.estimated = False  # the new reference is exact
    _refresh_products(S)
    for k in range(S.n_cand):
        S.p_work[k] = c[S.cand[k].column]


cdef void full_pass(state_t* S) noexcept nogil:
    """Correlations of every column with v."""
    design_xtv(&S.X, NULL, S.p, S.v, pass_begin(S), S.n_threads)
    pass_end(S)


cdef void take_products(
    state_t* S, const double* products, const design_t* X
) noexcept nogil:
    """The products (p,) of v with the columns as X centres and scales them: v becomes a
    reference, with the correlations of its own columns."""
    cdef double* c = pass_begin(S)
    cdef double total
    cdef ptrdiff_t j
    memcpy(c, products, S.p * sizeof(double))
    if S.X.mean != X.mean:
        total = S.q.ops.sum(S.n, S.v)
        for j in range(S.p):
            c[j] = S.scale[j] * (
                c[j] / X.scale[j] - (S.mean[j] - X.mean[j]) * total
            )
    pass_end(S)


cdef double _loss_young(state_t* S, const double* v, double kappa) noexcept nogil:
    if v == NULL:  # squared loss, v = s r: known from r2
        return 0.5 * (1.0 - kappa) * (1.0 - kappa) * S.r2
    return young_at(S, v, kappa)


cdef double dual_excess(const state_t* S, bint outside) noexcept nogil:
    """The largest factor by which a correlation (the l2 term taken off) exceeds what
    pen* allows; at most 1 where none does.  `outside` as in gap_at."""
    cdef ptrdiff_t k = 0
    cdef double ratio = S.q.row.excess(&S.q, outside)
    cdef fl1_unit t
    while outside and k < S.n_cand:
        t = column_penalty(S, S.cand[k].column)
        t.lam2 = 0.0
        ratio = max(
            ratio, S.q.row.ratio(&t, unit_size(S, S.cand[k].column), S.p_work + k)
        )
        k += unit_size(S, S.cand[k].column)
    return ratio


cdef double penalty_young(
    const state_t* S, double kappa, bint augmented, bint outside
) noexcept nogil:
    """Fenchel-Young terms of the penalty at kappa times the correlations.

    `augmented`: the l2 term counts as squares of the loss, else pen* carries it.
    `outside` as in gap_at.
    """
    cdef ptrdiff_t k = 0
    cdef double total = S.q.row.young(&S.q, kappa, augmented, outside)
    cdef fl1_unit t
    while outside and k < S.n_cand:
        t = column_penalty(S, S.cand[k].column)
        if augmented:
            fl1_augment(&t)
        total += S.q.row.conjugate(
            &t, unit_size(S, S.cand[k].column), S.p_work + k, kappa
        )
        k += unit_size(S, S.cand[k].column)
    return total


cdef double penalty_value(const state_t* S) noexcept nogil:
    """Penalty of the loaded coefficients."""
    return S.q.row.value(&S.q, S.q.w, 0.0)


cdef double gap_at(state_t* S, const double* v, bint outside) noexcept nogil:
    """Duality gap (absolute) at the dual direction v.

    q.c holds the correlations of the slots with v; with `outside`, the first n_cand
    entries of cand (exact correlations in p_work) are the columns outside the
    working set that may exceed their limit; all others are known not to.
    """
    cdef double kappa, best = INFINITY, total
    if S.pen.l1 > 0.0:
        kappa = 1.0 / max(dual_excess(S, outside), 1.0)
        best = _loss_young(S, v, kappa) + penalty_young(S, kappa, True, outside)
    if not fl1_augments(&S.pen):
        total = _loss_young(S, v, 1.0) + penalty_young(S, 1.0, False, outside)
        best = min(best, total)
    if outside:  # the dual point 0 bounds the objective by 0
        total = 0.5 * S.r2 if v == NULL else S.loss_value
        best = min(best, total + penalty_value(S))
    return best


cdef void correlate(state_t* S, double* v_sum, double* h_sum) noexcept nogil:
    """Correlations with v of the working set centred under h, and its means there."""
    cdef ptrdiff_t i, k
    cdef double shift = 0.0
    cdef bint means = S.centre and S.traits.has_intercept
    v_sum[0] = S.q.ops.sum(S.n, S.v)
    h_sum[0] = max(S.q.ops.sum(S.n, S.h), 1e-14 * S.curve_null)
    if S.centre:
        shift = v_sum[0] / h_sum[0]
    for i in range(S.n):
        S.n_work[i] = S.v[i] - shift * S.h[i]
    design_xtv_pair(
        &S.X, S.ws, S.m, S.n_work, S.q.c, S.h if means else NULL, S.hmean,
        S.n_threads
    )
    S.n_column_products += S.m
    for k in range(S.m if means else 0):
        S.hmean[k] /= h_sum[0]


cdef double _free_part(const state_t* S, double h_sum) noexcept nogil:
    """What unpenalized columns count on the working set: the decrease that their
    gradient promises."""
    cdef ptrdiff_t k, j
    cdef double total = 0.0, c
    for k in range(S.m):
        if is_interior_free(S, k):
            j, c = S.ws[k], S.q.c[k]
            if keeps_dual(S):  # without curvature: as if w were all wrong
                total += fabs(c) * (fabs(S.w[j]) + S.run.null_objective / S.norm[j])
            else:
                total += 0.5 * c * c / (S.norm[j] * S.norm[j] * h_sum)
    return total


cdef double working_gap(state_t* S, double v_sum, double h_sum) noexcept nogil:
    """Duality gap of the problem on the working set, after `correlate` (relative
    gradient at alpha = 0).  The intercept is met as in project_dual."""
    cdef ptrdiff_t i
    cdef double shift = 0.0, free_part, gap
    if S.run.alpha_now == 0.0:
        return stationarity(S)
    free_part = _free_part(S, h_sum)
    if not S.traits.has_intercept:  # the gradient sums to 0
        return free_part + gap_at(S, S.v, False)
    if S.centre and h_sum > 0.0:
        shift = v_sum / h_sum
    for i in range(S.n):
        S.n_work[i] = S.v[i] - shift * S.h[i]
    if not S.centre:
        return free_part + gap_at(S, S.n_work, False)
    memcpy(S.g, S.h, S.n * sizeof(double))
    if centre_dual(S, S.n_work, S.g) == 0:
        return free_part + gap_at(S, S.n_work, False)
    # rows were kept at the edge of the domain: the correlations are others
    memcpy(S.p_work, S.q.c, S.m * sizeof(double))
    design_xtv(&S.X, S.ws, S.m, S.n_work, S.q.c, S.n_threads)
    S.n_column_products += S.m
    gap = free_part + gap_at(S, S.n_work, False)
    memcpy(S.q.c, S.p_work, S.m * sizeof(double))
    return gap


cdef double gradient_norm(const state_t* S) noexcept nogil:
    """Largest correlation that a bound does not excuse, relative to that at w = 0."""
    cdef ptrdiff_t k, j
    cdef double worst = 0.0
    cdef fl1_unit t
    for k in range(S.m):
        j = S.ws[k]
        t = column_penalty(S, j)
        t.lam1 = t.lam2 = 0.0
        worst = max(worst, S.q.row.distance(&t, 1, S.w + j, S.q.c + k))
    return worst / S.c_null if S.c_null > 0.0 else 0.0


cdef double stationarity(state_t* S) noexcept nogil:
    """What ends a solve at alpha = 0: the relative gradient norm, and how far the dual
    point is from being the gradient where it is a variable of its own."""
    cdef double norm = gradient_norm(S)
    if keeps_dual(S) and S.run.null_objective > 0.0:
        norm = max(norm, young_at(S, S.v, 1.0) / S.run.null_objective)
    return norm


cdef void locate(state_t* S) noexcept nogil:
    """The dual point v as screening sees it: its norm and its projection on the
    references.  Correlations of columns that it was made orthogonal to become 0."""
    cdef ptrdiff_t k, j
    _set_residual(S)
    S.r2 = S.q.ops.dot(S.n, S.g, S.g)
    for k in range(S.n_proj):
        j = S.proj[k]
        if S.slot[j] >= 0 and fabs(S.q.c[S.slot[j]]) <= (
            ORTHOGONAL * S.norm[j] * sqrt(S.r2) + 1e-12 * S.c_null
        ):
            S.q.c[S.slot[j]] = 0.0
    _refresh_products(S)
    cache_project(&S.cache, S.b_eta, S.r2)
    S.estimated = False


cdef void measure(state_t* S) noexcept nogil:
    """v, the correlations of the slots and the projection on the references."""
    cdef ptrdiff_t k, j
    cdef int r
    cdef double delta, gg
    cdef double[MAX_REFS] b
    S.estimated = False
    if S.covariance and S.lazy:
        return  # scan_outside knows every correlation
    if S.lazy:
        for r in range(S.cache.count):
            b[r] = S.b_eta[r]
        for k in range(S.m):
            j = S.ws[k]
            delta = S.w[j] - S.w_eta[j]
            if delta != 0.0:
                for r in range(S.cache.count):
                    b[r] -= delta * S.cache.c[r * S.p + j]
        gg = S.r2
    else:
        renew_eta(S)
        if S.centre and not S.keep_intercept:
            # the dual point meets the intercept exactly, whatever is left here
            fit_intercept(S, INTERCEPT * S.run.tol_now * S.run.null_objective)
        else:
            evaluate(S)
        project_dual(S)
        design_xtv(&S.X, S.ws, S.m, S.v, S.q.c, S.n_threads)
        S.n_column_products += S.m
        locate(S)
        S.located = True
        return
    cache_project(&S.cache, b, gg)


cdef void _scan_covariance(state_t* S) noexcept nogil:
    """scan_outside where the products of all columns with the working set are kept."""
    cdef ptrdiff_t k, j, count = 0
    cdef double* c = S.c_work
    covariance_correlations(S, c)
    for k in range(S.m_gram, S.m):
        S.q.c[k] = c[S.ws[k]]
    for k in range(S.n_alive):
        j = S.alive[k]
        if S.slot[j] < 0 and signed_correlation(S, j, c[j]) > _lam1(S, j):
            S.cand[count].column = j
            S.p_work[count] = c[j]
            count += 1
    S.n_cand = count


cdef ptrdiff_t _screen_units(state_t* S) noexcept nogil:
    """The columns of the units outside that may exceed their limit, by the estimates of
    their correlations and the norm of their block; returns how many columns."""
    cdef ptrdiff_t u, k, j, d, count = 0
    for u in range(S.n_units):
        k, d = S.unit_first[u], S.unit_first[u + 1] - S.unit_first[u]
        j = S.unit_columns[k]
        if S.slot[j] >= 0:
            continue
        for k in range(d):
            S.cand[count + k].column = S.unit_columns[S.unit_first[u] + k]
            S.p_work[count + k] = S.c_work[S.cand[count + k].column]
        if unit_pull(S, j, S.p_work + count) + S.cache.dist * S.unit_norm[u] > (
            _lam1(S, j)
        ):
            count += d
    return count


cdef bint scan_outside(state_t* S, bint exact) noexcept nogil:
    """Columns outside the working set that may exceed their limit: cand[:n_cand].

    Their correlations, in p_work, are estimates or, with `exact`, computed.  True where
    that takes a pass over all columns, which is left to the caller.
    """
    if S.covariance and S.lazy:
        _scan_covariance(S)
        return False
    cdef ptrdiff_t k, j, some, count = 0
    cdef double est, dev
    # either sign first, by a vector loop; then what bounds and membership leave of it
    some = S.q.ops.screen(
        S.p, 0 if S.estimated else S.cache.count, S.cache.beta, S.cache.c, S.cache.dist,
        S.norm, S.run.alpha_now * S.pen.l1, S.pf, S.c_work, S.cols
    )
    S.estimated = True
    if S.unit != NULL:
        some = 0
        count = _screen_units(S)
    for k in range(some):
        j = S.cols[k]
        if S.slot[j] >= 0 or S.norm[j] <= 0.0 or S.lo[j] >= S.hi[j]:
            continue
        est = S.c_work[j]
        dev = S.cache.dist * S.norm[j]
        if (S.hi[j] > 0.0 and est + dev > _lam1(S, j)) or (
            S.lo[j] < 0.0 and dev - est > _lam1(S, j)
        ):
            S.cand[count].column = j
            S.p_work[count] = est
            count += 1
    S.n_cand = count
    if not exact or count == 0:
        return False
    if S.lazy:
        refresh(S)
    if count > S.pass_share * S.n_alive:
        return True
    for k in range(count):
        S.cols[k] = S.cand[k].column
    design_xtv(&S.X, S.cols, count, S.v, S.p_work, S.n_threads)
    S.n_column_products += count
    for k in range(count):  # known better for the next alpha
        S.c_work[S.cols[k]] = S.p_work[k]
    return False


cdef int _by_key(const void* a, const void* b) noexcept nogil:
    """Largest key first; the column breaks ties, so that the order is always the
    same."""
    cdef const candidate_t* x = <const candidate_t*> a
    cdef const candidate_t* y = <const candidate_t*> b
    if x.key != y.key:
        return -1 if x.key > y.key else 1
    return (x.column > y.column) - (x.column < y.column)


cdef int add_candidates(state_t* S, double limit, ptrdiff_t most) noexcept nogil:
    """Into the working set: at most `most` candidates whose correlation exceeds
    limit * pf (in the direction their bounds allow), the largest first."""
    cdef ptrdiff_t k = 0, j, next, count = 0
    cdef double key
    while k < S.n_cand:
        j, next = S.cand[k].column, k + unit_size(S, S.cand[k].column)
        key = unit_pull(S, j, S.p_work + k) / S.pf[j]
        k = next
        if key > limit:
            S.cand[count].column = j
            S.cand[count].key = key
            count += 1
    if (
        S.covariance and S.given == NULL and S.shared == NULL and S.lazy
        and 0 < count < max(<ptrdiff_t> BATCH, S.m // 3)
    ):
        # a pass over X for one column costs as much as for several: take the next ones
        for k in range(S.n_alive):
            j = S.alive[k]
            key = signed_correlation(S, j, S.c_work[j]) / S.pf[j]
            if S.slot[j] < 0 and key <= limit:
                S.cand[count].column = j
                S.cand[count].key = key
                count += 1
        most = max(<ptrdiff_t> BATCH, S.m // 3)
    qsort(S.cand, count, sizeof(candidate_t), &_by_key)
    for k in range(count):
        if most <= 0:
            break
        most -= unit_size(S, S.cand[k].column)
        if add_unit(S, S.cand[k].column) < 0:
            return NO_MEMORY
    return 0


cdef double gradient_tolerance(const state_t* S, double tol) noexcept nogil:
    """Inner tolerance at alpha = 0 for a relative gradient norm below tol."""
    cdef ptrdiff_t k
    cdef double norm = 0.0, target = 0.3 * tol * S.c_null
    if not S.traits.quadratic:
        return 0.3 * tol
    for k in range(S.m):
        norm = max(norm, S.norm[S.ws[k]])
    return 0.5 * target * target / (norm * norm) if norm > 0.0 else 0.0


cdef double primal_value(const state_t* S) noexcept nogil:
    """Objective of the loaded coefficients, measured or evaluated."""
    return (0.5 * S.r2 if S.lazy else S.loss_value) + penalty_value(S)


cdef double relative_gap(state_t* S, double alpha) noexcept nogil:
    load_quad(S, alpha)
    if alpha == 0.0:
        return stationarity(S)
    return max(
        gap_at(S, NULL if S.lazy else S.v, True) / S.run.null_objective, 0.0
    )
