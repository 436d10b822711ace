# Prediction for fastl1.h.
from libc.stdint cimport int32_t, int64_t

from fastl1.capi cimport fl1_coefs, fl1_matrix, fl1_model

cdef int model_create(const fl1_coefs* coefs, fl1_model** model) noexcept nogil
cdef void model_free(fl1_model* model) noexcept nogil
cdef int predict(
    const fl1_model* model, const fl1_matrix* X, int32_t kind, int32_t n_threads,
    double* out
) noexcept nogil
cdef int predict_row(
    const fl1_model* model, int64_t nnz, int32_t index_type, const void* indices,
    int32_t value_type, const void* values, int32_t kind, double* out
) noexcept nogil
