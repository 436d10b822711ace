"""The ``fastl1`` command: options, help and exit codes."""

import json
import os
import sys

import click

from fastl1._version import __version__
from fastl1.cli import bench, exit_codes, export, models, seal
from fastl1.exceptions import OptionError, WorkflowError
from fastl1.loss.losses import LOSSES

EXIT_CODES = """\b
Exit codes:
  0    done
  1    unexpected error in fastl1
  2    wrong use of the command line
  3    the input cannot be used (the message names file, column, row or line)
  4    the output cannot be written
  5    the solver stopped above --tol (the model is written, with its gap)
  130  interrupted (Ctrl-C); nothing is written
"""


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


def _names(option, help):
    return click.option(
        option, type=NameList(), multiple=True, metavar="COLS", help=help
    )


def _flat(lists):
    return tuple(name for names in lists for name in names)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, "--version", prog_name="fastl1")
def cli():
    """Sparse linear models of a data file, with a certificate of optimality.

    \b
    Examples:
      fastl1 fit houses.csv --target price
      fastl1 fit loans.parquet --target default --rule 1se --out loans
      fastl1 predict loans new_loans.parquet --out scores.csv
      fastl1 inspect loans
    """


@cli.command(epilog=EXIT_CODES)
@click.argument("file")
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
@click.option(
    "--positive",
    metavar="LABEL",
    help="Class whose probability is modelled; value of --event that is the event.",
)
@click.option(
    "--format",
    type=click.Choice(["csv", "parquet", "arrow", "svmlight", "npz"]),
    help="Default: by the file's ending.",
)
@click.option("--delimiter", metavar="CHAR", help="Of CSV; default: guessed.")
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
def fit(file, as_json, **given):
    """Fit a sparse model to FILE and write it with a report.

    FILE is CSV (also .gz, .bz2, .zst), Parquet, Arrow/Feather, svmlight text, or the
    .npz of a matrix with its target. Text columns become one feature per category,
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
    from fastl1.workflow.kinds import check_options
    from fastl1.workflow.run import Options, run_fit

    for name in ("drop", "categorical", "hash"):
        given[name] = _flat(given[name])
    if given["delimiter"] is not None:
        given["delimiter"] = given["delimiter"].replace("\\t", "\t")
        if len(given["delimiter"]) != 1:
            raise click.UsageError("--delimiter must be one character")
    options = Options(file=file, **given)
    try:
        check_options(options)
    except OptionError as error:
        raise click.UsageError(str(error)) from None
    with Stages() as progress:
        report = run_fit(options, progress)
    if as_json:
        click.echo(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        show_fit(report)
    if not report["certificate"]["converged"]:
        sys.exit(exit_codes.NOT_CONVERGED)


@cli.command(epilog=EXIT_CODES)
@click.argument("model", metavar="DIR")
@click.argument("file")
@click.option(
    "--out",
    metavar="FILE",
    help="Where to write (.csv, .parquet, .arrow, .jsonl); default: CSV on stdout.",
)
@click.option(
    "--format",
    type=click.Choice(["csv", "parquet", "arrow", "svmlight", "npz"]),
    help="Of FILE; default: by its ending.",
)
@click.option("--delimiter", metavar="CHAR", help="Of CSV; default: guessed.")
@click.option("--proba", is_flag=True, help="Only probabilities, one a class.")
@click.option(
    "--no-offset",
    is_flag=True,
    help="Without the offset and the exposure of the training: per unit of exposure.",
)
def predict(model, file, out, format, delimiter, proba, no_offset):
    """Predict every row of FILE with the model in DIR (or a .fl1 file).

    Columns get the treatment that the training learned. Only the columns that the model
    uses are needed, in any order. A category unknown in training sets no feature, a
    missing number gets the training mean; both are counted on stderr. A missing column,
    or text where a number belongs, is an error. So is a missing exposure or offset, if
    the model was trained with one. The risk of a Cox model is its hazard, 1 for the
    average row of the training.

    \b
    Examples:
      fastl1 predict fastl1_model new.csv
      fastl1 predict fastl1_model/model.fl1 new.parquet --out scores.parquet
    """
    from fastl1.workflow.predict import load_model, predict_file, write_predictions

    loaded, _ = load_model(model)
    columns, notes = predict_file(
        loaded,
        file,
        format=format,
        delimiter=delimiter,
        use_offset=not no_offset,
        proba=proba,
    )
    for note in notes:
        click.echo(f"note: {note}", err=True)
    write_predictions(columns, out, sys.stdout)
    if out not in (None, "-"):
        n = len(next(iter(columns.values())))
        click.echo(f"wrote {n:,} predictions to {out}", err=True)


@cli.command(epilog=EXIT_CODES)
@click.argument("model", metavar="DIR")
@click.option(
    "--top", type=click.IntRange(1), default=20, show_default=True, help="Coefficients."
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("--audit", is_flag=True, help="List every tensor and metadata value.")
def inspect(model, top, as_json, audit):
    """Show what the model in DIR (or a .fl1 file) is and where it comes from.

    --audit accounts for every byte of the file, says what was copied from the training
    data (levels of categories, means), and names whatever could hold training rows.

    \b
    Examples:
      fastl1 inspect fastl1_model
      fastl1 inspect fastl1_model/model.fl1 --json
      fastl1 inspect fastl1_model --audit
    """
    from fastl1.artifact.audit import audit as account
    from fastl1.cli.show_model import show_audit, show_model
    from fastl1.workflow.predict import load_model, read_effects

    loaded, path = load_model(model)
    size = os.path.getsize(path)
    content = account(path.read_bytes(), str(path)) if audit else loaded.inspect()
    if as_json:
        content = {"file": str(path), "bytes": size, **content}
        click.echo(json.dumps(content, indent=1, ensure_ascii=False))
    elif audit:
        show_audit(content, path)
    else:
        show_model(loaded, path, size, read_effects(path, loaded), top)


for _command in (bench.bench, export.export, *models.COMMANDS, *seal.COMMANDS):
    cli.add_command(_command)


def run(argv=None):
    """Run the command; return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # terminals that are not UTF-8
    try:
        cli.main(argv, prog_name="fastl1", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WorkflowError as error:
        click.echo(f"fastl1: error: {error}", err=True)
        return exit_codes.code_of(error)
    except ImportError as error:
        click.echo(f"fastl1: error: {error}", err=True)
        return exit_codes.INTERNAL
    except (click.Abort, KeyboardInterrupt):
        click.echo("fastl1: interrupted, nothing written", err=True)
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # the reader (head, less) has seen enough; keep the interpreter from complaining
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    except SystemExit as error:
        return error.code
    return exit_codes.OK
