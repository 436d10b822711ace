"""The compiled code: solvers, products with X, prediction, pieces of the C interface.

A wall stands around it: what is in here cimports other kernels and the ground floor
(`_ops`, `_runtime`, `capi`) and knows no Python module; Python calls in through a few
modules with stubs.  Every kernel releases the GIL and returns a status; Python raises.
"""
