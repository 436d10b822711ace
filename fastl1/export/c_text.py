"""Pieces of C99 source: arrays, strings, comments and names."""

import re
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

# what a member of a struct cannot or had better not be called, in C or in C++
_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char
    class compl complex concept const constexpr const_cast continue decltype default
    delete do double dynamic_cast else enum errno explicit export extern false float
    for friend goto if imaginary inline int linux long mutable namespace new
    noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires restrict return short signed sizeof static
    static_assert static_cast stderr stdin stdout struct switch template this
    thread_local throw true try typedef typeid typename union unix unsigned using
    virtual void volatile wchar_t while xor xor_eq I EOF NULL NAN INFINITY HUGE_VAL
    BUFSIZ
    """,
    )
)


def unsigned(count: int) -> str:
    """The least type that holds the numbers below `count` and that C99 promises."""
    if count <= 1 << 8:
        return "unsigned char"
    if count <= 1 << 16:
        return "unsigned short"
    return "unsigned int" if count <= 1 << 32 else "unsigned long long"


def array(kind: str, name: str, numbers: np.ndarray) -> str:
    """A static array of numbers."""
    if kind == "float":
        words = [f"{number}f" for number in np.asarray(numbers, np.float32)]
    elif kind == "double":
        words = [repr(number) for number in np.asarray(numbers, np.float64).tolist()]
    else:
        end = "ULL" if kind.endswith("long long") else ""
        words = [f"{number}{end}" for number in numbers.tolist()]
    words = words or ["0"]  # C has no empty arrays
    lines = [", ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
    return block(f"static const {kind} {name}[{len(words)}]", lines)


def block(declaration: str, items: Iterable[str]) -> str:
    """A declaration with initializers, a line each."""
    return f"{declaration} = {{\n    " + ",\n    ".join(items) + "\n};\n"


def string(text: str) -> str:
    """A C string of the UTF-8 bytes of `text`."""
    plain = set(range(32, 127)) - set(b'"\\?')
    parts = (chr(b) if b in plain else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(parts)}"'


def remark(text: str) -> str:
    """`text` as it can stand in a comment."""
    plain = text.encode("unicode_escape").decode("ascii")
    return plain.replace("*", "\\x2a").replace("??", "?\\x3f")


def identifier(text: str, otherwise: str) -> str:
    """A name like `text`; `otherwise` is put before digits and for nothing."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text).strip("_")
    if not name:
        return otherwise
    return f"{otherwise}_{name}" if name[0].isdigit() else name


def members(names: Iterable[str]) -> list[str]:
    """Names of the members of a struct, all different."""
    out: list[str] = []
    for name in names:
        out.append(_fresh(identifier(name, "column"), out))
    return out


def _fresh(name: str, taken: Collection[str]) -> str:
    if name in _RESERVED:
        name += "_"
    count, known = 1, {*taken}
    fresh = name
    while fresh in known:
        count += 1
        fresh = f"{name}_{count}"
    return fresh


def listing(rows: Iterable[tuple[Any, str]]) -> str:
    """Lines of a comment: a number and a text each."""
    return "\n".join(f" * {number:>10}  {remark(text)}" for number, text in rows)
