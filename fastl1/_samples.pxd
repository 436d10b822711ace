# The linear predictor, the loss and the dual point.
from fastl1._state cimport state_t

cdef void sync_eta(state_t* S) noexcept nogil
cdef void evaluate(state_t* S) noexcept nogil
cdef void shift_intercept(state_t* S, double delta) noexcept nogil
cdef void fit_intercept(state_t* S) noexcept nogil
cdef int project_dual(state_t* S) noexcept nogil
