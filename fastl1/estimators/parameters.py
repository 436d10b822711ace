"""Constructors of estimators, from the parameters that a class lists.

scikit-learn wants a constructor that takes every parameter by name and does nothing
but keep it.  `parameters` writes it, so that a class says each parameter once.
"""

import dataclasses
import inspect
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(
    kw_only_default=True, eq_default=False, field_specifiers=(dataclasses.field,)
)
def parameters(cls: type[T]) -> type[T]:
    """Decorate an estimator: annotated names are the parameters of its constructor.

    The names that the class lists itself come first, in its order, then those that it
    inherits from decorated classes.  They are taken by keyword; one that is declared
    with ``field(kw_only=False)`` may be given by position, and one with
    ``field(init=False)`` is a constant and no parameter.  What the class lists is what
    scikit-learn has under the same name, in scikit-learn's order; it inherits what
    fastl1 adds.

    The constructor is a plain function with a signature: `inspect`, `get_params` and
    `clone` read it.  Type checkers read the names as those of a dataclass.  A default
    stays an attribute of the class too: an estimator that an earlier version pickled
    has the parameters that came later.

    Parameters
    ----------
    cls : class
        Each annotated name has a default, as the constructor shows it, or is required.

    Returns
    -------
    The same class.

    Raises
    ------
    TypeError
        If a required parameter comes after one that has a default.
    """
    own = {
        name: (kind, vars(cls).get(name, dataclasses.MISSING))
        for name, kind in inspect.get_annotations(cls).items()
    }
    for name, (_, default) in own.items():
        if isinstance(default, dataclasses.Field):
            if default.default is dataclasses.MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, default.default)
    listed: dict[str, tuple[Any, Any]] = dict(own)
    for base in cls.__mro__[1:]:
        for name, parameter in vars(base).get("_parameters", {}).items():
            listed.setdefault(name, parameter)
    made = dataclasses.make_dataclass(
        cls.__name__,
        [
            (name, kind) if default is dataclasses.MISSING else (name, kind, default)
            for name, (kind, default) in listed.items()
        ],
        kw_only=True,
        eq=False,
        repr=False,
    )
    init = vars(made)["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    cls.__init__ = init  # type: ignore[method-assign]
    cls._parameters = own  # type: ignore[attr-defined]
    return cls
