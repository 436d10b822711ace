"""fastl1: sparse (L1-regularized) linear models, from training kernel to production.

Importing the package loads numpy and the compiled core only; every public name loads
the module it lives in on first use.
"""

import importlib
import os

from fastl1 import _runtime
from fastl1._version import __version__

_EXPORTS = {
    "FitManyResult": "batch",
    "FitRaggedResult": "batch",
    "fit_many": "batch",
    "BootstrapResult": "bootstrap",
    "bootstrap_path": "bootstrap",
    "CoxPHRegressor": "cox",
    "CriterionResult": "criteria",
    "information_criterion": "criteria",
    "fit_ragged": "batch",
    "CVPathResult": "cv",
    "cross_validate_path": "cv",
    "ConvergenceWarning": "exceptions",
    "FitInterrupted": "exceptions",
    "ModelFileError": "exceptions",
    "GammaRegressor": "glm",
    "HuberRegressor": "glm",
    "LinearSVC": "glm",
    "PathCV": "path_cv",
    "PoissonRegressor": "glm",
    "QuantileRegressor": "glm",
    "TweedieRegressor": "glm",
    "ElasticNet": "linear_model",
    "ElasticNetCV": "linear_model",
    "Lasso": "linear_model",
    "LassoCV": "linear_model",
    "LogisticRegression": "logistic",
    "LogisticRegressionCV": "logistic_cv",
    "CLogLog": "losses",
    "Cox": "losses",
    "Gamma": "losses",
    "Huber": "losses",
    "Logistic": "losses",
    "Poisson": "losses",
    "Probit": "losses",
    "Quantile": "losses",
    "Squared": "losses",
    "SquaredHinge": "losses",
    "Tweedie": "losses",
    "SparseModel": "model",
    "Explanation": "explain",
    "Predictor": "_predictor",
    "PathResult": "paths",
    "alpha_max": "paths",
    "RelaxedResult": "refit",
    "adaptive_path": "refit",
    "relaxed_path": "refit",
    "convert_lambda": "scales",
    "concordance_index": "survival",
    "StabilityResult": "stability",
    "stability_selection": "stability",
    "WarmStart": "warm_start",
    "warm_start_from": "warm_start",
    "enet_path": "paths",
    "lasso_path": "paths",
    "path": "paths",
    "soft_threshold": "prox",
    "register_skl2onnx": "export_skl2onnx",
}

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
    try:
        module = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module 'fastl1' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"fastl1.{module}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
