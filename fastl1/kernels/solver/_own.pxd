from fastl1._ops cimport fl1_own
from fastl1._runtime cimport Watch


cdef class OwnLoss:
    cdef object loss
    cdef bint exact
    cdef readonly object error
    cdef public Watch watch

    cdef void bind(self, fl1_own* own) noexcept
    cdef double evaluate(
        self, ptrdiff_t n, const double* y, const double* eta, const double* s,
        double* v, double* h
    ) noexcept
    cdef double young(
        self, ptrdiff_t n, const double* y, const double* eta, const double* s,
        const double* v, double kappa
    ) noexcept
    cdef ptrdiff_t domain(
        self, ptrdiff_t n, const double* y, const double* s, double* v, double* h
    ) noexcept
