"""Measurements of fastl1 against other solvers; nothing here is installed."""
