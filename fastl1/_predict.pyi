from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

class Scorer:
    features: NDArray[np.int64]
    intercept: Floats
    n_features: int
    n_outputs: int
    @property
    def nbytes(self) -> int: ...
    def __init__(
        self,
        n_features: int,
        features: NDArray[Any],
        indptr: NDArray[Any],
        outputs: NDArray[Any],
        values: NDArray[Any],
        intercept: NDArray[Any],
    ) -> None: ...
    def csr(
        self,
        indptr: NDArray[Any],
        indices: NDArray[Any],
        data: NDArray[Any],
        out: Floats,
        n_threads: int | None = None,
    ) -> None: ...
    def csc(
        self,
        indptr: NDArray[Any],
        indices: NDArray[Any],
        data: NDArray[Any],
        out: Floats,
        n_threads: int | None = None,
    ) -> None: ...
    def dense(
        self, X: NDArray[Any], out: Floats, n_threads: int | None = None
    ) -> None: ...
    def columns(
        self,
        arrays: list[NDArray[Any]],
        n: int,
        out: Floats,
        n_threads: int | None = None,
    ) -> None: ...

def total(eta: Floats) -> float: ...
def link_values(
    link: str, eta: Floats, out: Floats, n_threads: int | None = None
) -> None: ...
