"""The main job: from a file to a certified sparse model, tested against baselines."""

import os
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from fastl1._version import __version__
from fastl1.cli.choose import choose_alpha
from fastl1.cli.errors import DataError, WriteError
from fastl1.cli.metrics import METRICS, evaluate
from fastl1.cli.moments import moments
from fastl1.cli.prepare import prepare_data
from fastl1.cli.ridge import fit_ridge
from fastl1.cv import kfold_splits, time_splits
from fastl1.exceptions import ConvergenceWarning
from fastl1.model import SparseModel, write_atomic
from fastl1.paths import path

REPORT_SCHEMA = 1
NEAR_DUPLICATE = 0.99
MAX_PAIR_FEATURES = 1000  # features among which near-duplicates are looked for
MAX_PAIR_ROWS = 5000


@dataclass
class Options:
    """Options of ``fastl1 fit``, named as there."""

    file: str
    target: str | None = None
    task: str = "auto"
    out: str = "fastl1_model"
    test_size: float = 0.2
    folds: int = 5
    group: str | None = None
    time: str | None = None
    rule: str = "min"
    l1_ratio: tuple = (1.0,)
    n_alphas: int = 100
    weight: str | None = None
    drop: tuple = ()
    categorical: tuple = ()
    hash: tuple = ()
    positive: str | None = None
    format: str | None = None
    delimiter: str | None = None
    seed: int = 0
    threads: int | None = None
    tol: float = 1e-6


def run_fit(options, progress):
    """Fit, choose, test and write.

    Parameters
    ----------
    options : Options
    progress : Progress
        Gets ``stage(name)`` and, as `callback(total)`, counts of finished fits.

    Returns
    -------
    dict
        The content of ``report.json``.

    Raises
    ------
    DataError, WriteError
    """
    clock = Clock()
    out = Path(options.out)
    _check_writable(out)
    with clock("read"), progress.stage("reading"):
        data = prepare_data(options)
        digest = _file_digest(options.file)
    loss = "squared" if data.task == "regression" else "logistic"
    train, test = data.train, data.test
    weight = None if data.weight is None else data.weight[train]
    common = {"loss": loss, "n_threads": options.threads}
    y = data.y[train]
    with _solver_errors(options.file):
        splits = _folds(data, options)
        with clock("cross-validation"):
            cv = choose_alpha(
                data.X_train,
                y,
                splits,
                weight,
                options,
                progress.count("cross-validation"),
                **common,
            )
        choice = cv.select(options.rule)
        with clock("fit"), progress.stage("final fit"):
            fit = path(
                data.X_train,
                y,
                alphas=[choice.alpha],
                l1_ratio=choice.l1_ratio,
                sample_weight=weight,
                standardize=True,
                tol=options.tol,
                **common,
            )
        _, std = moments(data.X_train, weight)
        with clock("ridge"):
            ridge_eta, ridge = fit_ridge(
                data.X_train,
                y,
                data.X_test,
                splits,
                weight,
                progress.count("baseline: ridge"),
                **common,
            )
    created = _now()
    grid = cv.alphas[choice.ratio].tolist()
    model = _model(fit, data, options, choice, grid, created, digest)
    scores = _test_scores(data, model, ridge_eta)
    content = model.to_bytes()
    kept = model.nnz
    report = {
        "schema": REPORT_SCHEMA,
        "fastl1": __version__,
        "created": created,
        "task": data.task,
        "options": _plain_options(options),
        "data": {
            "file": str(options.file),
            "sha256": digest,
            "bytes": os.path.getsize(options.file),
            "format": data.file.format,
            "rows": data.file.n_rows,
            "train_rows": len(train),
            "test_rows": len(test),
            "columns": data.columns,
            "features": model.n_features,
            "storage": "sparse" if hasattr(data.X_train, "tocsr") else "dense",
        },
        "target": _describe_target(data),
        "selection": {
            "rule": options.rule,
            "folds": len(splits),
            "split": _split_words(data),
            "score": cv.scoring,
            "lambda": choice.alpha,
            "lambda_max": float(fit.info["alpha_max"]),
            "l1_ratio": choice.l1_ratio,
            "cv_score": choice.score,
            "cv_standard_error": choice.se,
            "grid": cv.alphas.tolist(),
            "cv_scores": cv.mean_scores.tolist(),
            "cv_standard_errors": cv.standard_errors.tolist(),
            "l1_ratios": cv.l1_ratios.tolist(),
        },
        "certificate": {
            "gap": float(fit.dual_gaps[-1]),
            "tol": options.tol,
            "converged": bool(fit.converged[-1]),
            "null_objective": float(fit.info["null_objective"]),
        },
        "model": {
            "file": str(out / "model.fl1"),
            "bytes": len(content),
            "sha256": sha256(content).hexdigest(),
            "kept": kept,
            "features": model.n_features,
            "sparsity": 1 - kept / model.n_features,
            "intercept": model.intercept,
            "columns_used": (
                None
                if data.treatment is None
                else data.treatment.used_columns(model.indices)
            ),
        },
        "ridge": {**ridge, "kept": int(np.count_nonzero(std))},
        "test": scores,
        "coefficients": _coefficients(model, std, data),
        "notes": data.notes,
    }
    report["warnings"] = _warnings(report, data, model, std, cv, choice)
    with clock("write"), progress.stage("writing"):
        report["seconds"] = clock.seconds()
        _write(out, content, report)
    return report


class Clock:
    """Seconds per stage and in all."""

    def __init__(self):
        self.start = time.perf_counter()
        self.stages = {}

    @contextmanager
    def __call__(self, name):
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = time.perf_counter() - start

    def seconds(self):
        """Rounded seconds by stage, with their total."""
        stages = {name: round(value, 4) for name, value in self.stages.items()}
        return {**stages, "total": round(time.perf_counter() - self.start, 4)}


@contextmanager
def _solver_errors(file):
    """Errors of the library as errors of the file; convergence is judged by the gap."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            yield
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}: {error}") from error


# --- fitting -----------------------------------------------------------------------


def _folds(data, options):
    train = data.train
    if data.time is not None:
        return time_splits(data.time[train], options.folds)
    stratify = groups = None
    if data.group is not None:
        groups = data.group[train]
    elif data.task == "classification":
        stratify = data.y[train]
    return kfold_splits(
        len(train),
        options.folds,
        stratify=stratify,
        groups=groups,
        seed=options.seed,
    )


def _model(fit, data, options, choice, grid, created, digest):
    """The last model of the path with its column treatment and lineage."""
    base = fit.model(-1)
    lineage = {
        **base.metadata,
        "created": created,
        "fastl1": __version__,
        "numpy": np.__version__,
        "task": data.task,
        "target": data.target,
        "file": Path(options.file).name,
        "format": data.file.format,
        "data_sha256": digest,
        "rows": data.file.n_rows,
        "train_rows": len(data.train),
        "l1_ratio": choice.l1_ratio,
        "rule": options.rule,
        "folds": options.folds,
        "split": _split_words(data),
        "seed": options.seed,
        "grid": {"first": grid[0], "last": grid[-1], "length": len(grid)},
    }
    if getattr(data.file, "info", None):
        lineage["file_info"] = data.file.info
    named = data.treatment is None and data.feature_names[0] != "x0"
    return SparseModel(
        base.indices,
        base.values,
        base.intercept,
        base.n_features,
        link=base.link,
        classes=data.classes,
        feature_names=data.feature_names if named else None,
        columns=data.treatment,
        metadata=lineage,
    )


def _now():
    """UTC time, to the second; SOURCE_DATE_EPOCH makes it, and the artifact, fixed."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    seconds = int(fixed) if fixed else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _file_digest(path):
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- judging -----------------------------------------------------------------------


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


def _coefficients(model, std, data):
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


def _split_words(data):
    if data.time is not None:
        return "in time order"
    if data.group is not None:
        return "by group"
    return "stratified" if data.task == "classification" else "random"


def _warnings(report, data, model, std, cv, choice):
    """What a careful colleague would point out."""
    out = []
    certificate, selection = report["certificate"], report["selection"]
    if not certificate["converged"]:
        out.append(
            f"not converged: the gap {certificate['gap']:.1e} is above the tolerance "
            f"{certificate['tol']:.0e}"
        )
    constant = int(np.count_nonzero(std == 0))
    if constant and data.treatment is None:
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


# --- writing -----------------------------------------------------------------------


def _check_writable(out):
    """Fail before the work, not after it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / ".writable", b"")
        (out / ".writable").unlink()
    except OSError as error:
        raise WriteError(f"{error.filename or out}: {error.strerror}") from None


def _write(out, content, report):
    import json

    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        write_atomic(out / "model.fl1", content)
        write_atomic(out / "report.json", text.encode())
    except OSError as error:
        raise WriteError(f"{error.filename or out}: {error.strerror}") from None


def _plain_options(options):
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(options).items()
    }
