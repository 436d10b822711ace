"""Primal-dual interior-point method on the working set, for losses with corners.

Quantile, huber and squared hinge are maxima over a box: with r = target - eta,

    s f(r) = max_v  v r - D v^2 / 2,     lo <= v <= hi,

and so is the l1 penalty, lam1 |w| = max_g g w over |g| <= lam1.  The working set is a
linear (quantile) or quadratic program in boxes for v, g and, with bounds, w, whose
optimality conditions are, with multipliers x >= 0 of the ends of each box,

    r = D v + x_v^+ - x_v^-,   w = x_g^+ - x_g^-,   Z'v = g + lam2 w + x_w^+ - x_w^-,
    1'v = 0,   x^+ (hi - .) = 0,   x^- (. - lo) = 0.

Newton's method on them, with mu in place of the last two 0, eliminates everything but
w, and leaves the weighted Gram matrix of the working set plus a diagonal.  Predictor
and corrector are those of Mehrotra (1992), as Portnoy and Koenker (1997) use them for
quantile regression: 10 to 25 factorizations whatever the data, where sums of squares
that touch the loss take ever shorter steps from corner to corner.

The solution is inside all boxes.  What of it belongs on an end (coefficients at 0 or a
bound) is put there, and the duality gap of that point is what ends the solve.
"""
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastl1.kernels.solver._certificate cimport correlate, working_gap
from fastl1.kernels.design._cholesky cimport chol_append, chol_reserve, chol_solve
from fastl1.kernels.design._design cimport design_add_xw, design_means, design_xtv
from fastl1._ops cimport FL1_Y_LABELS, fl1_range
from fastl1.kernels.solver._samples cimport evaluate
from fastl1.kernels.solver._state cimport INTERIOR_POINT, NO_MEMORY, keeps_dual, state_t
from fastl1.kernels.solver._working cimport grow_gram

cdef int MAX_STEPS = 60
cdef double BACK_OFF = 0.995     # of the way to the nearest end
cdef double START = 0.1          # multipliers at the start, of the mean residual
cdef double SHORT = 1e-3         # steps that lead nowhere, after ...
cdef int PATIENCE = 5            # ... so many in a row
cdef double SHARPER = 0.03       # factor on the target where the point is not there yet

cdef enum:
    OF_BOX = 8               # arrays of a box
    OF_ROWS = OF_BOX + 6     # arrays of n ...
    OF_SLOTS = 2 * OF_BOX + 5    # ... and m numbers

# Variables z in boxes, by their distances to the ends, and the multipliers of these.
cdef struct box_t:
    ptrdiff_t size
    double* z
    double* above            # hi - z, or infinity
    double* below            # z - lo, or infinity
    double* up
    double* down
    double* dz
    double* d_up
    double* d_down

cdef struct interior_t:
    state_t* S
    double* memory
    box_t rows
    box_t signs
    box_t bounds
    # (n,) each
    double* r                # target - eta
    double* quad             # D
    double* h                # 1 / (D + curvature of the barrier)
    double* rho
    double* dr
    double* v_best
    # (m,) each
    double* w
    double* dw
    double* ridge            # what the penalty adds to the diagonal
    double* unit             # the size of a coefficient
    double* w_best
    double b
    double db
    double b_best
    double best              # gap of the best point so far
    double mu


# Boxes


cdef double* _place(box_t* B, ptrdiff_t size, double* at) noexcept nogil:
    B.size = size
    B.z, B.above, B.below, B.up = at, at + size, at + 2 * size, at + 3 * size
    B.down, B.dz, B.d_up = at + 4 * size, at + 5 * size, at + 6 * size
    B.d_down = at + 7 * size
    return at + OF_BOX * size


cdef inline void _set(
    box_t* B, ptrdiff_t i, double z, double lo, double hi, double up, double down
) noexcept nogil:
    B.z[i], B.above[i], B.below[i] = z, hi - z, z - lo
    B.up[i] = up if B.above[i] < INFINITY else 0.0
    B.down[i] = down if B.below[i] < INFINITY else 0.0
    B.dz[i] = B.d_up[i] = B.d_down[i] = 0.0


cdef inline double _curve(const box_t* B, ptrdiff_t i) noexcept nogil:
    """How the net multiplier grows with z."""
    return B.up[i] / B.above[i] + B.down[i] / B.below[i]


cdef inline double _net(
    const box_t* B, ptrdiff_t i, double mu, double second
) noexcept nogil:
    """Net multiplier on the central path at mu, as seen from z; `second` times the last
    step's products are taken off."""
    return (
        (mu + second * B.d_up[i] * B.dz[i]) / B.above[i]
        - (mu - second * B.d_down[i] * B.dz[i]) / B.below[i]
    )


cdef inline void _step_of(
    box_t* B, ptrdiff_t i, double dz, double mu, double second
) noexcept nogil:
    """The step of z and with it those of its multipliers."""
    cdef double up = mu + second * B.d_up[i] * B.dz[i] + B.up[i] * dz
    cdef double down = mu - second * B.d_down[i] * B.dz[i] - B.down[i] * dz
    B.d_up[i] = up / B.above[i] - B.up[i]
    B.d_down[i] = down / B.below[i] - B.down[i]
    B.dz[i] = dz


cdef inline double _room(double x, double dx) noexcept nogil:
    return -x / dx if dx < 0.0 else INFINITY


cdef double _longest(const box_t* B, double t) noexcept nogil:
    """The longest step up to t that nothing in B forbids."""
    cdef ptrdiff_t i
    for i in range(B.size):
        t = min(t, _room(B.above[i], -B.dz[i]))
        t = min(t, _room(B.below[i], B.dz[i]))
        t = min(t, _room(B.up[i], B.d_up[i]))
        t = min(t, _room(B.down[i], B.d_down[i]))
    return t


cdef double _products(const box_t* B, double t, double* count) noexcept nogil:
    """Sum of multiplier times distance after a step t, over the ends there are."""
    cdef ptrdiff_t i
    cdef double total = 0.0
    for i in range(B.size):
        if B.above[i] < INFINITY:
            total += (B.up[i] + t * B.d_up[i]) * (B.above[i] - t * B.dz[i])
            count[0] += 1.0
        if B.below[i] < INFINITY:
            total += (B.down[i] + t * B.d_down[i]) * (B.below[i] + t * B.dz[i])
            count[0] += 1.0
    return total


cdef void _move(box_t* B, double t) noexcept nogil:
    cdef ptrdiff_t i
    for i in range(B.size):
        B.z[i] += t * B.dz[i]
        B.above[i] -= t * B.dz[i]
        B.below[i] += t * B.dz[i]
        B.up[i] += t * B.d_up[i]
        B.down[i] += t * B.d_down[i]


cdef double _all_products(const interior_t* I, double t, double* count) noexcept nogil:
    count[0] = 0.0
    return (
        _products(&I.rows, t, count) + _products(&I.signs, t, count)
        + _products(&I.bounds, t, count)
    )


# The problem


cdef int _allocate(interior_t* I, state_t* S) noexcept nogil:
    cdef double* at
    I.S = S
    I.memory = at = <double*> malloc(
        (OF_ROWS * S.n + OF_SLOTS * S.m) * sizeof(double)
    )
    if at == NULL or chol_reserve(&S.F, S.m) < 0:
        free(at)
        return NO_MEMORY
    at = _place(&I.rows, S.n, at)
    I.r, I.quad, I.h, I.rho = at, at + S.n, at + 2 * S.n, at + 3 * S.n
    I.dr, I.v_best = at + 4 * S.n, at + 5 * S.n
    at = _place(&I.signs, S.m, at + 6 * S.n)
    at = _place(&I.bounds, S.m, at)
    I.w, I.dw, I.ridge = at, at + S.m, at + 2 * S.m
    I.unit, I.w_best = at + 3 * S.m, at + 4 * S.m
    return 0


cdef double _set_row(interior_t* I, ptrdiff_t i, double size) noexcept nogil:
    """Box and multipliers of row i; the product of these."""
    cdef state_t* S = I.S
    cdef double s = S.s[i], lo, hi, v, target = S.y[i], excess, up, down
    cdef fl1_range slopes
    if S.traits.target == FL1_Y_LABELS:
        target = 2.0 * target - 1.0
    I.r[i] = target - S.eta[i]
    if s == 0.0:
        I.quad[i] = 1e300
        _set(&I.rows, i, 0.0, -INFINITY, INFINITY, 0.0, 0.0)
        return 0.0
    slopes = S.q.ops.loss_slopes[S.loss](&S.loss_param, S.y[i])
    I.quad[i] = 0.0 if S.traits.dual_is_variable else 1.0 / s
    lo, hi = s * slopes.lo, s * slopes.hi
    v = 0.5 * (lo + hi) if isfinite(hi - lo) else target * s * size
    excess = I.r[i] - I.quad[i] * v
    up, down = max(excess, 0.0) + START * size, max(-excess, 0.0) + START * size
    _set(&I.rows, i, v, lo, hi, up, down)
    return up * (hi - v) if hi < INFINITY else down * (v - lo)


cdef void _set_slot(interior_t* I, ptrdiff_t k, double size, double mu) noexcept nogil:
    """Boxes and multipliers of slot k, and its coefficient inside of its bounds."""
    cdef state_t* S = I.S
    cdef ptrdiff_t j = S.ws[k]
    cdef double lam1 = S.q.lam1[k], lo = S.q.lo[k], hi = S.q.hi[k], w = S.w[j]
    cdef double edge = lam1 if lam1 > 0.0 else INFINITY, margin
    I.unit[k] = size / S.norm[j]
    margin = min(I.unit[k], 0.25 * (hi - lo))
    w = min(max(w, lo + margin), hi - margin)
    I.w[k] = w
    margin = START * I.unit[k]
    _set(&I.signs, k, 0.0, -edge, edge, max(w, 0.0) + margin, max(-w, 0.0) + margin)
    _set(&I.bounds, k, w, lo, hi, mu / (hi - w), mu / (w - lo))


cdef void _start(interior_t* I) noexcept nogil:
    """The centre of the boxes, with multipliers of the size of the residuals."""
    cdef state_t* S = I.S
    cdef ptrdiff_t i, k
    cdef double size = 0.0, mu = 0.0, steepest = 1.0
    for i in range(S.n):
        size += S.s[i] * fabs(S.y[i] - S.eta[i])
    if S.traits.sharpens:  # its slope, not 1, is what a residual costs
        steepest = S.q.ops.loss_slopes[S.loss](&S.loss_param, 0.0).hi
    size = max(size, 1e-3 * S.run.null_objective / steepest)
    for i in range(S.n):
        mu += _set_row(I, i, size)
    for k in range(S.m):
        _set_slot(I, k, size, mu / S.n)
    # what bounds moved of the coefficients
    for k in range(S.m):
        I.dw[k] = S.w[S.ws[k]] - I.w[k]
    design_add_xw(&S.X, S.ws, I.dw, S.m, I.r, S.n_threads)
    I.b = S.b


# Newton steps


cdef int _factor(interior_t* I) noexcept nogil:
    """The factor of Z' H Z + ridge, centred under H."""
    cdef state_t* S = I.S
    cdef ptrdiff_t i, k
    cdef double curve
    for i in range(S.n):
        I.h[i] = 1.0 / (I.quad[i] + _curve(&I.rows, i))
        S.h_sqrt[i] = sqrt(I.h[i])
    if S.centre:
        design_means(
            &S.X, S.ws, S.m, I.h, S.q.ops.sum(S.n, I.h), S.hmean, S.n_threads
        )
    S.m_gram = S.F.m = 0
    if grow_gram(S) < 0:
        return NO_MEMORY
    for k in range(S.m):
        curve = _curve(&I.signs, k)
        I.ridge[k] = S.q.lam2[k] + _curve(&I.bounds, k)
        if curve > 0.0:
            I.ridge[k] += 1.0 / curve
        for i in range(S.F.m):
            S.F.work[i] = S.G[S.F.slot[i] + k * S.ldg]
        chol_append(&S.F, k, S.F.work, S.q.diag[k] + I.ridge[k], I.ridge[k])
    return 0


cdef double _sign_part(
    const interior_t* I, ptrdiff_t k, double dw, double mu, double second
) noexcept nogil:
    """The step of g that goes with dw; 0 without an l1 penalty."""
    cdef double curve = _curve(&I.signs, k)
    if not curve > 0.0:
        return 0.0
    return (I.w[k] + dw - _net(&I.signs, k, mu, second)) / curve


cdef void _direction(interior_t* I, double mu, double second) noexcept nogil:
    """The Newton step towards the central path at mu."""
    cdef state_t* S = I.S
    cdef box_t* V = &I.rows
    cdef ptrdiff_t i, k
    cdef double total = 0.0, h_sum = S.q.ops.sum(S.n, I.h)
    for i in range(S.n):
        I.rho[i] = I.r[i] - I.quad[i] * V.z[i] - _net(V, i, mu, second)
        S.n_work[i] = V.z[i] + I.h[i] * I.rho[i]
    design_xtv(&S.X, S.ws, S.m, S.n_work, I.dw, S.n_threads)
    if S.centre:
        total = S.q.ops.sum(S.n, S.n_work)
    for k in range(S.m):
        I.dw[k] -= (
            (S.hmean[k] * total if S.centre else 0.0) + I.signs.z[k]
            + _sign_part(I, k, 0.0, mu, second) + S.q.lam2[k] * I.w[k]
            + _net(&I.bounds, k, mu, second)
        )
    for i in range(S.F.m):
        S.F.work[i] = I.dw[S.F.slot[i]]
    chol_solve(&S.F, S.F.work)
    memset(I.dw, 0, S.m * sizeof(double))
    for i in range(S.F.m):
        I.dw[S.F.slot[i]] = S.F.work[i]
    memset(I.dr, 0, S.n * sizeof(double))
    design_add_xw(&S.X, S.ws, I.dw, S.m, I.dr, S.n_threads)
    S.n_column_products += 2 * S.m
    I.db = 0.0
    if S.centre:
        I.db = (total - S.q.ops.dot(S.n, I.h, I.dr)) / h_sum
    for i in range(S.n):
        I.dr[i] = -I.dr[i] - I.db
        _step_of(V, i, I.h[i] * (I.rho[i] + I.dr[i]), mu, second)
    for k in range(S.m):
        _step_of(
            &I.signs, k, _sign_part(I, k, I.dw[k], mu, second), mu, second
        )
        _step_of(&I.bounds, k, I.dw[k], mu, second)


cdef double _longest_step(const interior_t* I) noexcept nogil:
    return _longest(&I.bounds, _longest(&I.signs, _longest(&I.rows, INFINITY)))


cdef double _advance(interior_t* I) noexcept nogil:
    """Predictor and corrector; the length of the step taken, NaN where rounding has
    left no direction."""
    cdef state_t* S = I.S
    cdef ptrdiff_t i, k
    cdef double count, t, share
    _direction(I, 0.0, 0.0)
    t = min(_longest_step(I), 1.0)
    share = _all_products(I, t, &count) / (I.mu * count)
    _direction(I, share * share * share * I.mu, 1.0)
    t = min(BACK_OFF * _longest_step(I), 1.0)
    if not isfinite(S.q.ops.dot(S.m, I.dw, I.dw) + S.q.ops.dot(S.n, I.dr, I.dr)):
        return NAN
    _move(&I.rows, t)
    _move(&I.signs, t)
    _move(&I.bounds, t)
    for k in range(S.m):
        I.w[k] += t * I.dw[k]
    for i in range(S.n):
        I.r[i] += t * I.dr[i]
    I.b += t * I.db
    return t


# The point on the ends of the boxes


cdef double _on_end(const interior_t* I, ptrdiff_t k) noexcept nogil:
    """Coefficient of slot k, at 0 or a bound where its multipliers say so."""
    cdef const state_t* S = I.S
    cdef const box_t* g = &I.signs
    cdef const box_t* B = &I.bounds
    cdef double w = I.w[k], lam1 = S.q.lam1[k]
    cdef double force = max(lam1, 1e-3 * S.c_null), unit = I.unit[k]
    if B.above[k] * force < B.up[k] * unit:
        return S.q.hi[k]
    if B.below[k] * force < B.down[k] * unit:
        return S.q.lo[k]
    if lam1 > 0.0 and (
        max(g.up[k], g.down[k]) * lam1 < unit * min(g.above[k], g.below[k])
    ):
        return 0.0
    return min(max(w, S.q.lo[k]), S.q.hi[k])


cdef void _take(
    interior_t* I, const double* w, double b, const double* v
) noexcept nogil:
    """Coefficients w and dual point v become those of the state."""
    cdef state_t* S = I.S
    cdef ptrdiff_t i, k
    for k in range(S.m):
        S.q.w[k] = S.w[S.ws[k]] = w[k]
    evaluate(S)
    for i in range(S.n):
        S.eta[i] += b - S.b
    S.b = b
    memcpy(S.v, v, S.n * sizeof(double))
    evaluate(S)


cdef double _measure(interior_t* I) noexcept nogil:
    """Duality gap with what belongs there on its end; the best point is kept."""
    cdef state_t* S = I.S
    cdef ptrdiff_t k
    cdef double gap, v_sum, h_sum
    for k in range(S.m):
        I.dw[k] = _on_end(I, k)
    _take(I, I.dw, I.b, I.rows.z)
    correlate(S, &v_sum, &h_sum)
    gap = working_gap(S, v_sum, h_sum)
    if gap < I.best:
        I.best, I.b_best = gap, I.b
        memcpy(I.w_best, I.dw, S.m * sizeof(double))
        memcpy(I.v_best, I.rows.z, S.n * sizeof(double))
    return gap


cdef int solve_interior(state_t* S, double tol) noexcept nogil:
    """Minimize over the working set, whose quadratic is loaded, to a gap of tol.

    Where the dual point is the gradient (not with `keeps_dual`), the products of
    multipliers and distances count as the gap: a Newton step is then for the caller.
    Returns 0, 1 (no progress, or interrupted) or NO_MEMORY.
    """
    cdef interior_t I
    cdef int _, short = 0, status = 0
    cdef ptrdiff_t k
    cdef double count, total, length, target = tol
    if _allocate(&I, S) < 0:
        return NO_MEMORY
    S.regime = INTERIOR_POINT
    _start(&I)
    I.best, I.b_best = INFINITY, S.b
    for k in range(S.m):
        I.w_best[k] = S.w[S.ws[k]]
    memcpy(I.v_best, S.v, S.n * sizeof(double))
    for _ in range(MAX_STEPS):
        total = _all_products(&I, 0.0, &count)
        I.mu = total / count
        if not isfinite(total) or short >= PATIENCE or S.poll(S):
            break
        if total <= target:
            if _measure(&I) <= tol or not keeps_dual(S):
                break
            target = min(SHARPER * total, target)
        if _factor(&I) < 0:
            status = NO_MEMORY
            break
        S.n_newton += 1
        length = _advance(&I)
        if not length >= 0.0:
            break
        short = short + 1 if length < SHORT else 0
    if status == 0:
        if isfinite(total) and not isfinite(I.best):
            _measure(&I)
        _take(&I, I.w_best, I.b_best, I.v_best)
        status = 0 if I.best <= tol else 1
    S.m_gram = S.F.m = 0
    S.move = 0.0
    free(I.memory)
    return status
