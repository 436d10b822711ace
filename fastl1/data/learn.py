"""What kind a column is, told from its training rows."""

import re
from typing import Any

import numpy as np

from fastl1._runtime import MAX_ABS
from fastl1.data.convention import PLAIN, looks_like_number
from fastl1.data.kinds import Boolean, Category, Hashed, Number, unit_of
from fastl1.data.table import EXACT, Raw, parse_number

# text that stands for a missing number however often it occurs
MARKERS = frozenset(
    ["?", "-", "--", ".", "*", "#", "none", "None", "missing", "unknown"]
)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
# a power of ten is one only behind a number: 030440e5 is hexadecimal
_LEADING_ZERO = re.compile(r"0\d+([eE]\d+)?")
_CODE = re.compile(
    r"(?i)(^|[\W_])(zip|zip_?code|postal_?code|post_?code|plz|fips|naics|sic|isbn|ean|"
    r"upc|gtin|sku|iban|ssn|phone|telephone|tel|area_?code|code)$"
)


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
        tokens = _text_cells(raw, notes, kind == "number")
        if tokens is None:
            return _learn_category(raw, rows, notes)
        unit = unit_of(raw)
        read = Number(raw.name, 0.0, tokens=tokens, unit=unit)
        try:
            values = read.read(raw)
        except ValueError as error:
            _refuse(raw, str(error).partition(": ")[2])
        exact = large_labels(raw, values)
        raw = Raw(raw.name, "number", "numbers", values=values, exact=exact)
    else:
        tokens, unit = [], ""
    return _learn_number(raw, rows, tokens, unit, notes)


def large_labels(raw, values):
    """Large whole numbers in text, as `Raw.exact`, if there are some."""
    if not (np.abs(values) > EXACT).any():
        return None
    convention = raw.convention or PLAIN
    whole = [convention.integer(label) for label in raw.labels]
    return np.array([0 if x is None else x for x in [*whole, 0]], object)[raw.codes]


def _text_cells(raw, notes, forced=False):
    """None if a text column is text; else the few texts in a column of numbers."""
    convention = raw.convention or PLAIN
    counts = np.bincount(raw.codes[raw.codes >= 0], minlength=len(raw.labels))
    there = counts > 0
    parsed = [parse_number(label, convention) for label in raw.labels]
    is_number = np.array([value is not None for value in parsed], bool)
    # texts such as NA, which are values of text but say nothing for numbers
    is_gap = np.array([value is not None and value != value for value in parsed], bool)
    total, numeric = counts[~is_gap].sum(), counts[is_number & ~is_gap].sum()
    is_other = np.array(
        [
            value is None and looks_like_number(label)
            for value, label in zip(parsed, raw.labels, strict=True)
        ],
        bool,
    )
    tokens = [raw.labels[k] for k in np.flatnonzero(~is_number & ~is_other & there)]
    markers = MARKERS.issuperset(tokens)
    least = (0.5 if markers else 0.9) * total
    if is_other[there].any() and numeric + counts[is_other].sum() >= least:
        _contradicts(raw, np.append(is_other, False)[raw.codes], convention)
    if numeric == 0 and not forced:
        return None
    zeros = [label for label in raw.labels if _LEADING_ZERO.fullmatch(label)]
    if zeros and not forced:
        notes.append(
            f"column {raw.name!r} has numbers with leading zeros such as {zeros[0]!r}, "
            f"as codes have; read as categories (numbers instead, if it is named as "
            f"numeric)"
        )
        return None
    if not tokens:
        if convention == PLAIN:
            notes.append(
                f"column {raw.name!r} is text, but all of it numbers; read as such"
            )
        return tokens
    if numeric < least and not forced:
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


def _contradicts(raw, where, convention):
    """Refuse a column of numbers for a cell that is one by other rules."""
    row = int(np.argmax(where))
    _refuse(
        raw,
        f"data row {row + 1} holds {raw.labels[raw.codes[row]]!r}, but numbers are "
        f"written with {convention.describe()} in this table (other marks can be given "
        f"as decimal and thousands; codes are categorical)",
    )


def _learn_number(raw, rows, tokens, unit, notes):
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
    lost = _lost_digits(raw, rows)
    if lost is not None:
        notes.append(
            f"column {raw.name!r} holds whole numbers above 2^53 such as {lost}, whose "
            f"last digits a number loses; make it categorical if these matter"
        )
    if low == high and not missing:
        what = f"constant ({_written(low)})"
        if lost is not None:
            what = f"constant ({_written(low)}) but for such digits"
        notes.append(f"column {raw.name!r} is {what}; it makes no feature")
        return None
    if raw.kind == "number" and not missing and _looks_like_id(raw.name, values):
        notes.append(
            f"column {raw.name!r} numbers the rows; drop it if it only identifies them"
        )
    elif raw.kind == "number" and _looks_like_code(raw.name, seen):
        notes.append(
            f"column {raw.name!r} looks like a code, and is read as a number; make it "
            f"categorical if its size means nothing"
        )
    mean = np.clip(seen.mean(), low, high)
    if raw.kind == "boolean":
        return Boolean(raw.name, mean, missing, tokens)
    return Number(raw.name, mean, missing, tokens, unit)


def _lost_digits(raw, rows):
    """A whole number that float64 does not hold exactly, if there is one."""
    if raw.exact is None:
        return None
    exact, values = raw.exact, raw.values
    if rows is not None:
        exact, values = exact[rows], values[rows]
    for k in np.flatnonzero(np.abs(values) > EXACT).tolist():
        if int(exact[k]) != int(values[k]):
            return int(exact[k])
    return None


def _looks_like_code(name, values):
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    whole = _CODE.search(name) is not None and (values == np.floor(values)).all()
    return bool(whole) and len(np.unique(values)) > 2


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
