from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import disjoint_base

from fastl1.kernels.design._moments import Moments
from fastl1.problem.matrix import CSC

@disjoint_base
class Solver:
    def __init__(
        self,
        X: NDArray[Any] | CSC,
        y: NDArray[np.float64],
        *,
        loss: str,
        l1_ratio: float,
        penalty_factor: NDArray[np.float64] | None,
        lower: NDArray[np.float64] | None,
        upper: NDArray[np.float64] | None,
        fit_intercept: bool,
        standardize: bool,
        sample_weight: NDArray[np.float64] | None,
        offset: NDArray[np.float64] | None,
        n_threads: int | None,
        loss_params: Mapping[str, Any] | None = None,
        groups: NDArray[np.intp] | None = None,
        l2: float = 0.0,
        moments: Moments | None = None,
        check: Callable[[], None] | None = None,
    ) -> None: ...
    def expect(self, alpha: float) -> None: ...
    @property
    def alpha_max(self) -> float: ...
    @property
    def separated(self) -> bool: ...
    @property
    def null_objective(self) -> float: ...
    @property
    def gap(self) -> float: ...
    @property
    def n_iter(self) -> int: ...
    @property
    def coef(self) -> NDArray[np.float64]: ...
    @property
    def intercept(self) -> float: ...
    def solve(self, alpha: float, tol: float, max_iter: int) -> int: ...
    def certify(self, alpha: float) -> float: ...
    def objective(self, alpha: float) -> float: ...
    def curvatures(self) -> NDArray[np.float64]: ...
    def set_coef(self, coef: ArrayLike, intercept: float) -> None: ...
    def sparse_coef(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
    @property
    def regime(self) -> tuple[str, str]: ...
    force_regime: int
    def counters(self) -> dict[str, Any]: ...
