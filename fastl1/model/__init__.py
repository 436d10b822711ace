"""The fitted model: load, save, edit, compare.

`fastl1.model` was a module in 0.1.0; what it held is resolved here, for stored pickles.
"""

import importlib


def __getattr__(name):
    if not name.startswith("__") and name != "sparse_model":
        module = importlib.import_module("fastl1.model.sparse_model")
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
