# fastl1's C interface for Cython: what fastl1.h declares and explains, and no more.
#
#     from fastl1 cimport capi        with fastl1.get_include() among include_dirs
#
#     if capi.fl1_import() < 0: ...   once; raises by itself
#     capi.fl1.col_dot(X, j, v, &out)
#
# cimport fastl1.capi loads no module: the contract is the header.
from libc.stdint cimport int32_t, int64_t

cdef extern from "fastl1.h":
    enum:
        FL1_ABI_VERSION

    enum:
        FL1_OK
        FL1_NOT_CONVERGED
        FL1_STOPPED
        FL1_NOT_FINITE
        FL1_E_NULL
        FL1_E_STRUCT
        FL1_E_SIZE
        FL1_E_KIND
        FL1_E_VALUE
        FL1_E_INDEX
        FL1_E_MEMORY
        FL1_E_HANDLE

    enum:
        FL1_FLOAT32
        FL1_FLOAT64

    enum:
        FL1_INT32
        FL1_INT64

    enum:
        FL1_COLUMNS
        FL1_ROWS
        FL1_CSC
        FL1_CSR

    enum:
        FL1_LINK_IDENTITY
        FL1_LINK_LOG
        FL1_LINK_LOGIT
        FL1_LINK_PROBIT
        FL1_LINK_CLOGLOG
        FL1_LINK_SOFTMAX

    enum:
        FL1_PREDICT_LINK
        FL1_PREDICT_RESPONSE

    enum:
        FL1_LOSS_SQUARED
        FL1_LOSS_LOGISTIC
        FL1_LOSS_POISSON
        FL1_LOSS_GAMMA
        FL1_LOSS_TWEEDIE
        FL1_LOSS_SQUARED_HINGE
        FL1_LOSS_HUBER
        FL1_LOSS_QUANTILE
        FL1_LOSS_PROBIT
        FL1_LOSS_CLOGLOG

    ctypedef struct fl1_design:
        pass

    ctypedef struct fl1_model:
        pass

    ctypedef struct fl1_solver:
        pass

    ctypedef struct fl1_matrix:
        size_t struct_size
        int32_t layout
        int32_t value_type
        int32_t index_type
        int32_t zero
        int64_t n_rows
        int64_t n_cols
        int64_t stride
        int64_t nnz
        const void* values
        const void* indices
        const void* indptr

    ctypedef struct fl1_coefs:
        size_t struct_size
        int64_t n_features
        int64_t n_outputs
        int64_t n_coefs
        const int64_t* features
        const int32_t* outputs
        const double* values
        const double* intercepts
        int32_t link
        int32_t zero

    ctypedef struct fl1_problem:
        size_t struct_size
        int32_t loss
        int32_t fit_intercept
        int32_t standardize
        int32_t n_threads
        double loss_param
        double l1_ratio
        const double* y
        const double* weight
        const double* offset
        const double* penalty_factor
        const double* lower
        const double* upper
        int32_t (*poll)(void*) noexcept nogil
        void* user

    ctypedef struct fl1_solver_info:
        size_t struct_size
        double alpha_max
        double null_objective
        double gap
        double intercept
        int64_t n_nonzero
        int64_t n_iter

    ctypedef struct fl1_path:
        size_t struct_size
        int64_t n_alphas
        const double* alphas
        double tol
        int32_t max_iter
        int32_t zero
        double* coefs
        double* intercepts
        double* gaps
        int32_t* n_iters
        int32_t* status

    ctypedef struct fl1_api:
        int32_t abi_version
        int32_t zero
        size_t struct_size
        const char* (*describe)(int) noexcept nogil
        const char* (*last_error)() noexcept nogil
        int (*soft_threshold_f64)(int64_t, const double*, double, double*,
                                  int32_t) noexcept nogil
        int (*soft_threshold_f32)(int64_t, const float*, float, float*,
                                  int32_t) noexcept nogil
        int (*prox_f64)(int64_t, const double*, double, double, const double*,
                        const double*, const double*, double*, int32_t) noexcept nogil
        int (*prox_f32)(int64_t, const float*, float, float, const float*,
                        const float*, const float*, float*, int32_t) noexcept nogil
        int (*design_create)(const fl1_matrix*, fl1_design**) noexcept nogil
        void (*design_free)(fl1_design*) noexcept nogil
        int (*col_dot)(const fl1_design*, int64_t, const double*,
                       double*) noexcept nogil
        int (*col_axpy)(const fl1_design*, int64_t, double, double*) noexcept nogil
        int (*col_sqnorm)(const fl1_design*, int64_t, const double*,
                          double*) noexcept nogil
        int (*model_create)(const fl1_coefs*, fl1_model**) noexcept nogil
        void (*model_free)(fl1_model*) noexcept nogil
        int (*predict)(const fl1_model*, const fl1_matrix*, int32_t, int32_t,
                       double*) noexcept nogil
        int (*predict_row)(const fl1_model*, int64_t, int32_t, const void*, int32_t,
                           const void*, int32_t, double*) noexcept nogil
        int (*solver_create)(const fl1_design*, const fl1_problem*,
                             fl1_solver**) noexcept nogil
        void (*solver_free)(fl1_solver*) noexcept nogil
        int (*solver_info)(const fl1_solver*, fl1_solver_info*) noexcept nogil
        int (*solver_start)(fl1_solver*, const double*, double) noexcept nogil
        int (*solver_solve)(fl1_solver*, double, double, int32_t) noexcept nogil
        int (*solver_path)(fl1_solver*, const fl1_path*, int64_t*) noexcept nogil
        int (*solver_coef)(fl1_solver*, double*) noexcept nogil
        int (*solver_coef_sparse)(fl1_solver*, int64_t, int64_t*, double*,
                                  int64_t*) noexcept nogil
        int (*solver_certify)(fl1_solver*, double, double*, double*) noexcept nogil

    const fl1_api* fl1

    int fl1_import() except -1
    const char* fl1_strerror(int) noexcept nogil
    void FL1_INIT(...) noexcept nogil
