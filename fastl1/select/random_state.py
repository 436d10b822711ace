"""`random_state`: what a caller may give, and the random streams made of it."""

import warnings
from typing import Any

import numpy as np

Seed = int | np.random.Generator | np.random.SeedSequence | None


def seed_sequence(random_state: Seed) -> np.random.SeedSequence:
    """The root of all random streams of a call.

    Parameters
    ----------
    random_state : int, numpy Generator or SeedSequence, or None
        None is another sequence each time, and so is a Generator, which is drawn from.

    Raises
    ------
    TypeError, ValueError
        It is none of these, or a negative number.
    """
    if isinstance(random_state, np.random.SeedSequence):
        return random_state
    if isinstance(random_state, np.random.Generator):
        return np.random.SeedSequence(random_state.integers(0, 2**63, size=2).tolist())
    if random_state is None:
        return np.random.SeedSequence()
    if isinstance(random_state, (bool, np.bool_)) or not isinstance(
        random_state, (int, np.integer)
    ):
        raise TypeError(
            "random_state must be an int, a numpy Generator or SeedSequence, or None; "
            f"got {random_state!r}"
        )
    if random_state < 0:
        raise ValueError(f"random_state must be at least 0, got {random_state}")
    return np.random.SeedSequence(int(random_state))


def stream(
    root: np.random.SeedSequence, purpose: int, number: int
) -> np.random.Generator:
    """The random stream of one draw for one purpose."""
    key = (*root.spawn_key, purpose, number)
    return np.random.default_rng(
        np.random.SeedSequence(root.entropy, spawn_key=key, pool_size=root.pool_size)
    )


def from_seed(seed: Any, random_state: Seed, shuffle: bool) -> tuple[Seed, bool]:
    """(random_state, shuffle), of which `seed` was the name in 0.1.0.

    Warns
    -----
    FutureWarning
        `seed` is given.
    """
    if isinstance(seed, str) and seed == "deprecated":
        return random_state, shuffle
    instead = "shuffle=False" if seed is None else f"random_state={seed!r}"
    warnings.warn(
        f"seed is the former name of random_state and goes with 1.0; instead of "
        f"seed={seed!r} pass {instead}",
        FutureWarning,
        stacklevel=3,
    )
    return (random_state, False) if seed is None else (seed, shuffle)
