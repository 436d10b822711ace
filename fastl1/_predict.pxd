from fastl1._predict_map cimport map_t


cdef class Scorer:
    cdef map_t map
    cdef tuple owners
    cdef readonly object features, intercept
    cdef readonly Py_ssize_t n_features, n_outputs
