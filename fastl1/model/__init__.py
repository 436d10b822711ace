"""The fitted model: load, save, edit, compare.

`fastl1.model` was a module in 0.1.0; what it held is resolved here, for stored pickles.
"""


def __getattr__(name):
    from fastl1.model import sparse_model

    if name.startswith("__") or not hasattr(sparse_model, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(sparse_model, name)
