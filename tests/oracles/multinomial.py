"""NumPy oracle of softmax regression: the objective and its certificate.

As `reference`, written from the problem's statement alone.  On rows with positive
weight, q_i = s_i / sum(s), Y one-hot and H the entropy:

    P(W, b) = sum_i q_i (log sum_k exp(eta_ik) - eta_i,label) + sum_jk h_j(w_jk)
    eta     = X W + b + offset
    h_j(w)  = a_j |w| + c_j w^2 / 2 + indicator(lo_j <= w <= up_j)

Since log sum exp(eta) >= t.eta + H(t) for every t of the simplex,

    P >= D(t) = sum_i q_i (H(t_i) + (t_i - y_i).offset_i) - sum_jk h_j*(u_jk),
    u_jk = sum_i q_i (y_ik - t_ik) x_ij,

where the intercepts ask for sum_i q_i (y_ik - t_ik) = 0, and unpenalized columns for
u_jk = 0.  t is the fitted probabilities, moved by a Newton step in the span of those
columns; a search over k in D(y + k (t - y)) takes the place of the usual rescaling.
"""

import numpy as np
from oracles.reference import _full, to_dense


class MultinomialReference:
    """The problem on its positive-weight rows; `codes` are the labels from 0."""

    def __init__(
        self,
        X,
        codes,
        n_classes,
        *,
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
        self.q = s[keep] / s[keep].sum()
        self.Y = np.eye(n_classes)[np.asarray(codes, dtype=int)[keep]]
        self.o = np.zeros((n, n_classes)) if offset is None else np.asarray(offset)
        self.o = self.o[keep]
        self.fit_intercept = fit_intercept
        self.l1_ratio = l1_ratio
        mean = self.q @ self.X
        self.sd = np.ones(p)
        if standardize:
            self.sd = np.sqrt(self.q @ (self.X - mean) ** 2)
            self.sd[np.ptp(self.X, axis=0) == 0] = 0.0
        self.pf = _full(penalty_factor, p, 1.0)
        self.lo = _full(lower, p, -np.inf)
        self.up = _full(upper, p, np.inf)
        constant = np.ptp(self.X, axis=0) == 0
        out = np.isinf(self.pf) | (self.sd == 0) | (constant & fit_intercept)
        self.pf[out] = 0.0
        self.lo[out] = self.up[out] = 0.0
        self.out = out

    def penalties(self, alpha):
        a = alpha * self.pf * self.l1_ratio * self.sd
        return a, alpha * self.pf * (1 - self.l1_ratio) * self.sd**2

    def log_probabilities(self, W, b):
        eta = self.X @ W + b + self.o
        eta = eta - eta.max(axis=1, keepdims=True)
        return eta - np.log(np.exp(eta).sum(axis=1, keepdims=True))

    def loss(self, W, b):
        return -self.q @ (self.Y * self.log_probabilities(W, b)).sum(axis=1)

    def objective(self, W, b, alpha):
        a, c = self.penalties(alpha)
        return self.loss(W, b) + a @ np.abs(W).sum(axis=1) + c @ (W**2).sum(axis=1) / 2

    def feasible(self, W):
        low, high = self.lo[:, None], self.up[:, None]
        return np.array_equal(W, np.clip(W, low, high))

    def null_objective(self):
        """At W = 0 with the best intercepts, by Newton steps with halving."""
        W = np.zeros((self.X.shape[1], self.Y.shape[1]))
        b = np.zeros(self.Y.shape[1])
        for _ in range(100 if self.fit_intercept else 0):
            t = np.exp(self.log_probabilities(W, b))
            gradient = self.q @ (self.Y - t)
            H = np.diag(self.q @ t) - t.T @ (self.q[:, None] * t)
            step = np.linalg.lstsq(H, gradient, rcond=1e-13)[0]
            while self.loss(W, b + step) > self.loss(W, b) + 1e-15:
                step /= 2
            b = b + step
        return self.loss(W, b)

    def dual_probabilities(self, W, b, alpha):
        """The fitted probabilities, made orthogonal to what is not penalized."""
        t = np.exp(self.log_probabilities(W, b))
        free = (alpha * self.pf == 0) & ~self.out
        Z = self.X[:, free]
        if self.fit_intercept:
            Z = np.column_stack([np.ones(len(self.X)), Z])
        n, f = Z.shape
        K = self.Y.shape[1]
        if f == 0:
            return t
        for _ in range(3):
            # columns of the Newton step: dt_ik = t_ik (d_ik - sum_l t_il d_il), d = Z D
            J = np.zeros((n, K, f, K))
            for k in range(K):
                d = np.zeros((n, f, K))
                d[:, :, k] = Z
                mix = np.einsum("ik,ifk->if", t, d)
                J[:, :, :, k] = t[:, :, None] * (d.transpose(0, 2, 1) - mix[:, None, :])
            A = np.einsum("if,i,ikgl->fkgl", Z, self.q, J).reshape(f * K, f * K)
            u = Z.T @ (self.q[:, None] * (self.Y - t))
            D = np.linalg.lstsq(A, u.ravel(), rcond=1e-12)[0]
            t = t + J.reshape(n, K, f * K) @ D
        return t

    def dual(self, t, alpha):
        """D(t), -inf where t is infeasible (beyond rounding)."""
        if (t < 0).any():
            return -np.inf
        log_t = np.log(np.where(t > 0, t, 1.0))
        value = self.q @ (
            -(t * log_t).sum(axis=1) + ((t - self.Y) * self.o).sum(axis=1)
        )
        u = self.X.T @ (self.q[:, None] * (self.Y - t))
        a, c = (v[:, None] for v in self.penalties(alpha))
        z = np.sign(u) * np.maximum(np.abs(u) - a, 0.0)
        scale = np.abs(self.X).T @ self.q
        z[np.abs(z) <= 1e-11 * (scale[:, None] + 1)] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.where(c > 0, z / c, np.where(z > 0, np.inf, -np.inf))
        best = np.clip(np.where(z == 0, 0.0, best), self.lo[:, None], self.up[:, None])
        if not np.isfinite(best).all():
            return -np.inf
        return value - (u * best - a * np.abs(best) - c * best**2 / 2).sum()

    def relative_gap(self, W, b, alpha):
        """An upper bound on the relative distance from the optimum."""
        assert self.feasible(W)
        t = self.dual_probabilities(W, b, alpha)
        u = self.X.T @ (self.q[:, None] * (self.Y - t))
        a = self.penalties(alpha)[0][:, None]
        bound = np.where(u > 0, self.up[:, None], self.lo[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where((a > 0) & np.isinf(bound), np.abs(u) / a, 0.0).max()
        scales = np.r_[1.0, 1.0 / max(ratio, 1.0) * (1 - np.array([0, 1e-12, 1e-9]))]
        scales = np.r_[scales, np.linspace(0, 1, 41)]
        best = max(self.dual(self.Y + k * (t - self.Y), alpha) for k in scales)
        return (self.objective(W, b, alpha) - max(best, 0.0)) / self.null_objective()
