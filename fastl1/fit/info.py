"""What results tell of how they came about: dicts whose keys are attributes as well.

``result.info["tol"]`` and ``result.info.tol`` are the same.  A key that a fit has no
use for is absent, and its attribute None.  Pickles hold plain dicts, which know nothing
of the classes here; a result that is loaded makes these of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from fastl1.penalty.penalties import Penalty

T = TypeVar("T", bound="Info")


class Info(dict[str, Any]):
    """A dict with attributes; subclasses are dataclasses that say which there are."""

    def __getattribute__(self, name: str) -> Any:
        # The dict comes first: what it lacks is the default of the class, None.
        if name in self:
            return self[name]
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if value is None:
            self.pop(name, None)
        else:
            self[name] = value

    def __reduce__(self) -> Any:
        return dict, (dict(self),)

    @classmethod
    def of(cls: type[T], items: Mapping[str, Any]) -> T:
        """The same items, among which there may be some that the class does not name:
        results of other versions have those."""
        info = cls.__new__(cls)
        info.update(items)
        return info


@dataclass(repr=False, eq=False)
class RunInfo(Info):
    """How a fit went.

    Attributes
    ----------
    stopped : str
        Why it ended: "end" of what there was to do, "callback", "interrupted" by
        Ctrl-C, or, of a path, "max_features".
    seconds : float
        Wall time.
    tol : float
        Relative duality gap that was asked for.
    max_iter : int
        Outer iterations that were allowed.
    n_threads : int
    isa : str
        Instruction-set level of the kernels.
    """

    stopped: str = None
    seconds: float = None
    tol: float = None
    max_iter: int = None
    n_threads: int = None
    isa: str = None


@dataclass(repr=False, eq=False)
class PathInfo(RunInfo):
    """How a path went.

    Attributes
    ----------
    stopped, seconds, tol, max_iter, n_threads, isa
        As in `RunInfo`: why it ended ("end", "max_features", "callback",
        "interrupted"), wall time, tolerance and limit of each alpha, threads, level.
    l1_ratio : float
    penalty : Penalty
        Where it is another than `L1(l1_ratio)`.
    fit_intercept, standardize : bool
    alpha_max : float
        The least alpha at which every penalized coefficient is 0; nan for l1_ratio 0.
    null_objective : float
        P(0), the loss at zero coefficients and the best intercept: gaps are relative
        to it.
    separated : bool
        Whether coefficients without a penalty grow without limit.
    n_failed : int
        Models that a numerical failure ended.
    loss_left : dict of int to float
        The share of the null model's loss that each model which missed the tolerance
        leaves.
    certificate : str
        What judges the models: "gap", the duality gap, or "stationarity", for a loss of
        the user's own without a conjugate.
    stationarity : ndarray (K,)
        The largest distance of a column's correlation from where optimality wants it,
        of such a loss, in units of alpha_max.
    regime, regime_reason : str
        How the working set of the last alpha was minimized ("gram", "residual",
        "interior", or "none": the gap was met at once) and why.
    regimes : dict of str to int
        Alphas of each "regime: reason".
    n_epochs, n_newton, n_column_products, n_full_passes, n_gram_columns : int
        Sweeps over the working set, Newton steps, products of columns with a vector,
        passes over X, columns of Gram matrices that were computed.
    work : int
        Multiplications, about.
    working_set : int
        Size of the last working set.
    n_models, n_cycles, n_cg : int
        Of the multinomial loss: quadratic models, cycles over the classes, steps of
        conjugate gradients.
    penalty_factor : ndarray (p,)
        Of `adaptive_path`: the factors of the second fit.
    initial_alpha : float or None
        Of `adaptive_path`: the alpha of the first fit.
    gamma : float
        Of `RelaxedResult`: the share of the penalized path in the blend.
    n_refits : int
        Of `relaxed_path`: different supports.
    """

    l1_ratio: float = None
    penalty: Penalty = None
    fit_intercept: bool = None
    standardize: bool = None
    alpha_max: float = None
    null_objective: float = None
    separated: bool = None
    n_failed: int = None
    loss_left: dict[int, float] = None
    certificate: str = None
    stationarity: np.ndarray = None
    regime: str = None
    regime_reason: str = None
    regimes: dict[str, int] = None
    n_epochs: int = None
    n_newton: int = None
    n_column_products: int = None
    n_full_passes: int = None
    n_gram_columns: int = None
    work: int = None
    working_set: int = None
    n_models: int = None
    n_cycles: int = None
    n_cg: int = None
    penalty_factor: np.ndarray = None
    initial_alpha: float = None
    gamma: float = None
    n_refits: int = None


@dataclass(repr=False, eq=False)
class ManyInfo(RunInfo):
    """How the fits of `fit_many` went, counters summed over targets.

    Attributes
    ----------
    stopped, seconds, tol, max_iter, n_threads, isa
        As in `RunInfo`: why it ended ("end", "callback", "interrupted"), wall time,
        tolerance and limit of each target, threads, level.
    regime : str
        "gram" (the Gram matrix of all columns was shared), "products" (X was read by
        matrix products with all residuals) or "each" (one by one: cox and multinomial,
        without counters).
    n_epochs, n_newton, n_column_products, n_full_passes, n_gram_columns : int
        As in `PathInfo`.
    n_rounds : int
        Passes over X for all targets in work.
    """

    regime: str = None
    n_epochs: int = None
    n_newton: int = None
    n_column_products: int = None
    n_full_passes: int = None
    n_gram_columns: int = None
    n_rounds: int = None


@dataclass(repr=False, eq=False)
class RaggedInfo(RunInfo):
    """How the fits of `fit_ragged` went.

    Attributes
    ----------
    stopped, seconds, tol, max_iter, n_threads, isa
        As in `RunInfo`: why it ended ("end", "callback", "interrupted"), wall time,
        tolerance and limit of each problem, threads, level.
    n_small : int
        Problems that were solved on a Gram matrix of all columns.
    """

    n_small: int = None


@dataclass(repr=False, eq=False)
class DrawsInfo(Info):
    """How the fits of a resampling went.

    Attributes
    ----------
    stopped : str
        Why it ended: "end", "callback" or "interrupted" by Ctrl-C.
    n_failed : int
        Models above `tol`.
    bytes : int
        Of `bootstrap_path`: what the draws took.
    n_subsamples : int
        Of `stability_selection`: subsamples done.
    fraction : float
        Share of the rows in a subsample.
    n_rows : int
        Rows of a subsample.
    """

    stopped: str = None
    n_failed: int = None
    bytes: int = None
    n_subsamples: int = None
    fraction: float = None
    n_rows: int = None


class HasInfo:
    """A result whose `info` becomes an object of its class's, wherever it comes from:
    ``class Result(HasInfo, info=RunInfo)``."""

    info: Any
    _info: ClassVar[type[Info]]

    def __init_subclass__(cls, *, info: type[Info] | None = None) -> None:
        if info is not None:
            cls._info = info

    def __post_init__(self) -> None:
        self.info = self._info.of(self.info)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.info = self._info.of(self.info)
