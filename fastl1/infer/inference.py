"""Inference: what a model does with rows, batches of any kind or one at a time.

`Inference` holds a model's content and is all that serving needs; `SparseModel` adds
what a model's author does with it.  Numbers come from `_predict`, which reads the
features in use only, `_inputs` knows the forms that rows come in, `_links` what follows
the linear predictor.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastl1.artifact.content import Content
from fastl1.artifact.weights import Weights
from fastl1.exceptions import ModelFileError
from fastl1.infer import inputs
from fastl1.kernels.infer._batch import Scorer, link_values, total
from fastl1.loss.links import LINKS, clipped_exp, labels

if TYPE_CHECKING:
    from fastl1.data.columns import ColumnTreatment
    from fastl1.infer.explain import Explanation
    from fastl1.kernels.infer._predictor import NameMap, Predictor

Kind = Literal["response", "link", "class"]
Missing = Literal["error", "impute"]

# links that have a kernel, by the response asked for
_KERNELS = {"logit": "sigmoid", "softmax": "softmax"}


class Inference:
    """A model that predicts and explains; see `SparseModel` for what it consists of."""

    __slots__ = ("_content", "_names", "_scorer", "columns")

    _content: Content
    _names: NameMap | None
    _scorer: Scorer | None
    columns: ColumnTreatment | None

    def _adopt(self, content: Content, columns: ColumnTreatment | None) -> None:
        self._content = content
        self._scorer = self._names = None
        self.columns = columns
        n_features = content.weights.n_features
        if columns is not None and columns.n_features != n_features:
            raise ValueError(
                f"the column treatment makes {columns.n_features} features, the model "
                f"has {n_features}"
            )

    @classmethod
    def _of_content(cls, content: Content, source: str = "model") -> Any:
        model = cls.__new__(cls)
        columns = None
        try:
            if content.columns is not None:
                from fastl1.data.columns import ColumnTreatment

                columns = ColumnTreatment.from_dict(content.columns)
            model._adopt(content, columns)
        except ValueError as error:
            raise ModelFileError(f"{source}: {error}") from None
        return model

    @property
    def content(self) -> Content:
        """What a file of the model holds."""
        return self._content

    @property
    def weights(self) -> Weights:
        """The nonzero coefficients by slot."""
        return self._content.weights

    @property
    def n_features(self) -> int:
        """Number of (encoded) features."""
        return self.weights.n_features

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.weights.n_outputs

    @property
    def features(self) -> np.ndarray:
        """Features with a nonzero coefficient, int64 (n_slots,)."""
        return self.weights.features

    @property
    def intercepts(self) -> np.ndarray:
        """Constant term of each output, float64 (n_outputs,)."""
        return self._content.intercept

    @property
    def link(self) -> str:
        """Name of the link."""
        return self._content.link

    @property
    def classes(self) -> np.ndarray | None:
        """Labels, when the link classifies."""
        return self._content.classes

    @property
    def nbytes(self) -> int:
        """Bytes in memory: the coefficients, and their arrangement for prediction."""
        return self.weights.nbytes + self._score_parts().nbytes

    @property
    def feature_names(self) -> list[str] | None:
        """Names of all features, as given; None too if only those kept are known."""
        return self._content.names

    @property
    def has_names(self) -> bool:
        """Whether the features that the model uses have names of their own."""
        return self._content.kept_names is not None or self.columns is not None

    def kept_names(self) -> list[str]:
        """Names of the features with a nonzero coefficient, in order."""
        if self._content.kept_names is not None:
            return self._content.kept_names
        if self.columns is not None:
            return self.columns.names_of(self.features)
        return [f"x{j}" for j in self.features.tolist()]

    def predict(
        self,
        X: Any,
        type: Kind = "response",
        *,
        out: np.ndarray | None = None,
        n_threads: int | None = None,
        missing: Missing = "error",
    ) -> np.ndarray:
        """Predict rows of any form; only features that the model uses are read.

        Parameters
        ----------
        X : array_like or SciPy sparse matrix of shape (n, n_features), table, or dicts
            Arrays of any real dtype and order, CSR and CSC matrices and the columns of
            tables are read in place.  Duplicate entries of a sparse matrix count as
            their sum.

            A table is a dict of arrays, a pandas or polars frame or a pyarrow table.
            It goes through `columns` when the model has that treatment; otherwise its
            columns are looked up by `feature_names`.  Either way only the columns that
            the model uses need be there, in any order.

            A list of dicts ``{feature name: value}`` follows scikit-learn's
            DictVectorizer: a feature that is not there is 0, one that is not known is
            ignored.  With a column treatment, they are ``{column: cell}``, and follow
            the rule of tables: all columns in use are there, others may be.
        type : {"response", "link", "class"}, default="response"
            "link" is ``X @ coef + intercept``; "response" what the link makes of it:
            itself for "identity" and "decision", the mean for "log", the probabilities
            of all classes for "softmax", the one of ``classes[1]`` for other links of
            labels, such as "logit"; "class" is the likelier label.
        out : ndarray of float64, C order, of the result's shape, optional
            Where to write; not for ``type="class"``.
        n_threads : int, optional
            Threads of a batch, split by its entries.  Default: the physical cores.
            Results are the same, to the bit.
        missing : {"error", "impute"}, default="error"
            What a column that the model uses and that is not there is, of tables and
            dicts with a column treatment: an error, or missing in every row.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            float64, `out` if given; for ``type="class"`` always (n,), in the labels'
            dtype.

        Raises
        ------
        ValueError
            Wrong number of features, missing column, NaN or infinity in a feature that
            the model uses, an index out of range, `out` of another shape, unknown
            `type`.
        TypeError
            Features that are not real numbers, `out` that is not float64.
        """
        if type not in ("response", "link", "class"):
            raise ValueError(
                f'type must be "response", "link" or "class"; got {type!r}'
            )
        if type == "class":
            self._need_classes(out)
            return labels(
                self.link, self._link(X, None, n_threads, missing), self.classes
            )
        eta = self._link(X, out, n_threads, missing)
        if type == "link":
            return eta
        return self._respond(eta, n_threads)

    def decision_function(
        self,
        X: Any,
        *,
        out: np.ndarray | None = None,
        n_threads: int | None = None,
        missing: Missing = "error",
    ) -> np.ndarray:
        """Linear predictors, ``X @ coef + intercept``.

        Parameters
        ----------
        X, out, n_threads, missing : as in `predict`

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)

        Raises
        ------
        ValueError, TypeError
            As `predict`.
        """
        return self._link(X, out, n_threads, missing)

    def predict_proba(
        self,
        X: Any,
        *,
        out: np.ndarray | None = None,
        n_threads: int | None = None,
        missing: Missing = "error",
    ) -> np.ndarray:
        """Probability of every class, accurate also where it is tiny.

        Parameters
        ----------
        X, n_threads, missing : as in `predict`
        out : ndarray of float64, shape (n, n_classes), C order, optional

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of `classes`.  Of several outputs with a link other than
            softmax (one against the rest), each row is divided by its sum.

        Raises
        ------
        ValueError
            The link gives no probabilities; else as `predict`.
        TypeError
            As `predict`.
        """
        return self._probabilities(X, out, n_threads, missing, log=False)

    def predict_log_proba(
        self,
        X: Any,
        *,
        out: np.ndarray | None = None,
        n_threads: int | None = None,
        missing: Missing = "error",
    ) -> np.ndarray:
        """Logarithm of `predict_proba`, finite also where the probability is not.

        Parameters
        ----------
        X, out, n_threads, missing : as in `predict_proba`

        Returns
        -------
        ndarray of shape (n, n_classes)

        Raises
        ------
        ValueError, TypeError
            As `predict_proba`.
        """
        return self._probabilities(X, out, n_threads, missing, log=True)

    def predictor(self, type: Kind = "response") -> Predictor:
        """The model for single rows: a call takes a fraction of a microsecond.

        Parameters
        ----------
        type : {"response", "link", "class"}, default="response"

        Returns
        -------
        Predictor
        """
        from fastl1.kernels.infer._predictor import Predictor

        return Predictor(self, type)

    def explain(
        self,
        X: Any,
        top: int = 10,
        *,
        output: int | None = None,
        missing: Missing = "error",
    ) -> Explanation:
        """The terms that make up each linear predictor, the largest first.

        Parameters
        ----------
        X : as in `predict`
        top : int, default=10
            How many terms ``coef_j x_j`` of a row to list, by absolute value; of equal
            ones the feature with the lower number.
        output : int, optional
            Which output to explain.  Default: in each row the one with the largest
            linear predictor, that is, the class which is predicted.
        missing : as in `predict`

        Returns
        -------
        Explanation

        Raises
        ------
        ValueError, TypeError
            As `predict`; `top` < 1; no such output.
        """
        from fastl1.infer.explain import explain

        rows = self._read(X, missing)
        eta = np.empty((rows.n, self.n_outputs))
        self._score(rows, eta, None)
        return explain(self, rows.entries(self._score_parts()), eta, top, output)

    def _need_classes(self, out: Any = None) -> None:
        if self.classes is None:
            raise ValueError(
                f'type="class" needs a model with classes, such as link="logit"; this '
                f"one has link={self.link!r}"
            )
        if out is not None:
            raise ValueError('out goes with type="response" and type="link"')

    def _score_parts(self) -> Scorer:
        if self._scorer is None:
            w = self.weights
            places = (w.indptr, w.outputs) if w.n_outputs > 1 else (None, None)
            self._scorer = Scorer(
                w.n_features, w.features, *places, w.values, self._content.intercept
            )
        return self._scorer

    def _name_map(self) -> NameMap | None:
        if self._names is None and self.has_names:
            from fastl1.kernels.infer._predictor import NameMap

            self._names = NameMap(self.kept_names())
        return self._names

    def _row_parts(self) -> tuple[Any, ...]:
        """What a `Predictor` consists of."""
        names = self._name_map() if self.columns is None else None
        return self._score_parts(), LINKS[self.link], names, self.classes

    def _read(self, X: Any, missing: Missing) -> Any:
        """`X` as one of the forms of `_inputs`."""
        if missing not in ("error", "impute"):
            raise ValueError(f'missing must be "error" or "impute"; got {missing!r}')
        scorer = self._score_parts()
        named = inputs.are_named(X)
        if named or inputs.is_table(X):
            if self.columns is not None:
                coef = self.weights.matrix()
                if self.n_outputs == 1:
                    coef = coef[:, 0]
                impute = missing == "impute"
                return inputs.TreatedRows(X, self.columns, coef, scorer, impute)
            if not self.has_names:
                raise ValueError(
                    "the model has neither a column treatment nor feature names: pass "
                    "a matrix instead of a table"
                )
            if named:
                return inputs.NamedRows(X, self._name_map())
            return inputs.ColumnRows(X, self.kept_names())
        if hasattr(X, "tocsr"):
            return inputs.SparseRows(X, scorer)
        return inputs.DenseRows(X, scorer)

    def _score(self, rows: Any, eta: np.ndarray, n_threads: int | None) -> None:
        scorer = self._score_parts()
        rows.score(scorer, eta, n_threads)
        if math.isfinite(total(eta)):
            return
        for at, slots, values in rows.entries(scorer):
            bad = ~np.isfinite(values)
            if bad.any():
                i = int(bad.argmax())
                place = rows.place(int(at[i]), int(slots[i]), scorer)
                raise ValueError(f"{place} is {values[i]}")

    def _link(
        self,
        X: Any,
        out: np.ndarray | None,
        n_threads: int | None,
        missing: Missing,
    ) -> np.ndarray:
        rows = self._read(X, missing)
        shape = (rows.n,) if self.n_outputs == 1 else (rows.n, self.n_outputs)
        eta = _result(out, shape)
        self._score(rows, eta.reshape(rows.n, self.n_outputs), n_threads)
        return eta

    def _respond(self, eta: np.ndarray, n_threads: int | None) -> np.ndarray:
        """The response, in place of `eta`."""
        kernel = _KERNELS.get(self.link)
        if kernel is not None:
            square = eta.reshape(len(eta), self.n_outputs)
            link_values(kernel, square, square, n_threads)
        elif self.link == "log":
            clipped_exp(eta, out=eta)
        elif self.link not in ("identity", "decision"):
            eta[...] = LINKS[self.link].inverse(eta)
        return eta

    def _probabilities(
        self,
        X: Any,
        out: np.ndarray | None,
        n_threads: int | None,
        missing: Missing,
        log: bool,
    ) -> np.ndarray:
        if not LINKS[self.link].probability:
            raise ValueError(f"a model with link={self.link!r} has no probabilities")
        rows = self._read(X, missing)
        n, k = rows.n, self.n_outputs
        result = _result(out, (n, max(2, k)))
        prefix = "log_" if log else ""
        if k > 1:
            self._score(rows, result, n_threads)
            if self.link == "softmax":
                link_values(f"{prefix}softmax", result, result, n_threads)
                return result
            self._respond(result, n_threads)
            result /= result.sum(axis=1, keepdims=True)
        else:
            eta = np.empty((n, 1))
            self._score(rows, eta, n_threads)
            if self.link == "logit":
                side = np.empty((n, 1))
                for column, sign in enumerate(("_minus", "")):
                    link_values(f"{prefix}sigmoid{sign}", eta, side, n_threads)
                    result[:, column] = side[:, 0]
                return result
            result[:, 1] = LINKS[self.link].inverse(eta[:, 0])
            result[:, 0] = 1.0 - result[:, 1]
        if log:
            with np.errstate(divide="ignore"):
                np.log(result, out=result)
        return result


def _result(out: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """`out` if it is fit to be written to, or a new array."""
    if out is None:
        return np.empty(shape)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
    if out.dtype != np.float64:
        raise TypeError(f"out must hold float64, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, {shape} is expected")
    if not out.flags.carray:
        raise ValueError("out must be writeable, aligned and in C order")
    return out
