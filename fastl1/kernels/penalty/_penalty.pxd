# Penalties by the functions of one unit, and the quadratic that they are solved in.
from fastl1._ops cimport fl1_ops

cdef extern from "fl1_penalty.h":
    enum:
        FL1_L1
        FL1_GROUP_L1

    ctypedef struct fl1_unit:
        double lam1
        double lam2
        double shift
        double lo
        double hi

    cdef struct fl1_quad

    ctypedef struct fl1_penalty_row:
        bint piecewise_quadratic
        bint has_bounds
        double (*ratio)(const fl1_unit*, ptrdiff_t, const double*) noexcept nogil
        double (*conjugate)(const fl1_unit*, ptrdiff_t, const double*,
                            double) noexcept nogil
        double (*pull)(const fl1_unit*, ptrdiff_t, const double*) noexcept nogil
        double (*distance)(const fl1_unit*, ptrdiff_t, const double*,
                           const double*) noexcept nogil
        double (*value)(const fl1_quad*, const double*, double) noexcept nogil
        double (*excess)(const fl1_quad*, bint) noexcept nogil
        double (*young)(const fl1_quad*, double, bint, bint) noexcept nogil
        ptrdiff_t (*epoch)(fl1_quad*, const double*, ptrdiff_t) noexcept nogil
        double (*gap)(const fl1_quad*) noexcept nogil

    ctypedef struct fl1_penalty:
        const fl1_penalty_row* row
        double l1
        double l2
        const ptrdiff_t* group

    bint fl1_augments(const fl1_penalty*) noexcept nogil

    cdef struct fl1_quad:
        ptrdiff_t m
        double* w
        double* c
        double* diag
        double* lam1
        double* lam2
        double* lo
        double* hi
        const fl1_penalty_row* row
        ptrdiff_t n_units
        ptrdiff_t* first
        const double* basis
        ptrdiff_t* place
        double r2
        double tol
        double gap
        double elsewhere
        bint augmented
        int max_cg
        double* work
        ptrdiff_t* index
        long n_epochs
        long n_newton
        double n_multiplied
        const fl1_ops* ops

    double fl1_sign(double) noexcept nogil
    void fl1_augment(fl1_unit*) noexcept nogil
    fl1_unit fl1_unit_at(const fl1_quad*, ptrdiff_t) noexcept nogil
    double l1_descent(const fl1_quad*, ptrdiff_t) noexcept nogil
    double l1_minimizer(const fl1_quad*, ptrdiff_t) noexcept nogil
    double l1_slope(const fl1_quad*, ptrdiff_t) noexcept nogil
    double l1_stop(const fl1_quad*, ptrdiff_t, double) noexcept nogil
    double l1_room(const fl1_quad*, ptrdiff_t, double) noexcept nogil
    bint l1_is_free(const fl1_quad*, ptrdiff_t) noexcept nogil


ctypedef fl1_quad quad_t


cdef fl1_penalty elastic_net(double l1_ratio) noexcept nogil
cdef fl1_penalty group_norms(const ptrdiff_t* group, double l2) noexcept nogil
