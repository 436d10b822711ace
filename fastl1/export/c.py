"""A model as C99 source: tables and a few functions, needing nothing but libm.

One file of constants and functions and its header.  The tables hold the features in
use and their coefficients, so the code is O(kept): a dense row costs one read a kept
feature, a sparse row one binary search an entry.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from fastl1._atomic import write_atomic
from fastl1.artifact.compress import quantize
from fastl1.artifact.weights import LARGEST_CODE, Weights
from fastl1.export.c_columns import Rows, rows
from fastl1.export.c_text import array, identifier, listing, string, unsigned
from fastl1.loss.links import LINKS

CType = Literal["double", "float", "int8"]


class CSource(NamedTuple):
    """The two files that were written, and what their names begin with."""

    source: Path
    header: Path
    name: str


# From eta, in place, to the response; what is missing leaves it as it is.
_RESPONSE = {
    "log": "out[k] = exp(out[k] > 708.0 ? 708.0 : out[k]);",
    "logit": "double small = exp(-fabs(out[k]));\n"
    "        out[k] = (out[k] >= 0.0 ? 1.0 : small) / (1.0 + small);",
    "probit": "out[k] = 0.5 * erfc(out[k] * -0.70710678118654752440);",
    "cloglog": "out[k] = -expm1(-exp(out[k] > 708.0 ? 708.0 : out[k]));",
}
_SOFTMAX = """\
    double most = out[0], sum = 0.0;
    for (long k = 1; k < {size}; k++) most = out[k] > most ? out[k] : most;
    for (long k = 0; k < {size}; k++) sum += out[k] = exp(out[k] - most);
    for (long k = 0; k < {size}; k++) out[k] /= sum;
"""

_HEADER = """\
/* Sparse linear model {name}: {slots} of {features} features, {outputs} output{s},
 * link {link}.  Written by fastl1.
 *
 * A dense row x has {macro}_N_FEATURES numbers.  A sparse row is n pairs of a feature's
 * number, from 0, and its value, in any order; what is repeated counts as the sum, and
 * a number that is no feature is ignored.  out has room for {macro}_N_OUTPUTS numbers.
 */
#ifndef {macro}_H
#define {macro}_H

#define {macro}_N_FEATURES {features}{suffix}
#define {macro}_N_OUTPUTS {outputs}
{names}
#ifdef __cplusplus
extern "C" {{
#endif

typedef {index} {name}_index;

/* linear predictors */
void {name}_link(const double *x, double *out);
void {name}_link_sparse(long n, const {name}_index *indices, const double *values,
    double *out);

/* responses: what the link {link} makes of them */
void {name}_predict(const double *x, double *out);
void {name}_predict_sparse(long n, const {name}_index *indices, const double *values,
    double *out);
{classes}{rows}
#ifdef __cplusplus
}}
#endif

#endif
"""
_CLASSES_HEADER = """
/* number of the class that is predicted, a place in {name}_classes */
long {name}_class(const double *x);
long {name}_class_sparse(long n, const {name}_index *indices, const double *values);
extern const char *const {name}_classes[{count}];
"""

_SOURCE = """\
/* Sparse linear model {name}.  Written by fastl1; C99, link with -lm. */
#include <math.h>
#include "{header}"

#define N_SLOTS {slots}
#define N_OUTPUTS {macro}_N_OUTPUTS

{tables}
static void add_slot(long slot, double x, double *out) {{
{add}}}

static long find_slot({name}_index index) {{
    long low = 0, high = N_SLOTS;
    while (low < high) {{
        long middle = low + (high - low) / 2;
        if (({name}_index)features[middle] < index) low = middle + 1;
        else high = middle;
    }}
    return low < N_SLOTS && ({name}_index)features[low] == index ? low : -1;
}}

static void respond(double *out) {{
{respond}}}

void {name}_link(const double *x, double *out) {{
    for (long k = 0; k < N_OUTPUTS; k++) out[k] = intercept[k];
    for (long slot = 0; slot < N_SLOTS; slot++) add_slot(slot, x[features[slot]], out);
}}

void {name}_link_sparse(long n, const {name}_index *indices, const double *values,
    double *out) {{
    for (long k = 0; k < N_OUTPUTS; k++) out[k] = intercept[k];
    for (long i = 0; i < n; i++) {{
        long slot = find_slot(indices[i]);
        if (slot >= 0) add_slot(slot, values[i], out);
    }}
}}

void {name}_predict(const double *x, double *out) {{
    {name}_link(x, out);
    respond(out);
}}

void {name}_predict_sparse(long n, const {name}_index *indices, const double *values,
    double *out) {{
    {name}_link_sparse(n, indices, values, out);
    respond(out);
}}
{classes}{rows}"""
_CLASSES_SOURCE = """
const char *const {name}_classes[{count}] = {{
{labels}
}};

static long choose(const double *out) {{
{choose}}}

long {name}_class(const double *x) {{
    double out[N_OUTPUTS];
    {name}_link(x, out);
    return choose(out);
}}

long {name}_class_sparse(long n, const {name}_index *indices, const double *values) {{
    double out[N_OUTPUTS];
    {name}_link_sparse(n, indices, values, out);
    return choose(out);
}}
"""
_LARGEST = """\
    long best = 0;
    for (long k = 1; k < N_OUTPUTS; k++)
        if (out[k] > out[best]) best = k;
    return best;
"""


def export_c(
    model: Any,
    path: str | os.PathLike[str],
    dtype: CType = "double",
    name: str | None = None,
    *,
    columns: bool = False,
) -> CSource:
    """Write a model as C; see `SparseModel.to_c`."""
    source = Path(path)
    if source.suffix == "":
        source = source.with_suffix(".c")
    if source.suffix != ".c":
        raise ValueError(f"{source}: the name of a C file ends in .c")
    header = source.with_suffix(".h")
    if not header.name.isprintable() or re.search(r'["\\]|\?\?', header.name):
        raise ValueError(f"{header.name!r} cannot be included: rename it")
    name = _name(source.stem) if name is None else _check_name(name)
    if columns and model.columns is None:
        raise ValueError("the model has no column treatment to include")
    code, declarations = render(model, name, header.name, dtype, columns)
    write_atomic(header, declarations.encode())
    write_atomic(source, code.encode())
    return CSource(source, header, name)


def render(
    model: Any, name: str, header: str, dtype: CType, columns: bool = False
) -> tuple[str, str]:
    """Text of the source and of the header."""
    weights = _in_type(model, dtype)
    wide = model.n_features > 2**31 - 1
    given = {
        "name": name,
        "macro": name.upper(),
        "header": header,
        "slots": len(weights.features),
        "features": model.n_features,
        "outputs": model.n_outputs,
        "s": "" if model.n_outputs == 1 else "s",
        "suffix": "LL" if wide else "",
        "index": "long long" if wide else "int",
        "link": model.link,
    }
    classes = _classes(model, name)
    treated = Rows("", "")
    if columns:
        used = model.columns.in_use(model.features)
        treated = rows(used, name, model.classes is not None)
    source = _SOURCE.format(
        tables=_tables(weights, model.intercepts, dtype),
        add=_add(weights, dtype),
        respond=_respond(model.link),
        classes=classes[0],
        rows=treated.source,
        **given,
    )
    return source, _HEADER.format(
        classes=classes[1], rows=treated.header, names=_names(model), **given
    )


def _names(model):
    """A comment that says which feature is which."""
    if not model.has_names:
        return ""
    told = listing(zip(model.features.tolist(), model.kept_names(), strict=True))
    return f"\n/* Features in use:\n{told}\n */\n" if told else ""


def _in_type(model: Any, dtype: str) -> Weights:
    weights: Weights = model.weights
    if dtype == "double":
        return weights
    if dtype == "float":
        exact = weights.values.dtype == np.float32
        return weights if exact else quantize(weights, "float32")
    if dtype == "int8":
        fits = weights.precision in LARGEST_CODE
        return weights if fits else model.quantize("int8").weights
    raise ValueError(f"dtype must be double, float or int8; got {dtype!r}")


def _tables(weights, intercept, dtype):
    slots, outputs = len(weights.features), weights.n_outputs
    out = [array("double", "intercept", intercept)]
    out.append(array(unsigned(weights.n_features), "features", weights.features))
    if dtype == "int8":
        out.append(array("signed char", "coef", weights.codes))
        out.append(array("float", "scales", weights.scales))
        if weights.exponents is not None:
            out.append(array("signed char", "exponents", weights.exponents))
    else:
        out.append(array(dtype, "coef", weights.values))
    if outputs > 1:
        starts = weights.indptr if slots else np.zeros(1, np.int64)
        out.append(array(unsigned(weights.nnz + 1), "starts", starts))
        out.append(array(unsigned(outputs), "outputs", weights.outputs))
    return "\n".join(out)


def _add(weights, dtype):
    """Body of `add_slot`."""
    if weights.n_outputs > 1 and not weights.nnz:
        names = ["slot", "x", "out", "coef", "starts", "outputs"]
        names += ["scales"] if dtype == "int8" else []
        return "".join(f"    (void){name};\n" for name in names)
    place, output = ("slot", "0") if weights.n_outputs == 1 else ("i", "outputs[i]")
    value = f"coef[{place}]"
    if dtype == "int8":
        value = f"(float)({value} * scales[{output}])"  # rounded as in Python
        if weights.exponents is not None:
            value = f"ldexpf({value}, exponents[{place}])"
    add = f"    out[{output}] += x * {value};\n"
    if weights.n_outputs == 1:
        return add
    return (
        "    for (unsigned long long i = starts[slot]; i < starts[slot + 1]; i++)\n"
        f"    {add}"
    )


def _respond(link):
    if link == "softmax":
        return _SOFTMAX.format(size="N_OUTPUTS")
    if link not in _RESPONSE:
        return "    (void)out;\n"
    loop = "for (long k = 0; k < N_OUTPUTS; k++)"
    return f"    {loop} {{\n        {_RESPONSE[link]}\n    }}\n"


def _classes(model, name):
    if model.classes is None:
        return "", ""
    labels = [str(label) for label in model.classes.tolist()]
    cut = LINKS[model.link].cut
    choose = _LARGEST if model.n_outputs > 1 else f"    return out[0] > {cut!r};\n"
    source = _CLASSES_SOURCE.format(
        name=name,
        count=len(labels),
        labels="    " + ",\n    ".join(string(label) for label in labels),
        choose=choose,
    )
    return source, _CLASSES_HEADER.format(name=name, count=len(labels))


def _name(stem):
    return identifier(stem, "model")


def _check_name(name):
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"name must be letters, digits and _, got {name!r}")
    return name


def object_size(source: str | os.PathLike[str], *flags: str) -> dict[str, int] | None:
    """Bytes of the object code of a C file, as the compiler `$CC` or cc makes it.

    `$CC` may have arguments, as in ``CC="ccache gcc"``.

    Parameters
    ----------
    source : path
    *flags : str
        Default: ``-Os``.

    Returns
    -------
    dict of "text" (code and constants), "data" and "bss"; or None
        None where there is no compiler or no ``size``.

    Raises
    ------
    subprocess.CalledProcessError
        The file does not compile.
    """
    compiler, size = shlex.split(os.environ.get("CC") or "cc"), shutil.which("size")
    if shutil.which(compiler[0]) is None or size is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "model.o")
        command = [*compiler, "-std=c99", *(flags or ("-Os",)), "-c", "-o", made]
        subprocess.run([*command, os.fspath(source)], check=True, capture_output=True)
        told = subprocess.run([size, made], check=True, capture_output=True, text=True)
    numbers = told.stdout.splitlines()[1].split()
    return dict(zip(("text", "data", "bss"), map(int, numbers[:3]), strict=True))
