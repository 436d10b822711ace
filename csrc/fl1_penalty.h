/* A penalty as solvers see it: a row of functions of one unit, a column or a group of
 * columns, and the penalized quadratic that every loss reduces to.
 *
 *     pen(w) = lam1 |w| + lam2/2 |w|^2,   lo <= w <= hi
 *
 * with the norm of the unit.  Everything here is scalar and has one build for all
 * instruction-set levels: a fused multiplication would change the last bits from level
 * to level, and vectors come in through the table of primitives.  The functions of a
 * single column are inline, because sweeps and Newton steps stand in other modules.
 */
#ifndef FL1_PENALTY_H
#define FL1_PENALTY_H

#include <math.h>
#include <stddef.h>

#include "fl1_ops.h"

enum {
    FL1_L1,       /* of single columns */
    FL1_GROUP_L1, /* of the Euclidean norms of groups of columns, without bounds */
    FL1_N_PENALTIES
};

/* The penalty of one unit.  In a gap that counts the l2 term as part of the loss, `shift`
 * is its factor, which is taken off the correlations, and lam2 is 0. */
typedef struct fl1_unit {
    double lam1, lam2, shift, lo, hi;
} fl1_unit;

typedef struct fl1_quad fl1_quad;

/* One kind of penalty.  w and c hold the d numbers of a unit, or all of a quadratic. */
typedef struct fl1_penalty_row {
    /* what solvers may do with it */
    int piecewise_quadratic; /* Newton steps on fixed signs, interior points, a pilot */
    int has_bounds;          /* lo and hi may be finite */

    /* ---- of a unit at 0, outside of a quadratic */
    /* the factor by which c exceeds what pen* allows; 0 where pen* is finite anyway */
    double (*ratio)(const fl1_unit *t, ptrdiff_t d, const double *c);
    /* pen*(kappa c) */
    double (*conjugate)(const fl1_unit *t, ptrdiff_t d, const double *c, double kappa);
    /* the norm of c, as far as bounds let it move the unit from 0 */
    double (*pull)(const fl1_unit *t, ptrdiff_t d, const double *c);

    /* ---- of any unit */
    /* from c to the subdifferential of pen at w */
    double (*distance)(const fl1_unit *t, ptrdiff_t d, const double *w,
                       const double *c);

    /* ---- of all units of a quadratic */
    /* total plus the penalty at w (m,) */
    double (*value)(const fl1_quad *q, const double *w, double total);
    /* the largest ratio, the l2 term taken off c */
    double (*excess)(const fl1_quad *q, int outside);
    /* sum of pen(w) + pen*(kappa c) - kappa c'w, none negative; with `augmented` the l2
     * term counts as squares of the loss, which are included.  Here and in excess, units
     * without a penalty count unless they are orthogonal to the dual point, with
     * `outside`, or inside their bounds, without. */
    double (*young)(const fl1_quad *q, double kappa, int augmented, int outside);
    /* One sweep of block coordinate descent over a quadratic, G (m, m) its H; returns
     * how often the support changed.  Moves too small to matter for the gap are left
     * out: after a Newton step the support is stationary up to rounding, and only the
     * columns that enter cost anything. */
    ptrdiff_t (*epoch)(fl1_quad *q, const double *G, ptrdiff_t ldg);
    /* duality gap of the quadratic at w; unpenalized coordinates count with the decrease
     * that their gradient still promises */
    double (*gap)(const fl1_quad *q);
} fl1_penalty_row;

/* alpha times (l1 |w| + l2/2 |w|^2), summed over the units; each times its factor. */
typedef struct fl1_penalty {
    const fl1_penalty_row *row;
    double l1, l2;
    const ptrdiff_t *group; /* (p,) number of each column's group; NULL: columns are units */
} fl1_penalty;

/* From which share of l1 on a gap counts the l2 term as part of the loss. */
static inline int fl1_augments(const fl1_penalty *pen) {
    return pen->l1 >= 0.1 * (pen->l1 + pen->l2);
}

/* min_w  1/2 (w - w0)' H (w - w0) - c0' (w - w0) + sum over units of pen(w) */
struct fl1_quad {
    ptrdiff_t m;
    double *w;        /* in: w0, out: solution */
    double *c;        /* in: c0, out: c0 - H (w - w0) */
    double *diag;     /* diagonal of H */
    double *lam1;
    double *lam2;
    double *lo;
    double *hi;
    const fl1_penalty_row *row;
    ptrdiff_t n_units;
    ptrdiff_t *first;    /* (n_units + 1,) slots of each unit; NULL: a unit is a slot */
    const double *basis; /* of each unit, where place[u] is: the eigenvectors of its */
    ptrdiff_t *place;    /* block of H, d columns of d, and then the d eigenvalues */
    double r2;        /* in, out: squared norm of the residual that H and c stand for */
    double tol;       /* duality gap asked for, absolute */
    double gap;       /* out: the gap reached */
    double elsewhere; /* l1 penalty of other quadratics under the same dual point */
    int augmented;    /* lam2 counts as p more squares in the gap, not in pen* */
    int max_cg;       /* most conjugate gradient steps (residual regime) */
    double *work;     /* (4 m,) */
    ptrdiff_t *index; /* (m,) */
    long n_epochs;    /* counters, added to */
    long n_newton;
    double n_multiplied; /* multiplications, to the leading order */
    const fl1_ops *ops;
};

static inline double fl1_sign(double x) { return (x > 0.0) - (x < 0.0); }

/* The minimizer over a column of h/2 w^2 - z w + pen(w). */
static inline double l1_step(const fl1_unit *t, double h, double z) {
    double w = z > t->lam1 ? z - t->lam1 : z < -t->lam1 ? z + t->lam1 : 0.0;
    w /= h + t->lam2;
    w = t->lo > w ? t->lo : w;
    return t->hi < w ? t->hi : w;
}

/* From now on the gap counts the l2 term as part of the loss.  lam1 is wider by a few
 * ulp: c at the ratio's own unit must not round to outside. */
static inline void fl1_augment(fl1_unit *t) {
    t->shift = t->lam2;
    t->lam2 = 0.0;
    t->lam1 *= 1.0 + 1e-15;
}

static inline fl1_unit fl1_unit_at(const fl1_quad *q, ptrdiff_t k) {
    fl1_unit t = {q->lam1[k], q->lam2[k], 0.0, q->lo[k], q->hi[k]};
    return t;
}

/* One coordinate step: the minimizer over w_k, given its current value. */
static inline double l1_minimizer(const fl1_quad *q, ptrdiff_t k) {
    fl1_unit t = fl1_unit_at(q, k);
    return l1_step(&t, q->diag[k], q->w[k] * q->diag[k] + q->c[k]);
}

/* Slope of the penalty at column k, where it moves off 0 in neither direction. */
static inline double l1_slope(const fl1_quad *q, ptrdiff_t k) {
    return q->lam1[k] * fl1_sign(q->w[k]) + q->lam2[k] * q->w[k];
}

/* What is left at column k of minus the slope of the objective. */
static inline double l1_descent(const fl1_quad *q, ptrdiff_t k) {
    return q->c[k] - q->lam1[k] * fl1_sign(q->w[k]) - q->lam2[k] * q->w[k];
}

/* Where column k, moving in the direction d, has to stop: zero or a bound. */
static inline double l1_stop(const fl1_quad *q, ptrdiff_t k, double d) {
    double end = d > 0.0 ? q->hi[k] : q->lo[k];
    if (q->lam1[k] > 0.0 && q->w[k] * d < 0.0)
        end = d < 0.0 ? (0.0 > end ? 0.0 : end) : (0.0 < end ? 0.0 : end);
    return end;
}

/* How far column k can move in steps of d before its sign or a bound stops it. */
static inline double l1_room(const fl1_quad *q, ptrdiff_t k, double d) {
    return (l1_stop(q, k, d) - q->w[k]) / d;
}

/* Whether a Newton step may move column k. */
static inline int l1_is_free(const fl1_quad *q, ptrdiff_t k) {
    if (q->diag[k] <= 0.0 || !(q->lo[k] < q->w[k] && q->w[k] < q->hi[k])) return 0;
    return q->w[k] != 0.0 || q->lam1[k] == 0.0;
}

#endif
