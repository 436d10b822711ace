"""What ``fastl1 fit`` and ``fastl1 predict`` do, without a terminal.

From a file or a table to a certified sparse model that is tested against baselines, its
report and its predictions: `fit` and `predict`.  Columns of text and gaps are welcome.
"""

import importlib

_EXPORTS = {
    "fit": "run",
    "FitResult": "run",
    "predict": "apply",
    "Predictions": "apply",
    "Event": "messages",
    "StageStarted": "messages",
    "StageFinished": "messages",
    "FitDone": "messages",
    "Note": "messages",
}

__all__ = [*_EXPORTS]


def __getattr__(name):
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
