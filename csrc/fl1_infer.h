/* Primitives of prediction, one table per instruction-set level (fl1_ops.infer).
 *
 * The contract of fl1_ops.h holds: borrowed pointers, any alignment, any length; sums in
 * an order that depends on the lengths alone.
 */
#ifndef FL1_INFER_H
#define FL1_INFER_H

#include <stddef.h>
#include <stdint.h>

/* Values of dense rows and columns; the first two are FL1_F32 and FL1_F64. */
enum {
    FL1_V_F32, FL1_V_F64, FL1_V_I8, FL1_V_U8, FL1_V_I16, FL1_V_U16,
    FL1_V_I32, FL1_V_U32, FL1_V_I64, FL1_V_U64, FL1_N_VALUES
};

/* Which features a model may use: bit (j & mask) of `bits` is set for every feature j
 * that it does, so that a clear bit means "no" and a set one "look closer".  mask + 1
 * is a power of two, at least 32. */
typedef struct fl1_filter {
    int64_t n_features;
    const uint32_t *bits;
    uint32_t mask;
} fl1_filter;

typedef struct fl1_infer {
    /* The entries of n rows that pass the filter: row[k] in 0 .. n-1 and pos[k] counted
     * from indptr[0], in order.  `idx` points at the first entry of the first row;
     * indptr and idx are of the index type.  `row` and `pos` have room for 16 elements
     * more than there are entries.  Returns how many pass, or -1 when an index is not
     * in [0, n_features). */
    ptrdiff_t (*find[2])(const fl1_filter *filter, ptrdiff_t n, const void *indptr,
                         const void *idx, int32_t *row, int32_t *pos);

    /* out_i = the product of row i with w (bound,) of type wtype (FL1_F32 or FL1_F64), in
     * the same order for both; per value type (the first two) and index type; pointers
     * as for `find`.  Returns the first row with an index that is not in [0, bound), or
     * -1. */
    ptrdiff_t (*row_dots[2][2])(ptrdiff_t n, const void *indptr, const void *idx,
                                const void *x, int64_t bound, const void *w, int wtype,
                                double *out);

    /* per value type; strides in bytes */
    /* out[k + i room] = the value at x + i row_stride + index_k stride, of `rows` rows i;
     * unless `ahead` is 0, what lies that far on is fetched into the second-level cache,
     * and need not exist */
    void (*gather[FL1_N_VALUES])(ptrdiff_t rows, ptrdiff_t n, const char *x,
                                 ptrdiff_t row_stride, ptrdiff_t stride,
                                 const int64_t *index, ptrdiff_t ahead, double *out,
                                 ptrdiff_t room);
    /* y_i += a x_i, x_i at x + i stride */
    void (*add_column[FL1_N_VALUES])(ptrdiff_t n, double a, const char *x,
                                     ptrdiff_t stride, double *y);

    /* p_i = 1 / (1 + e^-sign eta_i), or log p_i; p may be eta, NaN stays NaN */
    void (*sigmoid)(ptrdiff_t n, double sign, const double *eta, double *p);
    void (*log_sigmoid)(ptrdiff_t n, double sign, const double *eta, double *p);
    /* n rows of k: p_j = e^eta_j / sum_l e^eta_l, or log p_j; p may be eta */
    void (*softmax)(ptrdiff_t n, ptrdiff_t k, const double *eta, double *p);
    void (*log_softmax)(ptrdiff_t n, ptrdiff_t k, const double *eta, double *p);
} fl1_infer;

#endif
