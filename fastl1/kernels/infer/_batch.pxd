from fastl1.kernels.infer._map cimport map_t


cdef class Scorer:
    cdef map_t map
    cdef tuple owners
    cdef readonly object features, intercept
    cdef readonly Py_ssize_t n_features, n_outputs
