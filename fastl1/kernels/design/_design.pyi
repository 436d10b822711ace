from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

class _Columns(Protocol):
    """Sparse X as the kernels read it: columns one after another, as in CSC."""

    @property
    def data(self) -> NDArray[Any]: ...
    @property
    def indices(self) -> NDArray[Any]: ...
    @property
    def indptr(self) -> NDArray[np.int64]: ...
    @property
    def shape(self) -> tuple[int, int]: ...
