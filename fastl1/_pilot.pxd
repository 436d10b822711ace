# A first working set from a sample of the rows.
from fastl1._state cimport state_t

cdef bint pilot_pays(const state_t* S, double alpha) noexcept nogil
cdef int pilot(state_t* S, double alpha) noexcept nogil
