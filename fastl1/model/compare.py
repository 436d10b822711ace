"""What has changed between two models."""

from typing import Any, NamedTuple

import numpy as np


class Change(NamedTuple):
    """A coefficient in both models' eyes; 0 where a model does not have it."""

    feature: str | int
    output: Any
    before: float
    after: float


class ModelDiff:
    """The coefficients that differ between two models; made by `SparseModel.diff`.

    Attributes
    ----------
    came, went, flipped, moved : list of Change
        Coefficients that only the second model has, that only the first has, that have
        changed sign, and that have changed otherwise; largest change first.
    same : int
        Number of coefficients that are equal in both.
    intercepts : list of Change
        Intercepts that differ.
    by : {"name", "index"}
        What features were matched by.
    facts : dict of str to (before, after)
        Loss, link, classes, precision, number of features, …, where they differ.
    """

    __slots__ = (
        "by",
        "came",
        "facts",
        "flipped",
        "intercepts",
        "moved",
        "same",
        "went",
    )

    def __init__(self, by: str) -> None:
        self.by = by
        self.came: list[Change] = []
        self.went: list[Change] = []
        self.flipped: list[Change] = []
        self.moved: list[Change] = []
        self.same = 0
        self.intercepts: list[Change] = []
        self.facts: dict[str, tuple[Any, Any]] = {}

    def __bool__(self) -> bool:
        changes = self.came, self.went, self.flipped, self.moved, self.intercepts
        return any(map(len, changes)) or bool(self.facts)

    def largest(self, count: int = 10) -> list[Change]:
        """The largest changes of all, by magnitude."""
        every = [*self.came, *self.went, *self.flipped, *self.moved]
        return _by_size(every)[:count]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types."""
        lists = ("came", "went", "flipped", "moved", "intercepts")
        return {
            "by": self.by,
            "same": self.same,
            "facts": {name: list(pair) for name, pair in self.facts.items()},
            **{key: [c._asdict() for c in getattr(self, key)] for key in lists},
        }

    def __repr__(self) -> str:
        return (
            f"<ModelDiff by {self.by}: {len(self.came)} came, {len(self.went)} went, "
            f"{len(self.flipped)} changed sign, {len(self.moved)} moved, "
            f"{self.same} equal>"
        )


def compare(before: Any, after: Any, by: str = "auto") -> ModelDiff:
    """From one `SparseModel` to another; see its `diff`."""
    if by not in ("auto", "name", "index"):
        raise ValueError(f'by must be "auto", "name" or "index"; got {by!r}')
    if by == "auto":
        by = "name" if before.has_names and after.has_names else "index"
    elif by == "name" and not (before.has_names and after.has_names):
        raise ValueError("by='name': a model does not know the names of its features")
    if by == "index" and before.n_features != after.n_features:
        raise ValueError(
            f"the models have {before.n_features} and {after.n_features} features, "
            "and at least one does not know their names: they cannot be matched"
        )
    diff = ModelDiff(by)
    old, new = _coefficients(before, by), _coefficients(after, by)
    for key in old.keys() | new.keys():
        feature, output = key
        change = Change(feature, output, old.get(key, 0.0), new.get(key, 0.0))
        if change.before == change.after:
            diff.same += 1
        elif change.before == 0:
            diff.came.append(change)
        elif change.after == 0:
            diff.went.append(change)
        elif (change.before > 0) != (change.after > 0):
            diff.flipped.append(change)
        else:
            diff.moved.append(change)
    for name in ("came", "went", "flipped", "moved"):
        setattr(diff, name, _by_size(getattr(diff, name)))
    _compare_facts(diff, before, after)
    return diff


def _compare_facts(diff, before, after):
    old, new = _intercepts(before), _intercepts(after)
    for output in [*old, *(key for key in new if key not in old)]:
        pair = old.get(output, 0.0), new.get(output, 0.0)
        if pair[0] != pair[1]:
            diff.intercepts.append(Change("(intercept)", output, *pair))
    for name in ("link", "classes", "precision", "n_features", "n_outputs"):
        pair = tuple(
            value.tolist() if isinstance(value, np.ndarray) else value
            for value in (getattr(before, name), getattr(after, name))
        )
        if pair[0] != pair[1]:
            diff.facts[name] = pair
    for name in ("loss", "loss_params", "exposure", "offset"):
        pair = before.metadata.get(name), after.metadata.get(name)
        if pair[0] != pair[1]:
            diff.facts[name] = pair


def _coefficients(model, by):
    weights = model.weights
    slots = model.kept_names() if by == "name" else model.features.tolist()
    labels = model.output_labels()
    slot = np.repeat(np.arange(len(slots)), np.diff(weights.indptr)).tolist()
    return {
        (slots[k], labels[output]): value
        for k, output, value in zip(
            slot, weights.outputs.tolist(), model.values.tolist(), strict=True
        )
    }


def _intercepts(model):
    values = np.atleast_1d(model.intercept).tolist()
    return dict(zip(model.output_labels(), values, strict=True))


def _by_size(changes):
    return sorted(
        changes, key=lambda c: (-abs(c.after - c.before), str(c.feature), str(c.output))
    )
