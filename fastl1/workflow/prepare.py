"""From a file to training and test data: roles of columns, split, encoded features."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastl1.data.columns import ColumnTreatment
from fastl1.data.learn import RefusedColumns
from fastl1.data.read import Matrix, Table
from fastl1.data.table import Raw, no_such_column
from fastl1.exceptions import DataError
from fastl1.loss.losses import Loss
from fastl1.workflow.messages import Slot, argument
from fastl1.workflow.settings import Columns, LossChoice, Roles, Split
from fastl1.workflow.source import Source
from fastl1.workflow.split import (
    check_labels,
    labels_of,
    make_folds,
    order_of,
    split_rows,
)
from fastl1.workflow.target import codes, exposures, find_target, offsets, weights


@dataclass
class Rows:
    """Rows of encoded data with all that a loss takes into account."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    strata: np.ndarray | None = None

    def take(self, rows: np.ndarray, X: Any) -> "Rows":
        """Some of the rows, whose features are `X`."""
        parts = (self.y, self.weight, self.offset, self.strata)
        return Rows(X, *(None if part is None else part[rows] for part in parts))

    def keywords(self) -> dict[str, Any]:
        """The same as keywords of `fastl1.path`, but for X and y."""
        given = {
            "sample_weight": self.weight,
            "offset": self.offset,
            "strata": self.strata,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass
class Data:
    """Encoded data of one fit.

    y, weight, offset, exposure, strata, group and order are restricted to the rows that
    are used (those with a target), which `used` numbers as the source does; `train` and
    `test` number these.  y counts labels from 0; for survival it has the columns event,
    time and perhaps entry.  The offset includes the logarithm of the exposure.
    """

    content: Table | Matrix
    loss: Loss
    target: str
    used: np.ndarray
    y: np.ndarray
    classes: np.ndarray | None
    event: str | None
    weight: np.ndarray | None
    offset: np.ndarray | None
    exposure: np.ndarray | None
    strata: np.ndarray | None
    group: np.ndarray | None
    order: np.ndarray | None
    train: np.ndarray
    test: np.ndarray
    X_train: Any
    X_test: Any
    treatment: ColumnTreatment | None
    feature_names: list[str]
    notes: list[str] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)

    @property
    def task(self) -> str:
        """What the target is: "regression", "classification" or "survival"."""
        return self.loss.task

    @property
    def labels(self) -> np.ndarray | None:
        """What splits keep the shares of, see `labels_of`."""
        return labels_of(self.loss, self.y)

    @property
    def split(self) -> str:
        """How rows are split, in words."""
        if self.order is not None:
            return "in time order"
        if self.group is not None:
            return "by group"
        return "random" if self.labels is None else "stratified"

    def training(self) -> Rows:
        """The rows for training."""
        return self._rows(self.train, self.X_train)

    def testing(self) -> Rows:
        """The rows for the test."""
        return self._rows(self.test, self.X_test)

    def folds(self, split: Split) -> list[tuple[np.ndarray, np.ndarray]]:
        """Folds of the training rows, each with every class, or with events."""

        def part(values):
            return None if values is None else values[self.train]

        return make_folds(
            split,
            len(self.train),
            part(self.labels),
            self.classes,
            part(self.group),
            part(self.order),
        )

    def _rows(self, rows, X):
        every = Rows(None, self.y, self.weight, self.offset, self.strata)
        return every.take(rows, X)


def prepare_data(
    source: Source,
    roles: Roles,
    columns: Columns | None = None,
    choice: LossChoice | None = None,
    split: Split | None = None,
) -> Data:
    """Read a source and make `Data` of it.

    Parameters
    ----------
    source : Source
    roles : Roles
    columns : Columns, optional
    choice : LossChoice, optional
    split : Split, optional

    Raises
    ------
    DataError
        With the offending column, row or line.
    """
    columns, choice = columns or Columns(), choice or LossChoice()
    split = split or Split()
    content = source.read()
    given = _roles(content, source, roles)
    name = given.get("target", roles.time)

    def pick(name):
        return _pick(content, source, name)

    found = find_target(roles, choice, name, pick)
    notes = [*content.notes, *found.notes]
    used = found.known
    if not len(used):
        raise DataError(f"{source.name}: the target {name!r} is empty")
    if len(used) < len(found.y):
        what = "time or event" if roles.is_survival else "target"
        notes.append(f"{len(found.y) - len(used)} rows without a {what} are left out")
    y, loss = found.y[used], found.loss
    weight = offset = exposure = strata = group = order = None
    if roles.weight:
        weight = weights(pick(roles.weight), used)
    if roles.offset:
        offset = offsets(pick(roles.offset), used)
        if loss.by_class:
            raise DataError(
                f"{argument('offset')} is one number a row, and a multinomial model "
                f"has a linear predictor for each class"
            )
    if roles.exposure:
        exposure = exposures(pick(roles.exposure), used)
        offset = np.log(exposure) + (0.0 if offset is None else offset)
    if roles.strata:
        strata = codes(pick(roles.strata), used, "strata")
    if roles.group:
        group = codes(pick(roles.group), used, "group")
    if roles.order_by:
        column, raw = content.named[roles.order_by], pick(roles.order_by)
        order = order_of(column, raw, used, roles.order_role)
    labels = labels_of(loss, y)
    train, test = split_rows(len(y), split.test_size, split.seed, labels, group, order)
    if labels is not None:
        check_labels(labels[train], found.classes, "the training rows")
    scale = loss.scale_param
    if scale is not None and getattr(choice, loss.options[scale]) is None:
        loss = _scaled(loss, y[train], name, notes)
    treatment, described = None, []
    if isinstance(content, Table):
        features = _feature_columns(content, source, columns, set(given.values()))
        treatment, X_train, X_test = _encode(
            content, features, used[train], used[test], source, columns
        )
        notes += treatment.notes
        feature_names = treatment.feature_names
        described = _describe(treatment, features)
    else:
        if any(vars(columns).values()):
            named = [argument(what) for what in vars(columns)]
            raise DataError(
                f"{source.name}: {', '.join(named[:-1])} and {named[-1]} name columns "
                f"of a table; this file holds a matrix"
            )
        X_train, X_test = _split_matrix(content.X, used[train], used[test])
        feature_names = content.feature_names
        if feature_names is None:
            feature_names = [f"x{j}" for j in range(content.X.shape[1])]
    return Data(
        content=content,
        loss=loss,
        target=name,
        used=used,
        y=y,
        classes=found.classes,
        event=found.event,
        weight=weight,
        offset=offset,
        exposure=exposure,
        strata=strata,
        group=group,
        order=order,
        train=train,
        test=test,
        X_train=X_train,
        X_test=X_test,
        treatment=treatment,
        feature_names=feature_names,
        notes=notes,
        columns=described,
    )


def _scaled(loss, y, name, notes):
    """The loss, its usual parameter times the robust deviation of the target."""
    parameter = loss.scale_param
    usual, option = getattr(loss, parameter), loss.options[parameter]
    value = usual * 1.4826 * float(np.median(np.abs(y - np.median(y))))
    if not value > 0:
        raise DataError(
            f"{argument('loss', loss.name)}: half of the target {name!r} is of one "
            f"value, so its spread gives no threshold; give one as {argument(option)}"
        )
    notes.append(
        f"{parameter} of the {loss.name.capitalize()} loss is {value:.4g}, {usual:g} "
        f"robust standard deviations of the target (another with {argument(option)})"
    )
    return replace(loss, **{parameter: value})


# --- roles -------------------------------------------------------------------------


def _roles(content, source, roles):
    """Names of columns (or arrays) by their role; all are there."""
    is_table, there = isinstance(content, Table), content.named
    given = roles.given()
    if "target" not in given and not roles.is_survival:
        if is_table:
            raise DataError(
                f"{source.name}: which column is the target? Give "
                f"{argument('target', Slot('NAME'))}, one of: {_listed(there)}"
            )
        given = {"target": "y", **given}
    for role, name in given.items():
        if name not in there:
            message = no_such_column(name, there)
            if not is_table:
                message = message.replace("column", "array", 1)
            raise DataError(
                f"{source.name}: {argument(role)}: {message}; there are: "
                f"{_listed(there)}"
            )
    _check_different(given)
    return given


def _check_different(given):
    """One column has one role; that groups are strata as well makes sense."""
    for name in given.values():
        same = [role for role, other in given.items() if other == name]
        if len(same) > 1 and same != ["strata", "group"]:
            raise DataError(
                f"{', '.join(map(argument, same))}: these must be different columns, "
                f"not all {name!r}"
            )


def _pick(content: Table | Matrix, source: Source, name: str) -> Raw:
    """The raw column of a name, or the array with an entry for each row."""
    column = content.named[name]
    if isinstance(content, Matrix) and column.shape != (content.n_rows,):
        raise DataError(
            f"{source.name}: the array {name!r} has shape {column.shape}; "
            f"({content.n_rows},) is expected, one entry per row of the matrix"
        )
    try:
        return content[name]
    except ValueError as error:
        raise DataError(f"{source.name}: {error}") from None


# --- features ----------------------------------------------------------------------


def _split_matrix(X, train, test):
    if hasattr(X, "tocsr"):
        X = X.tocsr()
        return X[train].tocsc(), X[test]
    return np.asfortranarray(X[train]), X[test]


def _feature_columns(content, source, columns, taken):
    names = list(content.columns)
    for name in columns.drop:
        if name not in names:
            message = no_such_column(name, names)
            raise DataError(f"{source.name}: {argument('drop')}: {message}")
        if name in taken:
            raise DataError(
                f"{source.name}: {argument('drop')}: {name!r} has another role in "
                f"this fit, and is no feature"
            )
    gone = {*columns.drop, *taken}
    kept = [name for name in names if name not in gone]
    for what in ("categorical", "hash", "numeric"):
        for name in getattr(columns, what):
            if name in gone or name not in names:
                why = (
                    f"{name!r} is dropped or has another role"
                    if name in gone
                    else no_such_column(name, kept)
                )
                raise DataError(f"{source.name}: {argument(what)}: {why}")
    if not kept:
        raise DataError(f"{source.name}: no column is left to predict from")
    return {name: _pick(content, source, name) for name in kept}


def _encode(content, features, train, test, source, columns):
    unusable: dict[str, str] = {}
    try:
        try:
            treatment = _learn(content, features, train, columns)
        except RefusedColumns as error:
            if not columns.drop_unusable:
                raise
            unusable = error.reasons
            for name in unusable:
                del features[name]
            treatment = _learn(content, features, train, columns)
        treatment.notes += [
            f"column {name!r} is dropped: {why}" for name, why in unusable.items()
        ]
        X_train = treatment.encode(features, train)
        X_test = treatment.encode(features, test, treatment.notes)
    except RefusedColumns as error:
        raise DataError(
            _refusal(error.reasons, features, source, columns.hash)
        ) from None
    except ValueError as error:
        raise DataError(f"{source.name}: {error}") from None
    return treatment, X_train, X_test


def _learn(content, features, train, columns):
    def among(names):
        return [name for name in names if name in features]

    return ColumnTreatment.learn(
        features,
        train,
        categorical=among(columns.categorical),
        hashed=among(columns.hash),
        numeric=among(columns.numeric),
        rules=content.rules,
    )


def _refusal(reasons, features, source, hashed):
    """What is wrong with the refused columns, and the arguments that help."""
    lines = [f"{source.name}: {len(reasons)} columns cannot be used as they are:"]
    if len(reasons) == 1:
        lines = [f"{source.name}: one column cannot be used as it is:"]
    lines += [f"  {name}: {why}" for name, why in reasons.items()]
    text = [n for n in reasons if features[n].kind == "text" and n not in hashed]
    lines.append(f"Leave out with {argument('drop', list(reasons))}")
    if text:
        lines.append(f"or hash the text with {argument('hash', text)}")
    lines.append(f"{argument('drop_unusable', True)} leaves out all such columns")
    return "\n".join(lines)


def _describe(
    treatment: ColumnTreatment, features: dict[str, Raw]
) -> list[dict[str, Any]]:
    """One dict per column of the file: name, kind, features, missing, levels."""
    made = {column.name: column for column in treatment.columns}
    out = []
    for name in features:
        column = made.get(name)
        if column is None:
            out.append({"name": name, "kind": "constant", "features": 0, "missing": 0})
            continue
        spec = column.to_dict()
        entry = {
            "name": name,
            "kind": column.kind,
            "features": column.width,
            "missing": spec["missing"],
        }
        if column.kind == "category":
            entry["levels"] = len(spec["levels"]) + (spec["reference"] is not None)
        out.append(entry)
    return out


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(map(str, names[:20]))
    return f"{shown}, … ({len(names)} in all)" if len(names) > 20 else shown
