"""Integers in few bytes, as the ``.fl1`` file holds them: increasing places, 4 bits."""

import numpy as np

MAX_PLACE = 2**62


def encode_gaps(places: np.ndarray) -> np.ndarray:
    """Variable-length form, uint8, of strictly increasing places (int64, >= 0)."""
    gaps = np.diff(places, prepend=-1) - 1
    parts, present = [gaps & 127], [np.ones(len(gaps), bool)]
    rest = gaps >> 7
    while rest.any():
        parts.append(rest & 127)
        present.append(rest > 0)
        rest = rest >> 7
    table = np.stack(parts, axis=1).astype(np.uint8)
    kept = np.stack(present, axis=1)
    table[:, :-1][kept[:, 1:]] |= 128
    return table[kept]


def decode_gaps(raw: np.ndarray) -> np.ndarray:
    """Places, int64, from what `encode_gaps` made.

    Raises
    ------
    ValueError
        Not such bytes: they end inside an integer, are not the shortest form, or lead
        beyond 2**62.
    """
    if raw.dtype != np.uint8 or raw.ndim != 1:
        raise ValueError("gaps must be bytes")
    last = raw < 128
    if not len(raw):
        return np.zeros(0, np.int64)
    if last.all():
        gaps = raw.astype(np.int64)
    else:
        if not last[-1]:
            raise ValueError("gaps end inside an integer")
        ends = np.flatnonzero(last)
        starts = np.append(0, ends[:-1] + 1)
        lengths = ends - starts + 1
        if lengths.max() > 9 or (raw[ends[lengths > 1]] == 0).any():
            raise ValueError("gaps are malformed")
        shift = 7 * (np.arange(len(raw)) - np.repeat(starts, lengths))
        gaps = np.add.reduceat((raw & 127).astype(np.int64) << shift, starts)
    if gaps.sum(dtype=np.float64) + len(gaps) > MAX_PLACE:
        raise ValueError("gaps lead out of range")
    gaps[1:] += 1
    return np.cumsum(gaps)


def pack_nibbles(codes: np.ndarray) -> np.ndarray:
    """Two int8 codes of 4 bits to a byte, uint8, the low nibble first."""
    nibbles = np.zeros(len(codes) + len(codes) % 2, np.uint8)
    nibbles[: len(codes)] = codes & 15
    return nibbles[::2] | (nibbles[1::2] << 4)


def unpack_nibbles(raw: np.ndarray, count: int) -> np.ndarray:
    """int8 codes from what `pack_nibbles` made of `count` of them.

    Raises
    ------
    ValueError
        Not such bytes.
    """
    if raw.dtype != np.uint8 or raw.shape != ((count + 1) // 2,):
        raise ValueError(f"{count} places, but {raw.shape} bytes of 4-bit values")
    nibbles = np.stack([raw & 15, raw >> 4], axis=1).ravel()
    if nibbles[count:].any():
        raise ValueError("the last 4-bit value is not empty")
    codes = nibbles[:count].astype(np.int8)
    return np.where(codes > 7, codes - 16, codes).astype(np.int8)
