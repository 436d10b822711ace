"""Kinds of columns, each of which encodes its cells: numbers, booleans, categories."""

from zlib import crc32

import numpy as np

from fastl1._unicode import check_unicode
from fastl1.data.convention import PLAIN
from fastl1.data.table import MISSING_TEXT, parse_cells, parse_number, row_number

MISSING = "(missing)"
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def text_hash(text):
    """CRC-32 of the UTF-8 bytes of a text, also of one that is no Unicode."""
    return crc32(text.encode("utf-8", "surrogatepass"))


class Number:
    """A numeric column.

    Parameters
    ----------
    name : str
        Name of the column.
    mean : float
        Mean over the training rows, put in place of missing cells.
    missing : int
        Missing cells among the training rows; if any, there is an indicator feature.
    tokens : list of str
        Text that stands for a missing number.
    unit : str
        What the numbers are written with where they are text: "%" (a hundredth), a
        currency, or nothing.
    """

    __slots__ = ("mean", "missing", "name", "tokens", "unit")
    kind = "number"

    def __init__(self, name, mean, missing=0, tokens=(), unit=""):
        self.name = str(name)
        self.mean = float(mean)
        self.missing = int(missing)
        self.tokens = [str(token) for token in tokens]
        self.unit = str(unit)
        if not np.isfinite(self.mean):
            raise ValueError(f"column {self.name!r}: mean is {self.mean}")

    def __setstate__(self, state):
        # pickles of 0.1.0 know of no unit
        self.unit = ""
        for name, value in state[1].items():
            setattr(self, name, value)

    @property
    def width(self):
        """Number of features."""
        return 2 if self.missing else 1

    def feature(self, j):
        """Name of feature j of the column."""
        return f"{self.name}:missing" if j else self.name

    def features(self):
        """Names of the features."""
        return [self.feature(j) for j in range(self.width)]

    def encode(self, raw, notes=None):
        """``(x, codes)`` of a raw column."""
        x = self.read(raw)
        gaps = np.isnan(x)
        codes = np.full(len(x), -1, np.intp)
        if gaps.any():
            x = np.where(gaps, self.mean, x)
            if self.missing:
                codes[gaps] = 1
            elif notes is not None:
                notes.append(
                    f"column {self.name!r}: {_rows(gaps.sum())} without a value (none "
                    f"in training); the training mean {self.mean:.6g} is used"
                )
        bad = np.isinf(x)
        if bad.any():
            raise ValueError(
                f"column {self.name!r}: data row {row_number(raw, bad)} holds "
                f"{x[np.argmax(bad)]}; a finite number is expected"
            )
        return x, codes

    def read(self, raw):
        """Values as float64 with NaN for missing."""
        if raw.kind == "text":
            convention = raw.convention or PLAIN
            gaps = MISSING_TEXT.union(self.tokens)

            def parse(text):
                if text in gaps:
                    return np.nan
                found = convention.number_and_unit(text)
                if found is None or not self._takes(found[1]):
                    return None
                return found[0]

            expected = "a number"
            if self.unit == "%":
                expected = "a number with %"
            if convention != PLAIN:
                expected = f"{expected}, with {convention.describe()},"
            return parse_cells(raw, parse, expected)
        if raw.kind in ("number", "boolean"):
            if self.unit == "%" and not (raw.typed or np.isnan(raw.values).all()):
                raise ValueError(
                    f"column {self.name!r} holds numbers without %, such as "
                    f"{raw.values[~np.isnan(raw.values)][0]:g}; the training had some "
                    f"with it, which are hundredths"
                )
            return raw.values
        raise ValueError(f"column {self.name!r} holds {raw.type}; numbers are expected")

    def _takes(self, unit):
        """Whether a number with this unit can stand beside those of the column."""
        if "%" in (unit, self.unit):
            return unit == self.unit
        return unit == self.unit or not (unit and self.unit)

    def to_dict(self):
        """JSON types."""
        unit = {"unit": self.unit} if self.unit else {}
        return {
            "kind": self.kind,
            "name": self.name,
            "mean": self.mean,
            "missing": self.missing,
            "tokens": self.tokens,
            **unit,
        }


class Boolean(Number):
    """A column of true and false, kept as 1 and 0."""

    __slots__ = ()
    kind = "boolean"

    def read(self, raw):
        """Values as 0.0, 1.0 and NaN."""
        if raw.kind == "text":
            return parse_cells(
                raw, lambda text: _TRUTH.get(text.lower()), "true or false"
            )
        values = super().read(raw)
        bad = ~(np.isnan(values) | (values == 0) | (values == 1))
        if bad.any():
            raise ValueError(
                f"column {self.name!r}: data row {row_number(raw, bad)} holds "
                f"{values[np.argmax(bad)]:g}; true or false is expected"
            )
        return values


class Category:
    """A column of categories.

    Parameters
    ----------
    name : str
        Name of the column.
    levels : list of str
        Levels that have a feature of their own.
    reference : str or None
        The commoner of two levels, which has none.
    missing : int
        Missing cells among the training rows; if any, they are a level too.
    """

    __slots__ = ("levels", "missing", "name", "reference")
    kind = "category"

    def __init__(self, name, levels, reference=None, missing=0):
        self.name = str(name)
        self.levels = [str(level) for level in levels]
        check_unicode(self.levels, f"column {self.name!r}: category")
        self.reference = None if reference is None else str(reference)
        self.missing = int(missing)

    @property
    def known(self):
        """Texts that are values, whatever else stands for missing cells."""
        return {*self.levels, *([] if self.reference is None else [self.reference])}

    @property
    def width(self):
        """Number of features."""
        return len(self.levels) + bool(self.missing)

    def feature(self, j):
        """Name of feature j of the column."""
        level = self.levels[j] if j < len(self.levels) else MISSING
        return f"{self.name}={level}"

    def features(self):
        """Names of the features."""
        return [self.feature(j) for j in range(self.width)]

    def encode(self, raw, notes=None):
        """``(None, codes)`` of a raw column."""
        text = raw.as_text()
        if raw.kind == "number" and not np.isnan(raw.values).all():
            known = self.known
            if known and all(parse_number(level) is None for level in known):
                raise ValueError(
                    f"column {self.name!r} holds numbers; categories such as "
                    f"{min(known)!r} are expected"
                )
        place = {level: k for k, level in enumerate(self.levels)}
        gap = len(self.levels) if self.missing else -1
        # the reference has no feature but is not unknown; the last entry is for missing
        slots = [-1 if t == self.reference else place.get(t, -2) for t in text.labels]
        codes = np.array([*slots, gap], np.intp)[text.codes]
        unknown = codes == -2
        if unknown.any():
            if notes is not None:
                found = np.unique(text.codes[unknown])
                some = ", ".join(repr(text.labels[k]) for k in found[:3])
                more = f" and {len(found) - 3} more" if len(found) > 3 else ""
                notes.append(
                    f"column {self.name!r}: {_rows(unknown.sum())} with a category "
                    f"unknown in training ({some}{more}); none of its features is set"
                )
            codes[unknown] = -1
        return None, codes

    def to_dict(self):
        """JSON types."""
        return {
            "kind": self.kind,
            "name": self.name,
            "levels": self.levels,
            "reference": self.reference,
            "missing": self.missing,
        }


class Hashed:
    """A text column whose levels are hashed into a fixed number of features.

    Parameters
    ----------
    name : str
        Name of the column.
    size : int
        Number of features.
    missing : int
        Missing cells among the training rows; if any, they have a feature too.
    """

    __slots__ = ("missing", "name", "size")
    kind = "hashed"

    def __init__(self, name, size, missing=0):
        self.name = str(name)
        self.size = int(size)
        self.missing = int(missing)
        if not 0 < self.size <= 2**28:
            raise ValueError(f"column {self.name!r}: hash size {self.size}")

    @property
    def width(self):
        """Number of features."""
        return self.size + bool(self.missing)

    def feature(self, j):
        """Name of feature j of the column."""
        return f"{self.name}#{j}" if j < self.size else f"{self.name}:missing"

    def features(self):
        """Names of the features."""
        return [self.feature(j) for j in range(self.width)]

    def encode(self, raw, notes=None):
        """``(None, codes)`` of a raw column."""
        text = raw.as_text()
        slots = [text_hash(label) % self.size for label in text.labels]
        gap = self.size if self.missing else -1
        return None, np.array([*slots, gap], np.intp)[text.codes]

    def to_dict(self):
        """JSON types."""
        return {
            "kind": self.kind,
            "name": self.name,
            "size": self.size,
            "missing": self.missing,
        }


def numbers(raw):
    """A raw column as float64; text and dates are an error that names the cell."""
    return Number(raw.name, 0.0, unit=unit_of(raw)).read(raw)


def unit_of(raw):
    """The commonest unit of the numbers in a column of text: "%", a currency, or ""."""
    if raw.kind != "text":
        return ""
    convention, counts = raw.convention or PLAIN, {}
    for text, count in raw.counts().items():
        found = convention.number_and_unit(text)
        if found is not None:
            counts[found[1]] = counts.get(found[1], 0) + count
    percent = counts.pop("%", 0)
    if percent > sum(counts.values()):
        return "%"
    counts.pop("", None)
    return max(counts, key=counts.get, default="")


def _rows(count):
    return f"{count} row" if count == 1 else f"{count} rows"
