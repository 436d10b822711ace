"""Choosing among fits: cross-validation, criteria, stability, bootstrap, refits."""
