"""A model as a fitted scikit-learn estimator."""

from typing import Any

import numpy as np

from fastl1._extras import require


def export_sklearn(model: Any) -> Any:
    """The estimator; see `SparseModel.to_sklearn`."""
    linear = require("sklearn.linear_model", extra="sklearn")
    coef = np.atleast_2d(model.coef_).astype(np.float64)
    intercept = np.array(model.intercept, np.float64).reshape(-1)
    if model.link == "identity":
        made = linear.LinearRegression()
        if model.n_outputs == 1:
            coef, intercept = coef[0], intercept[0]
    elif model.link in ("logit", "softmax"):
        made = linear.LogisticRegression()
        if model.link == "logit" and model.n_outputs > 1:
            raise ValueError(
                "scikit-learn's LogisticRegression has no equivalent of a model with "
                "one logit against the rest per class"
            )
        if model.link == "softmax" and model.n_outputs == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        made.n_iter_ = np.zeros(1, np.int32)
    else:
        raise ValueError(
            f"scikit-learn has no linear model with link={model.link!r}; identity, "
            "logit and softmax have one"
        )
    if model.classes is not None:
        order = np.argsort(model.classes)
        made.classes_ = model.classes[order]
        if len(coef) > 1:
            coef, intercept = coef[order], intercept[order]
        elif order[0] == 1:
            coef, intercept = -coef, -intercept
    made.coef_, made.intercept_ = coef, intercept
    made.n_features_in_ = model.n_features
    if model.feature_names is not None:
        made.feature_names_in_ = np.array(model.feature_names, object)
    return made
