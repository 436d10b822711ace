from typing import Any

class OwnLoss:
    error: BaseException | None
    watch: Any
    def __init__(self, loss: Any) -> None: ...
    def check(self) -> None: ...
