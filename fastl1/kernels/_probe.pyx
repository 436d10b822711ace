"""The kernels on X by themselves, for tests and benchmarks."""
import numpy as np

from libc.string cimport memset

from fastl1.kernels.design._design cimport (
    bind_design,
    cheap_pass,
    design_add_xw,
    design_column,
    design_stats,
    design_t,
    design_take_rows,
    design_unfit,
    design_xtv,
    stats_t,
)
from fastl1.kernels.design._product cimport (
    design_cross,
    design_gram,
    design_xtm,
    entries,
    gram_work,
)
from fastl1.kernels.design._rows cimport rows_free, rows_t


cdef class Design:
    """A design and what may be asked of it; all arguments are copied where needed.

    Parameters
    ----------
    X : ndarray (n, p) in Fortran order, float32 or float64, or CSC
    mean, scale : ndarray (p,), float64
        Column j stands for scale_j (x_j - mean_j).
    n_threads : int
    """

    cdef design_t X
    cdef rows_t R
    cdef tuple keep
    cdef int n_threads

    def __init__(self, X, const double[::1] mean, const double[::1] scale, n_threads=1):
        bind_design(&self.X, X)
        if mean.shape[0] != self.X.p or scale.shape[0] != self.X.p or self.X.p == 0:
            raise ValueError(f"mean and scale need {self.X.p} elements")
        self.keep = (X, mean, scale)
        self.X.mean, self.X.scale = &mean[0], &scale[0]
        self.n_threads = n_threads

    def __dealloc__(self):
        rows_free(&self.R)

    def _columns(self, cols):
        cols = np.ascontiguousarray(cols, dtype=np.intp)
        if len(cols) and not 0 <= cols.min() <= cols.max() < self.X.p:
            raise IndexError("a column is out of range")
        return cols

    def _rows(self, values):
        values = np.asfortranarray(values, dtype=np.float64)
        if values.shape[0] != self.X.n or self.X.n == 0:
            raise ValueError(f"{self.X.n} rows are needed")
        return values

    def traits(self):
        """What solvers know of the storage, see `design_t`."""
        return {
            "blocks": self.X.blocks,
            "implicit_mean": self.X.implicit_mean,
            "consecutive": self.X.consecutive,
            "cheap_pass": cheap_pass(&self.X),
            "entry_cost": self.X.entry_cost,
        }

    def column(self, ptrdiff_t j):
        """(n,) what column j stands for."""
        self._columns([j])
        out = np.full(self.X.n, np.nan)
        cdef double[::1] values = out
        design_column(&self.X, j, &values[0])
        return out

    def rows(self, ptrdiff_t first, ptrdiff_t count):
        """(count, p) rows of a storage that has them consecutive, of the same type."""
        if not self.X.consecutive or not 0 <= first <= first + count <= self.X.n:
            raise ValueError("these rows cannot be taken")
        out = np.empty((count, self.X.p), self.keep[0].dtype, order="F")
        design_take_rows(
            &self.X, first, count, 0, count, <void*> <size_t> out.ctypes.data
        )
        return out

    def unfit(self, double largest):
        """The first column with a value that is NaN or beyond +-largest, or -1."""
        return design_unfit(&self.X, largest)

    def work(self, cols, ptrdiff_t known=0):
        """Stored values of the columns, and the work of their Gram block where that of
        the first `known` is there."""
        cdef const ptrdiff_t[::1] index = self._columns(cols)
        cdef ptrdiff_t m = index.shape[0]
        return (
            entries(&self.X, &index[0], 0, m),
            gram_work(&self.X, &index[0], known, m),
        )

    def stats(self, s=None, v=None, centre=True, standardize=False, check=False):
        """(mean, scale, norm, c, doubtful) of the first pass: as `design_stats` makes
        them under weights s of sum 1 (None for equal ones), c = X'v or None."""
        cdef ptrdiff_t n = self.X.n, p = self.X.p, doubtful
        cdef const double[::1] weights = self._rows(
            np.full(n, 1.0 / n) if s is None else s
        )
        cdef const double[::1] vector
        cdef double[:, ::1] out = np.full((4, p), np.nan)
        cdef stats_t W
        memset(&W, 0, sizeof(stats_t))
        W.s, W.uniform = &weights[0], s is None
        W.centre, W.standardize, W.check = centre, standardize, check
        W.mean, W.scale, W.norm = &out[0, 0], &out[1, 0], &out[2, 0]
        if v is not None:
            vector = self._rows(v)
            W.v, W.c = &vector[0], &out[3, 0]
        with nogil:
            doubtful = design_stats(&self.X, &W, self.n_threads)
        mean, scale, norm, c = np.asarray(out)
        return mean, scale, norm, None if v is None else c, doubtful

    def xtv(self, v, cols=None):
        """(m,) products of the columns `cols` (None for all) with v."""
        cdef const double[::1] vector = self._rows(v)
        cdef ptrdiff_t m = self.X.p if cols is None else len(cols)
        cdef const ptrdiff_t[::1] index
        cdef const ptrdiff_t* columns = NULL
        out = np.full(m, np.nan)
        cdef double[::1] products = out
        if m == 0:
            return out
        if cols is not None:
            index = self._columns(cols)
            columns = &index[0]
        with nogil:
            design_xtv(
                &self.X, columns, m, &vector[0], &products[0], self.n_threads
            )
        return out

    def add_xw(self, w, double[::1] y):
        """y += X w, for the coefficients w (p,) of all columns."""
        cdef const double[::1] coefs = np.ascontiguousarray(w, dtype=np.float64)
        cdef const ptrdiff_t[::1] index = np.arange(self.X.p)
        if coefs.shape[0] != self.X.p or y.shape[0] != self.X.n:
            raise ValueError("w and y do not fit X")
        with nogil:
            design_add_xw(
                &self.X, &index[0], &coefs[0], self.X.p, &y[0], self.n_threads
            )

    def gram(self, cols, h_sqrt, known=None, h_mean=None):
        """(m, m) Gram block of the columns `cols`; `known`, if given, is its leading
        block, which is kept."""
        cdef const ptrdiff_t[::1] index = self._columns(cols)
        cdef const double[::1] d = self._rows(h_sqrt)
        cdef ptrdiff_t m = index.shape[0], m0 = 0 if known is None else len(known)
        cdef const double[::1] means
        cdef const double* h_means = NULL
        cdef double h_sum = np.dot(h_sqrt, h_sqrt)
        cdef int status
        if h_mean is not None:
            means = np.ascontiguousarray(h_mean, dtype=np.float64)
            h_means = &means[0]
        out = np.full((m, m), np.nan, order="F")
        out[:m0, :m0] = known
        cdef double[::1, :] G = out
        if m == 0:
            return out
        self.R.m = 0
        with nogil:
            status = design_gram(
                &self.X, &self.R, &index[0], m0, m, &d[0], h_means, h_sum, &G[0, 0], m,
                self.n_threads
            )
        if status < 0:
            raise MemoryError
        return out

    def cross(self, cols, h_sqrt):
        """(p, m) weighted products of all columns with the columns `cols`."""
        cdef const ptrdiff_t[::1] index = self._columns(cols)
        cdef const double[::1] d = self._rows(h_sqrt)
        cdef ptrdiff_t m = index.shape[0]
        cdef int status
        out = np.full((self.X.p, m), np.nan, order="F")
        cdef double[::1, :] C = out
        if m == 0:
            return out
        with nogil:
            status = design_cross(
                &self.X, &index[0], m, &d[0], &C[0, 0], self.n_threads
            )
        if status < 0:
            raise MemoryError
        return out

    def xtm(self, V, cols=None):
        """(m, k) products of the columns `cols` (None for all) with those of V."""
        cdef const double[::1, :] vectors = self._rows(V)
        cdef ptrdiff_t m = self.X.p if cols is None else len(cols)
        cdef ptrdiff_t k = vectors.shape[1]
        cdef const ptrdiff_t[::1] index
        cdef const ptrdiff_t* columns = NULL
        cdef int status
        out = np.full((m, k), np.nan, order="F")
        cdef double[::1, :] C = out
        if m == 0 or k == 0:
            return out
        if cols is not None:
            index = self._columns(cols)
            columns = &index[0]
        with nogil:
            status = design_xtm(
                &self.X, columns, m, &vectors[0, 0], k, &C[0, 0], self.n_threads
            )
        if status < 0:
            raise MemoryError
        return out
