"""fastl1 and its peers side by side, at an equal duality gap certified outside them.

``python -m benchmarks.peers --help`` from the root of a checkout; README.md beside this
file says how a figure comes about.
"""
