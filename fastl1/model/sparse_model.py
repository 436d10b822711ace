"""SparseModel: a fitted sparse linear model as one small, safe file.

`_artifact` describes the file, `_weights` how the coefficients lie in memory.  Loading
parses JSON and reads arrays: it executes nothing from the file and needs numpy only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastl1._atomic import write_atomic
from fastl1._public import public
from fastl1.artifact.content import Content, decode, encode, plain, read
from fastl1.artifact.weights import make_weights
from fastl1.infer.inference import Inference
from fastl1.model import edit, exports

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastl1.data.columns import ColumnTreatment
    from fastl1.model.compare import ModelDiff


@public
class SparseModel(Inference):
    """Sparse linear model that predicts, saves and loads with numpy alone.

    It does not change once it is made; methods that alter it return a new model.

    Parameters
    ----------
    indices : array of int, shape (nnz,)
        Feature of each nonzero coefficient, increasing; strictly so with one output.
    values : array of float32 or float64, shape (nnz,) or (nnz, n_outputs)
        The coefficients on the original scale of the features (exact zeros are
        dropped).  In two dimensions, a row holds those of one feature for all outputs,
        and `indices` is strictly increasing.
    intercept : float, or array of shape (n_outputs,)
        Constant term; its size says how many outputs there are.
    n_features : int
        Number of (encoded) features the model was trained on.
    link : {"identity", "log", "logit", "probit", "cloglog", "softmax", "decision"}
        From the linear predictor to the response.  "decision" is for losses whose sign
        alone has a meaning (hinge).
    classes : array of shape (2,) or (n_outputs,), optional
        Labels of a model whose link is of labels: not identity, not log.
        With one output there are two, and the second is the one whose probability is
        predicted; otherwise one an output.  Default: ``0, 1, …``.
    feature_names : sequence of str, length n_features, optional
        Names of the encoded features.
    columns : ColumnTreatment, optional
        Treatment that turns raw columns into the encoded features.  With it, `predict`
        also takes raw tables.
    metadata : dict, optional
        Lineage: λ, grid, gap, hash of the data, versions, … as anything JSON can hold
        (NumPy scalars and arrays are converted, numbers that are not finite become
        None).
    outputs : array of int, shape (nnz,), optional
        Output of each coefficient when there are several and `values` has one
        dimension; increasing among the coefficients of a feature.
    output_names : sequence of str, length n_outputs, optional
        Names of the outputs, such as the targets of a regression.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Dense copy of the coefficients.
    nnz : int
        Number of nonzero coefficients.
    features : ndarray of int (n_slots,)
        Features with a nonzero coefficient for any output.
    weights : Weights
        The coefficients by slot, as prediction uses them.
    precision : {"float64", "float32", "float16", "int8", "int4"}
        How they are stored.

    Raises
    ------
    ValueError
        Indices out of range or not increasing, values not finite, lengths that differ,
        unknown link, names that do not fit.

    Examples
    --------
    >>> from fastl1 import SparseModel
    >>> model = SparseModel([0, 2], [1.5, -2.0], 0.5, n_features=4)
    >>> model.predict([[1.0, 9.0, 1.0, 9.0]])
    array([0.])
    """

    __slots__ = ()

    quantize, prune, trim = edit.quantize, edit.prune, edit.trim
    slot_columns = edit.slot_columns
    to_c, to_onnx, to_sklearn = exports.to_c, exports.to_onnx, exports.to_sklearn

    def __init__(
        self,
        indices: ArrayLike,
        values: ArrayLike,
        intercept: ArrayLike,
        n_features: int,
        link: str = "identity",
        classes: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        columns: ColumnTreatment | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        outputs: ArrayLike | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        intercept = np.array(intercept, np.float64).reshape(-1)
        weights = make_weights(
            indices, values, outputs, int(n_features), len(intercept)
        )
        self._adopt(
            Content(
                weights,
                intercept,
                link,
                classes=classes,
                names=feature_names,
                output_names=output_names,
                columns=None if columns is None else columns.to_dict(),
                lineage=plain(dict(metadata or {})),
            ),
            columns,
        )

    @classmethod
    def from_coef(
        cls, coef: Any, intercept: ArrayLike = 0.0, **given: Any
    ) -> SparseModel:
        """Model of a coefficient array.

        Parameters
        ----------
        coef : array or SciPy sparse matrix, (n_features,) or (n_outputs, n_features)
        intercept : float, or array of shape (n_outputs,)
        **given
            link, classes, feature_names, columns, metadata, output_names, as above.

        Returns
        -------
        SparseModel

        Raises
        ------
        ValueError
            As above.
        """
        if hasattr(coef, "tocoo"):
            part = coef.tocoo()
            part.sum_duplicates()
            row, column = (part.row, part.col) if part.ndim == 2 else (0, part.col)
            values = part.data
        else:
            coef = np.asarray(coef)
            row, column = (0, *np.nonzero(coef)) if coef.ndim == 1 else np.nonzero(coef)
            values = coef[coef != 0]
        row = np.broadcast_to(row, column.shape)
        order = np.lexsort((row, column))
        intercept = np.asarray(intercept, np.float64)
        if len(coef.shape) == 2 and coef.shape[0] > 1:
            intercept = np.broadcast_to(intercept, coef.shape[:1])
        return cls(
            column[order],
            values[order],
            intercept,
            coef.shape[-1],
            outputs=row[order],
            **given,
        )

    @property
    def indices(self) -> np.ndarray:
        """Feature of each nonzero coefficient, int64 (nnz,)."""
        return self.weights.feature_of

    @property
    def outputs(self) -> np.ndarray:
        """Output of each nonzero coefficient, int32 (nnz,)."""
        return self.weights.outputs

    @property
    def values(self) -> np.ndarray:
        """The nonzero coefficients, float64, or float32 when stored in less."""
        return self.weights.values

    @property
    def precision(self) -> str:
        """How the coefficients are stored."""
        return self.weights.precision

    @property
    def nnz(self) -> int:
        """Number of nonzero coefficients."""
        return self.weights.nnz

    @property
    def intercept(self) -> Any:
        """Constant term: a float, or an array (n_outputs,) when there are several."""
        return float(self.intercepts[0]) if self.n_outputs == 1 else self.intercepts

    @property
    def output_names(self) -> list[str] | None:
        """Names of the outputs, as given."""
        return self.content.output_names

    @property
    def metadata(self) -> dict[str, Any]:
        """Lineage, as JSON types."""
        return self.content.lineage

    @property
    def coef_(self) -> np.ndarray:
        """Dense copy: (n_features,), or (n_outputs, n_features) for several."""
        coef = np.zeros((self.n_outputs, self.n_features), self.values.dtype)
        coef[self.outputs, self.indices] = self.values
        return coef[0] if self.n_outputs == 1 else coef

    def __repr__(self) -> str:
        several = f"{self.n_outputs} outputs, " if self.n_outputs > 1 else ""
        exact = self.precision in ("float64", "float32")
        stored = "" if exact else f", {self.precision}"
        return (
            f"<SparseModel: {several}{len(self.features)} of {self.n_features} "
            f"features, link={self.link!r}{stored}>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseModel):
            return NotImplemented
        return self is other or self.to_bytes() == other.to_bytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseModel.from_bytes, (self.to_bytes(),)

    def required_features(self) -> list[str] | list[int]:
        """What the upstream pipeline must still deliver; the rest may go.

        Returns
        -------
        list
            Names of the raw columns if the model has a column treatment, else names of
            the features if it knows them, else their indices.
        """
        if self.columns is not None:
            return self.columns.used_columns(self.features)
        if self.has_names:
            return self.kept_names()
        return self.features.tolist()

    def output_labels(self) -> list[Any]:
        """What each output is: its name, else its class, else its number."""
        if self.output_names is not None:
            return self.output_names
        if self.classes is not None and self.n_outputs > 1:
            return self.classes.tolist()
        return list(range(self.n_outputs))

    def inspect(self) -> dict[str, Any]:
        """What the model is and where it comes from.

        Returns
        -------
        dict
            JSON types: ``link``, ``classes``, ``outputs``, ``output_names``,
            ``features``, ``kept`` (features), ``nonzero`` (coefficients),
            ``precision``, ``intercept``, ``coefficients`` (by feature, with several
            outputs by output in it), ``required`` (features), ``columns``, ``lineage``.
        """
        from fastl1.artifact.audit import inspect

        return inspect(self)

    def audit(self) -> dict[str, Any]:
        """What a file of the model holds, byte for byte, and what may come from rows.

        Returns
        -------
        dict
            ``tensors`` and ``metadata`` list everything; ``from_training_data`` says
            what was copied from the data (levels of categories, means);
            ``unexplained`` is empty unless something could hold rows, such as a list of
            thousands in the metadata.
        """
        from fastl1.artifact.audit import audit

        return audit(self.to_bytes())

    def diff(
        self, other: SparseModel, by: Literal["auto", "name", "index"] = "auto"
    ) -> ModelDiff:
        """What changes from this model to another one.

        Parameters
        ----------
        other : SparseModel
            The later one.
        by : {"auto", "name", "index"}
            How features are matched: by name when both models know their names.

        Returns
        -------
        ModelDiff
            Coefficients that came, went, changed sign or moved; falsy if nothing did.

        Raises
        ------
        ValueError
            The features cannot be matched.
        """
        from fastl1.model.compare import compare

        return compare(self, other, by)

    def to_bytes(self) -> bytes:
        """The model as the bytes of a ``.fl1`` file; equal models give equal bytes."""
        return encode(self.content)

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "model") -> SparseModel:
        """Model from the bytes of a ``.fl1`` file.

        Parameters
        ----------
        data : bytes
            Content of the file.
        source : str, default="model"
            What to call it in errors.

        Returns
        -------
        SparseModel

        Raises
        ------
        ModelFileError
            Not a model, truncated, altered, or of a later schema.
        """
        return cls._of_content(decode(bytes(data), source), source)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path`, all or nothing.

        The bytes go to a file beside it, which is flushed to disk and renamed, so that
        `path` never holds half a model.

        Parameters
        ----------
        path : str or path-like
            File to write, by habit with the ending ``.fl1``.

        Raises
        ------
        OSError
            The file cannot be written (no such directory, no permission, disk full).
        """
        write_atomic(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SparseModel:
        """Read a model that `save` wrote.  Executes no code from the file.

        A file of a megabyte and more is mapped into memory, so that processes share it;
        replace it by renaming, as `save` does, never in place.

        Parameters
        ----------
        path : str or path-like
            File to read.

        Returns
        -------
        SparseModel

        Raises
        ------
        OSError
            The file cannot be read.
        ModelFileError
            Not a model, truncated, altered, or of a later schema.  A ValueError.
        """
        return cls._of_content(read(path), os.fspath(path))
