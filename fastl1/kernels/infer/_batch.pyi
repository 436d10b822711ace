from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

_Floats = NDArray[np.float64]

@disjoint_base
class Scorer:
    features: NDArray[np.int64]
    intercept: _Floats
    n_features: int
    n_outputs: int
    @property
    def nbytes(self) -> int: ...
    def __init__(
        self,
        n_features: int,
        features: NDArray[Any],
        indptr: NDArray[Any] | None,
        outputs: NDArray[Any] | None,
        values: NDArray[Any],
        intercept: NDArray[Any],
    ) -> None: ...
    def csr(
        self,
        indptr: NDArray[Any],
        indices: NDArray[Any],
        data: NDArray[Any],
        out: _Floats,
        n_threads: int | None = None,
    ) -> None: ...
    def csc(
        self,
        indptr: NDArray[Any],
        indices: NDArray[Any],
        data: NDArray[Any],
        out: _Floats,
        n_threads: int | None = None,
    ) -> None: ...
    def dense(
        self, X: NDArray[Any], out: _Floats, n_threads: int | None = None
    ) -> None: ...
    def columns(
        self,
        arrays: list[NDArray[Any]],
        n: int,
        out: _Floats,
        n_threads: int | None = None,
    ) -> None: ...

def total(eta: _Floats) -> float: ...
def link_values(
    link: str, eta: _Floats, out: _Floats, n_threads: int | None = None
) -> None: ...
