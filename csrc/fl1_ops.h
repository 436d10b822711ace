/* The primitives every kernel stands on, one table per instruction-set level.
 *
 * Contract: pointers are borrowed and need only the alignment of their element type; an
 * output never overlaps an input unless said so; lengths are in elements and may be 0.
 * Every sum runs in an order that depends on the length alone, so a result never
 * depends on the number of threads.
 */
#ifndef FL1_OPS_H
#define FL1_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "fl1_infer.h"

/* Magnitudes beyond this are refused everywhere: squares of larger values, summed over
 * rows, may leave the range of float64.  And the same as a string, for messages. */
#define FL1_MAX_ABS 1e140
#define FL1_STRING_(number) #number
#define FL1_STRING(number) FL1_STRING_(number)

enum { FL1_F32 = 0, FL1_F64 = 1 };     /* values of X */
enum { FL1_I32 = 0, FL1_I64 = 1 };     /* row indices of a CSC X */
/* The losses, X(name, with) for each, in the order of their numbers, which are those of
 * fastl1.h: new ones come last. */
#define FL1_EACH_LOSS(X, with)                                                         \
    X(squared, with)                                                                   \
    X(logistic, with)                                                                  \
    X(poisson, with)                                                                   \
    X(gamma, with)                                                                     \
    X(tweedie, with)                                                                   \
    X(squared_hinge, with)                                                             \
    X(huber, with)                                                                     \
    X(quantile, with)                                                                  \
    X(probit, with)                                                                    \
    X(cloglog, with)                                                                   \
    X(cox, with)                                                                       \
    X(own, with)

#define FL1_ONE_MORE(name, one) +one
enum { FL1_N_LOSSES = FL1_EACH_LOSS(FL1_ONE_MORE, 1) };

/* What y may be. */
enum { FL1_Y_REAL, FL1_Y_AT_LEAST_0, FL1_Y_ABOVE_0, FL1_Y_LABELS /* 0 and 1 */ };

/* Who is at risk when, for the Cox loss: groups of deaths at one time, in the order of
 * strata and in each from the last time to the first.  Row i joins at group first_i and
 * stays to the end of its stratum, but for the early leavers, at risk at the groups
 * from <= g < to.  first_i is n_groups for those and for rows that never are at risk. */
typedef struct fl1_cox {
    ptrdiff_t n_groups, n_deaths, n_early;
    const ptrdiff_t *first;         /* (n,) */
    const ptrdiff_t *start;         /* (n_groups + 1,) of each group's rows in deaths */
    const ptrdiff_t *deaths, *group; /* (n_deaths,) rows, and their groups */
    const ptrdiff_t *opens;         /* (n_groups,) whether a stratum begins there */
    const ptrdiff_t *early, *early_from, *early_to; /* (n_early,) */
    int efron;
    const double *there; /* (n,) where the gradient is the dual point; NULL: at eta */
    double *work;        /* (4 n + 15 (n_groups + 1),) of the loss, and its Hessian */
    double *scratch;     /* (4 (n_groups + 1),) */
} fl1_cox;

/* A loss of the caller's: its functions, as loss_eval, loss_young and loss_slopes below
 * want them, with what they get as their first argument. */
typedef struct fl1_own {
    void *self;
    double (*eval)(void *self, ptrdiff_t n, const double *y, const double *eta,
                   const double *s, double *v, double *h);
    double (*young)(void *self, ptrdiff_t n, const double *y, const double *eta,
                    const double *s, const double *v, double kappa);
    ptrdiff_t (*domain)(void *self, ptrdiff_t n, const double *y, const double *s,
                        double *v, double *h);
} fl1_own;

/* What a loss depends on besides y and eta; each reads its own. */
typedef struct fl1_loss {
    double power;  /* tweedie: variance mu^power, in (1, 2) */
    double delta;  /* huber: largest residual that counts as a square ... */
    int sharp;     /* ... so small that the loss is all corner: v is kept */
    double q;      /* quantile: its level, in (0, 1) */
    fl1_cox cox;
    fl1_own own;
} fl1_loss;

typedef struct fl1_range {
    double lo, hi;
} fl1_range;

/* What solvers ask of a loss besides its functions: one struct each, in losses.inc. */
typedef struct fl1_traits {
    const char *name;
    int target; /* FL1_Y_... */
    /* the number it depends on: its name, or NULL, its place in fl1_loss, the value it
     * has unless it is given, the open interval that it lies in, and what to say of one
     * that does not */
    const char *param;
    size_t param_at;
    double param_usual, param_lo, param_hi;
    const char *param_refused;
    int quadratic;         /* its curvature is 1 everywhere */
    int has_intercept;     /* else a constant in eta changes nothing: sum v = 0 always */
    int coupled_rows;      /* no sum over rows: the Hessian is not diagonal, and the
                              conjugate knows all rows at once (fl1_cox) */
    int least_at_infinity; /* of some y: no finite eta has the least value */
    int corners;           /* where Newton steps may stall: linear or quadratic pieces */
    int dual_is_variable;  /* linear pieces only: eta does not tell the dual point, which
                              evaluation takes from v and leaves there */
    int own;               /* the caller has its functions: fl1_own */
    int sharpens;          /* the same with `sharp`, where the curved piece is tiny */
    int reweights;         /* v / (y - eta) is the curvature of a square that touches the
                              loss at eta and lies above it everywhere */
} fl1_traits;

static inline void fl1_set_param(fl1_loss *loss, const fl1_traits *traits,
                                 double value) {
    if (traits->param) *(double *)((char *)loss + traits->param_at) = value;
}

enum { FL1_COX_WIDTH = 8 };            /* vectors that cox_product takes at a time */
enum { FL1_WIDTH = 16 };               /* vectors that sparse_dots takes at a time */
enum { FL1_STACK = 8 };                /* packed rows are padded to multiples of it */
enum { FL1_GROUP = 8 };                /* columns that product_block prefetches */

/* Sums over rows, d = x - shift: s d, s d^2, d^2 and v d. */
typedef struct fl1_moments {
    double first, second, size, cross;
} fl1_moments;

typedef struct fl1_ops {
    const char *level;

    /* float64 vectors */
    double (*dot)(ptrdiff_t n, const double *x, const double *y);
    void (*axpy)(ptrdiff_t n, double a, const double *x, double *y);
    double (*sum)(ptrdiff_t n, const double *x);
    /* out_i = sign(x_i) max(|x_i| - t, 0); out may be x.  Writes past the caches when
     * the two arrays are larger than them. */
    void (*soft_threshold_f64)(ptrdiff_t n, const double *x, double t, double *out);
    void (*soft_threshold_f32)(ptrdiff_t n, const float *x, float t, float *out);
    /* out_i = clamp(soft(z_i, l1 f_i) / (1 + l2 f_i), lo_i, hi_i), all of one value
     * type; out may be z; f, lo and hi may be NULL: see prox.inc */
    void (*prox[2])(ptrdiff_t n, const void *z, double l1, double l2, const void *f,
                    const void *lo, const void *hi, void *out);

    /* dense columns, indexed by value type; `shift` is subtracted from every entry */
    double (*dense_dot[2])(ptrdiff_t n, const void *x, double shift, const double *v);
    void (*dense_axpy[2])(ptrdiff_t n, double a, const void *x, double shift,
                          double *y);
    /* sum (x_i - shift)^2 s_i, with s = NULL for all ones */
    double (*dense_sqdev[2])(ptrdiff_t n, const void *x, double shift, const double *s);
    /* m columns at a time: out[k] += sum (x_k - shift_k) v */
    void (*dense_dots[2])(ptrdiff_t n, ptrdiff_t m, const void *const *x,
                          const double *shift, const double *v, double *out);
    /* ... and all that a first pass wants, added to out; s = NULL for all ones */
    void (*dense_moments[2])(ptrdiff_t n, ptrdiff_t m, const void *const *x,
                             const double *shift, const double *s, const double *v,
                             fl1_moments *out);
    /* out_i = (x_i - shift) * scale * d_i, with d = NULL for all ones */
    void (*dense_pack[2])(ptrdiff_t n, const void *x, double shift, double scale,
                          const double *d, double *out);

    /* CSC columns, indexed by value type and index type */
    double (*sparse_dot[2][2])(ptrdiff_t nnz, const void *x, const void *idx,
                               const double *v);
    /* out[r] = column' V[:, r] for r < FL1_WIDTH, rows of V contiguous */
    void (*sparse_dots[2][2])(ptrdiff_t nnz, const void *x, const void *idx,
                              const double *V, double *out);
    void (*sparse_axpy[2][2])(ptrdiff_t nnz, double a, const void *x, const void *idx,
                              double *y);
    /* sum (x_i - shift)^2 s_i over the stored entries */
    double (*sparse_sqdev[2][2])(ptrdiff_t nnz, const void *x, const void *idx,
                                 double shift, const double *s);
    /* out_k = x_k * scale * d_idx(k) */
    void (*sparse_pack[2][2])(ptrdiff_t nnz, const void *x, const void *idx,
                              double scale, const double *d, double *out);

    /* Matrix product: C[a + b*ldc] += sum_i A_ia B[i + b*ldb] for a < ma, b < mb,
     * i < n.  A comes in panels of `lanes` columns, made by product_panels from columns
     * A[i + a*lda]; panel k begins at panels + k * lanes * n.  Memory from each of the
     * FL1_GROUP addresses `next` on is prefetched: any address will do. */
    int lanes;
    void (*product_panels)(ptrdiff_t n, ptrdiff_t ma, const double *A, ptrdiff_t lda,
                           double *panels);
    void (*product_block)(ptrdiff_t n, const double *panels, ptrdiff_t ma,
                          const double *B, ptrdiff_t ldb, ptrdiff_t mb, double *C,
                          ptrdiff_t ldc, const char *const *next);

    /* Screening: est_j = sum_r beta_r C[j + r*p] (with n_refs = 0, est as it is); returns
     * the number of columns with |est_j| + dist norm_j > lam pf_j, listed in out (p,) */
    ptrdiff_t (*screen)(ptrdiff_t p, int n_refs, const double *beta, const double *C,
                        double dist, const double *norm, double lam, const double *pf,
                        double *est, ptrdiff_t *out);

    /* products of several CSC columns, and their row lists: see sparse.inc */
    void (*sparse_xtv[2][2])(ptrdiff_t m, const ptrdiff_t *cols, const int64_t *indptr,
                              const void *x, const void *idx, const double *v,
                              double *out);
    void (*rows_count[2][2])(ptrdiff_t nnz, const void *idx, int64_t *count);
    void (*rows_append[2][2])(ptrdiff_t nnz, const void *x, const void *idx,
                              double scale, int32_t slot, int64_t *end, int32_t *slots,
                              double *values);
    void (*rows_gram[2][2])(ptrdiff_t nnz, const void *x, const void *idx, double scale,
                            const double *d, const int64_t *end, const int32_t *slots,
                            const double *values, int32_t last, double *out);

    /* Small problems stacked by rows: see stack.inc and product.inc */
    void (*stack_mean[2])(ptrdiff_t n, ptrdiff_t p, const void *rows, const double *s,
                          double *mean);
    void (*stack_pack[2])(ptrdiff_t n, ptrdiff_t p, const void *rows,
                          const double *mean, const double *d, ptrdiff_t ld, double *Z);
    void (*stack_gram)(ptrdiff_t n, const double *Z, ptrdiff_t ld, double *G,
                       const void *next);

    /* One column of a rank-one update of a Cholesky factor (c = r / l, s = x / l for
     * the pivot l and the entry x above): dst = (src + s x) / c, then x = c x - s dst.
     * dst may be src or lie before it. */
    void (*chol_column)(ptrdiff_t n, double c, double s, const double *src, double *x,
                        double *dst);

    /* Loss tables.  eta -> sum_i s_i f(y_i, eta_i); v_i = -s_i f'(eta_i) and
     * h_i = s_i f''(eta_i). */
    double (*loss_eval[FL1_N_LOSSES])(const fl1_loss *loss, ptrdiff_t n,
                                      const double *y, const double *eta,
                                      const double *s, double *v, double *h);
    /* Fenchel-Young gap of the loss at the dual point kappa * v:
     * sum_i s_i f(y_i, eta_i) + (s_i f)*(-kappa v_i) + kappa v_i eta_i  >= 0,
     * infinite where the conjugate is. */
    double (*loss_young[FL1_N_LOSSES])(const fl1_loss *loss, ptrdiff_t n,
                                       const double *y, const double *eta,
                                       const double *s, const double *v, double kappa);
    /* v <- the nearest v' with every v'_i / s_i where the conjugate of f is finite, and
     * h_i = 0 at the v_i that moved; returns how many. */
    ptrdiff_t (*loss_domain[FL1_N_LOSSES])(const fl1_loss *loss, ptrdiff_t n,
                                           const double *y, const double *s, double *v,
                                           double *h);

    /* The interval of -f'(y, .) where the conjugate is finite */
    fl1_range (*loss_slopes[FL1_N_LOSSES])(const fl1_loss *loss, double y);
    const fl1_traits *loss_traits[FL1_N_LOSSES];

    /* The Cox loss's Hessian H at eta, where it was evaluated last and has the
     * curvatures h: kept until the next call */
    void (*cox_freeze)(const fl1_cox *cox, ptrdiff_t n, const double *eta,
                       const double *h);
    /* how far eta is from there, a standard deviation under h */
    double (*cox_drift)(const fl1_cox *cox, ptrdiff_t n, const double *eta);
    /* V (n, FL1_COX_WIDTH) <- (H + damp diag(h)) V and size_k = v_k' diag(h) v_k;
     * scratch holds 4 FL1_COX_WIDTH (n_groups + 1) numbers */
    void (*cox_product)(const fl1_cox *cox, ptrdiff_t n, double damp, double *V,
                        double *size, double *scratch);

    /* The softmax loss: labels in 0..n_classes-1; eta, P, V hold a column of n rows per
     * class, ld apart.  eta -> sum_i s_i (-log p_i,label), the probabilities P, and
     * V = s (y - P). */
    double (*softmax_eval)(ptrdiff_t n, ptrdiff_t n_classes, ptrdiff_t ld,
                           const int32_t *label, const double *eta, const double *s,
                           double *P, double *V);
    /* its Fenchel-Young gap at the dual point kappa V, whose rows sum to 0 */
    double (*softmax_young)(ptrdiff_t n, ptrdiff_t n_classes, ptrdiff_t ld,
                            const int32_t *label, const double *eta, const double *s,
                            const double *V, double kappa);

    fl1_infer infer; /* prediction */
} fl1_ops;

/* The table of the best level this CPU runs, or of the level asked for
 * ("baseline", "v3", "v4"; NULL or "" for the best).  NULL when the name is unknown or
 * the CPU lacks the level. */
const fl1_ops *fl1_ops_select(const char *level);

/* Names of the levels compiled in that this CPU runs, best last; returns their number.
 * */
int fl1_ops_levels(const char *names[3]);

extern const fl1_ops fl1_ops_baseline, fl1_ops_v3, fl1_ops_v4;

#endif
