# Problems for fastl1.h, checked.
from fastl1.kernels.design._design cimport design_t
from fastl1.capi cimport fl1_design, fl1_problem

cdef int check_values(const design_t* X) noexcept nogil
cdef int take_problem(
    fl1_problem* own, const fl1_problem* given, const fl1_design* X
) noexcept nogil
