"""From a file to training and test data: roles of columns, split, encoded features."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fastl1.data.columns import ColumnTreatment
from fastl1.data.learn import RefusedColumns
from fastl1.data.read import Table, read_file
from fastl1.data.table import no_such_column, raw_column
from fastl1.exceptions import DataError
from fastl1.loss.losses import Huber
from fastl1.workflow.kinds import task_of
from fastl1.workflow.target import codes, exposures, find_target, offsets, weights

HUBER = 1.345  # robust standard deviations: 95 % efficient for normal residuals


@dataclass
class Rows:
    """Rows of encoded data with all that a loss takes into account."""

    X: object
    y: np.ndarray
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    strata: np.ndarray | None = None

    def take(self, rows, X):
        """Some of the rows, whose features are `X`."""
        parts = (self.y, self.weight, self.offset, self.strata)
        return Rows(X, *(None if part is None else part[rows] for part in parts))

    def keywords(self):
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
    are used (those with a target); `train` and `test` number these.  y counts labels
    from 0; for survival it has the columns event, time and perhaps entry.  The offset
    includes the logarithm of the exposure.
    """

    file: object
    loss: object
    target: str
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
    X_train: object
    X_test: object
    treatment: ColumnTreatment | None
    feature_names: list
    notes: list = field(default_factory=list)
    columns: list = field(default_factory=list)

    @property
    def task(self):
        """What the target is: "regression", "classification" or "survival"."""
        return task_of(self.loss.name)

    @property
    def labels(self):
        """What splits keep the shares of, see `labels_of`."""
        return labels_of(self.loss, self.y)

    @property
    def split(self):
        """How rows are split, in words."""
        if self.order is not None:
            return "in time order"
        if self.group is not None:
            return "by group"
        return "random" if self.labels is None else "stratified"

    def training(self):
        """The rows for training."""
        return self._rows(self.train, self.X_train)

    def testing(self):
        """The rows for the test."""
        return self._rows(self.test, self.X_test)

    def _rows(self, rows, X):
        every = Rows(None, self.y, self.weight, self.offset, self.strata)
        return every.take(rows, X)


def prepare_data(options):
    """Read the file of `options` and make `Data` of it.

    Raises
    ------
    DataError
        With the offending column, row or line.
    """
    file = read_file(options.file, format=options.format, delimiter=options.delimiter)
    roles = _roles(file, options)
    name = roles.get("--target", options.time)
    pick = _picker(file, options.file)
    found = find_target(options, name, pick)
    notes = [*file.notes, *found.notes]
    used = found.known
    if not len(used):
        raise DataError(f"{options.file}: the target {name!r} is empty")
    if len(used) < len(found.y):
        what = "time or event" if options.is_survival else "target"
        notes.append(f"{len(found.y) - len(used)} rows without a {what} are left out")
    y, loss = found.y[used], found.loss
    weight = offset = exposure = strata = group = order = None
    if options.weight:
        weight = weights(pick(options.weight), used)
    if options.offset:
        offset = offsets(pick(options.offset), used)
        if loss.name == "multinomial":
            raise DataError(
                "--offset is one number a row, and a multinomial model has a linear "
                "predictor for each class"
            )
    if options.exposure:
        exposure = exposures(pick(options.exposure), used)
        offset = np.log(exposure) + (0.0 if offset is None else offset)
    if options.strata:
        strata = codes(pick(options.strata), used, "--strata")
    if options.group:
        group = codes(pick(options.group), used, "--group")
    if options.order_by:
        order = _order(file, pick(options.order_by), used, options.order_option)
    labels = labels_of(loss, y)
    train, test = split_rows(
        len(y), options.test_size, options.seed, labels, group, order
    )
    if labels is not None:
        check_labels(labels[train], found.classes, "the training rows")
    if loss.name == "huber" and options.delta is None:
        loss = _default_huber(y[train], name, notes)
    treatment, described = None, []
    if isinstance(file, Table):
        features = _feature_columns(file, options, set(roles.values()))
        treatment, X_train, X_test = _encode(features, used, train, test, options)
        notes += treatment.notes
        feature_names = treatment.feature_names
        described = _describe(treatment, features)
    else:
        if options.drop or options.categorical or options.hash:
            raise DataError(
                f"{options.file}: --drop, --categorical and --hash name columns of a "
                f"table; this file holds a matrix"
            )
        X_train, X_test = _split_matrix(file.X, used[train], used[test])
        feature_names = file.feature_names
        if feature_names is None:
            feature_names = [f"x{j}" for j in range(file.X.shape[1])]
    return Data(
        file=file,
        loss=loss,
        target=name,
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


def _default_huber(y, name, notes):
    """Huber's loss at the usual delta for the spread of the target."""
    delta = HUBER * 1.4826 * float(np.median(np.abs(y - np.median(y))))
    if not delta > 0:
        raise DataError(
            f"--loss huber: half of the target {name!r} is of one value, so its spread "
            f"gives no threshold; give one as --delta"
        )
    notes.append(
        f"delta of the Huber loss is {delta:.4g}, {HUBER} robust standard deviations "
        f"of the target (another with --delta)"
    )
    return Huber(delta)


def _roles(file, options):
    """Columns (or arrays) with a part of their own, by option; all are there."""
    is_table = isinstance(file, Table)
    names = file.columns.column_names if is_table else list(file.arrays)
    target = options.target
    if target is None and not options.is_survival and not is_table:
        target = "y"
    if target is None and not options.is_survival:
        raise DataError(
            f"{options.file}: which column is the target? Give --target NAME, one of: "
            f"{_listed(names)}"
        )
    given = {
        "--target": target,
        "--time": options.time,
        "--event": options.event,
        "--entry": options.entry,
        "--strata": options.strata,
        "--exposure": options.exposure,
        "--offset": options.offset,
        "--weight": options.weight,
        "--group": options.group,
        "--order": options.order,
    }
    roles = {option: name for option, name in given.items() if name is not None}
    for option, name in roles.items():
        if name not in names:
            message = no_such_column(name, names)
            if not is_table:
                message = message.replace("column", "array", 1)
            raise DataError(
                f"{options.file}: {option}: {message}; there are: {_listed(names)}"
            )
    _check_different(roles)
    return roles


def _check_different(roles):
    """One column has one role; that groups are strata as well makes sense."""
    for name in roles.values():
        same = [option for option, other in roles.items() if other == name]
        if len(same) > 1 and same != ["--strata", "--group"]:
            raise DataError(
                f"{', '.join(same)}: these must be different columns, not all {name!r}"
            )


def _picker(file, path):
    """Function from a name to a raw column of the file."""

    def pick(name):
        if isinstance(file, Table):
            return raw_column(file.columns[name], name)
        array = file.arrays[name]
        if array.shape != (file.n_rows,):
            raise DataError(
                f"{path}: the array {name!r} has shape {array.shape}; "
                f"({file.n_rows},) is expected, one entry per row of the matrix"
            )
        return raw_column(array, name)

    return pick


# --- split -------------------------------------------------------------------------


def _order(file, raw, used, option):
    """Times as sortable numbers."""
    name = raw.name
    if isinstance(file, Table):
        import pyarrow as pa

        column = file.columns[name]
        if raw.kind == "text":
            try:
                column = column.cast(pa.timestamp("us"))
            except pa.ArrowException:
                raise DataError(
                    f"{option}: {name!r} is text that is not an ISO 8601 time"
                ) from None
        values = column.to_numpy()
    else:
        values = file.arrays[name]
    if values.dtype.kind not in "fiuM":
        raise DataError(f"{option}: {name!r} holds neither numbers nor times")
    values = values[used]
    bad = np.isnat(values) if values.dtype.kind == "M" else values != values
    if bad.any():
        row = used[int(np.argmax(bad))] + 1
        raise DataError(f"{option}: {name!r} is missing in data row {row}")
    return values


def labels_of(loss, y):
    """What splits keep the shares of, (n,): classes, or events; None for numbers."""
    if task_of(loss.name) == "survival":
        return y[:, 0]
    return y if loss.labels else None


def check_labels(labels, classes, where):
    """Refuse rows without an event, or without a row of some class.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    classes : ndarray or None
        None for events.
    where : str
        What rows these are.

    Raises
    ------
    DataError
    """
    if classes is None and not labels.any():
        raise DataError(f"{where} have no event: a Cox model needs some")
    if classes is not None:
        absent = np.setdiff1d(np.arange(len(classes)), labels)
        if len(absent):
            raise DataError(
                f"{where} hold no row of the class {classes.tolist()[absent[0]]!r}"
            )


def split_rows(n, test_size, seed, labels=None, group=None, order=None):
    """Training and test rows: the latest, whole groups, or at random (stratified).

    Parameters
    ----------
    n : int
    test_size : float
        Share of the test rows, 0 for none.
    seed : int
    labels : ndarray of shape (n,), optional
        Both parts get the same share of each label, unless they are split otherwise.
    group, order : ndarray of shape (n,), optional

    Returns
    -------
    train, test : ndarray of int
        Sorted row numbers.

    Raises
    ------
    DataError
        Too few rows, groups or times.
    """
    n_test = round(n * test_size)
    is_test = np.zeros(n, bool)
    rng = np.random.default_rng(seed)
    if test_size and not 0 < n_test < n:
        raise DataError(f"{n} rows are too few to hold out {test_size:.0%} of them")
    if n_test and order is not None:
        # equal times stay together
        is_test = order >= np.sort(order)[n - n_test]
    elif n_test and group is not None:
        _, group = np.unique(group, return_inverse=True)
        sizes = np.bincount(group)
        shuffled = rng.permutation(len(sizes))
        before = np.cumsum(sizes[shuffled]) - sizes[shuffled]
        is_test = np.isin(group, shuffled[before < n_test])
    elif n_test and labels is not None:
        for label in np.unique(labels):
            rows = rng.permutation(np.flatnonzero(labels == label))
            is_test[rows[: round(len(rows) * test_size)]] = True
    elif n_test:
        is_test[rng.permutation(n)[:n_test]] = True
    if is_test.all():
        what = "time" if order is not None else "group"
        raise DataError(
            f"too few different {what}s to hold out {test_size:.0%} of rows"
        )
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _split_matrix(X, train, test):
    if hasattr(X, "tocsr"):
        X = X.tocsr()
        return X[train].tocsc(), X[test]
    return np.asfortranarray(X[train]), X[test]


# --- features ----------------------------------------------------------------------


def _feature_columns(file, options, taken):
    names = file.columns.column_names
    for name in options.drop:
        if name not in names:
            raise DataError(f"{options.file}: --drop: {no_such_column(name, names)}")
    gone = {*options.drop, *taken}
    kept = [name for name in names if name not in gone]
    for option in ("categorical", "hash"):
        for name in getattr(options, option):
            if name in gone or name not in names:
                why = (
                    f"{name!r} is dropped or has another role"
                    if name in gone
                    else no_such_column(name, kept)
                )
                raise DataError(f"{options.file}: --{option}: {why}")
    if not kept:
        raise DataError(f"{options.file}: no column is left to predict from")
    return {name: raw_column(file.columns[name], name) for name in kept}


def _encode(features, used, train, test, options):
    rows = used[train]
    try:
        treatment = ColumnTreatment.learn(
            features, rows, categorical=options.categorical, hashed=options.hash
        )
        X_train = treatment.encode(features, rows)
        X_test = treatment.encode(features, used[test], treatment.notes)
    except RefusedColumns as error:
        raise DataError(_refusal(error.reasons, features, options)) from None
    except ValueError as error:
        raise DataError(f"{options.file}: {error}") from None
    return treatment, X_train, X_test


def _refusal(reasons, features, options):
    """What is wrong with the refused columns, and the options that help."""
    lines = [f"{options.file}: {len(reasons)} columns cannot be used as they are:"]
    if len(reasons) == 1:
        lines = [f"{options.file}: one column cannot be used as it is:"]
    lines += [f"  {name}: {why}" for name, why in reasons.items()]
    text = [n for n in reasons if features[n].kind == "text" and n not in options.hash]
    lines.append(f"Leave out with --drop {_option(reasons)}")
    if text:
        lines.append(f"or hash the text with --hash {_option(text)}")
    return "\n".join(lines)


def _option(names):
    joined = ",".join(names)
    return joined if all(c.isalnum() or c in "_,.-" for c in joined) else f"'{joined}'"


def _describe(treatment, features):
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


def _listed(names):
    names = list(names.keys() if isinstance(names, Mapping) else names)
    shown = ", ".join(map(str, names[:20]))
    return f"{shown}, … ({len(names)} in all)" if len(names) > 20 else shown
