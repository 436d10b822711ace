"""NumPy oracle: the problem, its certificate, and a solver that is right, not fast.

Everything here is written from the problem's statement alone and shares no code with
the package, so that it can judge it.  On rows with positive weight, q_i = s_i / sum(s):

    P(w, b) = sum_i q_i f_i(x_i.w + b + o_i) + sum_j h_j(w_j)
    h_j(w)  = a_j |w| + c_j w^2 / 2 + indicator(lo_j <= w <= up_j)
    a_j     = alpha pf_j l1_ratio sd_j,      c_j = alpha pf_j (1 - l1_ratio) sd_j^2

where sd_j is 1, or with standardize the weighted population std of column j: penalizing
the coefficient of the scaled column sd_j w_j, bounds staying on w_j.

For every t with sum_i q_i t_i = 0 (when there is an intercept), weak duality gives
    P(w, b) >= D(t) = sum_i q_i (t_i o_i - f_i*(t_i)) - sum_j h_j*(u_j),
    u_j = -sum_i q_i t_i x_ij
    squared:  f*(t) = t^2/2 + t y      logistic: f*(t) = H(t + y), t + y in [0, 1]
with H(v) = v log v + (1 - v) log(1 - v), and by bisection for the losses of losses.py.
h_j* is finite everywhere when c_j > 0 or
both bounds are finite; else u_j has to stay in [-a_j, a_j] on the unbounded side, which
for a_j = 0 means exact orthogonality: that block is fitted and projected out.  A ray
search over k in D(k t) takes the place of the usual rescaling (k = 0 gives the bound
P >= 0).
"""

import numpy as np
from oracles.losses import TWINS


def to_dense(X):
    """float64 copy of a dense array, a SciPy matrix or a (data, indices, ...) tuple."""
    if hasattr(X, "toarray"):
        return X.toarray().astype(np.float64)
    if hasattr(X, "indptr"):
        out = np.zeros(X.shape)
        for j in range(X.shape[1]):
            span = slice(X.indptr[j], X.indptr[j + 1])
            np.add.at(out[:, j], np.asarray(X.indices)[span], np.asarray(X.data)[span])
        return out
    return np.array(X, dtype=np.float64)


def _full(value, p, default):
    if value is None:
        return np.full(p, default)
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (p,)).copy()


class Reference:
    """The problem on its positive-weight rows, everything spelled out per column."""

    def __init__(
        self,
        X,
        y,
        *,
        loss="squared",
        l1_ratio=1.0,
        penalty_factor=None,
        lower=None,
        upper=None,
        fit_intercept=True,
        standardize=False,
        sample_weight=None,
        offset=None,
    ):
        X = to_dense(X)
        n, p = X.shape
        s = _full(sample_weight, n, 1.0)
        keep = s > 0
        self.X = X[keep]
        self.y = np.asarray(y, dtype=np.float64)[keep]
        self.q = s[keep] / s[keep].sum()
        self.o = _full(offset, n, 0.0)[keep]
        self.squared = loss == "squared"
        self.twin = TWINS.get(loss)
        self.fit_intercept = fit_intercept
        self.l1_ratio = l1_ratio
        self.mean = self.q @ self.X
        spread = np.ptp(self.X, axis=0)
        self.sd = np.ones(p)
        if standardize:
            self.sd = np.sqrt(self.q @ (self.X - self.mean) ** 2)
            self.sd[spread == 0] = 0.0
        self.pf = _full(penalty_factor, p, 1.0)
        self.lo = _full(lower, p, -np.inf)
        self.up = _full(upper, p, np.inf)
        nothing = spread == 0 if fit_intercept else ~self.X.any(axis=0)
        out = np.isinf(self.pf) | nothing | (self.sd == 0)
        self.pf[out] = 0.0
        self.lo[out] = self.up[out] = 0.0
        # Orthogonality to the constant lets the dual side work on centred columns.
        self.Xc = self.X - self.mean if fit_intercept else self.X

    def penalties(self, alpha):
        a = alpha * self.pf * self.l1_ratio * self.sd
        c = alpha * self.pf * (1 - self.l1_ratio) * self.sd**2
        return a, c

    def linear(self, w, b):
        return self.X @ w + b + self.o

    def smooth(self, eta):
        """sum_i q_i f_i(eta_i)."""
        if self.squared:
            return 0.5 * self.q @ (self.y - eta) ** 2
        if self.twin is None:
            return self.q @ (np.logaddexp(0, eta) - self.y * eta)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            value = self.q @ self.twin.value(self.y, eta)
        return value if np.isfinite(value) else np.inf

    def slope(self, eta):
        """t_i = f_i'(eta_i) and the second derivative."""
        if self.squared:
            return eta - self.y, np.ones_like(eta)
        if self.twin is not None:
            with np.errstate(over="ignore"):
                return self.twin.slope(self.y, eta), self.twin.curve(self.y, eta)
        e = np.exp(-np.abs(eta))
        small = e / (1 + e)
        prob = np.where(eta >= 0, 1 - small, small)
        # p - 1 without cancellation when the label is 1
        t = np.where(self.y == 1, np.where(eta >= 0, -small, prob - 1), prob)
        return t, e / (1 + e) ** 2

    def penalty(self, w, alpha):
        a, c = self.penalties(alpha)
        return a @ np.abs(w) + 0.5 * c @ w**2

    def objective(self, w, b, alpha):
        return self.smooth(self.linear(w, b)) + self.penalty(w, alpha)

    def best_intercept(self, eta):
        """Fitted step in the intercept at fixed linear predictor `eta`."""
        if not self.fit_intercept:
            return 0.0
        if self.squared:
            return self.q @ (self.y - eta)
        span = max(1.0, np.abs(eta).max())
        low, high = -40.0 - span, 40.0 + span
        for _ in range(200):
            mid = 0.5 * (low + high)
            if self.q @ self.slope(eta + mid)[0] > 0:
                high = mid
            else:
                low = mid
        return 0.5 * (low + high)

    def null_objective(self):
        return self.smooth(self.o + self.best_intercept(self.o))

    # dual side

    def conjugate(self, t):
        """f_i*(t_i); inf outside the domain."""
        if self.squared:
            return 0.5 * t**2 + t * self.y
        if self.twin is not None:
            return self.twin.conjugate(self.y, t)
        # v = t + y through its distance from the label, exact near 0 and 1
        d = np.where(self.y == 1, -t, t)
        out = np.full_like(t, np.inf)
        ok = (d >= 0) & (d <= 1)
        d = d[ok]
        with np.errstate(divide="ignore", invalid="ignore"):
            h = np.where(d > 0, d * np.log(d), 0.0)
            h += np.where(d < 1, (1 - d) * np.log1p(-d), 0.0)
        out[ok] = h
        return out

    def penalty_conjugate(self, u, a, c):
        """h_j*(u_j); inf where the supremum is not finite."""
        excess = np.sign(u) * np.maximum(np.abs(u) - a, 0.0)
        bound = np.where(excess > 0, self.up, self.lo)
        w = np.divide(excess, c, out=np.full_like(u, np.inf), where=c > 0)
        w = np.where(c > 0, np.clip(w, self.lo, self.up), bound)
        with np.errstate(invalid="ignore"):
            value = w * excess - np.where(c > 0, 0.5 * c * w**2, 0.0)
        return np.where(excess == 0, 0.0, value)

    def dual(self, t, a, c):
        u = -(self.q * t) @ self.Xc
        with np.errstate(invalid="ignore"):
            return self.q @ (t * self.o - self.conjugate(t)) - np.sum(
                self.penalty_conjugate(u, a, c)
            )

    def _basis(self, columns):
        parts = [self.Xc[:, columns]]
        if self.fit_intercept:
            parts.insert(0, np.ones((len(self.y), 1)))
        A = np.hstack(parts)
        norm = np.sqrt(self.q @ A**2)
        return A / np.where(norm > 0, norm, 1.0)

    def _fit_block(self, eta, A):
        """Newton on the coefficients of A at fixed rest: the linear predictor."""
        if self.squared or not A.shape[1]:
            return eta
        value = self.smooth(eta)
        for _ in range(100):
            t, h = self.slope(eta)
            step = A @ self._weighted(A, t, np.maximum(h, 1e-14))
            for k in range(30):
                trial = eta - 0.5**k * step
                new = self.smooth(trial)
                if new < value:
                    break
            else:
                break
            eta, gain, value = trial, value - new, new
            if gain < 1e-15 * abs(value):
                break
        return eta

    def _weighted(self, A, t, h):
        """Least squares of t / h on A under the weights q h."""
        if self.twin is None:
            root = np.sqrt(self.q * h)
            return np.linalg.lstsq(root[:, None] * A, self.q * t / root)[0]
        # rows without curvature, which losses with straight parts have
        return np.linalg.lstsq(A.T @ ((self.q * h)[:, None] * A), A.T @ (self.q * t))[0]

    def _project(self, t, h, A):
        """Make sum_i q_i t_i A_i = 0, moving t_i in proportion to h_i."""
        if not A.shape[1]:
            return t
        for _ in range(3):
            t = t - h * (A @ self._weighted(A, t, np.maximum(h, 1e-300)))
        return t

    def lower_bound(self, w, b, alpha):
        """A valid lower bound on the optimal value, from the point (w, b).

        Where unpenalized columns separate some rows, those have t_i -> 0 only in the
        limit, and the projection takes them out of the domain: then the bound with the
        small t_i set to 0 beforehand, for one of a few thresholds, is the good one.
        """
        best = self._lower_bound(w, b, alpha, 0.0)
        if not self.squared and best == 0.0:
            for floor in (1e-12, 1e-9, 1e-6):
                best = max(best, self._lower_bound(w, b, alpha, floor))
        return best

    def _lower_bound(self, w, b, alpha, floor):
        a, c = self.penalties(alpha)
        open_up = np.isinf(self.up) & (c == 0)
        open_lo = np.isinf(self.lo) & (c == 0)
        free = (a == 0) & (open_up | open_lo)
        # any choice is valid; next to a bound (a rounded coefficient) counts as at it
        block = free & (w > 0.999999 * self.lo) & (w < 0.999999 * self.up)
        eta = self.linear(w, b)
        for _ in range(len(w) + 1):
            A = self._basis(block)
            t, h = self.slope(self._fit_block(eta, A))
            small = np.abs(t) < floor
            t, h = np.where(small, 0.0, t), np.where(small, 0.0, h)
            t = self._project(t, h, A)
            for _ in range(20 if self.twin is not None else 0):
                edge = np.clip(t, self.twin.low(self.y), self.twin.high(self.y))
                beyond = np.abs(t - edge) > 1e-15 * np.abs(edge)
                t, h = edge, np.where(beyond, 0.0, h)
                if not beyond.any():
                    break
                t = self._project(t, h, A)
            if np.any(np.abs(A.T @ (self.q * t)) > 1e-12 * np.sqrt(self.q @ t**2)):
                return 0.0
            u = -(self.q * t) @ self.Xc
            u[block] = 0.0
            wrong = free & ((open_up & (u > 0)) | (open_lo & (u < 0)))
            if not wrong.any():
                break
            block |= wrong
        excess = np.where(open_up, u, 0.0)
        excess = np.maximum(excess, np.where(open_lo, -u, 0.0))
        over = excess > a
        top = np.min(a[over] / excess[over], initial=2.0)
        if not self.squared:
            top = min(top, 1.0)

        def value(k):
            with np.errstate(invalid="ignore", over="ignore"):
                h_star = self.penalty_conjugate(np.clip(k * u, *limits), a, c)
                d = self.q @ (k * t * self.o - self.conjugate(k * t)) - h_star.sum()
            return d if np.isfinite(d) else -np.inf

        # k*u may exceed a by rounding alone where k = top
        limits = (np.where(open_lo, -a, -np.inf), np.where(open_up, a, np.inf))
        best = max(0.0, value(top), value(min(1.0, top)))
        # golden sections: one of the two points between is always known already
        left, right, ratio = 0.0, top, (np.sqrt(5) - 1) / 2
        m1, m2 = (1 - ratio) * top, ratio * top
        v1, v2 = value(m1), value(m2)
        for _ in range(80 if self.twin is None else 24):
            best = max(best, v1, v2)
            if v1 < v2:
                left, m1, v1 = m1, m2, v2
                m2 = left + ratio * (right - left)
                v2 = value(m2)
            else:
                right, m2, v2 = m2, m1, v1
                m1 = right - ratio * (right - left)
                v1 = value(m1)
        return best

    def gradient(self, w, b):
        """Gradient of the smooth part in w (centred columns) and in b."""
        t = self.q * self.slope(self.linear(w, b))[0]
        g_b = t.sum()
        return t @ self.Xc + (self.mean * g_b if self.fit_intercept else 0.0), g_b

    def unpenalized(self):
        return (self.pf == 0) & (self.lo < self.up)

    def alpha_max(self):
        """Least alpha at which every penalized coefficient is 0."""
        if self.l1_ratio == 0:
            return np.nan
        w, b = self.null_block()
        g, _ = self.gradient(w, b)
        pull = np.maximum(np.where(self.up > 0, -g, 0.0), np.where(self.lo < 0, g, 0.0))
        on = self.pf > 0
        scale = self.pf[on] * self.l1_ratio * self.sd[on]
        return np.max(np.maximum(pull[on], 0.0) / scale, initial=0.0)

    def null_block(self):
        """(w, b) with only the unpenalized columns fitted."""
        w = np.zeros(self.X.shape[1])
        b = self.best_intercept(self.o)
        on = self.unpenalized()
        if on.any():
            w, b, _ = self.minimize(w, b, 0.0, 1e-13, 200, only=on)
        return w, b

    # primal side

    def minimize(self, w, b, alpha, tol, max_iter, *, only=None, done=None):
        """Prox-Newton from (w, b); `done(w, b) -> bool` stops it early."""
        a, c = self.penalties(alpha)
        usable = self.lo < self.up
        if only is not None:
            usable &= only
        cols = np.flatnonzero(usable)
        value = self.objective(w, b, alpha)
        n_iter = 0
        while n_iter < max_iter:
            if done is not None and done(w, b):
                break
            n_iter += 1
            t, h = self.slope(self.linear(w, b))
            d = self.q * np.maximum(h, 1e-12)
            g = self.q * t
            centre = d @ self.X / d.sum() if self.fit_intercept else 0.0
            Xd = (self.X - centre)[:, cols]
            H = Xd.T @ (d[:, None] * Xd)
            lin = Xd.T @ g
            step = np.zeros_like(w)
            step[cols] = _quadratic(
                H, lin, w[cols], a[cols], c[cols], self.lo[cols], self.up[cols]
            )
            step -= w
            step[~usable] = 0.0
            db = 0.0
            if self.fit_intercept:
                db = -(g.sum() + d.sum() * (centre @ step)) / d.sum()
            for k in range(40):
                size = 0.5**k
                new = self.objective(w + size * step, b + size * db, alpha)
                if new < value:
                    break
            else:
                # the last digits: take the full step if it costs nothing but rounding
                if self.objective(w + step, b + db, alpha) <= value * (1 + 1e-15):
                    w, b = np.clip(w + step, self.lo, self.up), b + db
                break
            w, b = w + size * step, b + size * db
            if size == 1:
                # exact zeros and bounds
                w = np.where(np.abs(w) < 1e-300, 0.0, w)
            w = np.clip(w, self.lo, self.up)
            gain, value = value - new, new
            if done is None and gain <= tol * abs(value):
                break
        return w, b, n_iter


def _quadratic(H, lin, w0, a, c, lo, up, sweeps=2000):
    """argmin lin.(w - w0) + (w - w0)'H(w - w0)/2 + a|w| + c w^2/2 over the box."""
    w = w0.copy()
    p = len(w)
    grad = lin.copy()
    diag = np.diag(H).copy()

    def prox_step(j):
        h = diag[j]
        if h + c[j] <= 0:
            return 0.0
        z = h * w[j] - grad[j]
        new = np.sign(z) * max(abs(z) - a[j], 0.0) / (h + c[j])
        return min(max(new, lo[j]), up[j])

    def violation():
        full = grad + c * w
        right, left = full + a, full - a
        v = np.where(w > 0, np.abs(right), np.where(w < 0, np.abs(left), 0.0))
        zero = np.maximum(
            np.where(up > 0, np.maximum(-right, 0), 0.0),
            np.where(lo < 0, np.maximum(left, 0), 0.0),
        )
        v = np.where(w == 0, zero, v)
        side = np.where(w > 0, right, left)
        v = np.where((w != 0) & (w >= up), np.maximum(side, 0), v)
        return np.where((w != 0) & (w <= lo), np.maximum(-side, 0), v)

    scale = np.sqrt(np.maximum(diag, 1e-300))
    target = 1e-14 * max(np.max(np.abs(lin) / scale, initial=0.0), 1e-300)
    for sweep in range(sweeps):
        for j in range(p):
            new = prox_step(j)
            if new != w[j]:
                grad += H[:, j] * (new - w[j])
                w[j] = new
        if sweep % 5 == 4:
            if np.max(violation() / scale, initial=0.0) <= target:
                break
            # Newton step on the free coordinates, up to the first sign or bound change
            free = np.flatnonzero((w != 0) & (w > lo) & (w < up))
            if len(free):
                A = H[np.ix_(free, free)] + np.diag(c[free])
                rhs = -(grad[free] + c[free] * w[free] + a[free] * np.sign(w[free]))
                root = np.sqrt(np.maximum(np.diag(A), 1e-300))
                step = np.linalg.lstsq(A / np.outer(root, root), rhs / root)[0] / root
                stops = np.where(step > 0, up[free], lo[free])
                crossing = (a[free] > 0) & (np.sign(step) == -np.sign(w[free]))
                stops[crossing] = 0.0
                with np.errstate(divide="ignore", invalid="ignore"):
                    room = np.where(step != 0, (stops - w[free]) / step, np.inf)
                size = min(1.0, room.min())
                before = w[free]
                moved = before + size * step
                hit = room <= size
                moved[hit] = stops[hit]
                w[free] = moved
                grad += H[:, free] @ (moved - before)
    return w


def objective(X, y, coef, intercept, alpha, **problem):
    """P(coef, intercept) of the problem; inf outside the bounds."""
    ref = Reference(X, y, **problem)
    w = np.asarray(coef, dtype=np.float64)
    if np.any((w < ref.lo) | (w > ref.up)):
        return np.inf
    return float(ref.objective(w, float(intercept), alpha))


def certificate(X, y, coef, intercept, alpha, **problem):
    """(primal, gap, P0) at the given coefficients, all in units of the objective.

    `gap` is a valid upper bound on primal minus the optimal value; divide by `P0`, the
    objective at w = 0 with the best intercept, for the relative gap.
    """
    ref = Reference(X, y, **problem)
    w = np.asarray(coef, dtype=np.float64)
    if np.any((w < ref.lo) | (w > ref.up)):
        return np.inf, np.inf, ref.null_objective()
    primal = ref.objective(w, float(intercept), alpha)
    gap = max(primal - ref.lower_bound(w, float(intercept), alpha), 0.0)
    return float(primal), float(gap), float(ref.null_objective())


def relative_gap(X, y, coef, intercept, alpha, **problem):
    """gap / P0 of `certificate`; 0 when both are 0."""
    _, gap, null = certificate(X, y, coef, intercept, alpha, **problem)
    return gap / null if null > 0 else (0.0 if gap == 0 else np.inf)


def kkt_residuals(X, y, coef, intercept, alpha, **problem):
    """Distance of 0 from the subdifferential, per column, and that of the intercept.

    Coefficients at a bound count the inward side only; columns that the problem
    excludes (infinite penalty factor, no variation) count 0.

    Returns
    -------
    ndarray of shape (p,), float
    """
    ref = Reference(X, y, **problem)
    w = np.asarray(coef, dtype=np.float64)
    a, c = ref.penalties(alpha)
    g, g_b = ref.gradient(w, float(intercept))
    g = g + c * w
    right = g + np.where(w < 0, -a, a)
    left = g + np.where(w > 0, a, -a)
    push_up = np.where(w < ref.up, np.maximum(-right, 0.0), 0.0)
    push_down = np.where(w > ref.lo, np.maximum(left, 0.0), 0.0)
    return np.maximum(push_up, push_down), abs(g_b) if ref.fit_intercept else 0.0


def alpha_max(X, y, **problem):
    """Least alpha at which every penalized coefficient is 0; nan for l1_ratio = 0."""
    return float(Reference(X, y, **problem).alpha_max())


def fit(X, y, alpha, tol=1e-12, max_iter=500, **problem):
    """(coef, intercept) of the problem to a relative gap of `tol`."""
    solver = ReferenceSolver(X, y, **problem)
    solver.solve(alpha, tol, max_iter)
    return solver.coef, solver.intercept


class ReferenceSolver:
    """The compiled solver's interface over `Reference`."""

    def __init__(self, X, y, *, n_threads=1, **problem):
        self._ref = Reference(X, y, **problem)
        self.null_objective = float(self._ref.null_objective())
        self._amax = None
        self._w = np.zeros(self._ref.X.shape[1])
        self._b = self._ref.best_intercept(self._ref.o)
        self.gap = np.nan
        self.n_iter = 0
        self._counts = {"n_newton": 0, "n_solves": 0, "regime": "reference"}

    @property
    def alpha_max(self):
        if self._amax is None:
            self._amax = float(self._ref.alpha_max())
        return self._amax

    @property
    def coef(self):
        return self._w.copy()

    @property
    def intercept(self):
        return float(self._b)

    def set_coef(self, coef, intercept):
        ref = self._ref
        self._w = np.clip(np.array(coef, dtype=np.float64), ref.lo, ref.up)
        self._b = float(intercept)

    def sparse_coef(self):
        indices = np.flatnonzero(self._w).astype(np.int32)
        return indices, self._w[indices]

    def counters(self):
        return dict(self._counts)

    def objective(self, alpha):
        """P at the current coefficients."""
        return float(self._ref.objective(self._w, self._b, alpha))

    def certify(self, alpha):
        """Relative gap at the current coefficients; gradient norm when alpha is 0."""
        self.gap = self._measure(self._w, self._b, alpha)
        return self.gap

    def _measure(self, w, b, alpha):
        ref = self._ref
        if self.null_objective <= 0:
            return 0.0 if not w.any() else np.inf
        if alpha == 0:
            g, g_b = ref.gradient(w, b)
            start, _ = ref.gradient(np.zeros_like(w), ref.best_intercept(ref.o))
            g = np.where(w < ref.up, np.maximum(-g, 0), 0) + np.where(
                w > ref.lo, np.maximum(g, 0), 0
            )
            norm = np.sqrt(ref.q @ ref.Xc**2)
            on = (ref.lo < ref.up) & (norm > 0)
            worst = np.max(g[on] / norm[on], initial=abs(g_b))
            scale = np.max(np.abs(start[on]) / norm[on], initial=0.0)
            return float(worst / scale) if scale > 0 else 0.0
        gap = ref.objective(w, b, alpha) - ref.lower_bound(w, b, alpha)
        return float(max(gap, 0.0) / self.null_objective)

    def solve(self, alpha, tol, max_iter):
        ref = self._ref
        self._counts["n_solves"] += 1
        if self.null_objective <= 0:
            self._w = np.zeros_like(self._w)
            self._b = ref.best_intercept(ref.o)
            self.gap, self.n_iter = 0.0, 0
            return 0

        def done(w, b):
            return self._measure(w, b, alpha) <= tol

        self._w, self._b, self.n_iter = ref.minimize(
            self._w, self._b, alpha, 0.0, max_iter, done=done
        )
        self._counts["n_newton"] += self.n_iter
        self.certify(alpha)
        return 0 if self.gap <= tol else 1
