from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastl1.kernels.design._design import _Columns

@disjoint_base
class Batch:
    def __init__(
        self,
        X: NDArray[Any] | _Columns,
        Y: NDArray[np.float64],
        alphas: NDArray[np.float64],
        *,
        relative: bool,
        loss: str,
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
        start: tuple[Any, ...] | None,
        n_threads: int,
        memory: int,
        loss_params: dict[str, float] | None = None,
    ) -> None: ...
    arrays: dict[str, NDArray[Any]]
    counters: dict[str, int]
    @property
    def shares_gram(self) -> bool: ...
    def run(self, report: Callable[[int], Any] | None = None) -> str: ...
    def result(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]: ...
