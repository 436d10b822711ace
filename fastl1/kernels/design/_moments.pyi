from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

@disjoint_base
class Moments:
    weight: float
    size: int
    def __init__(self, size: int) -> None: ...
    def join(self, other: Moments, times: float = 1.0) -> None: ...
    def squared_error(
        self,
        columns: NDArray[Any],
        coefs: NDArray[Any],
        intercepts: NDArray[np.float64],
    ) -> NDArray[np.float64]: ...

def of_blocks(
    X: NDArray[Any],
    y: NDArray[np.float64],
    s: NDArray[np.float64],
    rows: NDArray[np.intp],
    ends: NDArray[np.intp],
    scratch: NDArray[np.float64] | None = None,
) -> list[Moments]: ...
