"""A small table of houses with a bit of everything, and what a fit makes of it."""

import numpy as np

from fastl1.workflow.prepare import prepare_data
from fastl1.workflow.settings import Columns, LossChoice, Roles
from fastl1.workflow.source import Source

N = 240


def table(seed=0):
    """Columns of a small data set: numbers with gaps, text, booleans, two targets."""
    rng = np.random.default_rng(seed)
    size = rng.normal(100, 20, N).round(1)
    rooms = rng.integers(1, 7, N)
    town = np.array(["Aarhus", "Bergen", "Cork"])[rng.integers(0, 3, N)]
    garden = rng.random(N) < 0.4
    noise = rng.normal(size=(N, 4)).round(3)
    price = 3 * size + 20 * garden + 40 * (town == "Cork") + rng.normal(0, 5, N)
    return {
        "size": [None if k % 20 == 7 else float(v) for k, v in enumerate(size)],
        "rooms": rooms.tolist(),
        "town": town.tolist(),
        "garden": garden.tolist(),
        **{f"noise{k}": noise[:, k].tolist() for k in range(4)},
        "price": price.round(2).tolist(),
        "dear": np.where(price > np.median(price), "yes", "no").tolist(),
    }


def csv_text(columns, sep=","):
    def cell(value):
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    rows = zip(*columns.values(), strict=True)
    lines = [sep.join(columns), *(sep.join(map(cell, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def prepared(data, *, drop=(), **given):
    """The data of a fit to a file or a table, with some of its arguments."""
    of_loss = LossChoice.__dataclass_fields__.keys() & given.keys()
    choice = LossChoice(**{name: given.pop(name) for name in of_loss})
    return prepare_data(Source(data), Roles(**given), Columns(tuple(drop)), choice)
