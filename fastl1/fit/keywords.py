"""The keywords of problems and of paths, once: types, defaults and descriptions.

A public function takes some of them as ``**keywords: Unpack[PathKeywords]``, which is
what type checkers read; `spelled_out` writes them into its signature and docstring, and
`split_keywords` checks what a caller gave and fills in the defaults.  What a keyword
means is decided by `check_problem` and `solve_path`.

To add a keyword to all functions that take a problem: an entry of `SharedKeywords`, and
what `check_problem` does with it.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    TypedDict,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from numpy.typing import ArrayLike

from fastl1.fit.status import MAX_ITER
from fastl1.loss.losses import Loss
from fastl1.penalty.penalties import Penalty, both_given

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Keyword:
    """Default of a keyword, and its entry in numpydoc's Parameters: the type on the
    first line, then what it means."""

    default: Any
    text: str


class LossKeywords(TypedDict, total=False):
    """The loss, where it is not that of a fit that was made before."""

    loss: Annotated[
        str | Loss,
        Keyword(
            "squared",
            """str or Loss
            Half the unit deviance, of eta = x.w + b + offset: "squared", "huber" and
            "quantile" of real y; "poisson", "gamma" and "tweedie" of y >= 0 with mean
            exp(eta) (an exposure e is ``offset=log(e)``); "logistic", "probit",
            "cloglog" and "squared_hinge" of two labels; "multinomial" of any number,
            with a linear predictor each and a penalty on every coefficient; "cox" of
            times to an event, y being a structured array (event, time[, entry]) or such
            columns.  Parameters go with an object, such as ``fastl1.Tweedie(1.5)``,
            ``Cox("efron")``, ``Huber(delta)`` or ``Quantile(q)``, whose docstrings
            define them.""",
        ),
    ]


class GridKeywords(TypedDict, total=False):
    """The penalties of a path."""

    alphas: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """array-like of shape (K,), optional
            Decreasing penalties >= 0; 0 is allowed as the last one.  By default
            `n_alphas` values, evenly spaced in the logarithm, from the least alpha at
            which every penalized coefficient is 0 down to `alpha_min_ratio` times
            that.""",
        ),
    ]
    n_alphas: Annotated[
        int,
        Keyword(
            100,
            """int
            Size of the default grid.""",
        ),
    ]
    alpha_min_ratio: Annotated[
        float | None,
        Keyword(
            None,
            """float in (0, 1), optional
            Last / first alpha of the default grid: by default 1e-4 if n > p, else
            1e-2.""",
        ),
    ]


class RatioKeywords(TypedDict, total=False):
    """The mixture of penalties, where it is one."""

    l1_ratio: Annotated[
        float,
        Keyword(
            1.0,
            """float in [0, 1]
            Share of the l1 penalty: 1 is the lasso; 0 is ridge, whose alphas have to be
            given.""",
        ),
    ]


class SharedKeywords(TypedDict, total=False):
    """What every function that takes a problem takes."""

    penalty: Annotated[
        Penalty | None,
        Keyword(
            None,
            """Penalty, optional
            What alpha multiplies: ``fastl1.L1(l1_ratio)``, for which the other keyword
            is short, or ``fastl1.GroupL1(groups)``, whose docstring tells what it goes
            with.""",
        ),
    ]
    penalty_factor: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """scalar or array-like of shape (p,), optional
            Used as given: 1 by default, 0 never penalizes, inf excludes the column.""",
        ),
    ]
    lower: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """scalar or array-like of shape (p,), optional
            Least values of the coefficients, at most 0, on their original scale.""",
        ),
    ]
    upper: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """scalar or array-like of shape (p,), optional
            Greatest values of the coefficients, at least 0, on their original
            scale.""",
        ),
    ]
    fit_intercept: Annotated[
        bool,
        Keyword(
            True,
            """bool
            Whether to fit b, which is not penalized.""",
        ),
    ]
    standardize: Annotated[
        bool,
        Keyword(
            False,
            """bool
            Penalize the coefficients of the columns divided by their standard deviation
            (weighted, population).  Coefficients are returned on the original scale;
            constant columns get 0.  Sparse X is not made dense.""",
        ),
    ]
    sample_weight: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """array-like of shape (n,), optional
            >= 0; 0 acts as if the row were absent.""",
        ),
    ]
    offset: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """array-like of shape (n,), optional
            A known part of the linear predictor; (n, classes) for the multinomial
            loss.""",
        ),
    ]
    n_threads: Annotated[
        int | None,
        Keyword(
            None,
            """int, optional
            By default as many as there are physical cores.  The result has the same
            bits for any number.""",
        ),
    ]
    check_input: Annotated[
        bool,
        Keyword(
            True,
            """bool
            False skips the passes over the values: only for data known to be finite,
            sparse X in sorted CSC form without duplicates, labels in {0.0, 1.0}.""",
        ),
    ]


class GroupKeywords(TypedDict, total=False):
    """What tells groups of rows apart."""

    class_weight: Annotated[
        Mapping[Any, float] | str | None,
        Keyword(
            None,
            """dict or "balanced", optional
            For losses of labels: factors on the weights of the rows, by label (1 where
            none is given), or in inverse proportion to the number of rows of each.""",
        ),
    ]
    strata: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """array-like of shape (n,), optional
            For the Cox loss: rows compare with rows of the same label only.""",
        ),
    ]


class SolverKeywords(TypedDict, total=False):
    """When a model is done."""

    tol: Annotated[
        float,
        Keyword(
            1e-6,
            """float
            Relative duality gap at which a model counts as solved.""",
        ),
    ]
    max_iter: Annotated[
        int,
        Keyword(
            MAX_ITER,
            """int
            Outer iterations for each alpha.""",
        ),
    ]


class LimitKeywords(TypedDict, total=False):
    """When a path is done."""

    max_features: Annotated[
        int | None,
        Keyword(
            None,
            """int, optional
            Stop once more features than this have a nonzero coefficient.  The model
            that went over the limit is the last one kept, as in glmnet's ``dfmax``.""",
        ),
    ]


class StartKeywords(TypedDict, total=False):
    """Where a path begins."""

    coef_init: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """array-like of shape (p,), or (p, classes) (multinomial), optional
            Where to start at the first alpha; see also `warm_start_from`.""",
        ),
    ]
    intercept_init: Annotated[
        ArrayLike | None,
        Keyword(
            None,
            """float, or array-like of shape (classes,), optional
            Goes with `coef_init`; by default that of the null model.""",
        ),
    ]


class FitKeywords(RatioKeywords, SharedKeywords, GroupKeywords, total=False):
    """What defines a problem beside X, y and the loss."""


class ProblemKeywords(LossKeywords, FitKeywords, total=False):
    """What defines a problem beside X and y: the keywords of `check_problem`."""


class ManyKeywords(ProblemKeywords, SolverKeywords, total=False):
    """Problems that are solved at one alpha each."""


class RaggedKeywords(
    LossKeywords, RatioKeywords, SharedKeywords, SolverKeywords, total=False
):
    """Problems whose rows are stacked."""


class FoldKeywords(
    LossKeywords,
    GridKeywords,
    SharedKeywords,
    GroupKeywords,
    SolverKeywords,
    LimitKeywords,
    total=False,
):
    """Paths of several mixtures of penalties."""


class DrawKeywords(ProblemKeywords, GridKeywords, SolverKeywords, total=False):
    """Paths that begin at zero and have no limit of their own."""


class PathKeywords(DrawKeywords, LimitKeywords, StartKeywords, total=False):
    """Everything `fastl1.path` takes beside X, y and the callback."""


_PROBLEM = frozenset(ProblemKeywords.__annotations__)
_GRID = frozenset(GridKeywords.__annotations__)


class _OfTheFit:
    """Default of keywords that a function takes from a fit."""

    def __repr__(self) -> str:
        return "<of the fit>"


OF_THE_FIT = _OfTheFit()


def spelled_out(
    *, default: Any = None, **defaults: Any
) -> Callable[[Function], Function]:
    """Let a function show the keywords that its ``**keywords`` stand for.

    They take the place of ``**keywords`` in the signature that `inspect` sees, and in
    the Parameters of the docstring, but for those that the docstring describes itself.

    Parameters
    ----------
    default
        Of all keywords, in place of those of the table.
    **defaults
        Of some keywords.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        *own, rest = signature.parameters.values()
        keywords = _table(rest)
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(name, default or keyword.default),
                annotation=annotation,
            )
            for name, (annotation, keyword) in keywords.items()
        ]
        shown: Any = function
        shown.__signature__ = signature.replace(parameters=[*own, *parameters])
        shown.__keywords__ = {p.name: p.default for p in parameters}
        if function.__doc__ is not None:
            texts = {name: keyword.text for name, (_, keyword) in keywords.items()}
            function.__doc__ = _with_entries(inspect.cleandoc(function.__doc__), texts)
        return function

    return decorate


def _table(rest: inspect.Parameter) -> dict[str, tuple[Any, Keyword]]:
    """Type and `Keyword` of each name that ``**keywords: Unpack[...]`` stands for."""
    (table,) = get_args(rest.annotation)
    found = {}
    for name, hint in get_type_hints(table, include_extras=True).items():
        assert get_origin(hint) is Annotated
        annotation, keyword = get_args(hint)
        found[name] = annotation, keyword
    return found


_SECTIONS = re.compile(r"\n\n(?=[A-Z]\w+\n-{4,}\n)")
_ENTRY = re.compile(r"^(\w[\w, ]*?)(?: : .*)?$", re.MULTILINE)
_REST = re.compile(r"^\*\*keywords(?:\n(?: .*)?)*(?=\n|$)", re.MULTILINE)


def _with_entries(doc: str, texts: Mapping[str, str]) -> str:
    """A docstring whose entry of ``**keywords`` has become those of `texts`, except for
    the names that have one already."""
    sections = _SECTIONS.split(doc)
    place = next(k for k, s in enumerate(sections) if s.startswith("Parameters\n"))
    names = ", ".join(_ENTRY.findall(sections[place])).split(", ")
    entries = [f"{n} : {_indented(t)}" for n, t in texts.items() if n not in names]
    sections[place] = _REST.sub(lambda _: "\n".join(entries), sections[place])
    return "\n\n".join(sections)


def _indented(text: str) -> str:
    """The type on the first line, the description four columns in."""
    kind, _, description = inspect.cleandoc(text).partition("\n")
    return "\n".join([kind, *(f"    {line}" for line in description.split("\n"))])


def check_keywords(
    function: Callable[..., Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The keywords that a caller gave, with the defaults of the others.

    Raises
    ------
    TypeError
        The function, which is `spelled_out`, takes no keyword of that name.
    ValueError
        Both a penalty and its short form.
    """
    defaults: dict[str, Any] = function.__keywords__  # type: ignore[attr-defined]
    for name in keywords:
        if name not in defaults:
            raise TypeError(
                f"{function.__name__}() got an unexpected keyword argument {name!r}"
            )
    if keywords.get("penalty") is not None and "l1_ratio" in keywords:
        raise both_given("l1_ratio")
    return {**defaults, **keywords}


def split_keywords(
    function: Callable[..., Any], keywords: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """`check_keywords`, for (`check_problem`, the grid, the solver)."""
    parts: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = ({}, {}, {})
    for name, value in check_keywords(function, keywords).items():
        parts[0 if name in _PROBLEM else 1 if name in _GRID else 2][name] = value
    return parts
