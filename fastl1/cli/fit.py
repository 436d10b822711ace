"""``fastl1 fit``: its options, and the plan that they make."""

import json
import sys
from dataclasses import fields
from itertools import chain
from typing import Any

import click

from fastl1.cli import exit_codes
from fastl1.cli.spelling import as_option, wrong_use
from fastl1.exceptions import OptionError
from fastl1.loss.losses import LOSSES
from fastl1.workflow.kinds import PARAMETERS
from fastl1.workflow.settings import (
    Columns,
    LossChoice,
    Plan,
    Roles,
    Search,
    Solver,
    Split,
    but_not,
)
from fastl1.workflow.source import FORMATS, Source, make_reading


class NameList(click.ParamType):
    """Comma-separated names; a comma in a name is written as two."""

    name = "names"

    def convert(self, value, param, ctx):
        """The names as a tuple."""
        if isinstance(value, tuple):
            return value
        parts = value.replace(",,", "\0").split(",")
        return tuple(part.replace("\0", ",").strip() for part in parts if part.strip())


class RatioList(click.ParamType):
    """Comma-separated numbers in (0, 1]."""

    name = "ratios"

    def convert(self, value, param, ctx):
        """The numbers as a tuple."""
        if isinstance(value, tuple):
            return value
        try:
            ratios = tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers", param, ctx)
        if not all(0 < ratio <= 1 for ratio in ratios):
            self.fail("every l1_ratio must be above 0 and at most 1", param, ctx)
        return ratios


class TextList(click.ParamType):
    """Comma-separated texts, perhaps none; a comma in a text is written as two."""

    name = "texts"

    def convert(self, value, param, ctx):
        """The texts as a tuple."""
        if isinstance(value, tuple):
            return value
        parts = value.replace(",,", "\0").split(",") if value else []
        return tuple(part.replace("\0", ",").strip() for part in parts)


def reading_options(command):
    """The options of how text is read, which all commands on files share."""
    options = [
        click.option(
            "--delimiter",
            metavar="CHAR",
            help="Of CSV: a character, tab, or blank (fixed width too); default: "
            "guessed.",
        ),
        click.option(
            "--decimal", metavar="CHAR", help="Decimal mark of text; default: found."
        ),
        click.option(
            "--thousands",
            metavar="CHAR",
            help="Mark between thousands, or none; default: found.",
        ),
        click.option(
            "--na",
            type=TextList(),
            metavar="TEXTS",
            help="Texts that mean missing, separated by commas; default of CSV: NA, "
            "null, nan and their like.",
        ),
        click.option(
            "--encoding",
            metavar="NAME",
            help="Of text; default: by its byte order mark, else UTF-8.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _names(option, help):
    return click.option(
        option, type=NameList(), multiple=True, metavar="COLS", help=help
    )


@click.command(epilog=exit_codes.HELP)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--target",
    metavar="NAME",
    help="Column to predict (matrix files: array, default y).",
)
@click.option(
    "--task",
    type=click.Choice(["auto", "regression", "classification"]),
    default="auto",
    show_default=True,
    help="auto: classification if the target is text, true/false or has two values.",
)
@click.option(
    "--loss",
    type=click.Choice(list(LOSSES)),
    metavar="NAME",
    help=f"{', '.join(LOSSES)}. Default: squared for numbers, logistic for two "
    "classes, multinomial for more, cox with --event.",
)
@click.option("--power", type=float, metavar="P", help="Of tweedie [1.5].")
@click.option(
    "--delta",
    type=float,
    metavar="D",
    help="Of huber: residual from which a row is an outlier [1.345 robust standard "
    "deviations of the target].",
)
@click.option("--quantile", type=float, metavar="Q", help="Of quantile [0.5].")
@click.option(
    "--ties",
    type=click.Choice(["breslow", "efron"]),
    help="Of cox: how events at one time count [breslow].",
)
@click.option(
    "--exposure",
    metavar="COL",
    help="Of poisson, gamma and tweedie: what the mean is in proportion to.",
)
@click.option(
    "--offset", metavar="COL", help="Known part of the linear predictor of a row."
)
@click.option(
    "--time",
    metavar="COL",
    help="With --event: time to it, or to the end of observation. Without: as --order.",
)
@click.option("--event", metavar="COL", help="Whether the event was seen (Cox model).")
@click.option("--entry", metavar="COL", help="With --event: start of observation.")
@click.option(
    "--strata", metavar="COL", help="With --event: rows compare within a stratum only."
)
@click.option(
    "--out", metavar="DIR", default="fastl1_model", show_default=True, help="Output."
)
@click.option(
    "--test-size",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of rows held out for the test; 0 for none.",
)
@click.option(
    "--folds", type=click.IntRange(2), default=5, show_default=True, help="Folds."
)
@click.option("--group", metavar="COL", help="Rows of a group are never split up.")
@click.option("--order", metavar="COL", help="Train on the past, test on the future.")
@click.option(
    "--rule",
    type=click.Choice(["min", "1se"]),
    default="min",
    show_default=True,
    help="min: best mean score; 1se: the sparsest within one standard error of it.",
)
@click.option(
    "--l1-ratio",
    type=RatioList(),
    default="1",
    show_default=True,
    metavar="R[,R…]",
    help="1: lasso; less: elastic net; of several the best is taken.",
)
@click.option(
    "--n-alphas",
    type=click.IntRange(2),
    default=100,
    show_default=True,
    help="Values of λ that are tried.",
)
@click.option("--weight", metavar="COL", help="Column with row weights.")
@_names("--drop", "Columns to leave out, separated by commas.")
@_names("--categorical", "Number columns to treat as categories.")
@_names("--hash", "Text columns to hash into 4096 features each.")
@_names("--numeric", "Columns of numbers that look like codes, such as 007.")
@click.option(
    "--drop-unusable",
    is_flag=True,
    help="Leave out columns that cannot be used as they are, and list them.",
)
@click.option(
    "--positive",
    metavar="LABEL",
    help="Class whose probability is modelled; value of --event that is the event.",
)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Default: by the file's ending.",
)
@reading_options
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--warm-start",
    metavar="MODEL",
    help="Start the final fit from this model, matched by the names of features.",
)
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Default: all cores."
)
@click.option(
    "--tol",
    type=click.FloatRange(0, 1, min_open=True),
    default=1e-6,
    show_default=True,
    help="Relative duality gap of the model.",
)
@click.option("--json", "as_json", is_flag=True, help="Print report.json instead.")
def fit(files, as_json, **given):
    """Fit a sparse model to FILE and write it with a report.

    FILE is CSV (also .gz, .bz2, .zst), Parquet, Arrow/Feather, JSON lines, .xlsx,
    svmlight text, or the .npz of a matrix with its target; - is the standard input.
    Several files have the same columns, and so have those of a pattern in quotes. Text
    columns become one feature per category,
    missing numbers the training mean with an indicator. λ is chosen by cross-validation
    on the training rows; the test rows compare the model, which is the one of the
    training rows, with ridge and with the null model.

    \b
    Examples:
      fastl1 fit houses.csv --target price
      fastl1 fit visits.csv.gz --target bought --drop id,date --rule 1se
      fastl1 fit panel.parquet --target sales --order week --l1-ratio 0.5,0.9,1
      fastl1 fit policies.csv --target claims --loss poisson --exposure years
      fastl1 fit patients.csv --time days --event died --strata hospital
      fastl1 fit genes.npz --target y --json > report.json
    """
    from fastl1.cli.show import Stages
    from fastl1.cli.show_fit import show_fit
    from fastl1.workflow.run import run_plan

    with wrong_use():
        plan = make_plan(files, given)
        with Stages() as stages:
            report = run_plan(plan, stages).report
    if as_json:
        click.echo(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        show_fit(report)
    if not report["certificate"]["converged"]:
        sys.exit(exit_codes.NOT_CONVERGED)


def make_plan(files: tuple[str, ...], given: dict[str, Any]) -> Plan:
    """The plan that the options make, which is all that the application gets of them.

    Raises
    ------
    OptionError
        They contradict each other.
    """
    _check_parameters(given)
    lists = ("drop", "categorical", "hash", "numeric")
    given = given | {name: tuple(chain(*given[name])) for name in lists}

    def part(kind):
        return kind(**{field.name: given[field.name] for field in fields(kind)})

    return Plan(
        source=Source(files, given["format"], make_reading(**given)),
        roles=part(Roles),
        columns=part(Columns),
        loss=part(LossChoice),
        split=part(Split),
        search=part(Search),
        solver=part(Solver),
        out=given["out"],
    )


def _check_parameters(given):
    """Refuse parameters of another loss than the one that is fitted."""
    loss = "cox" if given["event"] is not None else given["loss"]
    for name, (needed, _) in PARAMETERS.items():
        if given[name] is not None and loss != needed:
            goes_with = as_option("loss", needed)
            raise OptionError(f"{as_option(name)} goes with {goes_with}{but_not(loss)}")
