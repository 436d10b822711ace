"""Load a model and predict, for cold starts: imports numpy, and of fastl1 the least.

    >>> from fastl1.runtime import load
    >>> load("model.fl1").predict(X)                        # doctest: +SKIP
    >>> score = load("model.fl1").predictor()               # doctest: +SKIP
    >>> score(indices, values)                              # doctest: +SKIP

`Model` predicts and explains as `SparseModel` does, and has nothing else.
"""

import os
from typing import Any

from fastl1.artifact.content import decode, encode, read
from fastl1.infer.inference import Inference


class Model(Inference):
    """A model for serving: `predict` and its kin, `predictor` and `explain`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return (
            f"<Model: {len(self.features)} of {self.n_features} features, "
            f"link={self.link!r}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (encode(self.content),)


def _unpickle(data: bytes) -> Model:
    return Model._of_content(decode(data))


def load(path: str | os.PathLike[str]) -> Model:
    """Read a ``.fl1`` file.  Executes no code from it.

    Parameters
    ----------
    path : str or path-like
        File that `SparseModel.save` wrote.

    Returns
    -------
    Model

    Raises
    ------
    OSError
        The file cannot be read.
    ModelFileError
        Not a model, truncated, altered, or of a later schema.  A ValueError.
    """
    return Model._of_content(read(path), os.fspath(path))
