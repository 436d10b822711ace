# The tables of primitives of csrc/fl1_ops.h and csrc/fl1_infer.h.
from libc.stdint cimport int32_t, int64_t, uint32_t

cdef extern from "fl1_infer.h":
    enum:
        FL1_V_F32
        FL1_V_F64
        FL1_V_I8
        FL1_V_U8
        FL1_V_I16
        FL1_V_U16
        FL1_V_I32
        FL1_V_U32
        FL1_V_I64
        FL1_V_U64
        FL1_N_VALUES

    ctypedef struct fl1_filter:
        int64_t n_features
        const uint32_t* bits
        uint32_t mask

    ctypedef struct fl1_infer:
        ptrdiff_t (*find[2])(const fl1_filter*, ptrdiff_t, const void*, const void*,
                             int32_t*, int32_t*) noexcept nogil
        ptrdiff_t (*row_dots[2][2])(ptrdiff_t, const void*, const void*, const void*,
                                    int64_t, const void*, int, double*) noexcept nogil
        void (*gather[10])(ptrdiff_t, ptrdiff_t, const char*, ptrdiff_t, ptrdiff_t,
                           const int64_t*, ptrdiff_t, double*, ptrdiff_t) noexcept nogil
        void (*add_column[10])(ptrdiff_t, double, const char*, ptrdiff_t,
                               double*) noexcept nogil
        void (*sigmoid)(ptrdiff_t, double, const double*, double*) noexcept nogil
        void (*log_sigmoid)(ptrdiff_t, double, const double*, double*) noexcept nogil
        void (*softmax)(ptrdiff_t, ptrdiff_t, const double*, double*) noexcept nogil
        void (*log_softmax)(ptrdiff_t, ptrdiff_t, const double*, double*) noexcept nogil

cdef extern from "fl1_ops.h":
    const double FL1_MAX_ABS

    enum:
        FL1_F32
        FL1_F64
        FL1_I32
        FL1_I64
        FL1_N_LOSSES
        FL1_Y_REAL
        FL1_Y_AT_LEAST_0
        FL1_Y_ABOVE_0
        FL1_Y_LABELS
        FL1_COX_WIDTH
        FL1_WIDTH
        FL1_STACK
        FL1_GROUP

    ctypedef struct fl1_cox:
        ptrdiff_t n_groups
        ptrdiff_t n_deaths
        ptrdiff_t n_early
        const ptrdiff_t* first
        const ptrdiff_t* start
        const ptrdiff_t* deaths
        const ptrdiff_t* group
        const ptrdiff_t* opens
        const ptrdiff_t* early
        const ptrdiff_t* early_from
        const ptrdiff_t* early_to
        int efron
        const double* there
        double* work
        double* scratch

    ctypedef struct fl1_own:
        void* self
        double (*eval)(void*, ptrdiff_t, const double*, const double*, const double*,
                       double*, double*) noexcept nogil
        double (*young)(void*, ptrdiff_t, const double*, const double*, const double*,
                        const double*, double) noexcept nogil
        ptrdiff_t (*domain)(void*, ptrdiff_t, const double*, const double*, double*,
                            double*) noexcept nogil

    ctypedef struct fl1_loss:
        fl1_cox cox
        fl1_own own
        double power
        double delta
        int sharp
        double q

    ctypedef struct fl1_range:
        double lo
        double hi

    ctypedef struct fl1_traits:
        const char* name
        int target
        const char* param
        size_t param_at
        double param_usual
        double param_lo
        double param_hi
        const char* param_refused
        bint quadratic
        bint has_intercept
        bint coupled_rows
        bint least_at_infinity
        bint corners
        bint dual_is_variable
        bint own
        bint sharpens
        bint reweights

    void fl1_set_param(fl1_loss*, const fl1_traits*, double) noexcept nogil

    ctypedef struct fl1_moments:
        double first
        double second
        double size
        double cross

    ctypedef struct fl1_ops:
        const char* level
        double (*dot)(ptrdiff_t, const double*, const double*) noexcept nogil
        void (*axpy)(ptrdiff_t, double, const double*, double*) noexcept nogil
        double (*sum)(ptrdiff_t, const double*) noexcept nogil
        void (*soft_threshold_f64)(ptrdiff_t, const double*, double,
                                   double*) noexcept nogil
        void (*soft_threshold_f32)(ptrdiff_t, const float*, float,
                                   float*) noexcept nogil
        void (*prox[2])(ptrdiff_t, const void*, double, double, const void*,
                        const void*, const void*, void*) noexcept nogil
        double (*dense_dot[2])(ptrdiff_t, const void*, double,
                               const double*) noexcept nogil
        void (*dense_axpy[2])(ptrdiff_t, double, const void*, double,
                              double*) noexcept nogil
        double (*dense_sqdev[2])(ptrdiff_t, const void*, double,
                                 const double*) noexcept nogil
        void (*dense_dots[2])(ptrdiff_t, ptrdiff_t, const void**, const double*,
                              const double*, double*) noexcept nogil
        void (*dense_moments[2])(ptrdiff_t, ptrdiff_t, const void**, const double*,
                                 const double*, const double*,
                                 fl1_moments*) noexcept nogil
        void (*dense_pack[2])(ptrdiff_t, const void*, double, double, const double*,
                              double*) noexcept nogil
        double (*sparse_dot[2][2])(ptrdiff_t, const void*, const void*,
                                   const double*) noexcept nogil
        void (*sparse_dots[2][2])(ptrdiff_t, const void*, const void*, const double*,
                                  double*) noexcept nogil
        void (*sparse_axpy[2][2])(ptrdiff_t, double, const void*, const void*,
                                  double*) noexcept nogil
        double (*sparse_sqdev[2][2])(ptrdiff_t, const void*, const void*, double,
                                     const double*) noexcept nogil
        void (*sparse_pack[2][2])(ptrdiff_t, const void*, const void*, double,
                                  const double*, double*) noexcept nogil
        int lanes
        void (*product_panels)(ptrdiff_t, ptrdiff_t, const double*, ptrdiff_t,
                               double*) noexcept nogil
        void (*product_block)(ptrdiff_t, const double*, ptrdiff_t, const double*,
                              ptrdiff_t, ptrdiff_t, double*, ptrdiff_t,
                              const char**) noexcept nogil
        ptrdiff_t (*screen)(ptrdiff_t, int, const double*, const double*, double,
                            const double*, double, const double*, double*,
                            ptrdiff_t*) noexcept nogil
        void (*sparse_xtv[2][2])(ptrdiff_t, const ptrdiff_t*, const int64_t*,
                                 const void*, const void*, const double*,
                                 double*) noexcept nogil
        void (*rows_count[2][2])(ptrdiff_t, const void*, int64_t*) noexcept nogil
        void (*rows_append[2][2])(ptrdiff_t, const void*, const void*, double, int32_t,
                                  int64_t*, int32_t*, double*) noexcept nogil
        void (*rows_gram[2][2])(ptrdiff_t, const void*, const void*, double,
                                const double*, const int64_t*, const int32_t*,
                                const double*, int32_t, double*) noexcept nogil
        void (*stack_mean[2])(ptrdiff_t, ptrdiff_t, const void*, const double*,
                              double*) noexcept nogil
        void (*stack_pack[2])(ptrdiff_t, ptrdiff_t, const void*, const double*,
                              const double*, ptrdiff_t, double*) noexcept nogil
        void (*stack_gram)(ptrdiff_t, const double*, ptrdiff_t, double*,
                           const void*) noexcept nogil
        void (*chol_column)(ptrdiff_t, double, double, const double*, double*,
                            double*) noexcept nogil
        double (*loss_eval[FL1_N_LOSSES])(const fl1_loss*, ptrdiff_t, const double*,
                                          const double*, const double*, double*,
                                          double*) noexcept nogil
        double (*loss_young[FL1_N_LOSSES])(const fl1_loss*, ptrdiff_t, const double*,
                                           const double*, const double*,
                                           const double*, double) noexcept nogil
        ptrdiff_t (*loss_domain[FL1_N_LOSSES])(const fl1_loss*, ptrdiff_t,
                                               const double*, const double*, double*,
                                               double*) noexcept nogil
        fl1_range (*loss_slopes[FL1_N_LOSSES])(const fl1_loss*, double) noexcept nogil
        const fl1_traits* loss_traits[FL1_N_LOSSES]
        void (*cox_freeze)(const fl1_cox*, ptrdiff_t, const double*,
                           const double*) noexcept nogil
        double (*cox_drift)(const fl1_cox*, ptrdiff_t, const double*) noexcept nogil
        void (*cox_product)(const fl1_cox*, ptrdiff_t, double, double*, double*,
                            double*) noexcept nogil
        double (*softmax_eval)(ptrdiff_t, ptrdiff_t, ptrdiff_t, const int32_t*,
                               const double*, const double*, double*,
                               double*) noexcept nogil
        double (*softmax_young)(ptrdiff_t, ptrdiff_t, ptrdiff_t, const int32_t*,
                                const double*, const double*, const double*,
                                double) noexcept nogil
        fl1_infer infer

    const fl1_ops* fl1_ops_select(const char*) noexcept nogil
    int fl1_ops_levels(const char**) noexcept nogil
