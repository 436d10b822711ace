# The outer loop: a run solved at one alpha after another.
from fastl1.kernels.solver._engine cimport run_t

cdef void clear_run(run_t* R) noexcept nogil
cdef int null_model(run_t* R) noexcept nogil
cdef int start_alpha(run_t* R, double alpha, double tol, int max_iter) noexcept nogil
cdef int resume(run_t* R) noexcept nogil
cdef int finish(run_t* R, int status) noexcept nogil
cdef double certify(run_t* R, double alpha) noexcept nogil
