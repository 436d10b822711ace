"""What kind a column is, told from its training rows."""

import re
from typing import Any

import numpy as np

from fastl1._runtime import MAX_ABS
from fastl1.data.kinds import Boolean, Category, Hashed, Number
from fastl1.data.table import (
    Raw,
    parse_number,
)

# text that stands for a missing number however often it occurs
MARKERS = frozenset(
    ["?", "-", "--", ".", "*", "#", "none", "None", "missing", "unknown"]
)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
_LEADING_ZERO = re.compile(r"-?0\d")


class RefusedColumns(ValueError):
    """Columns that cannot be encoded.

    Attributes
    ----------
    reasons : dict of str to str
        Why, for each such column.
    """

    def __init__(self, reasons: dict[str, str]):
        self.reasons = dict(reasons)
        lines = [f"column {name!r}: {why}" for name, why in self.reasons.items()]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reasons,)


def learn_column(raw, rows, kind, hash_size, notes):
    """Treatment of one column, or None if it is constant."""
    if raw.kind == "date":
        _refuse(raw, f"holds {raw.type}, which have no numeric meaning by themselves")
    if raw.kind == "other":
        _refuse(raw, f"holds {raw.type}")
    if kind == "hashed":
        text = raw.as_text()
        return Hashed(raw.name, hash_size, np.count_nonzero(text.take(rows).codes < 0))
    if kind == "category":
        return _learn_category(raw.as_text(), rows, notes)
    if raw.kind == "text":
        tokens = _text_cells(raw, notes)
        if tokens is None:
            return _learn_category(raw, rows, notes)
        read = Number(raw.name, 0.0, tokens=tokens).read(raw)
        raw = Raw(raw.name, "number", "numbers", values=read)
    else:
        tokens = []
    return _learn_number(raw, rows, tokens, notes)


def _text_cells(raw, notes):
    """None if a text column is text; else the few texts in a column of numbers."""
    counts = np.bincount(raw.codes[raw.codes >= 0], minlength=len(raw.labels))
    parsed = [parse_number(label) for label in raw.labels]
    is_number = np.array([value is not None for value in parsed], bool)
    total, numeric = counts.sum(), counts[is_number].sum() if len(counts) else 0
    if numeric == 0:
        return None
    zeros = [label for label in raw.labels if _LEADING_ZERO.match(label)]
    if zeros and not any("." in label for label in zeros):
        notes.append(
            f"column {raw.name!r} has numbers with leading zeros such as {zeros[0]!r}; "
            f"read as categories"
        )
        return None
    tokens = [raw.labels[k] for k in np.flatnonzero(~is_number & (counts > 0))]
    if not tokens:
        notes.append(
            f"column {raw.name!r} is text, but all of it numbers; read as such"
        )
        return tokens
    markers = MARKERS.issuperset(tokens)
    if numeric < (0.5 if markers else 0.9) * total:
        if numeric >= 0.1 * total:
            share = 100 * numeric / total
            notes.append(
                f"column {raw.name!r} mixes numbers ({share:.0f} %) and text; read as "
                f"categories"
            )
        return None
    is_token = np.append(~is_number, False)[raw.codes]
    where = np.flatnonzero(is_token)
    some = ", ".join(
        f"row {row + 1}: {raw.labels[raw.codes[row]]!r}" for row in where[:5]
    )
    more = ", …" if len(where) > 5 else ""
    notes.append(
        f"column {raw.name!r} is numeric but for {len(where)} of {total} cells "
        f"({some}{more}); these are treated as missing (categorical instead, if it "
        f"holds codes)"
    )
    return tokens


def _learn_number(raw, rows, tokens, notes):
    values = raw.values
    large = np.abs(values) > MAX_ABS
    if large.any():
        row = int(np.argmax(large))
        _refuse(
            raw, f"data row {row + 1} holds {_written(values[row])}; rescale the column"
        )
    if rows is not None:
        values = values[rows]
    seen = values[~np.isnan(values)]
    missing = len(values) - len(seen)
    if not len(seen):
        notes.append(f"column {raw.name!r} is empty; it makes no feature")
        return None
    low, high = seen.min(), seen.max()
    if low == high and not missing:
        notes.append(
            f"column {raw.name!r} is constant ({_written(low)}); it makes no feature"
        )
        return None
    if raw.kind == "number" and not missing and _looks_like_id(raw.name, values):
        notes.append(
            f"column {raw.name!r} numbers the rows; drop it if it only identifies them"
        )
    kind = Boolean if raw.kind == "boolean" else Number
    return kind(raw.name, np.clip(seen.mean(), low, high), missing, tokens)


def _learn_category(raw, rows, notes):
    n = len(raw.codes)
    counts = np.bincount(raw.codes[raw.codes >= 0], minlength=len(raw.labels))
    distinct = np.count_nonzero(counts)
    if distinct > max(50, n // 10) or (distinct > 20 and 2 * distinct > n):
        some = ", ".join(repr(label[:30]) for label in raw.labels[:3])
        if sum(bool(_DATE.fullmatch(label)) for label in raw.labels) > 0.9 * distinct:
            _refuse(raw, f"looks like dates ({some}, …)")
        _refuse(raw, f"text with {distinct} different values in {n} rows ({some}, …)")
    codes = raw.codes if rows is None else raw.codes[rows]
    missing = int(np.count_nonzero(codes < 0))
    counts = np.bincount(codes[codes >= 0], minlength=len(raw.labels))
    count = {raw.labels[k]: int(counts[k]) for k in np.flatnonzero(counts)}
    levels = sorted(count)
    if len(levels) + bool(missing) < 2:
        what = f"constant ({levels[0]!r})" if levels else "empty"
        notes.append(f"column {raw.name!r} is {what}; it makes no feature")
        return None
    reference = None
    if len(levels) <= 2:
        reference = max(levels, key=count.get)
        levels.remove(reference)
    return Category(raw.name, levels, reference, missing)


def _written(value):
    """A number with all of its digits, without a point if it is whole."""
    value = float(value)
    whole = value.is_integer() and abs(value) < 1e16
    return str(int(value)) if whole else repr(value)


def _looks_like_id(name, values):
    if len(values) < 50 or (values != np.floor(values)).any():
        return False
    steps = np.diff(values)
    ordered = (steps > 0).all()
    named = re.search(r"(?i)(^|_)id$|(?<=[a-z])I[dD]$", name) is not None
    return bool(ordered or (named and len(np.unique(values)) == len(values)))


def _refuse(raw, why):
    raise RefusedColumns({raw.name: why})
