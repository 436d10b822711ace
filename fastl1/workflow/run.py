"""The main job: from a file to a certified sparse model, tested against baselines."""

import os
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from fastl1._atomic import write_atomic
from fastl1._version import __version__
from fastl1.exceptions import ConvergenceWarning, DataError, WriteError
from fastl1.fit.path import path
from fastl1.fit.warm_start import warm_start_from
from fastl1.model.sparse_model import SparseModel
from fastl1.select.splits import kfold_splits, time_splits
from fastl1.workflow.choose import choose_alpha
from fastl1.workflow.moments import moments
from fastl1.workflow.predict import load_model
from fastl1.workflow.prepare import check_labels, prepare_data
from fastl1.workflow.report import Fitted, make_report
from fastl1.workflow.ridge import fit_ridge


@dataclass
class Options:
    """Options of ``fastl1 fit``, named as there."""

    file: str
    target: str | None = None
    task: str = "auto"
    out: str = "fastl1_model"
    loss: str | None = None
    power: float | None = None
    delta: float | None = None
    quantile: float | None = None
    ties: str | None = None
    exposure: str | None = None
    offset: str | None = None
    time: str | None = None
    event: str | None = None
    entry: str | None = None
    strata: str | None = None
    test_size: float = 0.2
    folds: int = 5
    group: str | None = None
    order: str | None = None
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
    warm_start: str | None = None
    threads: int | None = None
    tol: float = 1e-6

    @property
    def is_survival(self):
        """Whether the target is the time to an event."""
        return self.loss == "cox" or self.event is not None

    @property
    def order_by(self):
        """Column that orders the rows: without an event, --time means that too."""
        return self.order or (None if self.is_survival else self.time)

    @property
    def order_option(self):
        """The option that `order_by` was given with."""
        return "--order" if self.order else "--time"


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
    start = _warm_start(data, options)
    with _solver_errors(options.file):
        fitted = _fit_all(data, options, start, clock, progress)
    created = _now()
    model = _artifact(data, options, fitted, created, digest)
    content = model.to_bytes()
    report = make_report(data, options, fitted)
    report["created"] = created
    report["data"] |= {"sha256": digest, "bytes": os.path.getsize(options.file)}
    report["model"] |= {
        "file": str(out / "model.fl1"),
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    with clock("write"), progress.stage("writing"):
        report["seconds"] = clock.seconds()
        _write(out, content, report)
    return report


def _fit_all(data, options, start, clock, progress):
    """Cross-validation, the chosen model, ridge and the null model."""
    rows, test = data.training(), data.testing()
    common = {"loss": data.loss, "n_threads": options.threads}
    splits = _folds(data, options)
    with clock("cross-validation"):
        cv = choose_alpha(rows, splits, options, progress, **common)
    choice = cv.select(options.rule)
    with clock("fit"), progress.stage("final fit"):
        fit = path(
            rows.X,
            rows.y,
            alphas=[choice.alpha],
            l1_ratio=choice.l1_ratio,
            standardize=True,
            tol=options.tol,
            **start,
            **rows.keywords(),
            **common,
        )
    # of a feature that is 0 throughout only the intercept is left
    blank = np.zeros((len(rows.y), 1))
    null = path(blank, rows.y, alphas=[1.0], **rows.keywords(), **common)
    with clock("ridge"):
        counter = progress.count("baseline: ridge")
        size = 2 * null.info["null_objective"]
        ridge_eta, ridge = fit_ridge(rows, test, splits, size, counter, **common)
    mean, std = moments(rows.X, rows.weight)
    model = fit.model(-1)
    intercept = model.intercept
    if data.loss.name == "cox":
        # any constant is as good: the average row has risk 1
        intercept = -float(model.values @ mean[model.indices])
    return Fitted(
        cv=cv,
        choice=choice,
        fit=fit,
        model=model,
        intercept=intercept,
        null=null.intercepts[..., 0],
        std=std,
        ridge=ridge,
        ridge_eta=ridge_eta,
    )


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


def _warm_start(data, options):
    """Keywords of `path` for the final fit: the coefficients of an earlier model."""
    if options.warm_start is None:
        return {}
    model, file = load_model(options.warm_start)
    loss = model.metadata.get("loss", data.loss.name)
    if model.link != data.loss.link or loss != data.loss.name:
        raise DataError(
            f"{file}: a model with --loss {loss}, this fit is one with --loss "
            f"{data.loss.name}"
        )
    if model.n_outputs > 1 and model.classes.tolist() != data.classes.tolist():
        raise DataError(f"{file}: a model of other classes than those of this file")
    try:
        start = warm_start_from(model, data.feature_names)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from None
    if start.gone:
        shown = ", ".join(start.gone[:5]) + (", ..." if start.gone[5:] else "")
        data.notes.append(f"features of {file.name} that this file lacks: {shown}")
    if data.task == "survival":
        return {"coef_init": start.coef}
    return {"coef_init": start.coef.T, "intercept_init": start.intercept}


def _folds(data, options):
    """The folds of the training rows, each with every class, or with events."""
    train = data.train
    labels = None if data.labels is None else data.labels[train]
    if data.order is not None:
        splits = time_splits(data.order[train], options.folds)
    elif data.group is not None:
        splits = kfold_splits(
            *(len(train), options.folds),
            groups=data.group[train],
            random_state=options.seed,
        )
    else:
        splits = kfold_splits(
            len(train), options.folds, stratify=labels, random_state=options.seed
        )
    if labels is not None:
        for k, (part, held_out) in enumerate(splits, 1):
            where = f"the training rows of fold {k} of {len(splits)}"
            check_labels(labels[part], data.classes, where)
            if data.task == "survival":
                where = f"the held-out rows of fold {k} of {len(splits)}"
                check_labels(labels[held_out], None, where)
    return splits


def _artifact(data, options, fitted, created, digest):
    """The chosen model with the treatment of the columns it uses, and its lineage."""
    base, choice = fitted.model, fitted.choice
    grid = fitted.cv.alphas[choice.ratio].tolist()
    lineage = {
        **base.metadata,
        "created": created,
        "fastl1": __version__,
        "numpy": np.__version__,
        "task": data.task,
        **_roles(data, options),
        "file": Path(options.file).name,
        "format": data.file.format,
        "data_sha256": digest,
        "rows": data.file.n_rows,
        "train_rows": len(data.train),
        "features": base.n_features,
        "l1_ratio": choice.l1_ratio,
        "rule": options.rule,
        "folds": options.folds,
        "split": data.split,
        "seed": options.seed,
        "grid": {"first": grid[0], "last": grid[-1], "length": len(grid)},
    }
    indices, n_features = base.indices, base.n_features
    columns, names = data.treatment, None
    if columns is not None:
        columns, slots = columns.select(base.features)
        indices = np.repeat(slots, np.diff(base.weights.indptr))
        n_features = columns.n_features
    else:
        lineage["file_info"] = data.file.info
        names = data.file.feature_names
    model = SparseModel(
        indices,
        base.values,
        fitted.intercept,
        n_features,
        link=base.link,
        classes=data.classes,
        feature_names=names,
        columns=columns,
        metadata=lineage,
        outputs=base.outputs,
    )
    return model.trim(renumber=False)


def _roles(data, options):
    """The columns that a row needs beside its features, for prediction and scores."""
    named = {"exposure": options.exposure, "offset": options.offset}
    roles = {role: name for role, name in named.items() if name is not None}
    if data.task != "survival":
        return {"target": data.target, **roles}
    survival = {
        "time": options.time,
        "event": options.event,
        "event_label": data.event,
        "entry": options.entry,
        "strata": options.strata,
    }
    survival = {role: name for role, name in survival.items() if name is not None}
    return {"survival": survival, **roles}


def _now():
    """UTC time, to the second; SOURCE_DATE_EPOCH makes it, and the artifact, fixed."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    seconds = int(fixed) if fixed else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _file_digest(path):
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
