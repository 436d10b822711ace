"""Benchmarks of fastl1 alone over its history; ``make bench`` runs them.

One file per layer: kernels, fit (one alpha), path, cv, package.  Data is made from a
seed by the ``setup_cache`` of a class and read from files: no benchmark pays for it.
"""
