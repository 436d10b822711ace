"""The `.fl1` file: weights, packing, container, contents, compression, audit, seal."""
