# Softmax regression as blocks of coefficients, one per class.
from libc.stdint cimport int32_t

from fastl1.kernels.design._cholesky cimport chol_t
from fastl1._ops cimport fl1_ops
from fastl1.kernels.solver._engine cimport run_t
from fastl1.kernels.solver._state cimport state_t

cdef struct multi_t:
    run_t run                # first: what the outer loop knows
    ptrdiff_t n
    ptrdiff_t K              # classes
    int n_threads
    const fl1_ops* ops
    state_t* block           # (K,) coefficients, working set, quadratic and screening
    bint* wanted             # (K,) the classes that want correlations of all columns
    int32_t* label           # (n,) class of each sample
    double* numbers          # memory of the arrays below
    double* eta              # (n, K) by columns: the eta of the blocks
    double* P                # probabilities at eta
    double* V                # s (y - P), or the dual point: the v of the blocks
    double* D                # direction of the model's solution
    double* Y                # direction of a step on the model
    double* products         # (p, K) by columns, scratch
    double* row              # (n,) scratch
    double* mix              # (n,) sum_k P_k D_k
    double* mix_step         # (n,) sum_k P_k Y_k
    double* db               # (K,) step of the intercepts
    double* h_sum            # (K,) curvatures of each class, ...
    double* v_sum            # (K,) ... and minus its gradient in the intercept
    double entry             # gap of the model when its classes were last taken up ...
    double fall              # ... and its decrease since
    ptrdiff_t changes        # of the supports
    double* t                # (K,) scratch
    double* A                # (K, K) scratch
    double* part             # sums over blocks of rows
    chol_t F                 # scratch
    double loss_value
    bint keep_intercept
    bint interrupted
    long n_newton            # counters
    long n_cycles
    long n_cg

cdef int multi_reserve(multi_t* M, ptrdiff_t p) noexcept nogil
cdef void multi_release(multi_t* M) noexcept nogil
cdef void softmax_evaluate(multi_t* M) noexcept nogil
cdef void softmax_renew(multi_t* M) noexcept nogil
cdef void softmax_losses(multi_t* M) noexcept nogil
cdef double softmax_gap(multi_t* M, double kappa) noexcept nogil
cdef void mix_rows(const multi_t* M, const double* D, double* mix) noexcept nogil
cdef void curve_row(
    const multi_t* M, ptrdiff_t k, const double* D, const double* mix, double* out
) noexcept nogil
cdef int fit_intercepts(multi_t* M) noexcept nogil
cdef int dual_point(multi_t* M) noexcept nogil
