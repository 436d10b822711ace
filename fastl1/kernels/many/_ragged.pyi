from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

@disjoint_base
class Stack:
    def __init__(
        self,
        X: NDArray[Any] | tuple[Any, ...],
        y: NDArray[np.float64],
        rows: NDArray[np.int64],
        alphas: NDArray[np.float64],
        *,
        relative: bool,
        loss: str,
        loss_params: dict[str, float],
        labels: bool,
        l1_ratio: float,
        penalty_factor: NDArray[np.float64] | None,
        lower: NDArray[np.float64] | None,
        upper: NDArray[np.float64] | None,
        fit_intercept: bool,
        standardize: bool,
        sample_weight: NDArray[np.float64] | None,
        offset: NDArray[np.float64] | None,
        tol: float,
        max_iter: int,
        start: tuple[NDArray[np.float64], NDArray[np.float64] | None] | None,
        status: NDArray[np.int8],
        n_threads: int,
    ) -> None: ...
    arrays: dict[str, NDArray[Any]]
    @property
    def n_small(self) -> int: ...
    def solve(self, report: Callable[[int], Any] | None = None) -> str: ...
