"""Many problems over one X, advanced in lock step.

A round is: every problem in work goes on, each on one thread, to where it wants the
correlations of all columns with its residual; these are one matrix product for all of
them, which reads X once; whatever has finished makes room for the next problem.  With
few columns the Gram matrix of all of them is made once and no problem needs X again.

Who is in work in which round depends on the problems and on the memory allowed, never
on the threads, and so do the results.
"""
import numpy as np

from cython.parallel cimport prange
from libc.math cimport NAN
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from fastl1.kernels.solver._certificate cimport take_products
from fastl1.kernels.design._design cimport bind_design, design_t
from fastl1.kernels.solver._driver cimport null_model, resume, start_alpha
from fastl1.kernels.penalty._penalty cimport elastic_net
from fastl1.kernels.design._product cimport design_gram, design_xtm
from fastl1._runtime cimport Watch, resolve_threads
from fastl1.kernels.solver._setup cimport (
    answer,
    clear_memory,
    poll_watch,
    release,
    reserve,
    set_coef,
    set_columns,
    set_loss,
    set_samples,
    state_bytes,
    working_bytes,
)
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    FAILED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    WANTS_PASS,
    share_loss,
    state_t,
)
from fastl1.kernels.solver._working cimport start_covariance

cdef enum:
    WIDTH = 64               # problems in work at a time, at most ...
    GRAM_WIDTH = 256         # ... where they share a Gram matrix and X is read once
    REFS = 3                 # references for screening, each
    MAX_SHARED = 4000        # columns of a shared Gram matrix (128 MB)
    IDLE = -1

# Columns of a product in the time of one single product: all columns are computed for a
# batch where a single problem would still compute the doubtful ones alone.
cdef double PASS_SHARE = 0.05
# A shared Gram matrix costs p / 2 passes of one problem over X; without it a problem
# takes this many.
cdef double PASSES = 4.0


cdef struct request_t:
    # what is asked for: k problems at K alphas each
    ptrdiff_t k
    ptrdiff_t K
    const double* Y          # (n, k), columns contiguous
    const double* weight     # (n, k), (n,) or NULL
    bint own_weights         # per problem
    const double* offset     # (n, k), (n,) or NULL
    bint own_offsets
    const double* pf
    const double* lo
    const double* hi
    bint standardize
    bint relative            # alphas are fractions of alpha_max
    double tol
    int max_iter
    bint float32             # coefficients are rounded, gaps are those of the rounded
    const int64_t* start     # CSC of the coefficients to start from, or NULL
    const int32_t* start_index
    const double* start_value
    const double* start_intercept
    # answers, (k, K) or (k,)
    double* alpha            # in: as asked, out: absolute
    double* intercept
    double* gap
    int64_t* n_iter
    int8_t* status
    int64_t* count           # nonzero coefficients
    double* alpha_max
    double* null_objective


cdef struct work_t:
    state_t S
    ptrdiff_t problem        # in work, or IDLE
    ptrdiff_t at             # its present alpha
    bint begun
    bint started             # the null model is known
    int status
    ptrdiff_t place          # column of the product where WANTS_PASS
    # coefficients at the alphas done, one after another
    ptrdiff_t stored
    ptrdiff_t room
    int32_t* columns
    double* values


cdef int _make_room(work_t* t, ptrdiff_t more) noexcept nogil:
    """For the coefficients of one more alpha."""
    cdef ptrdiff_t room = max(t.stored + more, t.room + t.room // 2, 64)
    cdef void* p
    if t.stored + more <= t.room:
        return 0
    p = realloc(t.columns, room * sizeof(int32_t))
    if p == NULL:
        return NO_MEMORY
    t.columns = <int32_t*> p
    p = realloc(t.values, room * sizeof(double))
    if p == NULL:
        return NO_MEMORY
    t.values = <double*> p
    t.room = room
    return 0


cdef int _store(work_t* t, const request_t* q, int status) noexcept nogil:
    """The present coefficients become the answer at the present alpha."""
    cdef state_t* S = &t.S
    cdef ptrdiff_t at = t.problem * q.K + t.at, first = t.stored, k
    cdef double* values = S.q.work + S.m
    if _make_room(t, S.m) < 0:
        return NO_MEMORY
    q.intercept[at] = answer(S, q.lo, q.hi, q.float32, values)
    for k in range(S.m):
        if values[k] != 0.0:
            t.columns[t.stored] = <int32_t> S.ws[k]
            t.values[t.stored] = values[k]
            t.stored += 1
    q.count[at] = t.stored - first
    q.alpha[at] = S.run.alpha_goal
    q.gap[at] = S.run.gap
    q.n_iter[at] = S.run.n_iter
    if status != FAILED:
        status = CONVERGED if S.run.gap <= q.tol else MAX_ITER
    q.status[at] = status
    return 0


cdef int _begin(work_t* t, const request_t* q) noexcept nogil:
    """The problem's samples, and its columns if its weights are its own."""
    cdef state_t* S = &t.S
    cdef ptrdiff_t at = t.problem * S.n
    cdef const double* weight = NULL
    cdef const double* offset = NULL
    if q.weight != NULL:
        weight = q.weight + (at if q.own_weights else 0)
    if q.offset != NULL:
        offset = q.offset + (at if q.own_offsets else 0)
    set_samples(S, q.Y + at, weight, offset)
    if not S.borrows:
        set_columns(S, q.pf, q.lo, q.hi, q.standardize, NULL, False)
    S.pass_share = PASS_SHARE
    t.stored = t.at = 0
    t.begun, t.started = True, False
    return null_model(&S.run)


cdef int _start(work_t* t, const request_t* q) noexcept nogil:
    """The null model is known: alpha_max, and the coefficients to start from."""
    cdef state_t* S = &t.S
    cdef int64_t first
    q.alpha_max[t.problem] = S.run.alpha_max
    q.null_objective[t.problem] = S.run.null_objective
    t.started = True
    if S.shared != NULL and S.lazy_ok:
        start_covariance(S)
    if q.start == NULL:
        return 0
    first = q.start[t.problem]
    return set_coef(
        S, q.start[t.problem + 1] - first, q.start_index + first,
        q.start_value + first,
        NAN if q.start_intercept == NULL else q.start_intercept[t.problem]
    )


cdef int _next_alpha(work_t* t, const request_t* q) noexcept nogil:
    cdef double alpha = q.alpha[t.problem * q.K + t.at]
    if q.relative:
        alpha *= t.S.run.alpha_max
    # room for the rounding
    return start_alpha(
        &t.S.run, alpha, q.tol * (0.9 if q.float32 else 1.0), q.max_iter
    )


cdef void _turn(
    work_t* t, const request_t* q, const design_t* X, const double* C
) noexcept nogil:
    """The problem goes on to where it wants a pass over X, or to its end."""
    cdef int status
    if t.begun:
        take_products(&t.S, C + t.place * t.S.p, X)
        status = resume(&t.S.run)
    else:
        status = _begin(t, q)
    while status != WANTS_PASS and status != NO_MEMORY and status != INTERRUPTED:
        if not t.started:
            status = _start(t, q)
        else:
            status = _store(t, q, status)
            t.at += 1
        if status == 0:
            if t.at == q.K:
                break
            status = _next_alpha(t, q)
    t.status = status


cdef class Batch:
    """Problems that share X, solved together.

    Parameters
    ----------
    X, loss, l1_ratio, penalty_factor, lower, upper, fit_intercept, standardize
        As in `Solver`.
    Y : ndarray (n, k), Fortran order, float64
        A problem a column.
    alphas : ndarray (k, K), C order, float64
        Decreasing penalties of each problem.
    relative : bool
        Whether alphas are fractions of each problem's alpha_max.
    sample_weight, offset : ndarray (n,) or (n, k), Fortran order, float64, or None
    tol, max_iter
        As in `Solver.solve`.
    start : (indptr (k + 1,) int64, indices int32, values, intercepts (k,) or None)
        Coefficients to start from, problem after problem, or None.
    n_threads : int
    memory : int
        Bytes that the problems in work may take; one always runs.
    """

    cdef request_t q
    cdef state_t base        # lends its columns
    cdef work_t* works
    cdef ptrdiff_t width
    cdef ptrdiff_t* active   # works with a problem
    cdef ptrdiff_t n_active
    cdef ptrdiff_t queued    # the next problem
    cdef double* V           # (n, width) residuals, and their correlations (p, width)
    cdef double* C
    cdef double* gram
    cdef int n_threads
    cdef size_t memory
    cdef Watch watch
    cdef list keep
    cdef object asked        # the alphas as they came
    cdef list parts          # (columns, values) of each problem done
    cdef readonly dict arrays
    cdef readonly dict counters

    def __cinit__(self):
        memset(&self.q, 0, sizeof(request_t))
        memset(&self.base, 0, sizeof(state_t))

    def __dealloc__(self):
        cdef ptrdiff_t a
        for a in range(self.width):
            release(&self.works[a].S)
            free(self.works[a].columns)
            free(self.works[a].values)
        release(&self.base)
        free(self.works)
        free(self.active)
        free(self.V)
        free(self.C)
        free(self.gram)

    def __init__(self, X, Y, alphas, *, relative, loss, l1_ratio, penalty_factor, lower,
                 upper, fit_intercept, standardize, sample_weight, offset, tol,
                 max_iter, start, n_threads, memory, loss_params=None):
        cdef state_t* S = &self.base
        cdef request_t* q = &self.q
        if self.works != NULL:
            raise RuntimeError("a Batch is set up once")
        self.keep = [X]
        self.n_threads = resolve_threads(n_threads)
        self.memory = memory
        bind_design(&S.X, X)
        S.n_threads = self.n_threads
        set_loss(S, loss, loss_params)
        S.pen = elastic_net(l1_ratio)
        S.centre = fit_intercept
        self.watch = Watch()
        S.poll = poll_watch
        S.owner = <void*> self.watch
        q.k, q.K = alphas.shape
        q.standardize, q.relative = standardize, relative
        q.tol, q.max_iter = tol, max_iter
        q.float32 = (X if isinstance(X, np.ndarray) else X.data).dtype == np.float32
        q.Y = self._numbers(Y)
        q.weight, q.offset = self._numbers(sample_weight), self._numbers(offset)
        q.own_weights = sample_weight is not None and sample_weight.ndim == 2
        q.own_offsets = offset is not None and offset.ndim == 2
        q.pf = self._numbers(penalty_factor)
        q.lo, q.hi = self._numbers(lower), self._numbers(upper)
        if start is not None:
            indptr, indices, values, intercepts = start
            self.keep += [indptr, indices]
            q.start = <const int64_t*> <size_t> indptr.ctypes.data
            q.start_index = <const int32_t*> <size_t> indices.ctypes.data
            q.start_value = self._numbers(values)
            q.start_intercept = self._numbers(intercepts)
        self._set_answers(alphas)
        self._set_base()
        self._set_works()

    cdef const double* _numbers(self, array) except? NULL:
        """Where the values of a float64 array begin; kept alive."""
        if array is None:
            return NULL
        if array.dtype != np.float64 or not (
            array.flags.f_contiguous or array.flags.c_contiguous
        ):
            raise ValueError("arrays of a batch are contiguous float64")
        self.keep.append(array)
        return <const double*> <size_t> array.ctypes.data

    cdef int _set_answers(self, alphas) except -1:
        cdef request_t* q = &self.q
        shape = (q.k, q.K)
        self.asked = alphas
        self.parts = [None] * q.k
        self.arrays = {
            "alphas": np.array(alphas, order="C"),
            "intercepts": np.zeros(shape),
            "dual_gaps": np.full(shape, np.inf),
            "n_iters": np.zeros(shape, dtype=np.int64),
            "status": np.full(shape, INTERRUPTED, dtype=np.int8),
            "counts": np.zeros(shape, dtype=np.int64),
            "alpha_max": np.full(q.k, np.nan),
            "null_objectives": np.full(q.k, np.nan),
        }
        at = {name: array.ctypes.data for name, array in self.arrays.items()}
        q.alpha = <double*> <size_t> at["alphas"]
        q.intercept = <double*> <size_t> at["intercepts"]
        q.gap = <double*> <size_t> at["dual_gaps"]
        q.n_iter = <int64_t*> <size_t> at["n_iters"]
        q.status = <int8_t*> <size_t> at["status"]
        q.count = <int64_t*> <size_t> at["counts"]
        q.alpha_max = <double*> <size_t> at["alpha_max"]
        q.null_objective = <double*> <size_t> at["null_objectives"]
        self.counters = {
            "n_epochs": 0, "n_newton": 0, "n_column_products": 0, "n_full_passes": 0,
            "n_gram_columns": 0, "n_rounds": 0,
        }
        return 0

    cdef int _set_base(self) except -1:
        """What the problems have in common: statistics of the columns (without weights
        where those differ), and the Gram matrix of all columns where that pays."""
        cdef state_t* S = &self.base
        cdef request_t* q = &self.q
        cdef const double* weight = q.weight
        cdef ptrdiff_t j
        cdef int status = 0
        if reserve(S, S.X.n, S.X.p, 1, NULL) < 0:
            raise MemoryError("no memory for the vectors of a problem")
        if q.own_weights:
            weight = NULL
        with nogil:
            set_samples(S, q.Y, weight, NULL)
            set_columns(S, q.pf, q.lo, q.hi, q.standardize, NULL, False)
        if self._shares_gram():
            self.gram = <double*> malloc(S.p * S.p * sizeof(double))
            if self.gram != NULL:
                for j in range(S.p):
                    S.cols[j] = j
                with nogil:
                    status = design_gram(
                        &S.X, NULL, S.cols, 0, S.p, S.s_sqrt, NULL, 1.0, self.gram, S.p,
                        self.n_threads
                    )
            if self.gram == NULL or status < 0:
                raise MemoryError(f"no memory for a Gram matrix of {S.p} columns")
            S.n_gram_columns = S.p
        S.shared = self.gram
        return 0

    cdef bint _shares_gram(self):
        """Whether a Gram matrix of all columns costs less than the passes over X that
        it saves (p / 2 of one problem)."""
        cdef state_t* S = &self.base
        return (
            S.lazy_ok and not self.q.own_weights and S.p <= MAX_SHARED
            and S.pen.l1 > 0.0 and 0.5 * S.p <= PASSES * self.q.k * self.q.K
        )

    cdef int _set_works(self) except -1:
        """As many problems in work as the memory allows."""
        cdef state_t* S = &self.base
        cdef bint borrows = not self.q.own_weights
        cdef int refs = 1 if self.gram != NULL else REFS
        cdef size_t each = state_bytes(S.n, S.p, refs, borrows)
        cdef ptrdiff_t a, width
        each += (S.n + S.p) * sizeof(double)
        width = WIDTH if self.gram == NULL else GRAM_WIDTH
        width = max(min(width, self.q.k, <ptrdiff_t> (self.memory // each)), 1)
        self.works = <work_t*> calloc(width, sizeof(work_t))
        self.active = <ptrdiff_t*> malloc(width * sizeof(ptrdiff_t))
        self.V = <double*> malloc(S.n * width * sizeof(double))
        self.C = <double*> malloc(S.p * width * sizeof(double))
        if (
            self.works == NULL or self.active == NULL or self.V == NULL
            or self.C == NULL
        ):
            raise MemoryError(f"no memory for {width} problems at a time")
        for a in range(width):
            self.works[a].problem = IDLE
            self.works[a].S.X = S.X
            share_loss(&self.works[a].S, S)
            self.works[a].S.pen = S.pen
            self.works[a].S.centre = S.centre
            self.works[a].S.poll = S.poll
            self.works[a].S.owner = S.owner
            self.works[a].S.shared = S.shared
            self.width = a + 1
            if reserve(
                &self.works[a].S, S.n, S.p, refs, S if borrows else NULL
            ) < 0:
                raise MemoryError(f"no memory for {width} problems at a time")
        return 0

    @property
    def shares_gram(self):
        """Whether one Gram matrix of all columns serves every problem."""
        return self.gram != NULL

    cdef void _round(self) noexcept nogil:
        """Every problem in work goes on; then the correlations that are wanted."""
        cdef ptrdiff_t a, wanted = 0, n = self.base.n, p = self.base.p
        cdef work_t* t
        if self.n_active == 1 or self.n_threads == 1:
            for a in range(self.n_active):
                t = &self.works[self.active[a]]
                t.S.n_threads = self.n_threads
                _turn(t, &self.q, &self.base.X, self.C)
        else:
            for a in prange(
                self.n_active, schedule="dynamic", chunksize=1,
                num_threads=self.n_threads
            ):
                self.works[self.active[a]].S.n_threads = 1
                _turn(&self.works[self.active[a]], &self.q, &self.base.X, self.C)
        for a in range(self.n_active):
            t = &self.works[self.active[a]]
            if t.status == WANTS_PASS:
                memcpy(self.V + wanted * n, t.S.v, n * sizeof(double))
                t.place = wanted
                wanted += 1
        if wanted and not self.watch.interrupted and design_xtm(
            &self.base.X, NULL, p, self.V, wanted, self.C, self.n_threads
        ) < 0:
            for a in range(self.n_active):
                self.works[self.active[a]].status = NO_MEMORY

    cdef int _harvest(self, work_t* t) except -1:
        """Take the coefficients of a problem that is done."""
        cdef state_t* S = &t.S
        self.parts[t.problem] = (
            np.asarray(<int32_t[:max(t.stored, 1)]> t.columns)[:t.stored].copy()
            if t.stored else np.empty(0, dtype=np.int32),
            np.asarray(<double[:max(t.stored, 1)]> t.values)[:t.stored].copy()
            if t.stored else np.empty(0),
        )
        self._count(S)
        t.problem = IDLE
        return 0

    cdef int _count(self, state_t* S) except -1:
        counters = self.counters
        counters["n_epochs"] += S.n_epochs
        counters["n_newton"] += S.n_newton
        counters["n_column_products"] += S.n_column_products
        counters["n_full_passes"] += S.n_full_passes
        counters["n_gram_columns"] += S.n_gram_columns
        return 0

    cdef size_t _used(self) noexcept nogil:
        cdef ptrdiff_t a
        cdef size_t total = 0
        for a in range(self.width):
            total += working_bytes(&self.works[a].S)
        return total

    cdef int _refill(self) except -1:
        """The next problems, as far as the memory goes."""
        cdef ptrdiff_t a
        cdef size_t limit = self.memory // 2 if self.gram == NULL else self.memory
        cdef work_t* t
        self.n_active = 0
        for a in range(self.width):
            t = &self.works[a]
            if t.problem == IDLE and self.queued < self.q.k:
                if self._used() > limit:
                    clear_memory(&t.S)
                if self._used() <= limit or (a == self.width - 1
                                             and self.n_active == 0):
                    t.problem = self.queued
                    t.begun = False
                    self.queued += 1
            if t.problem != IDLE:
                self.active[self.n_active] = a
                self.n_active += 1
        return 0

    def run(self, report=None):
        """Solve everything; `result` may be called whenever this ends.

        `report(n_done)` is called in rounds in which problems are finished; a true
        answer stops.  Returns "end", "callback" or "interrupted" (Ctrl-C).  Raises
        MemoryError, and whatever a signal handler raised other than KeyboardInterrupt.
        """
        cdef ptrdiff_t a, done = 0, before
        cdef work_t* t
        self._refill()
        while self.n_active:
            with nogil:
                self._round()
            self.counters["n_rounds"] += 1
            before = done
            for a in range(self.n_active):
                t = &self.works[self.active[a]]
                if t.status == NO_MEMORY:
                    raise MemoryError(
                        f"no memory for problem {t.problem}, whose working set has "
                        f"{t.S.m} columns"
                    )
                if t.status != WANTS_PASS and t.status != INTERRUPTED:
                    self._harvest(t)
                    done += 1
            self.watch.look_now()
            if self.watch.stopped():
                return "interrupted"
            if report is not None and done > before and report(done):
                return "callback"
            self._refill()
        return "end"

    def result(self):
        """(indptr, indices, values) of a CSC matrix with a column for each problem and
        alpha, problem after problem; the rest is in `arrays`."""
        counts = self.arrays["counts"]
        for b, part in enumerate(self.parts):
            if part is None:  # begun, perhaps, but not finished
                counts[b] = 0
                self.arrays["status"][b] = INTERRUPTED
                self.arrays["dual_gaps"][b] = np.inf
                self.arrays["alphas"][b] = self.asked[b]
                if self.q.relative:
                    self.arrays["alphas"][b] *= self.arrays["alpha_max"][b]
        parts = [part for part in self.parts if part is not None]
        indptr = np.zeros(counts.size + 1, dtype=np.int64)
        np.cumsum(counts.ravel(), out=indptr[1:])
        return (
            indptr,
            np.concatenate([np.empty(0, np.int32), *[part[0] for part in parts]]),
            np.concatenate([np.empty(0), *[part[1] for part in parts]]),
        )
