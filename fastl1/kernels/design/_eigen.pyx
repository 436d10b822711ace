"""Eigenvectors of small symmetric matrices, by Jacobi's rotations.

Rotations come in a fixed order, so the result does not depend on threads; small
eigenvalues of a positive semidefinite matrix are as accurate as its entries.
"""
from libc.math cimport fabs, sqrt
from libc.string cimport memset

cdef enum:
    MAX_SWEEPS = 40      # some 6 to 10 are enough

# what counts as 0 beside the diagonal: of the mean of two entries there, or of all
cdef double DIAGONAL = 1e-16
cdef double TRACE = 1e-17


cdef void _rotate(
    double* x, double* y, ptrdiff_t d, ptrdiff_t stride, double c, double s
) noexcept nogil:
    cdef ptrdiff_t i
    cdef double old
    for i in range(d):
        old = x[i * stride]
        x[i * stride] = c * old - s * y[i * stride]
        y[i * stride] = s * old + c * y[i * stride]


cdef void symmetric_eigen(
    ptrdiff_t d, double* A, double* Q, double* values
) noexcept nogil:
    """Columns of Q (d, d): the eigenvectors of A (d, d), which is lost; values (d,) go
    with them, those below 0 by rounding as 0."""
    cdef ptrdiff_t i, j
    cdef double x, t, c, s, floor = 0.0
    cdef bint rotated
    cdef int _
    memset(Q, 0, d * d * sizeof(double))
    for i in range(d):
        Q[i + i * d] = 1.0
        floor += TRACE * fabs(A[i + i * d])
    for _ in range(MAX_SWEEPS):
        rotated = False
        for i in range(d):
            for j in range(i + 1, d):
                x = A[i + j * d]
                if fabs(x) <= max(
                    floor, DIAGONAL * sqrt(fabs(A[i + i * d] * A[j + j * d]))
                ):
                    continue
                rotated = True
                t = (A[j + j * d] - A[i + i * d]) / (2.0 * x)
                t = (1.0 if t >= 0.0 else -1.0) / (fabs(t) + sqrt(t * t + 1.0))
                c = 1.0 / sqrt(t * t + 1.0)
                s = t * c
                _rotate(A + i * d, A + j * d, d, 1, c, s)
                _rotate(A + i, A + j, d, d, c, s)
                A[i + j * d] = A[j + i * d] = 0.0
                _rotate(Q + i * d, Q + j * d, d, 1, c, s)
        if not rotated:
            break
    for i in range(d):
        values[i] = max(A[i + i * d], 0.0)
