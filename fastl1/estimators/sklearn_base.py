"""The classes of scikit-learn that estimators inherit from, typed by a stub."""

from fastl1._extras import require

require("sklearn", extra="sklearn")

from sklearn.base import (  # noqa: E402
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    MultiOutputMixin,
    RegressorMixin,
)

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "MetaEstimatorMixin",
    "MultiOutputMixin",
    "RegressorMixin",
]
