from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import disjoint_base

from fastl1.kernels.infer._batch import Scorer

@disjoint_base
class NameMap:
    def __init__(self, names: Sequence[str]) -> None: ...
    def names(self) -> list[str]: ...
    def eta(
        self,
        scorer: Scorer,
        rows: Sequence[Mapping[str, Any]],
        out: NDArray[np.float64],
    ) -> None: ...

@disjoint_base
class Predictor:
    type: str
    def __init__(self, model: Any, type: str = "response") -> None: ...
    def __call__(self, row: Any, values: ArrayLike | None = None) -> Any: ...
