from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

isa: str
MAX_ABS: float

def resolve_threads(n_threads: int | None) -> int: ...
def stop_with(event: Event) -> None: ...
def in_pool() -> bool: ...
def soft_threshold(
    x: NDArray[Any], t: float, out: NDArray[Any], n_threads: int = 1
) -> None: ...
def loss_traits(loss: int) -> dict[str, Any]: ...
def evaluate_loss(
    loss: int,
    y: NDArray[np.float64],
    eta: NDArray[np.float64],
    s: NDArray[np.float64],
    *,
    dual: NDArray[np.float64] | None = None,
    kappa: float = 1.0,
    **params: float,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]: ...
def evaluate_softmax(
    label: NDArray[np.int32],
    eta: NDArray[np.float64],
    s: NDArray[np.float64],
    kappa: float = 1.0,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]: ...
def config() -> dict[str, Any]: ...
