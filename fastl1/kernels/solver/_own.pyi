from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class OwnLoss:
    error: BaseException | None
    watch: Any
    def __init__(self, loss: Any) -> None: ...
    def check(self) -> None: ...
