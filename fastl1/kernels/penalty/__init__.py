"""Penalties as solvers see them: functions of one unit, a column or a group of columns.

`csrc/penalties.inc` holds the functions and makes the loops over a quadratic from them.
"""
