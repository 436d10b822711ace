"""Penalties as objects: parameters, what they accept beside them, groups of columns.

The arithmetic of a penalty is in `csrc/penalties.inc`; everything else that depends on
which penalty it is stands in its class here.
"""
