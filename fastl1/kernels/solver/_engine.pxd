# The contract between the outer loop (_driver.pyx) and what it drives.
#
# A run is one problem that is solved at one alpha after another.  The loop owns its
# phases, tolerances, stalls and coarse path, and where it stops for a pass over X; an
# engine owns coefficients, working sets, the dual point and what screening knows of it.
# An engine's struct begins with its run_t, from which its functions cast.  They are
# called once or twice an outer iteration, never in a loop over rows or coordinates.

cdef enum:
    NO_MEMORY = -1
    CONVERGED = 0
    MAX_ITER = 1
    INTERRUPTED = 2
    FAILED = 3
    WANTS_PASS = 4       # correlations of all columns: full_pass or take, then resume
    GO_ON = 5            # inside the loop

# Where the loop stands.
cdef enum:
    NULL_MODEL           # correlations at the null model are wanted
    FREE_BLOCK           # the same with the unpenalized columns fitted
    READY                # no solve under way
    ENTERING             # a new alpha
    ENTERED              # its columns outside are known
    WORKING              # the working set is to be solved
    WORKED               # it is, and the columns outside are known


cdef struct run_t:
    const engine_t* engine
    # set by the engine: with the problem ...
    bint selects             # the penalty holds coefficients at 0 (l1_ratio > 0)
    double far               # a jump below far * alpha_prev takes a coarse path ...
    int coarse_iter          # ... of steps of so many outer iterations
    # ... with the null model ...
    double null_objective    # 0 where it fits every row
    bint separated           # the unpenalized block fits some rows at infinity only
    # ... in `start`, `enter` and `scan`
    bint near                # the working set is known: no coarse path
    double ahead             # where coefficients were extrapolated along the path: the
    # share of alpha from which a column is to enter; else 0
    ptrdiff_t n_outside      # columns outside that may exceed their limit
    # set by whoever gives coefficients: no alpha is known that they belong to
    bint restarted
    # the loop's own, for all to read
    double alpha_max
    int phase
    double alpha_goal        # asked for, with its tolerance and iterations;
    double tol_goal
    int max_iter
    double alpha_start       # a coarse path leads there from alpha_start ...
    int n_steps
    int step                 # ... in steps, of which this is the present one
    double alpha_now
    double tol_now
    int stop_iter            # the present step ends when n_iter reaches this
    double alpha_prev        # of the last step that ended
    double least             # smallest gap of the step ...
    int stalled              # ... and outer iterations since
    double tighten           # of the tolerance on the working set
    double gap               # relative, or relative gradient at alpha = 0
    int n_iter


# Limits are penalties as alpha is one: of a column, times what it has of the penalty.
# An int is 0 where nothing else is said, or NO_MEMORY.
cdef struct engine_t:
    # the null model: coefficients 0, no penalty on what is fitted
    int (*fit_null)(run_t*) noexcept nogil
    # its correlations are known: fit the unpenalized columns; WANTS_PASS, or CONVERGED
    # where there are none
    int (*fit_free)(run_t*) noexcept nogil
    # its correlations are known: the least alpha that holds all penalized coefficients
    # at 0; NaN unless the penalty selects
    double (*find_alpha_max)(run_t*) noexcept nogil
    # the answer where the null model fits every row: coefficients 0
    void (*clear_coef)(run_t*) noexcept nogil

    # a solve begins
    void (*start)(run_t*) noexcept nogil
    # a step of its path begins: coefficients for alpha_now, extrapolated where they
    # can be, and what `scan` needs of them
    int (*enter)(run_t*) noexcept nogil
    # whether the working set is to be solved before columns are added, told once
    bint (*trusts_set)(run_t*) noexcept nogil
    # minimize over the working set to a gap of about tol (absolute; as
    # `gradient_tolerance` has it at alpha = 0); 0, NO_MEMORY or INTERRUPTED
    int (*minimize)(run_t*, double tol) noexcept nogil
    double (*gradient_tolerance)(run_t*) noexcept nogil
    # the relative gap on the working set that is enough while `least`, or an infinite
    # one, is the least known of all columns
    double (*enough)(run_t*, double least) noexcept nogil
    # the dual point, and the correlations of the working set with it
    int (*measure)(run_t*) noexcept nogil
    # which columns outside may exceed their limit, by estimates or exactly; WANTS_PASS
    # where that takes a pass
    int (*scan)(run_t*, bint exact) noexcept nogil
    # relative gap at alpha_now by the exact scan (relative gradient at alpha = 0)
    double (*find_gap)(run_t*) noexcept nogil
    # drop columns below the limit from a working set that holds many zeros
    void (*prune)(run_t*, double limit) noexcept nogil
    # columns found by the scan beyond the limit enter: how many, or NO_MEMORY
    ptrdiff_t (*add)(run_t*, double limit) noexcept nogil
    int (*add_all)(run_t*) noexcept nogil
    # a solve ends with its coefficients, which are not worse than 0
    int (*settle)(run_t*) noexcept nogil
    # coefficients and intercepts stay as they are until the next solve
    void (*hold)(run_t*) noexcept nogil
    # nonzero coefficients
    ptrdiff_t (*support)(const run_t*) noexcept nogil
    # look for Ctrl-C
    bint (*poll)(run_t*) noexcept nogil

    # the pass that is wanted, alone with X
    int (*full_pass)(run_t*) noexcept nogil


cdef inline bint is_smooth(const run_t* R) noexcept nogil:
    """Whether no coefficient is held at 0: every column works."""
    return R.alpha_now == 0.0 or not R.selects


cdef inline bint expects_answer(const run_t* R) noexcept nogil:
    """Whether the coefficients may be the answer as they are: extrapolated along the
    path, given by the caller, or 0 from alpha_max on."""
    return R.ahead > 0.0 or R.restarted or R.alpha_now >= R.alpha_max
