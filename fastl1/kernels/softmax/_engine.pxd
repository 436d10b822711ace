# The engine of softmax regression; its runs are the `run` of a multi_t.
from fastl1.kernels.softmax._softmax cimport multi_t
from fastl1.kernels.solver._engine cimport engine_t

cdef const engine_t* softmax_engine() noexcept nogil
cdef double multi_objective(multi_t* M, double alpha) noexcept nogil
