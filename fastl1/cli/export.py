"""``fastl1 export``: a model in forms that need no fastl1."""

import subprocess
from pathlib import Path

import click

from fastl1.exceptions import DataError, WriteError
from fastl1.workflow.apply import load_model


@click.command()
@click.argument("model")
@click.option("--to", type=click.Choice(["c", "onnx"]), required=True, help="Form.")
@click.option("--out", metavar="FILE", required=True, help="Where to write.")
@click.option(
    "--columns",
    is_flag=True,
    help="Take raw columns, as fastl1 predict does; default: encoded features.",
)
@click.option(
    "--dtype",
    type=click.Choice(["double", "float", "int8"]),
    help="Of coefficients in C (default: double); of all numbers in ONNX (default: "
    "float, with --columns double; not int8, which comes from a model that fastl1 "
    "quantize made).",
)
@click.option(
    "--portable",
    is_flag=True,
    help="ONNX operators of every runtime and converter only; slower in ONNX Runtime.",
)
def export(model, to, out, columns, dtype, portable):
    """Write MODEL as C99 source with its header, or as an ONNX file.

    Either takes rows of encoded features or, with --columns, raw columns: numbers as
    numbers, categories as text, gaps as gaps.

    \b
    Examples:
      fastl1 export fastl1_model --to onnx --columns --out houses.onnx
      fastl1 export fastl1_model --to c --columns --out houses.c
      fastl1 export fastl1_model/model.fl1 --to c --dtype int8 --out small.c
    """
    loaded, path = load_model(model)
    if to == "onnx" and dtype == "int8":
        raise click.UsageError("--dtype int8 goes with --to c")
    if to == "c" and portable:
        raise click.UsageError("--portable goes with --to onnx")
    if columns and loaded.columns is None:
        raise DataError(
            f"{path}: the model has no column treatment; it comes with models that "
            f"fastl1 fit makes of a table"
        )
    try:
        if to == "c":
            _write_c(loaded, out, dtype or "double", columns)
        else:
            kind = {None: None, "double": "float64", "float": "float32"}[dtype]
            data = loaded.to_onnx(out, dtype=kind, columns=columns, portable=portable)
            click.echo(f"wrote {Path(out)}: {len(data):,} bytes")
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    except OSError as error:
        raise WriteError(f"{out}: {error.strerror}") from None
    if loaded.columns is not None and not columns:
        click.echo(
            "note: rows are encoded features; --columns takes raw columns", err=True
        )


def _write_c(model, out, dtype, columns):
    from fastl1.export.c import object_size

    made = model.to_c(out, dtype, columns=columns)
    click.echo(f"wrote {made.source} and {made.header}: {made.name}_predict and others")
    try:
        sizes = object_size(made.source)
    except subprocess.CalledProcessError as error:
        click.echo(f"note: the compiler failed: {error}", err=True)
        return
    if sizes is not None:
        total = sum(sizes.values())
        click.echo(f"object code with -Os: {total:,} bytes")
