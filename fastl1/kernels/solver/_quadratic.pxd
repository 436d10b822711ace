# The penalized quadratic on a working set, that every loss reduces to.
from fastl1.kernels.design._cholesky cimport chol_t
from fastl1.kernels.design._design cimport design_t
from fastl1._ops cimport fl1_ops

#   min_w  1/2 (w - w0)' H (w - w0) - c0' (w - w0)
#          + sum_k lam1_k |w_k| + lam2_k / 2 w_k^2,     lo <= w <= hi
cdef struct quad_t:
    ptrdiff_t m
    double* w            # in: w0, out: solution
    double* c            # in: c0, out: c0 - H (w - w0)
    double* diag         # diagonal of H
    double* lam1
    double* lam2
    double* lo
    double* hi
    double r2            # in, out: squared norm of the residual that H and c stand for
    double tol           # duality gap asked for, absolute
    double gap           # out: the gap reached
    double elsewhere     # l1 penalty of other quadratics under the same dual point
    bint augmented       # lam2 counts as p more squares in the gap, not in pen*
    int max_cg           # most conjugate gradient steps (residual regime)
    double* work         # (4 m,)
    ptrdiff_t* index     # (m,)
    long n_epochs        # counters, added to
    long n_newton
    double n_multiplied  # multiplications, to the leading order
    const fl1_ops* ops


# One coordinate step: the minimizer over w_k, given its current value.
cdef inline double quad_prox(const quad_t* q, ptrdiff_t k) noexcept nogil:
    cdef double z = q.w[k] * q.diag[k] + q.c[k]
    cdef double t = q.lam1[k]
    z = z - t if z > t else (z + t if z < -t else 0.0)
    z /= q.diag[k] + q.lam2[k]
    return min(max(z, q.lo[k]), q.hi[k])


cdef inline double sign_of(double x) noexcept nogil:
    return (x > 0.0) - (x < 0.0)


# How far coordinate k can move in steps of d before its sign or a bound stops it.
cdef inline double room_along(const quad_t* q, ptrdiff_t k, double d) noexcept nogil:
    return (stop_along(q, k, d) - q.w[k]) / d


# Where coordinate k, moving in the direction d, has to stop: zero or a bound.
cdef inline double stop_along(const quad_t* q, ptrdiff_t k, double d) noexcept nogil:
    cdef double end = q.hi[k] if d > 0.0 else q.lo[k]
    if q.lam1[k] > 0.0 and q.w[k] * d < 0.0:
        end = max(end, 0.0) if d < 0.0 else min(end, 0.0)
    return end


cdef double pen_young(
    double w, double c, double lam1, double lam2, double lo, double hi
) noexcept nogil
cdef double dual_ratio(
    double c, double lam1, double lam2, double lo, double hi
) noexcept nogil
cdef double quad_gap(const quad_t* q) noexcept nogil
cdef int gram_solve(
    quad_t* q, const double* G, ptrdiff_t ldg, chol_t* F, int max_rounds
) noexcept nogil
