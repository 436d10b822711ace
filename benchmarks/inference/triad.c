/* STREAM's triad, a = b + 3 c: the bandwidth that the machine has at the moment.  24
 * bytes an element are counted, as STREAM does (with the line that a plain store reads
 * first, 32 move). */
#include <stddef.h>

void triad(ptrdiff_t n, double *restrict a, const double *restrict b,
           const double *restrict c, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (ptrdiff_t i = 0; i < n; i++) a[i] = b[i] + 3.0 * c[i];
}
