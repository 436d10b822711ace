"""The report of a fit: what was done, how good it is, what to beware of."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastl1._version import __version__
from fastl1.fit.result import PathResult
from fastl1.model.sparse_model import SparseModel
from fastl1.select.cv import Choice, CVPathResult
from fastl1.workflow.choose import TOL as CV_TOL
from fastl1.workflow.evaluate import by_class, calibration, evaluate
from fastl1.workflow.prepare import Data
from fastl1.workflow.settings import Plan

SCHEMA = 1
NEAR_DUPLICATE = 0.99  # correlation
MAX_PAIR_FEATURES = 1000  # features among which near-duplicates are looked for
MAX_PAIR_ROWS = 5000
MANY_EVENTS = 50
MANY_ROWS = 20  # of a class
ALMOST = 0.995  # of R², AUC, concordance


@dataclass
class Fitted:
    """What was fitted.

    `model` is the one of `fit`, with another `intercept` for the Cox loss; `eta` and
    `ridge_eta` are linear predictors of the test rows; `null` is the intercept of the
    null model; `std` the standard deviations of the columns of X.
    """

    cv: CVPathResult
    choice: Choice
    fit: PathResult
    model: SparseModel
    intercept: Any
    eta: np.ndarray
    null: Any
    std: np.ndarray
    ridge: dict[str, float]
    ridge_eta: np.ndarray | None


def make_report(plan: Plan, data: Data, fitted: Fitted) -> dict[str, Any]:
    """The report as JSON types.

    Parameters
    ----------
    plan : Plan
    data : Data
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
        "loss": {"name": data.loss.name, **data.loss.params()},
        "options": plan.to_dict(),
        "data": {
            "file": plan.source.name if plan.source.is_file else None,
            "format": data.content.format,
            "rows": data.content.n_rows,
            "train_rows": len(data.train),
            "test_rows": len(data.test),
            "columns": data.columns,
            "features": model.n_features,
            "storage": "sparse" if hasattr(data.X_train, "tocsr") else "dense",
        },
        "target": _describe_target(data),
        "selection": {
            "rule": plan.search.rule,
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
            "tol": plan.solver.tol,
            "converged": bool(fit.converged[0]),
            "null_objective": float(fit.info["null_objective"]),
        },
        "model": {
            "kept": len(model.features),
            "features": model.n_features,
            "sparsity": 1 - len(model.features) / model.n_features,
            "intercept": np.asarray(fitted.intercept).tolist(),
            "columns_used": (
                None
                if data.treatment is None
                else data.treatment.used_columns(model.features)
            ),
        },
        "ridge": {**fitted.ridge, "kept": int(np.count_nonzero(fitted.std))},
        "test": _test_scores(data, fitted),
        "coefficients": _coefficients(data, model, fitted.std),
        "notes": data.notes,
    }
    report["warnings"] = _warnings(report, data, fitted)
    return report


def _test_scores(data, fitted):
    """Metrics of the model, the null model and ridge on the test rows."""
    rows, loss = data.testing(), data.loss
    if not len(data.test) or (rows.weight is not None and not rows.weight.any()):
        return None
    if data.task == "survival" and not _events(rows) > 0:
        return None
    null = np.zeros(fitted.eta.shape) + fitted.null
    null = null if rows.offset is None else null + rows.offset
    etas = {"model": fitted.eta, "ridge": fitted.ridge_eta, "null": null}
    scores = {name: evaluate(loss, rows, eta, null) for name, eta in etas.items()}
    delta = {
        name: {
            metric: None
            if value is None or scores[name][metric] is None
            else value - scores[name][metric]
            for metric, value in scores["model"].items()
        }
        for name in ("null", "ridge")
    }
    found = {"rows": len(rows.y), **scores, "delta": delta}
    if loss.by_class:
        found["by_class"] = by_class(loss, rows, etas["model"], data.classes)
    exposure = None if data.exposure is None else data.exposure[data.test]
    table = calibration(loss, rows, etas["model"], exposure)
    if table is not None:
        found["calibration"] = table
    return found


def _coefficients(data, model, std):
    """Kept coefficients, by decreasing effect of one standard deviation."""
    names = data.feature_names
    effect = model.values * std[model.indices]
    order = np.argsort(-np.abs(effect), kind="stable")
    found = []
    for k in order:
        entry = {"feature": names[int(model.indices[k])]}
        if model.n_outputs > 1:
            entry["class"] = data.classes.tolist()[int(model.outputs[k])]
        entry["coefficient"] = float(model.values[k])
        entry["effect"] = float(effect[k])
        found.append(entry)
    return found


def _describe_target(data):
    rows = data.training()
    y, classes = rows.y, data.classes
    out = {"name": data.target}
    if data.task == "survival":
        out["events"] = int(y[:, 0].sum())
        out["event_share"] = float(y[:, 0].mean())
        out["median_time"] = float(np.median(y[:, 1]))
        if rows.strata is not None:
            out["strata"] = len(np.unique(rows.strata))
    elif data.task == "regression":
        out |= {"mean": float(y.mean()), "std": float(y.std())}
        if data.exposure is not None:
            exposure = data.exposure[data.train]
            out["exposure"] = float(exposure.sum())
            out["rate"] = float(y.sum() / exposure.sum())
    else:
        counts = np.bincount(y.astype(np.intp), minlength=len(classes))
        out["classes"] = classes.tolist()
        out["counts"] = counts.tolist()
        if len(classes) == 2:
            out["positive"] = classes.tolist()[1]
            out["positive_share"] = float(y.mean())
    if rows.weight is not None:
        out["weight_sum"] = float(rows.weight.sum())
    return out


def _events(rows):
    """The weighted number of events."""
    return rows.y[:, 0].sum() if rows.weight is None else rows.weight @ rows.y[:, 0]


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
    out += _about_target(report["target"], data)
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
        out += _about_scores(report, data)
    return out


def _about_target(target, data):
    if data.task == "survival":
        if target["events"] < MANY_EVENTS:
            yield f"{target['events']} events in training: the metrics are rough"
    elif data.task == "classification":
        counts, classes = np.array(target["counts"]), target["classes"]
        rare = int(counts.argmin())
        share = counts[rare] / counts.sum()
        if len(classes) == 2 and share < 0.1:
            yield (
                f"class imbalance: the rarer class is {share:.1%} of the training "
                f"rows; accuracy says little, look at AUC and log-loss"
            )
        elif len(classes) > 2 and counts[rare] < MANY_ROWS:
            few = np.count_nonzero(counts < MANY_ROWS)
            yield (
                f"rare classes: {few} of {len(classes)} have fewer than {MANY_ROWS} "
                f"training rows; {classes[rare]!r} has {counts[rare]}"
            )


def _about_scores(report, data):
    scores, kept = report["test"], report["coefficients"]
    main = data.loss.metrics[0]
    if kept and (scores["delta"]["null"][main] or 0) >= 0:
        yield "not better than the null model on the test rows"
    found = [scores["model"].get(name) for name in ("r2", "auc", "concordance")]
    if kept and any(value is not None and value > ALMOST for value in found):
        yield (
            f"almost perfect on the test rows: check that no feature contains the "
            f"answer (the strongest is {kept[0]['feature']!r})"
        )
    q = data.loss.share_below
    if q is not None:
        share = scores["model"]["coverage"]
        if abs(share - q) > 4 * np.sqrt(q * (1 - q) / scores["rows"]):
            yield (
                f"{share:.1%} of the test rows are at or below the predicted quantile, "
                f"where {q:.1%} should be"
            )
    ratio = scores["model"].get("ratio")
    if ratio is not None and not 0.9 <= ratio <= 1.1:
        yield (
            f"on the test rows the predictions sum to {ratio:.3g} times what was "
            f"observed"
        )


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
