# The engine of one output.
from fastl1.kernels.solver._engine cimport engine_t

cdef const engine_t* single_engine() noexcept nogil
