"""The report of a fit: what was done, how good it is, what to beware of."""

from dataclasses import asdict, dataclass

import numpy as np

from fastl1._version import __version__
from fastl1.cli.choose import TOL as CV_TOL
from fastl1.cli.metrics import METRICS, evaluate

SCHEMA = 1
NEAR_DUPLICATE = 0.99  # correlation
MAX_PAIR_FEATURES = 1000  # features among which near-duplicates are looked for
MAX_PAIR_ROWS = 5000


@dataclass
class Fitted:
    """What was fitted: `model` is the one of `fit`, `std` that of the columns of X."""

    cv: object
    choice: object
    fit: object
    model: object
    std: np.ndarray
    ridge: dict
    ridge_eta: np.ndarray


def make_report(data, options, fitted):
    """The report as JSON types.

    Parameters
    ----------
    data : Data
    options : Options
    fitted : Fitted

    Returns
    -------
    dict
    """
    cv, choice, fit, model = fitted.cv, fitted.choice, fitted.fit, fitted.model
    report = {
        "schema": SCHEMA,
        "fastl1": __version__,
        "task": data.task,
        "options": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(options).items()
        },
        "data": {
            "file": str(options.file),
            "format": data.file.format,
            "rows": data.file.n_rows,
            "train_rows": len(data.train),
            "test_rows": len(data.test),
            "columns": data.columns,
            "features": model.n_features,
            "storage": "sparse" if hasattr(data.X_train, "tocsr") else "dense",
        },
        "target": _describe_target(data),
        "selection": {
            "rule": options.rule,
            "folds": len(cv.splits),
            "split": data.split,
            "score": cv.scoring,
            "lambda": choice.alpha,
            "lambda_max": float(fit.info["alpha_max"]),
            "l1_ratio": choice.l1_ratio,
            "cv_score": choice.score,
            "cv_standard_error": choice.se,
            "cv_null_score": float(cv.mean_scores[choice.ratio, 0]),
            "l1_ratios": cv.l1_ratios.tolist(),
            "grid": cv.alphas.tolist(),
            "cv_scores": cv.mean_scores.tolist(),
            "cv_standard_errors": cv.standard_errors.tolist(),
        },
        "certificate": {
            "gap": float(fit.dual_gaps[0]),
            "tol": options.tol,
            "converged": bool(fit.converged[0]),
            "null_objective": float(fit.info["null_objective"]),
        },
        "model": {
            "kept": model.nnz,
            "features": model.n_features,
            "sparsity": 1 - model.nnz / model.n_features,
            "intercept": model.intercept,
            "columns_used": (
                None
                if data.treatment is None
                else data.treatment.used_columns(model.indices)
            ),
        },
        "ridge": {**fitted.ridge, "kept": int(np.count_nonzero(fitted.std))},
        "test": _test_scores(data, model, fitted.ridge_eta),
        "coefficients": _coefficients(data, model, fitted.std),
        "notes": data.notes,
    }
    report["warnings"] = _warnings(report, data, fitted)
    return report


def _test_scores(data, model, ridge_eta):
    """Metrics of the model, the null model and ridge on the test rows."""
    if not len(data.test):
        return None
    y = data.y[data.test]
    weight = None if data.weight is None else data.weight[data.test]
    if weight is not None and not weight.any():
        return None
    y_train = data.y[data.train]
    mean = np.average(
        y_train, weights=None if data.weight is None else data.weight[data.train]
    )
    null = mean if data.task == "regression" else np.log(mean) - np.log1p(-mean)
    etas = {
        "model": model.predict(data.X_test, type="link"),
        "ridge": ridge_eta,
        "null": np.full(len(y), null),
    }
    scores = {name: evaluate(data.task, y, eta, weight) for name, eta in etas.items()}
    delta = {
        name: {
            metric: None
            if scores["model"][metric] is None or scores[name][metric] is None
            else scores["model"][metric] - scores[name][metric]
            for metric in METRICS[data.task]
        }
        for name in ("null", "ridge")
    }
    return {"rows": len(y), **scores, "delta": delta}


def _coefficients(data, model, std):
    """Kept features, by decreasing effect of one standard deviation."""
    names = data.feature_names
    effect = model.values * std[model.indices]
    order = np.argsort(-np.abs(effect), kind="stable")
    return [
        {
            "feature": names[int(model.indices[k])],
            "coefficient": float(model.values[k]),
            "effect": float(effect[k]),
        }
        for k in order
    ]


def _describe_target(data):
    y, weight = data.y[data.train], data.weight
    out = {"name": data.target}
    if data.task == "regression":
        out |= {"mean": float(y.mean()), "std": float(y.std())}
    else:
        out |= {
            "classes": data.classes.tolist(),
            "positive": data.classes.tolist()[1],
            "positive_share": float(y.mean()),
        }
    if weight is not None:
        out["weight_sum"] = float(weight[data.train].sum())
    return out


def _warnings(report, data, fitted):
    """What a careful colleague would point out."""
    cv, choice, model, std = fitted.cv, fitted.choice, fitted.model, fitted.std
    out = []
    certificate, selection = report["certificate"], report["selection"]
    if not certificate["converged"]:
        out.append(
            f"not converged: the gap {certificate['gap']:.1e} is above the tolerance "
            f"{certificate['tol']:.0e}"
        )
    loose = cv.dual_gaps[cv.dual_gaps > CV_TOL]
    if len(loose):
        out.append(
            f"{len(loose)} of {cv.dual_gaps.size} fits of the cross-validation stopped "
            f"above a gap of {CV_TOL:.0e}, at {loose.max():.1e} at most"
        )
    constant = int(np.count_nonzero(std == 0))
    if constant:
        out.append(f"{constant} constant features (coefficient 0)")
    out += _near_duplicates(data, model, std)
    if data.task == "classification":
        share = report["target"]["positive_share"]
        rare = min(share, 1 - share)
        if rare < 0.1:
            out.append(
                f"class imbalance: the rarer class is {rare:.1%} of the training rows; "
                f"accuracy says little, look at AUC and log-loss"
            )
    if model.nnz == 0:
        out.append("no feature helps in cross-validation: this is the null model")
    elif choice.index == cv.alphas.shape[1] - 1:
        out.append(
            "the best λ is the smallest of the grid; a smaller one may do better "
            "(regularization hardly pays here)"
        )
    if selection["folds"] and report["data"]["train_rows"] < 50:
        out.append("fewer than 50 training rows: the metrics are rough")
    scores = report["test"]
    if scores is not None:
        main = next(iter(METRICS[data.task]))
        if model.nnz and scores["delta"]["null"][main] >= 0:
            out.append("not better than the null model on the test rows")
        second = scores["model"]["r2" if data.task == "regression" else "auc"]
        if second is not None and second > 0.995 and report["coefficients"]:
            first = report["coefficients"][0]["feature"]
            out.append(
                f"almost perfect on the test rows: check that no feature contains the "
                f"answer (the strongest is {first!r})"
            )
    return out


def _near_duplicates(data, model, std):
    """Pairs of features that are nearly the same or nearly opposite."""
    X = data.X_train
    candidates = np.arange(X.shape[1])
    if len(candidates) > MAX_PAIR_FEATURES:
        effect = np.abs(model.values * std[model.indices])
        strongest = np.argsort(-effect, kind="stable")[:MAX_PAIR_FEATURES]
        candidates = np.sort(model.indices[strongest])
    candidates = candidates[std[candidates] > 0]
    rows = slice(None)
    if X.shape[0] > MAX_PAIR_ROWS:
        rng = np.random.default_rng(0)
        rows = np.sort(rng.choice(X.shape[0], MAX_PAIR_ROWS, replace=False))
    if hasattr(X, "tocsr"):
        Z = X[:, candidates].tocsr()[rows].toarray()
    else:
        Z = X[:, candidates][rows].astype(np.float64)
    Z -= Z.mean(axis=0)
    norms = np.sqrt(np.einsum("ij,ij->j", Z, Z))
    fine = norms > 0
    Z, candidates = Z[:, fine] / norms[fine], candidates[fine]
    corr = np.triu(Z.T @ Z, 1)
    pairs = np.argwhere(np.abs(corr) > NEAR_DUPLICATE)
    found = []
    for a, b in pairs[np.argsort(-np.abs(corr[tuple(pairs.T)]), kind="stable")]:
        j, k = candidates[a], candidates[b]
        same_column = data.treatment is not None and (
            data.treatment.source(j) is data.treatment.source(k)
        )
        if not same_column:
            names = data.feature_names
            found.append(f"{names[j]} and {names[k]} (r = {corr[a, b]:.3f})")
    if not found:
        return []
    more = f" and {len(found) - 3} more pairs" if len(found) > 3 else ""
    return [
        f"nearly the same: {'; '.join(found[:3])}{more}; which of such features is "
        f"kept is arbitrary"
    ]
