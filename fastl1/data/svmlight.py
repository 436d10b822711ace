"""Reader of svmlight / libsvm text: ``label index:value index:value … # comment``.

A block of lines is checked by a regular expression and converted by NumPy in one call.
Only a block that looks unusual is read line by line, which also finds the line to name
in an error.
"""

import re
import warnings
from itertools import count

import numpy as np

from fastl1.exceptions import DataError

BLOCK = 1 << 24
_COMMENT = re.compile(rb"#[^\n]*")
# a token without colon after the label, a token with two, a label with one
_UNUSUAL = re.compile(rb"(?m)[ \t][^\s:]+(?=\s|\Z)|:[^\s:]*:|^[^\s:]*:|^[ \t]|qid:")


def read_svmlight(stream, source, *, zero_based=None, n_features=None):
    """Read svmlight text as a sparse matrix.

    Parameters
    ----------
    stream : binary file object
    source : str
        Name of the file, for errors.
    zero_based : bool, optional
        Whether indices count from 0; default: only if index 0 occurs.
    n_features : int, optional
        Features to keep, later ones are dropped; default all.

    Returns
    -------
    X : scipy.sparse.csr_array of shape (n, p), float64
    y : ndarray of shape (n,)
    info : dict
        "zero_based" (bool) and "dropped" (entries beyond `n_features`).

    Raises
    ------
    DataError
        Names the line: text that is not a number, a missing colon, a negative,
        fractional or repeated index.
    """
    import scipy.sparse

    parts, line = [], 1
    for block in _blocks(stream):
        parts.append(_parse_block(block, line, source))
        line += block.count(b"\n")
    labels, counts, indices, values, lines = (
        np.concatenate([part[k] for part in parts]) if parts else np.empty(0)
        for k in range(5)
    )
    if not len(labels):
        raise DataError(f"{source}: the file is empty")
    bad = (indices < 0) | (indices != np.floor(indices)) | (indices >= 2**31)
    if bad.any():
        at, row = _place(bad, counts)
        raise DataError(
            f"{source}, line {lines[row]}: index {indices[at]:g} is not an integer "
            f"between 0 and 2147483647"
        )
    indices = indices.astype(np.int64)
    if zero_based is None:
        zero_based = bool(len(indices)) and int(indices.min()) == 0
    if not zero_based:
        indices -= 1
        if len(indices) and indices.min() < 0:
            at, row = _place(indices < 0, counts)
            raise DataError(
                f"{source}, line {lines[row]}: index 0, but they start at 1"
            )
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    width = n_features or (int(indices.max()) + 1 if len(indices) else 1)
    rows = np.repeat(np.arange(len(labels)), counts.astype(np.int64))
    order = _order(rows, indices)
    if order is not None:
        indices, values = indices[order], values[order]
    again = (np.diff(indices) == 0) & (np.diff(rows) == 0)
    if again.any():
        at = int(np.argmax(again))
        raise DataError(
            f"{source}, line {lines[rows[at]]}: index "
            f"{indices[at] + (not zero_based)} occurs twice"
        )
    keep = indices < width
    dropped = len(keep) - np.count_nonzero(keep)
    if dropped:
        indices, values = indices[keep], values[keep]
        kept_per_row = np.bincount(rows[keep], minlength=len(labels))
        indptr = np.concatenate([[0], np.cumsum(kept_per_row)])
    X = scipy.sparse.csr_array((values, indices, indptr), shape=(len(labels), width))
    return X, labels, {"zero_based": zero_based, "dropped": int(dropped)}


def _blocks(stream):
    """Blocks of whole lines."""
    rest = b""
    while chunk := stream.read(BLOCK):
        text = rest + chunk
        cut = text.rfind(b"\n") + 1
        rest = text[cut:]
        if cut:
            yield text[:cut]
    if rest:
        yield rest


def _parse_block(block, first_line, source):
    text = _COMMENT.sub(b"", block) if b"#" in block else block
    if _UNUSUAL.search(text) is None:
        lines = text.split(b"\n")
        counts = np.array([line.count(b":") for line in lines], np.int64)
        full = np.array([bool(line.strip()) for line in lines], bool)
        numbers = _numbers(text.replace(b":", b" "))
        starts = np.cumsum(np.where(full, 1 + 2 * counts, 0))
        if numbers is not None and len(numbers) == starts[-1]:
            is_label = np.zeros(len(numbers), bool)
            is_label[(starts - 1 - 2 * counts)[full]] = True
            pairs = numbers[~is_label]
            where = np.flatnonzero(full) + first_line
            return numbers[is_label], counts[full], pairs[::2], pairs[1::2], where
    return _parse_lines(text, first_line, source)


def _numbers(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # text that is no number
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _parse_lines(text, first_line, source):
    labels, counts, indices, values, where = [], [], [], [], []
    for number, line in zip(count(first_line), text.split(b"\n"), strict=False):
        tokens = line.decode("utf-8", "replace").split()
        if not tokens:
            continue
        label, *tokens = tokens
        tokens = [token for token in tokens if not token.startswith("qid:")]
        try:
            labels.append(float(label))
        except ValueError:
            raise DataError(
                f"{source}, line {number}: label {label!r} is not a number"
            ) from None
        for token in tokens:
            index, colon, value = token.partition(":")
            try:
                indices.append(int(index))
                values.append(float(value))
            except ValueError:
                raise DataError(
                    f"{source}, line {number}: {token!r} is not index:value"
                ) from None
        counts.append(len(tokens))
        where.append(number)
    return (
        np.array(labels, np.float64),
        np.array(counts, np.int64),
        np.array(indices, np.float64),
        np.array(values, np.float64),
        np.array(where, np.int64),
    )


def _order(rows, indices):
    """Order that sorts each row's indices, or None if they are sorted."""
    falling = (np.diff(indices) < 0) & (np.diff(rows) == 0)
    return np.lexsort((indices, rows)) if falling.any() else None


def _place(mask, counts):
    """First entry in `mask` and its row."""
    at = int(np.argmax(mask))
    return at, int(np.searchsorted(np.cumsum(counts), at, "right"))
