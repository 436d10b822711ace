"""What every kernel shares: instruction-set level, number of threads, fork safety.

The level is fixed when this module loads: the best the CPU runs, or the one that the
environment variable FASTL1_ISA names (baseline, v3, v4).
"""
import os
import platform
import threading
import warnings

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.stdint cimport int32_t
from libc.string cimport memset
from cython.parallel cimport prange, threadid

from fastl1._ops cimport (
    FL1_MAX_ABS,
    FL1_N_LOSSES,
    FL1_Y_ABOVE_0,
    FL1_Y_AT_LEAST_0,
    FL1_Y_LABELS,
    FL1_Y_REAL,
    fl1_loss,
    fl1_ops,
    fl1_ops_levels,
    fl1_ops_select,
    fl1_set_param,
    fl1_traits,
)

cdef extern from *:
    """
    #ifdef FL1_OPENMP
    #include <omp.h>
    #define fl1_has_openmp 1
    #else
    #define fl1_has_openmp 0
    #define omp_get_max_threads() 1
    #endif
    #if defined(__clang__)
    #define fl1_compiler "clang " __clang_version__
    #elif defined(__GNUC__)
    #define fl1_compiler "gcc " __VERSION__
    #else
    #define fl1_compiler "unknown"
    #endif
    """
    int fl1_has_openmp
    int omp_get_max_threads() nogil
    const char* fl1_compiler


cdef extern from *:
    """
    #include <time.h>
    static double fl1_seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + 1e-9 * t.tv_nsec;
    }
    """
    double fl1_seconds() noexcept nogil


cdef double seconds() noexcept nogil:
    """Of a clock that never goes back."""
    return fl1_seconds()


def _levels():
    cdef const char* names[3]
    cdef int k = fl1_ops_levels(names)
    return [names[i].decode() for i in range(k)]


cdef const fl1_ops* _select() except NULL:
    asked = os.environ.get("FASTL1_ISA", "")
    cdef bytes name = asked.encode()
    cdef const fl1_ops* ops = fl1_ops_select(name)
    if ops == NULL:
        raise ImportError(
            f"FASTL1_ISA={asked!r} is not a level this CPU runs; "
            f"choose one of {', '.join(_levels())} or unset it"
        )
    return ops


OPS = _select()
isa = OPS.level.decode()
MAX_ABS = FL1_MAX_ABS    # magnitudes beyond it are refused

cdef bint _forked = False


def _after_fork_in_child():
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _cgroup_quota():
    """CPUs that the container's quota grants, or None."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return None


def _physical_cores():
    """Physical cores this process may run on, or None where unknown."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        return None
    cores = set()
    for cpu in allowed:
        try:
            with open(
                f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
            ) as file:
                cores.add(file.read())
        except OSError:
            return len(allowed)
    return len(cores)


def _find_default_threads():
    limits = (omp_get_max_threads(), _physical_cores(), _cgroup_quota())
    return min([limit for limit in limits if limit])


cdef int _default_threads = 0
# more than any machine gains from; each thread costs its stack
cdef int MAX_THREADS = 256
cdef set _warned = set()


cdef int _warn_once(message) except -1:
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return 0


cpdef int resolve_threads(object n_threads) except -1:
    """Number of threads a kernel call runs on.

    Parameters
    ----------
    n_threads : int or None
        None asks for the default: the least of OpenMP's maximum, the physical cores
        this process may use and the container's CPU quota.

    Returns
    -------
    int
        1 without OpenMP and in a forked child (libgomp hangs there), else the number,
        at most MAX_THREADS.  Results do not depend on it.

    Raises
    ------
    TypeError
        n_threads is not an integer.
    ValueError
        n_threads is less than 1.
    """
    global _default_threads
    cdef int n
    if n_threads is None:
        if _default_threads == 0:
            _default_threads = _find_default_threads()
        n = _default_threads
    else:
        if isinstance(n_threads, bool) or not hasattr(n_threads, "__index__"):
            raise TypeError(f"n_threads must be an int or None, got {n_threads!r}")
        asked = n_threads.__index__()
        if asked < 1:
            raise ValueError(f"n_threads must be at least 1, got {asked}")
        n = min(asked, MAX_THREADS)
    if n == 1:
        return 1
    if not fl1_has_openmp:
        _warn_once("fastl1 was built without OpenMP and runs one thread")
        return 1
    if _forked:
        _warn_once(
            "fastl1 runs one thread in a forked child: OpenMP cannot be used after "
            "fork; start workers with the 'spawn' or 'forkserver' method to use more"
        )
        return 1
    return n


cdef int threads_of(int asked) noexcept nogil:
    """`resolve_threads` for callers without Python: 0 asks for the default, which has
    been resolved once before."""
    if not fl1_has_openmp or _forked:
        return 1
    return min(asked if asked > 0 else _default_threads, MAX_THREADS)


# .stop of a thread: see stop_with
_local = threading.local()


def stop_with(event):
    """From now on the solves of this thread end, as by Ctrl-C, once `event` (a
    threading.Event) is set: signals reach the main thread only."""
    _local.stop = event


def in_pool():
    """Whether this thread belongs to a pool that solves several problems at once."""
    return getattr(_local, "stop", None) is not None


cdef int check_signals() except -1:
    """Raise what a signal handler raises, or KeyboardInterrupt where this thread is to
    stop."""
    PyErr_CheckSignals()
    stop = getattr(_local, "stop", None)
    if stop is not None and stop.is_set():
        raise KeyboardInterrupt
    return 0


cdef class Watch:
    """Looks for Ctrl-C while the GIL is released.

    Attributes
    ----------
    error : BaseException or None
        What a signal handler raised.
    """

    def __cinit__(self):
        self.last_look = seconds()

    cdef bint look(self) noexcept nogil:
        """Every tenth of a second, in the thread that called the kernel (others see
        what it saw); True once there is an error."""
        cdef double now
        if not self.interrupted and threadid() == 0:
            now = seconds()
            if now - self.last_look > 0.1:
                self.last_look = now
                with gil:
                    self.look_now()
        return self.interrupted

    cdef bint look_now(self) noexcept:
        """For short calls, which never look otherwise."""
        if not self.interrupted:
            try:
                check_signals()
            except BaseException as error:
                self.error = error
                self.interrupted = True
        return self.interrupted

    def stopped(self):
        """Whether Ctrl-C was pressed; raises what another signal's handler raised."""
        if self.interrupted and not isinstance(self.error, KeyboardInterrupt):
            raise self.error
        return self.interrupted


cdef enum:
    MIN_THRESHOLD = 1 << 16  # elements below which a second thread does not pay


def soft_threshold(
    const floating[::1] x, floating t, floating[::1] out, int n_threads=1
):
    """out = sign(x) * max(|x| - t, 0); `out` may be `x`."""
    cdef ptrdiff_t n = x.shape[0], k, a, some
    if out.shape[0] != n:
        raise ValueError(f"out has {out.shape[0]} elements, x has {n}")
    if n == 0:
        return
    if n < MIN_THRESHOLD:
        n_threads = 1
    with nogil:
        for k in prange(
            n_threads, schedule="static", num_threads=n_threads,
            use_threads_if=n_threads > 1
        ):
            a = n * k // n_threads
            some = n * (k + 1) // n_threads - a
            if floating is double:
                OPS.soft_threshold_f64(some, &x[0] + a, t, &out[0] + a)
            else:
                OPS.soft_threshold_f32(some, &x[0] + a, t, &out[0] + a)


def loss_traits(int loss):
    """What the kernels know of a loss besides its functions (fl1_traits of
    csrc/fl1_ops.h), for tests.

    Parameters
    ----------
    loss : int
        Number of the loss, as in csrc/fl1_ops.h.

    Returns
    -------
    dict of str to bool, int or str
        ``target`` is "real", "at least 0", "above 0" or "labels".
    """
    if not 0 <= loss < FL1_N_LOSSES:
        raise ValueError(f"no loss has the number {loss}")
    cdef const fl1_traits* traits = OPS.loss_traits[loss]
    return {
        "name": traits.name.decode(),
        "target": {
            FL1_Y_REAL: "real", FL1_Y_AT_LEAST_0: "at least 0",
            FL1_Y_ABOVE_0: "above 0", FL1_Y_LABELS: "labels",
        }[traits.target],
        "param": traits.param.decode() if traits.param != NULL else None,
        "param_usual": traits.param_usual,
        "quadratic": traits.quadratic,
        "has_intercept": traits.has_intercept,
        "coupled_rows": traits.coupled_rows,
        "least_at_infinity": traits.least_at_infinity,
        "corners": traits.corners,
        "dual_is_variable": traits.dual_is_variable,
        "own": traits.own,
        "sharpens": traits.sharpens,
        "reweights": traits.reweights,
    }


def evaluate_loss(
    int loss, const double[::1] y, const double[::1] eta, const double[::1] s,
    *, const double[::1] dual=None, double kappa=1.0, **params
):
    """The loss kernel on its own, for tests and benchmarks.

    Parameters
    ----------
    loss : int
        Number of the loss, as in csrc/fl1_ops.h.
    y, eta, s : ndarray (n,)
        Targets ({0, 1} for losses of two labels), linear predictors, weights.
    dual : ndarray (n,), optional
        Dual point, the gradient's by default; scaled by `kappa`.
    **params : float
        What the loss depends on, by the name that its traits have for it.

    Returns
    -------
    value, v, h, young : float, ndarray (n,), ndarray (n,), float
        sum s loss, minus its gradient, its curvatures, and the Fenchel-Young gap at the
        dual point (0 up to rounding by default).
    """
    cdef ptrdiff_t n = y.shape[0]
    if eta.shape[0] != n or s.shape[0] != n or dual is not None and len(dual) != n:
        raise ValueError("y, eta, s and dual differ in length")
    if not 0 <= loss < FL1_N_LOSSES:
        raise ValueError(f"no loss has the number {loss}")
    v_out = np.zeros(n)
    h_out = np.zeros(n)
    cdef double[::1] v = v_out
    cdef double[::1] h = h_out
    cdef double value, young
    cdef const double* point
    cdef fl1_loss param
    cdef const fl1_traits* traits = OPS.loss_traits[loss]
    if traits.own:
        raise ValueError("a loss of the user's own has no functions here")
    memset(&param, 0, sizeof(fl1_loss))
    if traits.param != NULL:
        fl1_set_param(
            &param, traits, params.get(traits.param.decode(), traits.param_usual)
        )
    if n == 0:
        return 0.0, v_out, h_out, 0.0
    point = &v[0] if dual is None else &dual[0]
    with nogil:
        value = OPS.loss_eval[loss](&param, n, &y[0], &eta[0], &s[0], &v[0], &h[0])
        young = OPS.loss_young[loss](&param, n, &y[0], &eta[0], &s[0], point, kappa)
    return value, v_out, h_out, young


def evaluate_softmax(
    const int32_t[::1] label, const double[::1, :] eta, const double[::1] s,
    double kappa=1.0
):
    """The softmax loss on its own, for tests and benchmarks.

    Parameters
    ----------
    label : ndarray (n,), int32
    eta : ndarray (n, K), float64, Fortran order
    s : ndarray (n,)
        Weights.
    kappa : float
        Scale of the dual point, the gradient's.

    Returns
    -------
    value, P, V, young : float, ndarray (n, K), ndarray (n, K), float
        sum s loss, the probabilities, minus the gradient, and the Fenchel-Young gap.
    """
    cdef ptrdiff_t n = eta.shape[0], K = eta.shape[1], i
    if label.shape[0] != n or s.shape[0] != n or n == 0 or K == 0:
        raise ValueError("label, eta and s differ in length, or are empty")
    for i in range(n):
        if not 0 <= label[i] < K:
            raise ValueError(f"label {label[i]} at row {i}; there are {K} classes")
    P_out = np.zeros((n, K), order="F")
    V_out = np.zeros((n, K), order="F")
    cdef double[::1, :] P = P_out
    cdef double[::1, :] V = V_out
    cdef double value, young
    with nogil:
        value = OPS.softmax_eval(
            n, K, n, &label[0], &eta[0, 0], &s[0], &P[0, 0], &V[0, 0]
        )
        young = OPS.softmax_young(
            n, K, n, &label[0], &eta[0, 0], &s[0], &V[0, 0], kappa
        )
    return value, P_out, V_out, young


def config():
    """What this build and this process run on, as a dict."""
    return {
        "isa": isa,
        "isa_available": _levels(),
        "openmp": bool(fl1_has_openmp),
        "threads": resolve_threads(None),
        "compiler": (<bytes>fl1_compiler).decode(),
        "machine": platform.machine(),
    }
