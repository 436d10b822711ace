"""Doors from a model to the forms that serve it without fastl1.

Each is a method of `SparseModel`; the exporters are loaded when they are called.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fastl1.export.c import CSource
    from fastl1.model.sparse_model import SparseModel


def to_c(
    model: SparseModel,
    path: str | os.PathLike[str],
    dtype: Literal["double", "float", "int8"] = "double",
    name: str | None = None,
    *,
    columns: bool = False,
) -> CSource:
    """Write the model as one C99 file and its header, which need only libm.

    The functions ``NAME_link``, ``NAME_predict`` and, with classes, ``NAME_class``
    take a dense row of encoded features, those with ``_sparse`` at the end a sparse
    one, those with ``_row`` (with `columns`) a struct of raw columns: double, NAN
    for missing, and UTF-8 text, NULL for missing.  The header describes them.

    Parameters
    ----------
    path : str or path-like
        The source, ``NAME.c``; the header goes beside it as ``NAME.h``.
    dtype : {"double", "float", "int8"}, default="double"
        How coefficients are stored.  Sums are always in double.  "float" rounds
        those of float64; "int8" does as `quantize`, unless the model is in int8 or
        int4 already.
    name : str, optional
        What all names in C begin with.  Default: the file's, with "_" for every
        character that C does not allow.
    columns : bool, default=False
        Whether to include the column treatment.

    Returns
    -------
    CSource
        ``(source, header, name)``.

    Raises
    ------
    ValueError
        Unknown `dtype`, a `path` or `name` that does not suit C, coefficients
        beyond the range of float, no column treatment to include.
    OSError
        A file cannot be written.
    """
    from fastl1.export.c import export_c

    return export_c(model, path, dtype, name, columns=columns)


def to_onnx(
    model: SparseModel,
    path: str | os.PathLike[str] | None = None,
    *,
    dtype: Literal["float32", "float64"] | None = None,
    columns: bool = False,
    portable: bool = False,
) -> bytes:
    """The model as an ONNX file of a few bytes a kept coefficient.

    The input "x" is (n, n_features) of `dtype`, encoded features; with `columns`
    there is an input (n, 1) for each of `required_features` instead, named as the
    column: numbers with NaN for missing, text with "" for missing (other markers
    as in `fastl1.data.columns`), and for hashed columns CRC-32 of the text, int64,
    with -1 for missing.  `fastl1.export.onnx.onnx_inputs` makes them of a table.

    The output "prediction" is that of `predict`, and "label", of a model with
    classes, that of ``predict(type="class")``.  Coefficients are stored as in the
    model: two int4 to a byte, int8 and float16 in one and two bytes each.

    Parameters
    ----------
    path : str or path-like, optional
        File to write.
    dtype : {"float32", "float64"}, optional
        Of rows and sums.  Default: float32; with `columns` float64, as raw numbers
        may be large.
    columns : bool, default=False
        Whether to include the column treatment.
    portable : bool, default=False
        Whether to keep to the operators of ai.onnx, for converters such as those of
        TensorRT, TVM and LiteRT.  By default those of ai.onnx.ml are used, too:
        ONNX Runtime finds kept columns faster by them, and text only by them.

    Returns
    -------
    bytes
        Content of the file.

    Raises
    ------
    ImportError
        No package onnx (extra ``onnx``).
    ValueError
        Unknown `dtype`; numbers beyond float32; no column treatment to include; a
        `portable` graph with columns of text.
    OSError
        The file cannot be written.
    """
    from fastl1.export.onnx import export_onnx

    return export_onnx(model, path, dtype=dtype, columns=columns, portable=portable)


def to_sklearn(model: SparseModel) -> Any:
    """A fitted scikit-learn estimator that predicts the same.

    Returns
    -------
    LinearRegression or LogisticRegression
        For the link identity; for logit and softmax.  Its ``coef_`` is dense; it
        takes encoded features.

    Raises
    ------
    ImportError
        No scikit-learn (extra ``sklearn``).
    ValueError
        The link has no equivalent there.
    """
    from fastl1.export.sklearn import export_sklearn

    return export_sklearn(model)
