"""Imports of optional packages, with an error that says what to install."""

import importlib
from types import ModuleType


def require(module: str, *, extra: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    Parameters
    ----------
    module : str
        Dotted name of the module, such as ``"pyarrow.csv"``.
    extra : str
        Extra of the fastl1 distribution that installs it.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        The package is absent; the message names the extra.  An import error from inside
        an installed package is passed on as it is.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ImportError(
            f"this needs the package {package!r}, which is not installed; "
            f'run: pip install "fastl1[{extra}]"'
        ) from error
