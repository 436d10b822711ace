"""Numbers as text: decimal marks, grouping, currency, percent, accounting negatives.

A convention holds for a whole table.  `find_convention` takes it from all texts that
look like numbers, by columns: each votes for the conventions that read most of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

BLANKS = " \u00a0\u2009\u202f"
# A mark of groups, as it is given and stored, and what is taken for it.
_MARKS = {
    " ": f"[{BLANKS}]",
    "'": "['\u2019]",
    ",": ",",
    ".": r"\.",
}
_CURRENCY = (
    r"(?:[A-Z]{0,2}\$|[€£¥₹₽₩₺₴₪฿]|zł|Kč|Ft|kr\.?|"
    r"(?:USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|CNY|INR|BRL|MXN|ZAR))"
)
_MINUS = "\u2212-"  # the hyphen last: it stands for itself there in a class


@dataclass(frozen=True)
class Convention:
    """How numbers are written.

    Attributes
    ----------
    decimal : str
        Mark before the fraction: "." or ",".
    thousands : str
        Mark between groups of digits; "" for none, " " and "'" with their relatives.
    """

    decimal: str = "."
    thousands: str = ""

    def __post_init__(self):
        for name, value in vars(self).items():
            if not isinstance(value, str) or len(value) > 1 or value.isalnum():
                raise ValueError(f"{name} must be one sign, got {value!r}")
        if self.decimal == self.thousands or not self.decimal:
            raise ValueError(
                f"decimal {self.decimal!r} and thousands {self.thousands!r} must be "
                f"different signs"
            )

    @cached_property
    def _pattern(self):
        mark, digits = re.escape(self.decimal), r"\d+"
        if self.thousands:
            gap = _MARKS.get(self.thousands, re.escape(self.thousands))
            # by three; the Indian way by two but for the last three
            digits = (
                rf"[1-9]\d{{0,2}}(?:{gap}\d{{3}})+|"
                rf"[1-9]\d?(?:{gap}\d\d)+{gap}\d{{3}}|\d+"
            )
        body = rf"(?:(?:{digits})(?:{mark}\d*)?|{mark}\d+)(?:[eE][-+]?\d+)?"
        return re.compile(
            rf"(?P<open>\()?\s*(?P<sign>[+{_MINUS}])?\s*(?P<front>{_CURRENCY})?\s*"
            rf"(?P<inner>[+{_MINUS}])?(?P<body>{body})\s*"
            rf"(?P<back>%|{_CURRENCY})?(?P<after>[{_MINUS}])?\s*(?P<close>\))?"
        )

    def plain(self, text: str) -> tuple[str, str] | None:
        """A number as `float` reads it, and its unit: "%", a currency or ""."""
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        part = found.groupdict()
        signs = [s for s in (part["sign"], part["inner"], part["after"]) if s]
        wrong = len(signs) > 1 or (signs and part["open"])
        if wrong or (not part["open"]) != (not part["close"]):
            return None
        if part["front"] and part["back"] not in (None, "%"):
            return None
        body = part["body"]
        if self.thousands:
            body = re.sub(
                _MARKS.get(self.thousands, re.escape(self.thousands)), "", body
            )
        body = body.replace(self.decimal, ".")
        if part["back"] == "%":
            digits, _, power = body.lower().partition("e")
            body = f"{digits}e{int(power or 0) - 2}"
        negative = part["open"] or (signs and signs[0] in _MINUS)
        unit = part["back"] or part["front"] or ""
        return ("-" if negative else "") + body, unit

    def number(self, text: str) -> float | None:
        """The number that a text stands for, or None."""
        found = self.number_and_unit(text)
        return None if found is None else found[0]

    def number_and_unit(self, text: str) -> tuple[float, str] | None:
        """The number that a text stands for with its unit, or None."""
        if self.decimal == "." or not any(c.isdigit() for c in text):
            try:
                # words such as inf; Python's underscores are nobody's data
                return (float(text), "") if "_" not in text else None
            except ValueError:
                pass
        found = self.plain(text)
        return None if found is None else (float(found[0]), found[1])

    def integer(self, text: str) -> int | None:
        """The whole number that a text stands for, exactly, or None."""
        found = self.plain(text)
        if found is None or not re.fullmatch(r"-?\d+", found[0]):
            return None
        return int(found[0])

    def describe(self) -> str:
        """The convention in words."""
        groups = {" ": "blanks between thousands", "": "no mark between thousands"}
        between = groups.get(self.thousands, f"{self.thousands!r} between thousands")
        return f"decimal {self.decimal!r} and {between}"


PLAIN = Convention()
# The earlier ones are taken where the evidence is the same.
CANDIDATES = [
    PLAIN,
    Convention(",", ""),
    *(Convention(".", mark) for mark in ", '"),
    *(Convention(",", mark) for mark in ". '"),
]


_LOOSE = re.compile(
    rf"[(+\s{_MINUS}]*(?:{_CURRENCY})?[+\s{_MINUS}]*[.,]?\d[\d.,'\u2019{BLANKS}]*"
    rf"(?:[eE][-+]?\d+)?\s*(?:%|{_CURRENCY})?[{_MINUS}]?\s*\)?"
)


def looks_like_number(text: str) -> bool:
    """Whether a text is a number by some convention."""
    if _LOOSE.fullmatch(text) is None:
        return False
    return any(c.plain(text) is not None for c in CANDIDATES)


def candidates(
    decimal: str | None = None, thousands: str | None = None
) -> list[Convention]:
    """The conventions that there are, with marks that may be known."""
    found = [
        c
        for c in CANDIDATES
        if decimal in (None, c.decimal) and thousands in (None, c.thousands)
    ]
    if found:
        return found
    if decimal is None:
        decimal = "," if thousands == "." else "."
    return [Convention(decimal, thousands or "")]


def shapes(texts: Mapping[str, int]) -> dict[str, tuple[int, str]]:
    """Texts with equal digits but for zeros as one: their count, and an example."""
    table = {ord(digit): "9" for digit in "12345678"}
    out: dict[str, tuple[int, str]] = {}
    for text, count in texts.items():
        shape = text.translate(table)
        there = out.get(shape)
        out[shape] = (count, text) if there is None else (there[0] + count, there[1])
    return out


def find_convention(
    columns: Iterable[Mapping[str, int]],
    *,
    pointed: int = 0,
    among: Sequence[Convention] = tuple(CANDIDATES),
    known: Convention | None = None,
    delimiter: str | None = None,
) -> tuple[Convention, bool]:
    """The convention that reads most columns, and whether they speak for it.

    Parameters
    ----------
    columns : iterable of dict of str to int
        Texts of each column that may be numbers, with how often each occurs.
    pointed : int
        Columns besides with a decimal point beyond doubt.
    among : sequence of Convention
        What to choose from.
    known : Convention, optional
        What is taken where the texts leave it open.
    delimiter : str, optional
        Of the file: where it is a comma, a comma in a number is likelier to be one
        between thousands.
    """
    votes = {c: pointed * (c.decimal == ".") for c in among}
    grouped = dict.fromkeys(",.", False)
    for texts in columns:
        forms = shapes(texts)
        reads = {
            c: sum(n for shape, (n, _) in forms.items() if c.number(shape) is not None)
            for c in among
        }
        best = max(reads.values())
        if 2 * best < sum(texts.values()):
            continue
        for c in among:
            votes[c] += reads[c] == best
        for mark in grouped:
            grouped[mark] |= _is_grouped(forms, mark, delimiter)
    most = max(votes.values())
    tied = [c for c in among if votes[c] == most]
    likely = [c for c in tied if grouped.get(c.thousands)]
    evident = len(tied) < len(votes)
    if known is not None:
        likely = [known] if known in tied else []
        likely = likely or [c for c in tied if c.decimal == known.decimal]
    return (likely or tied)[0], evident


def _is_grouped(forms, mark, delimiter):
    """Whether a mark that could be a decimal one stands between thousands.

    So it is where exactly three digits follow it everywhere and numbers without it are
    below a thousand: fractions have other lengths, or one length everywhere.
    """
    other = "." if mark == "," else ","
    groups = Convention(other, mark)
    marked = {shape: count for shape, (count, _) in forms.items() if mark in shape}
    if not marked or any(groups.number(shape) is None for shape in marked):
        return False
    if any(other in shape or shape.count(mark) > 1 for shape in marked):
        return True
    if mark == "," == delimiter:
        return True
    bare = [sum(map(str.isdigit, shape)) for shape in forms if mark not in shape]
    return bool(bare) and max(bare) <= 3 and sum(marked.values()) >= FEW


# A mark in fewer cells than this says nothing by the digits that follow it.
FEW = 5
