"""From a file to training and test data: target, task, split, encoded features."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fastl1._table import Raw, no_such_column, parse_number, raw_column
from fastl1.cli.errors import DataError
from fastl1.cli.read import Table, read_file
from fastl1.columns import MAX_ABS, ColumnTreatment, RefusedColumns, numbers


@dataclass
class Data:
    """Encoded data of one fit.

    X, y, weight, group and time are restricted to the rows that are used (those with a
    target); `train` and `test` number these.  y is 0.0 or 1.0 for classification.
    """

    file: object
    task: str
    target: str
    y: np.ndarray
    classes: np.ndarray | None
    weight: np.ndarray | None
    group: np.ndarray | None
    time: np.ndarray | None
    train: np.ndarray
    test: np.ndarray
    X_train: object
    X_test: object
    treatment: ColumnTreatment | None
    feature_names: list
    notes: list = field(default_factory=list)
    columns: list = field(default_factory=list)

    @property
    def split(self):
        """How rows are split, in words."""
        if self.time is not None:
            return "in time order"
        if self.group is not None:
            return "by group"
        return "stratified" if self.task == "classification" else "random"


def prepare_data(options):
    """Read the file of `options` and make `Data` of it.

    Raises
    ------
    DataError
        With the offending column, row or line.
    """
    file = read_file(options.file, format=options.format, delimiter=options.delimiter)
    notes = list(file.notes)
    roles = _roles(file, options)
    target = roles["--target"]
    pick = _picker(file, options.file)
    y, classes, task = _target(pick(target), options, notes)
    used = np.flatnonzero(~np.isnan(y))
    if not len(used):
        raise DataError(f"{options.file}: the target {target!r} is empty")
    if len(used) < len(y):
        notes.append(f"{len(y) - len(used)} rows without a target are left out")
    y = y[used]
    weight = group = time = None
    if options.weight:
        weight = _weight(pick(options.weight), used)
    if options.group:
        group = _codes(pick(options.group), used, "--group")
    if options.time:
        time = _time(file, pick(options.time), used)
    train, test = split_rows(y, task, options.test_size, options.seed, group, time)
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
        task=task,
        target=target,
        y=y,
        classes=classes,
        weight=weight,
        group=group,
        time=time,
        train=train,
        test=test,
        X_train=X_train,
        X_test=X_test,
        treatment=treatment,
        feature_names=feature_names,
        notes=notes,
        columns=described,
    )


def _roles(file, options):
    """Columns (or arrays) with a part of their own, by option; all are there."""
    is_table = isinstance(file, Table)
    names = file.columns.column_names if is_table else list(file.arrays)
    target = options.target or (None if is_table else "y")
    if target is None:
        raise DataError(
            f"{options.file}: which column is the target? Give --target NAME, one of: "
            f"{_listed(names)}"
        )
    given = {
        "--target": target,
        "--weight": options.weight,
        "--group": options.group,
        "--time": options.time,
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
    if len(set(roles.values())) < len(roles):
        raise DataError(f"{', '.join(roles)}: these must be different columns")
    return roles


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


# --- target, weights, groups, times ------------------------------------------------


def _target(raw, options, notes):
    """y with NaN where it is missing, classes or None, task."""
    task = options.task
    if raw.kind in ("date", "other"):
        raise DataError(f"the target {raw.name!r} holds {raw.type}")
    values, labels = _target_values(raw, task)
    if task == "regression" or (task == "auto" and labels is None):
        if options.positive is not None:
            raise DataError("--positive names a class, but this is a regression")
        bad = np.abs(values) > MAX_ABS
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"the target {raw.name!r} is {values[row]:g} in data row {row + 1}; "
                f"numbers below {MAX_ABS:g} are expected"
            )
        seen = values[~np.isnan(values)]
        if len(seen) and seen.min() == seen.max():
            raise DataError(f"the target {raw.name!r} is constant ({seen[0]:g})")
        few = np.unique(seen)
        if task == "auto" and len(few) <= 10 and (few == np.floor(few)).all():
            notes.append(
                f"the target has {len(few)} different values; treated as a number "
                f"(regression), since only two classes are supported"
            )
        return values, None, "regression"
    if len(labels) < 2:
        only = repr(labels[0]) if len(labels) else "nothing"
        raise DataError(
            f"the target {raw.name!r} has one class only ({only}); two are needed"
        )
    if len(labels) > 2:
        shown = ", ".join(repr(label) for label in labels[:6])
        more = ", …" if len(labels) > 6 else ""
        raise DataError(
            f"the target {raw.name!r} has {len(labels)} classes ({shown}{more}); "
            f"classification needs two"
        )
    classes = np.array(labels)
    if options.positive is not None:
        texts = [str(label) for label in labels]
        if options.positive not in texts:
            raise DataError(
                f"--positive {options.positive}: the classes are {texts[0]} and "
                f"{texts[1]}"
            )
        if options.positive == texts[0]:
            classes = classes[::-1].copy()
            values = 1 - values
    return values, classes, "classification"


def _target_values(raw, task):
    """Values and None for numbers; values 0, 1, … and the labels for classes."""
    if raw.kind == "text":
        wrong = np.array([parse_number(label) is None for label in raw.labels], bool)
        if wrong.any():
            is_wrong = np.append(wrong, False)[raw.codes]
            mostly = len(raw.labels) > 2 and is_wrong.mean() < 0.5
            if task == "regression" or (task == "auto" and mostly):
                row = int(np.argmax(is_wrong))
                raise DataError(
                    f"the target {raw.name!r} must be a number, but in "
                    f"{np.count_nonzero(is_wrong)} of {len(raw)} rows it is not; the "
                    f"first is data row {row + 1}: {raw.labels[raw.codes[row]]!r}"
                )
            order = np.argsort(raw.labels)
            rank = np.append(np.argsort(order), np.nan)
            return rank[raw.codes], [raw.labels[k] for k in order]
        raw = Raw(raw.name, "number", "numbers", values=numbers(raw))
    values = raw.values
    if task == "regression":
        return values, None
    distinct = np.unique(values[~np.isnan(values)])
    if task == "auto" and raw.kind == "number" and len(distinct) != 2:
        return values, None
    if raw.kind == "boolean":
        labels = [bool(value) for value in distinct]
    elif (distinct == np.floor(distinct)).all():
        labels = [int(value) for value in distinct]
    else:
        labels = distinct.tolist()
    codes = np.searchsorted(distinct, values).astype(np.float64)
    codes[np.isnan(values)] = np.nan
    return codes, labels


def _weight(raw, used):
    values = numbers(raw)[used]
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        i = int(np.argmax(bad))
        raise DataError(
            f"--weight: {raw.name!r} is {values[i]} in data row {used[i] + 1}; weights "
            f"must be finite and not negative"
        )
    if not values.any():
        raise DataError(f"--weight: all of {raw.name!r} is 0")
    return values


def _codes(raw, used, option):
    if raw.values is None and raw.kind != "text":
        raise DataError(f"{option}: column {raw.name!r} holds {raw.type}")
    codes = raw.as_text().codes[used]
    if (codes < 0).any():
        i = int(np.argmax(codes < 0))
        raise DataError(f"{option}: {raw.name!r} is missing in data row {used[i] + 1}")
    return codes


def _time(file, raw, used):
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
                    f"--time: {name!r} is text that is not an ISO 8601 time"
                ) from None
        values = column.to_numpy()
    else:
        values = file.arrays[name]
    if values.dtype.kind not in "fiuM":
        raise DataError(f"--time: {name!r} holds neither numbers nor times")
    values = values[used]
    bad = np.isnat(values) if values.dtype.kind == "M" else values != values
    if bad.any():
        row = used[int(np.argmax(bad))] + 1
        raise DataError(f"--time: {name!r} is missing in data row {row}")
    return values


# --- split -------------------------------------------------------------------------


def split_rows(y, task, test_size, seed, group=None, time=None):
    """Training and test rows: the latest, whole groups, or at random (stratified).

    Parameters
    ----------
    y : ndarray of shape (n,)
    task : {"regression", "classification"}
    test_size : float
        Share of the test rows, 0 for none.
    seed : int
    group, time : ndarray of shape (n,), optional

    Returns
    -------
    train, test : ndarray of int
        Sorted row numbers.

    Raises
    ------
    DataError
        Too few rows, groups, times or members of a class.
    """
    n = len(y)
    n_test = round(n * test_size)
    is_test = np.zeros(n, bool)
    rng = np.random.default_rng(seed)
    if test_size and not 0 < n_test < n:
        raise DataError(f"{n} rows are too few to hold out {test_size:.0%} of them")
    if n_test and time is not None:
        # equal times stay together
        cut = np.sort(time)[n - n_test]
        is_test = time >= cut
    elif n_test and group is not None:
        _, group = np.unique(group, return_inverse=True)
        sizes = np.bincount(group)
        order = rng.permutation(len(sizes))
        before = np.cumsum(sizes[order]) - sizes[order]
        is_test = np.isin(group, order[before < n_test])
    elif n_test and task == "classification":
        for label in (0.0, 1.0):
            rows = rng.permutation(np.flatnonzero(y == label))
            is_test[rows[: round(len(rows) * test_size)]] = True
    elif n_test:
        is_test[rng.permutation(n)[:n_test]] = True
    if is_test.all():
        what = "time" if time is not None else "group"
        raise DataError(
            f"too few different {what}s to hold out {test_size:.0%} of rows"
        )
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    if task == "classification" and len(np.unique(y[train])) < 2:
        raise DataError("the training rows are of one class only; two are needed")
    return train, test


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
