# Everything a solve carries, as plain C: the modules below share it, and a batch of
# problems can hold many.
from libc.string cimport memset

from fastl1.kernels.design._cholesky cimport chol_t
from fastl1.kernels.design._design cimport design_t
from fastl1._ops cimport fl1_loss, fl1_set_param, fl1_traits
from fastl1.kernels.solver._engine cimport (
    CONVERGED,
    FAILED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    WANTS_PASS,
    run_t,
)
from fastl1.kernels.design._packed cimport packed_t
from fastl1.kernels.penalty._penalty cimport fl1_penalty, fl1_unit, quad_t
from fastl1.kernels.design._rows cimport rows_t
from fastl1.kernels.solver._screen cimport MAX_REFS, cache_t

# How a working set is minimized, and why; as text in _solver.
cdef enum:
    NO_REGIME            # the gap was met at once
    GRAM_DENSE
    GRAM_COVARIANCE
    GRAM_FEW_SWEEPS
    GRAM_SWEEPS_SPENT
    GRAM_FORCED
    GRAM_COUPLED
    GRAM_GROUPS
    RESIDUAL_LARGE
    RESIDUAL_RANK
    RESIDUAL_SWEEPS
    RESIDUAL_FORCED
    INTERIOR_POINT
    N_REGIMES

cdef struct candidate_t:
    double key
    ptrdiff_t column

cdef struct state_t:
    run_t run                # first: what the outer loop knows
    # memory of the arrays below, those of the working set apart
    double* numbers
    ptrdiff_t* places
    bint borrows             # mean to alive are another state's
    # the problem
    design_t X
    ptrdiff_t n
    ptrdiff_t p
    int loss                 # its number, ...
    fl1_traits traits        # ... what is known of it ...
    fl1_loss loss_param      # ... and what it depends on
    int n_threads
    bint centre              # an intercept is fitted: columns are centred
    fl1_penalty pen
    double* y                # (n,)
    double* s                # (n,) weights of sum 1 ...
    bint uniform             # ... all the same
    double* s_sqrt
    double* mean             # (p,) of the columns; 0 without centring
    double* scale            # (p,) 1 / std with standardize, else 1
    double* norm             # (p,) weighted norms of the centred, scaled columns
    double* pf               # (p,) penalty factors
    double* lo               # (p,) bounds on the scaled coefficients
    double* hi
    ptrdiff_t* alive         # columns that may enter
    ptrdiff_t n_alive
    ptrdiff_t n_free         # of these, unpenalized ones
    double* ridge            # (p,) factors of the l2 term; pf for single columns
    # units of more than a column, of the columns that may enter; else unit is NULL
    ptrdiff_t n_units
    ptrdiff_t* unit          # (p,) of each column that may enter
    ptrdiff_t* unit_first    # (n_units + 1,) places in ...
    ptrdiff_t* unit_columns  # (p,) columns by unit
    double* unit_norm        # (n_units,) bounds on the norms of their blocks of X
    bint cancels             # Gram entries of some column lose half their digits
    # samples at the present coefficients
    double* offset           # (n,) ...
    bint has_offset          # ... 0 where this is false
    double* eta              # (n,) linear predictor at w_eta and b ...
    double travel            # ... and how far steps have moved it since it was summed
    double* v                # (n,) minus the gradient of the loss, or the dual point
    double* h                # (n,) curvatures of the loss
    double* h_sqrt
    double* g                # (n,) v / sqrt(s), what screening measures
    double* n_work
    double* there            # (n,) where v belongs, if not at eta (Cox, free columns)
    double loss_value
    double b_null            # intercept of the null model
    double curve_null        # sum of the curvatures at the null model, or 1
    double move              # largest change of eta in the last Newton step
    double damp              # of the Hessian that G is of (Cox)
    double r2                # |g|^2; kept up to date by the Gram regime
    # coefficients on the scaled design
    double* w                # (p,)
    double* w_eta            # (p,) those that eta stands for
    double b
    double* w_back           # (p,) those of the alpha before the last, for slots
    double b_back
    double alpha_back
    double* p_work
    double* c_work           # (p,) correlations, or what screening knows of them ...
    bint estimated           # ... at the present coefficients
    ptrdiff_t* cols          # (p,) scratch
    # working set, by slot
    ptrdiff_t m
    ptrdiff_t cap
    ptrdiff_t* ws            # column of each slot
    ptrdiff_t* slot          # (p,) slot of each column, -1 outside
    double* slots            # backing of q and hmean
    quad_t q
    double* hmean            # means of the columns under h
    rows_t rows              # row lists of the first slots of a sparse X
    bint use_gram
    int regime               # of the last solve
    double* G                # (ldg, ldg) Gram block of the first m_gram slots
    ptrdiff_t ldg
    ptrdiff_t m_gram
    double* basis            # what q.basis is, and its size
    ptrdiff_t basis_room
    ptrdiff_t m_basis        # of the first slots
    chol_t F
    double factor_alpha
    # many rows, few columns, many alphas: products of every column with those of the
    # working set are kept, so that nothing but its growth touches the rows
    bint covariance_ok
    bint covariance
    int n_solves
    bint piloted             # the working set comes from a sample: solve before adding
    double* cross            # (p, ldg), for the first m_gram slots
    const double* shared     # (p, p) instead of cross: the Gram matrix of all columns
    double* c_zero           # (p,) correlations at w = 0
    double r2_zero
    # moments of the rows (_moments.pyx) where they are known beforehand, else NULL
    const double* given      # (p + 1, p + 1) centred products, the target last
    const double* given_mean
    double given_weight
    packed_t packed
    double sweep_work        # multiplications spent on sweeps at this alpha
    # certificate and screening
    cache_t cache
    double[MAX_REFS] b_eta   # products of the residual at eta with the references
    candidate_t* cand        # columns outside that may exceed their limit ...
    ptrdiff_t n_cand         # ... their correlations are in p_work
    ptrdiff_t* proj          # unpenalized columns that v was made orthogonal to
    ptrdiff_t n_proj
    double c_null            # largest correlation at the null model
    # What is current when:
    #   always           w, b, slots, G and cross for the first m_gram slots
    #   after evaluate   eta, loss_value, v, h (w_eta = w)
    #   after refresh    also g and b_eta
    #   lazy             q.c and r2, by the Gram block, while eta and b_eta lag at w_eta
    #   not lazy         q.c only after measure, and then for the dual point
    # the solve under way
    bint lazy_ok             # squared loss: eta may lag, the slots' c and r2 do not
    bint lazy
    bint located             # v is as the last `measure` left it, and screening knows
    bint fresh               # coefficients were set from outside
    bint keep_intercept
    double grow              # growth of the working set at a time, relative ...
    ptrdiff_t grow_min       # ... and at least
    double pass_share        # of the columns in doubt, above which all are computed
    int force_regime         # for tests and measurements: 1 Gram, 2 residual
    # signals
    bint interrupted
    bint (*poll)(state_t*) noexcept nogil
    void* owner
    # counters
    long n_epochs
    long n_newton
    long n_column_products
    long n_full_passes
    long n_gram_columns
    double work              # on working sets, in multiplications of a dot product


cdef inline void choose_loss(state_t* S, int loss) noexcept nogil:
    """The loss of this number, with the usual parameter; X is bound."""
    S.loss = loss
    S.traits = S.X.ops.loss_traits[loss][0]
    memset(&S.loss_param, 0, sizeof(fl1_loss))
    fl1_set_param(&S.loss_param, &S.traits, S.traits.param_usual)


cdef inline void share_loss(state_t* S, const state_t* other) noexcept nogil:
    """The loss of another state."""
    S.loss, S.traits, S.loss_param = other.loss, other.traits, other.loss_param


cdef inline bint is_interior_free(const state_t* S, ptrdiff_t k) noexcept nogil:
    """Whether slot k is unpenalized and off its bounds."""
    return (
        S.q.lam1[k] == 0.0 and S.q.lam2[k] == 0.0
        and S.q.lo[k] < S.q.w[k] < S.q.hi[k]
    )


cdef inline fl1_unit column_penalty(const state_t* S, ptrdiff_t j) noexcept nogil:
    """The penalty of column j at the present alpha."""
    cdef fl1_unit t
    t.lam1 = S.run.alpha_now * S.pen.l1 * S.pf[j]
    t.lam2 = S.run.alpha_now * S.pen.l2 * S.ridge[j]
    t.shift = 0.0
    t.lo, t.hi = S.lo[j], S.hi[j]
    return t


cdef inline ptrdiff_t unit_size(const state_t* S, ptrdiff_t j) noexcept nogil:
    """How many columns enter and leave with column j, itself counted."""
    if S.unit == NULL:
        return 1
    return S.unit_first[S.unit[j] + 1] - S.unit_first[S.unit[j]]


cdef inline bint keeps_dual(const state_t* S) noexcept nogil:
    """Whether the dual point is a variable of its own, not the gradient at eta."""
    return S.traits.dual_is_variable or S.loss_param.sharp
