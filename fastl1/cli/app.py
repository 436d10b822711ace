"""The ``fastl1`` command: options, help and exit codes."""

import json
import os
import sys

import click

from fastl1._version import __version__
from fastl1.cli import bench, exit_codes, export, fit, models, seal
from fastl1.cli.spelling import as_option, wrong_use
from fastl1.exceptions import WorkflowError
from fastl1.workflow.messages import spelling
from fastl1.workflow.source import FORMATS


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog=exit_codes.HELP,
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


@cli.command(epilog=exit_codes.HELP)
@click.argument("model", metavar="DIR")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--out",
    metavar="FILE",
    help="Where to write (.csv, .parquet, .arrow, .jsonl); default: CSV on stdout.",
)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Of FILE; default: by its ending.",
)
@fit.reading_options
@click.option("--proba", is_flag=True, help="Only probabilities, one a class.")
@click.option(
    "--no-offset",
    is_flag=True,
    help="Without the offset and the exposure of the training: per unit of exposure.",
)
@click.option(
    "--escape-formulas",
    is_flag=True,
    help="In CSV: an apostrophe before labels that a spreadsheet would execute.",
)
def predict(model, files, out, proba, no_offset, escape_formulas, **reading):
    """Predict every row of FILE with the model in DIR (or a .fl1 file).

    Columns get the treatment that the training learned. Only the columns that the model
    uses are needed, in any order. A category unknown in training sets no feature, a
    missing number gets the training mean; both are counted on stderr. A missing column,
    or text where a number belongs, is an error. So is a missing exposure or offset, if
    the model was trained with one. The risk of a Cox model is its hazard, 1 for the
    average row of the training. Labels are written as they are: before a spreadsheet
    opens labels of strangers, give --escape-formulas, as it executes text that begins
    with =, +, - or @.

    \b
    Examples:
      fastl1 predict fastl1_model new.csv
      fastl1 predict fastl1_model/model.fl1 new.parquet --out scores.parquet
    """
    from fastl1.workflow import apply

    out = None if out == "-" else out
    with wrong_use():
        columns, _ = apply.predict(
            model,
            files,
            **reading,
            use_offset=not no_offset,
            proba=proba,
            escape_formulas=escape_formulas,
            out=out,
            on_event=lambda note: click.echo(f"note: {note.text}", err=True),
        )
    if out is None:
        sys.stdout.write(apply.csv_text(columns, escape_formulas))
        sys.stdout.flush()
    else:
        n = len(next(iter(columns.values())))
        click.echo(f"wrote {n:,} predictions to {out}", err=True)


@cli.command(epilog=exit_codes.HELP)
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
    from fastl1.workflow.apply import load_model, read_effects, report_note

    loaded, path = load_model(model)
    if (note := report_note(path)) is not None:
        click.echo(f"note: {note}", err=True)
    size = os.path.getsize(path)
    content = account(path.read_bytes(), str(path)) if audit else loaded.inspect()
    if as_json:
        content = {"file": str(path), "bytes": size, **content}
        click.echo(json.dumps(content, indent=1, ensure_ascii=False))
    elif audit:
        show_audit(content, path)
    else:
        show_model(loaded, path, size, read_effects(path), top)


for _command in (fit.fit, bench.bench, export.export, *models.COMMANDS, *seal.COMMANDS):
    cli.add_command(_command)


def run(argv=None):
    """Run the command; return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # terminals that are not UTF-8
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _drop_output()
        return exit_codes.OK
    except OSError as error:
        if error.filename is not None:
            raise
        click.echo(f"fastl1: error: standard output: {error.strerror}", err=True)
        _drop_output()
        return exit_codes.CANNOT_WRITE
    return code


def _run(argv):
    try:
        with spelling(as_option):
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
    except SystemExit as error:
        return error.code
    return exit_codes.OK


def _drop_output():
    """Keep the interpreter from complaining, as it ends, of what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
