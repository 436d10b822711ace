"""Losses and links: what a loss is called, needs of y, and tells reports and exports.

The arithmetic of a loss is in `csrc/losses.inc`; everything else that depends on which
loss it is stands in its class here.
"""
