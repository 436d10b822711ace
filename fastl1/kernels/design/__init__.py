"""X as the solvers see it: passes over its columns and rows, and products with it.

Dense or CSC, float32 or float64: solvers ask here and never look at the storage.
"""
