"""scikit-learn's classes that estimators inherit; `sklearn_base.pyi` types them."""

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
