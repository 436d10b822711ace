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
from fastl1._unicode import check_unicode
from fastl1.artifact.content import Content, decode, encode, read
from fastl1.artifact.weights import Weights
from fastl1.infer.inference import Inference
from fastl1.infer.inputs import check_width, is_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastl1.data.columns import ColumnTreatment
    from fastl1.export.c import CSource
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
        weights = _make_weights(
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
                lineage=_plain(dict(metadata or {})),
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
        if self.n_outputs == 1:
            return float(self._content.intercept[0])
        return self._content.intercept

    @property
    def output_names(self) -> list[str] | None:
        """Names of the outputs, as given."""
        return self._content.output_names

    @property
    def metadata(self) -> dict[str, Any]:
        """Lineage, as JSON types."""
        return self._content.lineage

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

    def quantize(
        self,
        precision: Literal["float32", "float16", "int8", "int4"],
        X: Any = None,
        *,
        ranges: ArrayLike | None = None,
        max_error: float | None = None,
        y: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        max_increase: float = 0.01,
    ) -> SparseModel:
        """The model with coefficients of fewer bits, and a bound on the change.

        Of int8 and int4, coefficients are told in units of one over the standard
        deviation of their feature where that is known, from `X` or from the column
        treatment, and where one unit for all features would not do: what counts is what
        a feature does to predictions, not how large its coefficient is.  Of a model
        that knows nothing of its features they are taken to be of like scale.
        Coefficients that round to zero are dropped.

        Parameters
        ----------
        precision : {"float32", "float16", "int8", "int4"}
        X : as in `predict`, optional
            Rows to take the ranges of the features from, and to report the change on.
        ranges : float, array (n_features,) or (2, n_features), optional
            Instead of those of `X`: the largest |x|, or the least and the largest x, of
            every feature.  With neither, those that the column treatment tells are
            taken, and for want of these |x| <= 1: the bound is then one per unit of the
            largest |x|.
        max_error : float, optional
            Largest bound that is acceptable.
        y : array (n,) or (n, n_outputs), optional
            With `X`: what should be predicted, to report and judge what the bits cost;
            of a Cox model (event, time[, entry]).
        offset : array (n,), optional
            Known part of the linear predictor of these rows, as the training had it.
        max_increase : float, default=0.01
            Largest increase of the deviance that is acceptable, as a share of it;
            without `y` (and of Cox models) the share of the variance of the linear
            predictor on `X` that changes, and without `X` the same by the standard
            deviations that the column treatment tells, for uncorrelated features.
            Where none of these is known, nothing is judged.

        Returns
        -------
        SparseModel
            Its ``metadata["quantization"]`` holds: ``precision``; ``before``, the
            precision there was; ``dropped``, the number of coefficients that became 0;
            ``zeroed``, the number ("count") and the first names ("features") of
            features that have no coefficient any more; ``ranges`` ("data", "given",
            "std": numbers within 4 standard deviations of their means; or "unit");
            ``bound``: no prediction (type "response") of a row within the ranges
            changes by more, relative to itself for the link "log"; ``link_bound``, the
            same for type "link"; ``increase``, what `max_increase` was held against,
            and ``judged_by`` ("deviance", "data", "std" or None); with `X` ``rows``,
            ``largest_change`` and ``mean_change`` of their predictions; and with `y`
            ``quality_before`` and ``quality_after``, the metrics that `prune` reports.

        Raises
        ------
        ValueError
            The bound exceeds `max_error`, or the increase `max_increase`; coefficients
            do not fit float16; bad input.
        """
        from fastl1.model.quantization import quantize

        weights, report = quantize(
            self,
            precision,
            X,
            ranges,
            y=y,
            offset=offset,
            max_error=max_error,
            max_increase=max_increase,
        )
        return self._replace(weights, "quantization", report)

    def prune(
        self,
        threshold: float | None = None,
        *,
        max_features: int | None = None,
        X: Any = None,
        y: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> SparseModel:
        """The model without its least important features.

        Importance of a feature is its largest absolute coefficient over the outputs,
        times its standard deviation over the rows of `X`, or without these over the
        rows of the training where the column treatment knows it.

        Parameters
        ----------
        threshold : float, optional
            Features of less importance go.
        max_features : int, optional
            At most so many stay, the most important ones (of equals the first).
        X : as in `predict`, optional
        y : array (n,) or (n, n_outputs), optional
            With `X`: what should be predicted, to report what the pruning costs; of a
            Cox model (event, time[, entry]).
        offset : array (n,), optional
            Known part of the linear predictor of these rows, as the training had it.

        Returns
        -------
        SparseModel
            Its ``metadata["pruning"]`` holds ``threshold`` and ``max_features`` as
            given, ``features`` and ``kept``, the numbers before and after; and with `X`
            and `y` ``rows``, ``before`` and ``after``, dicts of the metrics of the
            loss in ``metadata["loss"]`` (of models without, of the loss that goes with
            the link): rmse; huber_loss, quantile_loss; poisson_deviance and so on;
            error_rate, and log_loss where there are probabilities; concordance.

        Raises
        ------
        ValueError
            Neither or both of `threshold` and `max_features`, or bad input.
        """
        from fastl1.artifact import compress
        from fastl1.model.quantization import spread

        if (threshold is None) == (max_features is None):
            raise ValueError("give either threshold or max_features")
        size = compress.importance(self.weights)
        std = spread(self, None if X is None else self.slot_columns(X))
        if std is not None and np.isfinite(std).all():
            size = size * std
        if threshold is not None:
            stay = size >= threshold
        else:
            if max_features < 0:
                raise ValueError(f"max_features must be at least 0, got {max_features}")
            stay = np.zeros(len(size), bool)
            stay[np.argsort(-size, kind="stable")[:max_features]] = True
        kept = np.repeat(stay, np.diff(self.weights.indptr))
        weights = compress.select(self.weights, kept)
        report: dict[str, Any] = {
            "threshold": threshold,
            "max_features": max_features,
            "features": len(size),
            "kept": int(stay.sum()),
        }
        model = self._replace(weights, "pruning", report)
        if y is not None:
            if X is None:
                raise ValueError("y without X")
            from fastl1.metrics.quality import fit_quality, loss_of

            loss = loss_of(self.link, self.metadata)
            for name, part in (("before", self), ("after", model)):
                eta = part.predict(X, "link")
                if offset is not None:
                    eta = eta + np.asarray(offset, np.float64)
                report["rows"] = len(eta)
                report[name] = fit_quality(loss, y, eta, self.classes)
        return model

    def trim(self, *, renumber: bool = True) -> SparseModel:
        """The model without what it does not need.

        Parameters
        ----------
        renumber : bool, default=True
            Whether to take matrices of the `required_features` only (with a column
            treatment: of all features of the kept columns).  False keeps the width of
            matrices, and leaves out the names of features that are not used.

        Returns
        -------
        SparseModel
            Takes tables as before.
        """
        features, columns = self.features, self.columns
        if columns is not None:
            columns, place = columns.select(features)
            n_features = columns.n_features
        else:
            place, n_features = np.arange(len(features)), max(1, len(features))
        if not renumber:
            columns, place, n_features = self.columns, features, self.n_features
        places = np.repeat(place, np.diff(self.weights.indptr)) * self.n_outputs
        weights = Weights(
            places + self.outputs,
            self.weights.codes,
            n_features,
            self.n_outputs,
            self.precision,
            self.weights.scales,
            self.weights.exponents,
        )
        names = {"kept_names": self._content.kept_names}
        if renumber and len(features) == n_features and names["kept_names"]:
            names = {"names": self.kept_names()}
        return self._made_of(weights, self.metadata, columns, names)

    def _replace(self, weights, key, report):
        """The model with fewer or coarser weights, and a report in its metadata."""
        content, lineage = self._content, {**self.metadata, key: report}
        names = {"names": content.names}
        if content.names is None and content.kept_names is not None:
            stay = np.searchsorted(self.features, weights.features).tolist()
            names = {"kept_names": [content.kept_names[k] for k in stay]}
        return self._made_of(weights, lineage, self.columns, names)

    def _made_of(self, weights, lineage, columns, names):
        content = Content(
            weights,
            self._content.intercept,
            self.link,
            classes=self.classes,
            output_names=self.output_names,
            columns=None if columns is None else columns.to_dict(),
            lineage=lineage,
            **names,
        )
        model = SparseModel.__new__(SparseModel)
        model._adopt(content, columns)
        return model

    def slot_columns(self, X: Any) -> Any:
        """The columns of `X` that the model uses, in the order of `features`.

        Parameters
        ----------
        X : as in `predict`

        Returns
        -------
        ndarray or SciPy csc (n, n_slots), float64

        Raises
        ------
        ValueError
            Wrong number of features, or a missing column.
        """
        if not is_table(X):
            check_width(X if hasattr(X, "shape") else np.asarray(X), self)
            if hasattr(X, "tocsc"):
                return X.tocsc()[:, self.features]
            return np.asarray(X, np.float64)[:, self.features]
        if self.columns is not None:
            chosen, place = self.columns.select(self.features)
            return chosen.encode(X)[:, place]
        from fastl1.data.kinds import numbers
        from fastl1.data.table import prepare

        kept = self.kept_names()
        raw = prepare(X, kept)
        return np.stack([numbers(raw[name]) for name in kept], axis=1)

    def to_bytes(self) -> bytes:
        """The model as the bytes of a ``.fl1`` file; equal models give equal bytes."""
        return encode(self._content)

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

    def to_c(
        self,
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

        return export_c(self, path, dtype, name, columns=columns)

    def to_onnx(
        self,
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

        return export_onnx(self, path, dtype=dtype, columns=columns, portable=portable)

    def to_sklearn(self) -> Any:
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

        return export_sklearn(self)


def _make_weights(indices, values, outputs, n_features, n_outputs):
    if n_features < 1:
        raise ValueError(f"n_features must be at least 1, got {n_features}")
    indices, values = np.asarray(indices), np.asarray(values)
    if values.ndim == 2 and outputs is None:
        if values.shape[1:] != (n_outputs,):
            raise ValueError(
                f"values has shape {values.shape}, but there are {n_outputs} intercepts"
            )
        if (np.diff(indices) <= 0).any():
            raise ValueError("indices must be strictly increasing")
        outputs = np.tile(np.arange(n_outputs), len(values))
        indices, values = np.repeat(indices, n_outputs), values.ravel()
    elif outputs is None:
        if n_outputs > 1:
            raise ValueError(
                f"there are {n_outputs} intercepts: give values with {n_outputs} "
                "columns, or the output of each coefficient as outputs"
            )
        outputs = np.zeros(len(indices), np.int64)
    outputs = np.asarray(outputs)
    if indices.ndim != 1 or not indices.shape == values.shape == outputs.shape:
        raise ValueError(
            f"indices and values must be 1-d and equally long, got shapes "
            f"{indices.shape} and {values.shape}"
        )
    for name, array, count in (
        ("indices", indices, n_features),
        ("outputs", outputs, n_outputs),
    ):
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
        if array.size and (array.min() < 0 or array.max() >= count):
            raise ValueError(f"{name} must lie between 0 and {count - 1}")
    places = indices.astype(np.int64) * n_outputs + outputs.astype(np.int64)
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    values = values.astype(dtype)
    return Weights(places, values, n_features, n_outputs, np.dtype(dtype).name)


def _plain(value):
    """`value` as JSON types."""
    if isinstance(value, Mapping):
        check_unicode(map(str, value), "key of metadata")
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, str):
        check_unicode([value], "text in metadata")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"metadata cannot hold a {type(value).__name__}: {value!r}")
