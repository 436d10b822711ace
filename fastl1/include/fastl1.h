/* fastl1 from C, C++ and Cython: prediction, proximal maps, columns of a matrix, and
 * the path solver, in a table of functions that a Python module hands out.
 *
 *     #include <Python.h>           first: it makes fl1_import known
 *     #include <fastl1.h>           in the folder that fastl1.get_include() names
 *
 *     if (fl1_import() < 0) return NULL;      once, with the GIL; a Python error is set
 *     status = fl1->col_dot(X, j, v, &out);   from then on, with the GIL or without
 *
 * What holds for all functions
 *
 * - None needs Python, its GIL or its objects; none raises.  They return FL1_OK,
 *   another outcome (> 0) or an error (< 0); fl1->last_error() tells in words which
 *   argument was wrong, and at which position.  After an error no output has been
 *   written, unless a function says otherwise.
 * - Arrays are borrowed for the length of the call, only read unless they are outputs,
 *   and need the alignment of their element type; n, p and other sizes are numbers of
 *   elements.  A function that keeps a pointer for longer says so.  Outputs do not
 *   overlap inputs or each other, unless a function says that they may.
 * - Structures begin with struct_size, which FL1_INIT sets: fields may be added at
 *   their end, never changed.  A structure that is larger than the library's is refused
 *   only if what the library does not know is not zero.
 * - Handles (fl1_design, fl1_model, fl1_solver) belong to the caller, who frees them;
 *   freeing NULL is allowed.  A design and a model do not change once they are made and
 *   may be used from several threads at once; a solver by one thread at a time.
 * - n_threads is the most threads that a call uses; 0 asks for the physical cores.
 *   Results do not depend on it, bit for bit.
 */
#ifndef FASTL1_H
#define FASTL1_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when something is added.  A program runs with this version and later ones. */
#define FL1_ABI_VERSION 1

/* All of a structure 0, its size known: every optional field is absent. */
#define FL1_INIT(s) (memset(&(s), 0, sizeof(s)), (void)((s).struct_size = sizeof(s)))

enum {
    FL1_OK = 0,
    FL1_NOT_CONVERGED = 1, /* the gap is above tol after max_iter iterations */
    FL1_STOPPED = 2,       /* poll asked to stop */
    FL1_NOT_FINITE = 3,    /* numbers left the range of float64 */
    FL1_E_NULL = -1,       /* a pointer that may not be is NULL */
    FL1_E_STRUCT = -2,     /* struct_size is too small, or has unknown fields in use */
    FL1_E_SIZE = -3,       /* a size is negative, too large, or does not fit another */
    FL1_E_KIND = -4,       /* a constant that does not exist, or not for this use */
    FL1_E_VALUE = -5,      /* a number is NaN, infinite, or out of its range */
    FL1_E_INDEX = -6,      /* an index is out of range, or not in order */
    FL1_E_MEMORY = -7,     /* no memory */
    FL1_E_HANDLE = -8      /* no handle of this kind, or one that has been freed */
};

/* ---- Matrices */

enum { FL1_FLOAT32 = 0, FL1_FLOAT64 = 1 };
enum { FL1_INT32 = 0, FL1_INT64 = 1 };

enum {
    FL1_COLUMNS = 0, /* dense, column after column: Fortran order */
    FL1_ROWS = 1,    /* dense, row after row: C order */
    FL1_CSC = 2,     /* sparse by columns */
    FL1_CSR = 3      /* sparse by rows */
};

typedef struct fl1_matrix {
    size_t struct_size;
    int32_t layout;      /* FL1_COLUMNS, ... */
    int32_t value_type;  /* FL1_FLOAT32, ... */
    int32_t index_type;  /* sparse: FL1_INT32, ... of `indices` and of `indptr` */
    int32_t zero;        /* 0 */
    int64_t n_rows;
    int64_t n_cols;
    int64_t stride;      /* dense: elements from one column (row) to the next; 0 where
                          * they follow each other without a gap */
    int64_t nnz;         /* sparse: elements of `values` and of `indices` */
    const void *values;
    const void *indices; /* sparse: row (CSC) or column (CSR) of every value */
    const void *indptr;  /* sparse: (n_cols + 1,) or (n_rows + 1,), from 0 to <= nnz */
} fl1_matrix;

/* ---- Columns of a training matrix */

typedef struct fl1_design fl1_design;

/* ---- Models that predict */

typedef struct fl1_model fl1_model;

/* From the linear predictor eta to the response. */
enum {
    FL1_LINK_IDENTITY = 0,
    FL1_LINK_LOG = 1,     /* e^eta */
    FL1_LINK_LOGIT = 2,   /* 1 / (1 + e^-eta) */
    FL1_LINK_PROBIT = 3,  /* normal distribution function */
    FL1_LINK_CLOGLOG = 4, /* 1 - e^-e^eta */
    FL1_LINK_SOFTMAX = 5  /* e^eta_k / sum of e^eta over the outputs of a row */
};

enum { FL1_PREDICT_LINK = 0, FL1_PREDICT_RESPONSE = 1 };

/* eta_k = intercepts_k + sum of values_c x_features_c over the c with outputs_c = k */
typedef struct fl1_coefs {
    size_t struct_size;
    int64_t n_features;
    int64_t n_outputs;        /* at least 1 */
    int64_t n_coefs;          /* length of the next three; zeros may be left out */
    const int64_t *features;  /* in any order, no (feature, output) twice */
    const int32_t *outputs;   /* NULL: output 0 */
    const double *values;     /* finite */
    const double *intercepts; /* (n_outputs,); NULL: zeros */
    int32_t link;             /* FL1_LINK_IDENTITY, ... */
    int32_t zero;             /* 0 */
} fl1_coefs;

/* ---- Solver */

typedef struct fl1_solver fl1_solver;

enum {
    FL1_LOSS_SQUARED = 0,  /* (y - eta)^2 / 2 */
    FL1_LOSS_LOGISTIC = 1, /* y is 0 or 1, both of them present */
    FL1_LOSS_POISSON = 2,  /* mean e^eta; y >= 0 */
    FL1_LOSS_GAMMA = 3,    /* mean e^eta; y > 0 */
    FL1_LOSS_TWEEDIE = 4,  /* mean e^eta; y >= 0; loss_param: the power, in (1, 2) */
    FL1_LOSS_SQUARED_HINGE = 5, /* y is 0 or 1 */
    FL1_LOSS_HUBER = 6,         /* loss_param: delta > 0, in units of y */
    FL1_LOSS_QUANTILE = 7,      /* loss_param: the level, in (0, 1) */
    FL1_LOSS_PROBIT = 8,        /* y is 0 or 1 */
    FL1_LOSS_CLOGLOG = 9        /* y is 0 or 1 */
};

/* min over w (p,) and b of
 *
 *     sum_i s_i loss(y_i, x_i w + b + offset_i)
 *       + alpha sum_j penalty_factor_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2),
 *     lower <= w <= upper,     s = weight / sum(weight)
 *
 * with, if `standardize`, w_j times the standard deviation of column j in the penalty.
 * Losses are 0 where they are least.  alpha is in units of the loss. */
typedef struct fl1_problem {
    size_t struct_size;
    int32_t loss;                 /* FL1_LOSS_SQUARED, ... */
    int32_t fit_intercept;        /* 0: b = 0 */
    int32_t standardize;
    int32_t n_threads;
    double loss_param;            /* see the losses */
    double l1_ratio;              /* in [0, 1]: 1 is the lasso, 0 is ridge */
    const double *y;              /* (n,) */
    const double *weight;         /* (n,), >= 0, not all 0; NULL: ones */
    const double *offset;         /* (n,); NULL: zeros */
    const double *penalty_factor; /* (p,), >= 0; 0 never penalizes, infinity excludes a
                                   * column; NULL: ones */
    const double *lower;          /* (p,), <= 0, -infinity for none; NULL: no bounds */
    const double *upper;          /* (p,), >= 0, infinity for none; NULL: no bounds */
    /* Called again and again while a solve runs, in the thread that asked for it; any
     * result but 0 ends the solve.  NULL: nothing is called. */
    int32_t (*poll)(void *user);
    void *user;
} fl1_problem;

/* Where a solver stands. */
typedef struct fl1_solver_info {
    size_t struct_size;
    double alpha_max;      /* least alpha with w = 0, but for unpenalized columns; NaN
                            * for l1_ratio 0, and where those columns separate rows of
                            * y, so that their coefficients have no bound */
    double null_objective; /* objective at w = 0 with the best intercept */
    double gap;            /* duality gap of the last solve / null_objective; infinite
                            * before; at alpha 0 a relative norm of the gradient */
    double intercept;
    int64_t n_nonzero;     /* of w */
    int64_t n_iter;        /* outer iterations of the last solve */
} fl1_solver_info;

/* Decreasing alphas, and what is wanted of the solution at each. */
typedef struct fl1_path {
    size_t struct_size;
    int64_t n_alphas;
    const double *alphas; /* (n_alphas,), >= 0, none larger than the one before */
    double tol;           /* relative gap to reach, >= 0 */
    int32_t max_iter;     /* outer iterations at each alpha, >= 1 */
    int32_t zero;         /* 0 */
    /* outputs, each of which may be NULL */
    double *coefs;        /* (n_alphas, p), C order: a row for each alpha */
    double *intercepts;   /* (n_alphas,) */
    double *gaps;         /* (n_alphas,) */
    int32_t *n_iters;     /* (n_alphas,) */
    int32_t *status;      /* (n_alphas,), FL1_OK, FL1_NOT_CONVERGED or FL1_NOT_FINITE */
} fl1_path;

/* ---- The functions */

typedef struct fl1_api {
    int32_t abi_version; /* of the library: at least FL1_ABI_VERSION after fl1_import */
    int32_t zero;
    size_t struct_size;

    /* What a status means, in English; never NULL, never freed. */
    const char *(*describe)(int status);

    /* What was wrong in the last call of this thread that returned an error; "" before.
     * The text is the library's, and valid until the next error in this thread. */
    const char *(*last_error)(void);

    /* out_i = sign(x_i) max(|x_i| - t, 0), both (n,); out may be x.  t >= 0; NaN in x
     * stays NaN.  Errors: NULL, SIZE (n or n_threads negative), VALUE (t). */
    int (*soft_threshold_f64)(int64_t n, const double *x, double t, double *out,
                              int32_t n_threads);
    int (*soft_threshold_f32)(int64_t n, const float *x, float t, float *out,
                              int32_t n_threads);

    /* Proximal map of an elastic net in a box, coordinate by coordinate:
     *
     *     out_i = argmin over w in [lower_i, upper_i] of
     *             (w - z_i)^2 / 2 + factor_i (l1 |w| + l2/2 w^2)
     *
     * z and out (n,), out may be z; a step size multiplies l1 and l2.  factor (n,),
     * >= 0, infinity is for w = 0, NULL for ones; lower and upper (n,), lower <= upper,
     * NULL for none; no pass is spent to check them.  NaN in z stays NaN.  Errors:
     * NULL, SIZE (n or n_threads negative), VALUE (l1 or l2 negative, infinite or
     * NaN). */
    int (*prox_f64)(int64_t n, const double *z, double l1, double l2,
                    const double *factor, const double *lower, const double *upper,
                    double *out, int32_t n_threads);
    int (*prox_f32)(int64_t n, const float *z, float l1, float l2, const float *factor,
                    const float *lower, const float *upper, float *out,
                    int32_t n_threads);

    /* A matrix whose structure has been checked, FL1_COLUMNS or FL1_CSC with n_rows and
     * n_cols at least 1 and row indices that increase in every column.  Its arrays are
     * borrowed until the design is freed, but for indptr.  Values are not looked at.
     * Costs a pass over the indices.  On success *design is a new handle, else NULL.
     * Errors: NULL, STRUCT, SIZE, KIND, INDEX, MEMORY. */
    int (*design_create)(const fl1_matrix *X, fl1_design **design);
    void (*design_free)(fl1_design *design);

    /* With column j (0 <= j < p) as x_j (n,), and float64 vectors of n elements:
     *     col_dot     *out = x_j' v
     *     col_axpy    y += a x_j
     *     col_sqnorm  *out = sum_i weight_i x_ij^2; weight NULL for ones
     * A sparse column costs its nonzeros, and reads or writes no other rows.
     * Errors: NULL, HANDLE, INDEX. */
    int (*col_dot)(const fl1_design *X, int64_t j, const double *v, double *out);
    int (*col_axpy)(const fl1_design *X, int64_t j, double a, double *y);
    int (*col_sqnorm)(const fl1_design *X, int64_t j, const double *weight,
                      double *out);

    /* A model of its own copy of the coefficients.  On success *model is a new handle,
     * else NULL.  Errors: NULL, STRUCT, SIZE, KIND (link), VALUE (a number that is not
     * finite), INDEX (a feature or output out of range, or a pair twice), MEMORY. */
    int (*model_create)(const fl1_coefs *coefs, fl1_model **model);
    void (*model_free)(fl1_model *model);

    /* out (n_rows, n_outputs), C order: linear predictors or responses of the rows of X,
     * in any layout, with the model's features.  Nothing but the features in use is
     * read: NaN there gives NaN, elsewhere it is of no consequence.  Sparse X may have
     * its indices in any order, and twice: then values add up.  The result of a row does
     * not depend on the others.
     * Errors: NULL, HANDLE, STRUCT, SIZE, KIND, INDEX (out may have been written then),
     * MEMORY. */
    int (*predict)(const fl1_model *model, const fl1_matrix *X, int32_t kind,
                   int32_t n_threads, double *out);

    /* The same of one sparse row in fractions of a microsecond: indices and values
     * (nnz,), out (n_outputs,).  Errors: NULL, HANDLE, SIZE, KIND, INDEX (out may have
     * been written then). */
    int (*predict_row)(const fl1_model *model, int64_t nnz, int32_t index_type,
                       const void *indices, int32_t value_type, const void *values,
                       int32_t kind, double *out);

    /* A solver that stands at w = 0 with the intercept (and the unpenalized columns)
     * fitted.  X is kept and must outlive it; the arrays of the problem are copied.
     * Memory: about 20 n + 30 p float64, and a block for the columns in use.  On success
     * *solver is a new handle, else NULL; FL1_STOPPED without one if poll said so.
     * Errors: NULL, STRUCT, HANDLE, SIZE (n_threads), KIND (loss), VALUE (a vector or
     * X), MEMORY. */
    int (*solver_create)(const fl1_design *X, const fl1_problem *problem,
                         fl1_solver **solver);
    void (*solver_free)(fl1_solver *solver);

    /* Errors: NULL, STRUCT, HANDLE. */
    int (*solver_info)(const fl1_solver *solver, fl1_solver_info *info);

    /* Go on from coef (p,), moved into the bounds, and intercept; NaN keeps the present
     * one.  Excluded columns stay 0.  Errors: NULL, HANDLE, VALUE, MEMORY. */
    int (*solver_start)(fl1_solver *solver, const double *coef, double intercept);

    /* Solve at alpha >= 0 from where the solver stands, to a relative gap of at most
     * tol >= 0, with at most max_iter >= 1 outer iterations.  Returns FL1_OK,
     * FL1_NOT_CONVERGED or FL1_NOT_FINITE; after FL1_STOPPED the coefficients are those
     * reached.  Errors: NULL, HANDLE, VALUE, MEMORY. */
    int (*solver_solve)(fl1_solver *solver, double alpha, double tol, int32_t max_iter);

    /* Solve along a path, and write what is asked for.  *n_done (NULL if not wanted)
     * alphas are complete on return.  Returns FL1_OK if all have converged, else the
     * largest of their statuses; FL1_STOPPED when poll said so.  Errors: NULL, STRUCT,
     * HANDLE, SIZE, VALUE (nothing is solved), MEMORY (n_done are). */
    int (*solver_path)(fl1_solver *solver, const fl1_path *path, int64_t *n_done);

    /* Present coefficients, on the scale of X whatever `standardize`: all p, float64
     * also for a float32 X. */
    int (*solver_coef)(fl1_solver *solver, double *coef);

    /* The nonzero ones: features increasing, and values, with room for `room` each.
     * *count tells how many there are; SIZE, and nothing else written, if there is no
     * room for them.  Errors: NULL, HANDLE, SIZE, MEMORY. */
    int (*solver_coef_sparse)(fl1_solver *solver, int64_t room, int64_t *features,
                              double *values, int64_t *count);

    /* The relative gap and the objective at alpha of the present coefficients and
     * intercept, computed anew; either output may be NULL.  Errors: NULL, HANDLE,
     * VALUE, MEMORY. */
    int (*solver_certify)(fl1_solver *solver, double alpha, double *gap,
                          double *objective);

    /* Version 1 ends here.  Add below, and count FL1_ABI_VERSION up. */
} fl1_api;

/* The table, in every source file that has called fl1_import (or been given it). */
static const fl1_api *fl1 = NULL;

/* What a status means; "" before fl1_import. */
static inline const char *fl1_strerror(int status) {
    return fl1 ? fl1->describe(status) : "";
}

#ifdef Py_PYTHON_H
/* Fetch the table.  With the GIL; 0, or -1 with a Python error: fastl1 cannot be
 * imported, or is older than this header. */
static inline int fl1_import(void) {
    PyObject *module, *capsule;
    const fl1_api *api;
    if (fl1) return 0;
    module = PyImport_ImportModule("fastl1._capi");
    if (!module) return -1;
    capsule = PyObject_GetAttrString(module, "fl1_api");
    Py_DECREF(module);
    if (!capsule) return -1;
    /* the table is static: it outlives the capsule */
    api = (const fl1_api *)PyCapsule_GetPointer(capsule, "fastl1._capi.fl1_api");
    Py_DECREF(capsule);
    if (!api) return -1;
    if (api->abi_version < FL1_ABI_VERSION || api->struct_size < sizeof(fl1_api)) {
        PyErr_Format(PyExc_ImportError,
                     "compiled for version %d of fastl1's C interface, but the fastl1 "
                     "that is installed has version %d: upgrade it",
                     FL1_ABI_VERSION, (int)api->abi_version);
        return -1;
    }
    fl1 = api;
    return 0;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
