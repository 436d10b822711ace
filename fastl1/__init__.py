"""fastl1: sparse (L1-regularized) linear models, from training kernel to production.

Importing the package loads numpy and the compiled core only; every public name loads
the module it lives in on first use.
"""

import importlib
import os
import sys

from fastl1 import _runtime
from fastl1._version import __version__

_EXPORTS = {
    "FitManyResult": "fit.many",
    "FitRaggedResult": "fit.ragged",
    "fit_many": "fit.many",
    "BootstrapResult": "select.bootstrap",
    "bootstrap_path": "select.bootstrap",
    "CoxPHRegressor": "estimators.cox",
    "CriterionResult": "select.criteria",
    "information_criterion": "select.criteria",
    "fit_ragged": "fit.ragged",
    "CVPathResult": "select.cv",
    "cross_validate_path": "select.cv",
    "ConvergenceWarning": "exceptions",
    "FitInterrupted": "exceptions",
    "ModelFileError": "exceptions",
    "GammaRegressor": "estimators.glm",
    "HuberRegressor": "estimators.huber",
    "LinearSVC": "estimators.svm",
    "PathCV": "estimators.path_cv",
    "PoissonRegressor": "estimators.glm",
    "QuantileRegressor": "estimators.glm",
    "TweedieRegressor": "estimators.glm",
    "ElasticNet": "estimators.linear_model",
    "ElasticNetCV": "estimators.linear_model",
    "Lasso": "estimators.linear_model",
    "LassoCV": "estimators.linear_model",
    "LogisticRegression": "estimators.logistic",
    "LogisticRegressionCV": "estimators.logistic_cv",
    "CLogLog": "loss.losses",
    "Cox": "loss.losses",
    "Gamma": "loss.losses",
    "Huber": "loss.losses",
    "Logistic": "loss.losses",
    "Poisson": "loss.losses",
    "Probit": "loss.losses",
    "Quantile": "loss.losses",
    "Squared": "loss.losses",
    "SquaredHinge": "loss.losses",
    "Tweedie": "loss.losses",
    "GroupL1": "penalty.penalties",
    "L1": "penalty.penalties",
    "Penalty": "penalty.penalties",
    "SparseModel": "model.sparse_model",
    "Explanation": "infer.explain",
    "Predictor": "kernels.infer._predictor",
    "PathResult": "fit.result",
    "alpha_max": "fit.path",
    "RelaxedResult": "select.refit",
    "adaptive_path": "select.refit",
    "relaxed_path": "select.refit",
    "convert_lambda": "problem.scales",
    "concordance_index": "metrics.concordance",
    "StabilityResult": "select.stability",
    "stability_selection": "select.stability",
    "WarmStart": "fit.warm_start",
    "warm_start_from": "fit.warm_start",
    "enet_path": "estimators.paths",
    "lasso_path": "estimators.paths",
    "path": "fit.path",
    "soft_threshold": "prox.operators",
    "SparseClassifier": "estimators.sparse",
    "SparseRegressor": "estimators.sparse",
    "register_skl2onnx": "estimators.skl2onnx",
}

# Modules and rooms that are used by their own names: fastl1.runtime.load, ...
_DOORS = ("prox", "runtime", "seal", "workflow")

__all__ = ["__version__", "get_include", "show_config", *_EXPORTS]


def get_include() -> str:
    """Folder of ``fastl1.h``, for compilers of programs that call fastl1 from C."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")


def show_config() -> None:
    """Print version, instruction-set level, OpenMP, threads and compiler."""
    import numpy as np

    rows = {"fastl1": __version__, "numpy": np.__version__, **_runtime.config()}
    for key, value in rows.items():
        if isinstance(value, list):
            value = ", ".join(value)
        print(f"{key:>14}: {value}")


def __getattr__(name):
    if name in _EXPORTS:
        module = importlib.import_module(f"fastl1.{_EXPORTS[name]}")
        value = getattr(module, name)
    elif name in _DOORS:
        value = importlib.import_module(f"fastl1.{name}")
    else:
        raise AttributeError(f"module 'fastl1' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)


class _MovedFinder:
    """Finds modules by the names that they had in 0.1.0; asked after all others."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if not fullname.startswith("fastl1."):
            return None
        from fastl1 import _moved

        return _moved.find_spec(fullname)


sys.meta_path.append(_MovedFinder)
