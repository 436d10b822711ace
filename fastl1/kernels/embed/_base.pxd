# What the functions of fastl1.h share.
from libc.stdint cimport int32_t, int64_t, uint32_t

from fastl1.kernels.design._design cimport design_t
from fastl1.capi cimport fl1_design, fl1_matrix

cdef enum:
    # what the handles begin with
    IS_DESIGN = 0x464C3144
    IS_MODEL = 0x464C314D
    IS_SOLVER = 0x464C3153
    IS_FREE = 0x464C3130

# What fl1_design stands for.
cdef struct checked_t:
    uint32_t kind            # IS_DESIGN
    design_t X               # without means and scales
    ptrdiff_t stride         # bytes from one dense column to the next
    bint contiguous          # ... which is their length
    int64_t* indptr


cdef inline bint is_kind(const void* handle, uint32_t kind) noexcept nogil:
    return (<const uint32_t*> handle)[0] == kind


cdef int fail(
    int code, const char* name, const char* text, int64_t where
) noexcept nogil
cdef int fail_handle(const void* handle, const char* name) noexcept nogil
cdef int take_struct(
    void* own, size_t size, const void* given, size_t least, const char* name
) noexcept nogil
cdef int take_matrix(fl1_matrix* own, const fl1_matrix* given) noexcept nogil
cdef ptrdiff_t outside(
    ptrdiff_t n, const double* x, double low, double high
) noexcept nogil
cdef int64_t pointer_at(const fl1_matrix* X, ptrdiff_t k) noexcept nogil

cdef const char* last_error() noexcept nogil
cdef const char* describe(int status) noexcept nogil
cdef int soft_threshold_f64(
    int64_t n, const double* x, double t, double* out, int32_t n_threads
) noexcept nogil
cdef int soft_threshold_f32(
    int64_t n, const float* x, float t, float* out, int32_t n_threads
) noexcept nogil
cdef int prox_f64(
    int64_t n, const double* z, double l1, double l2, const double* factor,
    const double* lower, const double* upper, double* out, int32_t n_threads
) noexcept nogil
cdef int prox_f32(
    int64_t n, const float* z, float l1, float l2, const float* factor,
    const float* lower, const float* upper, float* out, int32_t n_threads
) noexcept nogil
cdef int design_create(const fl1_matrix* X, fl1_design** design) noexcept nogil
cdef void design_free(fl1_design* design) noexcept nogil
cdef int col_dot(
    const fl1_design* X, int64_t j, const double* v, double* out
) noexcept nogil
cdef int col_axpy(const fl1_design* X, int64_t j, double a, double* y) noexcept nogil
cdef int col_sqnorm(
    const fl1_design* X, int64_t j, const double* weight, double* out
) noexcept nogil
