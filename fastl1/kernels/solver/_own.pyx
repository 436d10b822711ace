"""A loss of the user's own: Python functions behind a row of the table of losses.

The functions are asked once a pass over the rows, never for a coordinate, with the GIL,
in whatever thread the solve runs.  What one of them raises ends the solve at its next
look for Ctrl-C, and is raised by the solver.

Without a conjugate the Fenchel-Young term of a row is that of the parabola which
touches the loss at eta, (t - f')^2 / (2 f''): an estimate that tells when to stop, and
no bound.
"""
import numpy as np

from libc.math cimport NAN

from fastl1._ops cimport fl1_own


cdef double _eval(
    void* self, ptrdiff_t n, const double* y, const double* eta, const double* s,
    double* v, double* h
) noexcept nogil:
    with gil:
        return (<OwnLoss> self).evaluate(n, y, eta, s, v, h)


cdef double _young(
    void* self, ptrdiff_t n, const double* y, const double* eta, const double* s,
    const double* v, double kappa
) noexcept nogil:
    with gil:
        return (<OwnLoss> self).young(n, y, eta, s, v, kappa)


cdef ptrdiff_t _domain(
    void* self, ptrdiff_t n, const double* y, const double* s, double* v, double* h
) noexcept nogil:
    with gil:
        return (<OwnLoss> self).domain(n, y, s, v, h)


cdef _lend(const double* values, ptrdiff_t n):
    """The kernel's numbers as a read-only array, valid during the call."""
    array = np.asarray(<double[:n]> <double*> values)
    array.flags.writeable = False
    return array


cdef class OwnLoss:
    """Functions of rows for a solver.

    Parameters
    ----------
    loss : Loss
        With `deviance`, `slope` and `curvature`, perhaps `conjugate` and `slope_range`.

    Attributes
    ----------
    error : BaseException or None
        What one of them raised first; none is called any more.
    watch : Watch
        Of the solve under way, which it ends.
    """

    def __init__(self, loss):
        self.loss = loss
        self.exact = loss.certified

    cdef void bind(self, fl1_own* own) noexcept:
        """`own` borrows self."""
        own.self = <void*> self
        own.eval = _eval
        own.young = _young
        own.domain = _domain

    def check(self):
        """Raise what a function of the loss raised."""
        if self.error is not None:
            raise self.error

    def _fail(self, error):
        if self.error is None:
            self.error = error
        if self.watch is not None and not self.watch.interrupted:
            self.watch.error = self.error
            self.watch.interrupted = True

    def _ask(self, name, *given):
        """A function of the loss on arrays of rows, checked: (n,) float64."""
        rows = given[0].shape
        values = np.asarray(getattr(self.loss, name)(*given), dtype=np.float64)
        if values.shape != rows:
            if values.ndim == 0:
                return np.full(rows, float(values))
            raise ValueError(
                f"loss {self.loss.name!r}: {name} returned shape {values.shape} for "
                f"{rows[0]} rows"
            )
        bad = np.isnan(values)
        if bad.any():
            i = int(bad.argmax())
            places = ", ".join(f"{array[i]:g}" for array in given)
            raise ValueError(
                f"loss {self.loss.name!r}: {name}({places}) is nan, at row {i}"
            )
        return values

    def _refuse(self, name, values, wrong, what, *given):
        if wrong.any():
            i = int(wrong.argmax())
            places = ", ".join(f"{array[i]:g}" for array in given)
            raise ValueError(
                f"loss {self.loss.name!r}: {name}({places}) is {values[i]:g} at row "
                f"{i}; {what}"
            )

    def _evaluate(self, y, eta, s, v, h):
        value = self._ask("deviance", y, eta)
        slope = self._ask("slope", y, eta)
        curve = self._ask("curvature", y, eta)
        self._refuse(
            "deviance", value, value < 0.0, "it has to be at least 0", y, eta
        )
        self._refuse(
            "curvature", curve, ~(curve >= 0.0), "a loss has to be convex", y, eta
        )
        kept = s > 0.0  # a row of weight 0 adds nothing, not 0 times infinity
        v[:] = np.where(kept, -s * np.where(kept, slope, 0.0), 0.0)
        h[:] = np.where(kept, s * np.where(kept, curve, 0.0), 0.0)
        return float(np.where(kept, s * np.where(kept, value, 0.0), 0.0).sum())

    def _young(self, y, eta, s, v, kappa):
        kept = s > 0.0
        y, eta, s = y[kept], eta[kept], s[kept]
        value = self._ask("deviance", y, eta)
        if kappa == 0.0:  # the conjugate is 0 there
            return float((s * value).sum())
        t = -kappa * v[kept] / s
        if self.exact:
            terms = value + self._ask("conjugate", y, t) - t * eta
            size = 1.0 + value + np.abs(t * eta)
            self._refuse(
                "conjugate", terms - value + t * eta, terms < -1e-8 * size,
                "less than t eta - deviance: it is not the conjugate", y, t,
            )
            terms = np.maximum(terms, 0.0)
        else:
            curve = self._ask("curvature", y, eta)
            miss = t - self._ask("slope", y, eta)
            floor = 1e-10 * max(curve.max(initial=0.0), 1e-290)
            terms = 0.5 * miss * miss / np.maximum(curve, floor)
        return float((s * terms).sum())

    def _domain(self, y, s, v, h):
        lo, hi = self.loss.slope_range(y)
        lo, hi = np.broadcast_to(lo, y.shape), np.broadcast_to(hi, y.shape)
        kept = s > 0.0
        t = -v[kept] / s[kept]
        inside = np.clip(t, lo[kept], hi[kept])
        rows = np.flatnonzero(kept)[inside != t]
        if len(rows):
            v[rows] = (-s[kept] * inside)[inside != t]
            h[rows] = 0.0
        return len(rows)

    cdef double evaluate(
        self, ptrdiff_t n, const double* y, const double* eta, const double* s,
        double* v, double* h
    ) noexcept:
        if self.error is None:
            try:
                return self._evaluate(
                    _lend(y, n), _lend(eta, n), _lend(s, n),
                    np.asarray(<double[:n]> v), np.asarray(<double[:n]> h),
                )
            except BaseException as error:
                self._fail(error)
        return NAN

    cdef double young(
        self, ptrdiff_t n, const double* y, const double* eta, const double* s,
        const double* v, double kappa
    ) noexcept:
        if self.error is None:
            try:
                return self._young(
                    _lend(y, n), _lend(eta, n), _lend(s, n), _lend(v, n), kappa
                )
            except BaseException as error:
                self._fail(error)
        return NAN

    cdef ptrdiff_t domain(
        self, ptrdiff_t n, const double* y, const double* s, double* v, double* h
    ) noexcept:
        if self.error is None:
            try:
                return self._domain(
                    _lend(y, n), _lend(s, n),
                    np.asarray(<double[:n]> v), np.asarray(<double[:n]> h),
                )
            except BaseException as error:
                self._fail(error)
        return 0
