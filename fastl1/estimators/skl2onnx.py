"""Converters of fastl1's estimators for skl2onnx, so that pipelines convert.

    fastl1.register_skl2onnx()
    skl2onnx.to_onnx(make_pipeline(StandardScaler(), fastl1.LogisticRegression()), X)

The nodes are those of `export_onnx`: only the kept columns are read, and the file is of
their size.  Outputs are as skl2onnx has them for scikit-learn's own linear models:
regressors give (n, 1) or (n, n_targets); classifiers "label" and "probabilities"
(n, n_classes), subject to skl2onnx's options zipmap, nocl, raw_scores and
output_class_labels.
"""

from typing import Any

import numpy as np

from fastl1._extras import require
from fastl1._public import public
from fastl1.export.onnx import linear
from fastl1.export.onnx_graph import Graph, place_of_label, response
from fastl1.model.sparse_model import SparseModel

OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def regressors() -> list[type]:
    """Estimators of numbers."""
    from fastl1.estimators import cox, glm, huber, linear_model, sparse

    return [
        cox.CoxPHRegressor,
        glm.GammaRegressor,
        huber.HuberRegressor,
        glm.PoissonRegressor,
        glm.QuantileRegressor,
        sparse.SparseRegressor,
        glm.TweedieRegressor,
        linear_model.ElasticNet,
        linear_model.ElasticNetCV,
        linear_model.Lasso,
        linear_model.LassoCV,
    ]


def classifiers() -> list[type]:
    """Estimators of labels."""
    from fastl1.estimators import logistic, logistic_cv, sparse, svm

    return [
        svm.LinearSVC,
        logistic.LogisticRegression,
        logistic_cv.LogisticRegressionCV,
        sparse.SparseClassifier,
    ]


def _link(estimator: Any) -> str:
    """What `predict` makes of the linear predictor, or, with labels, what the linear
    predictor is when there are two."""
    from fastl1.estimators.cox import CoxPHRegressor
    from fastl1.estimators.loss_model import LossModel
    from fastl1.estimators.svm import LinearSVC

    if isinstance(estimator, LossModel) and not isinstance(estimator, CoxPHRegressor):
        return estimator._loss().link
    if isinstance(estimator, LinearSVC):
        return "decision"
    return "logit" if hasattr(estimator, "classes_") else "identity"


@public
def register_skl2onnx() -> list[type]:
    """Make skl2onnx convert fastl1's estimators, alone and in pipelines.

    Returns
    -------
    list of type
        The estimators that it now converts.

    Raises
    ------
    ImportError
        No package skl2onnx (extra ``onnx``), or no scikit-learn.
    """
    register = require("skl2onnx", extra="onnx").update_registered_converter
    shapes = require("skl2onnx.common.shape_calculator", extra="onnx")
    from fastl1.estimators.path_cv import PathCV

    shape, convert = shapes.calculate_linear_regressor_output_shapes, _convert_regressor
    for kind in regressors():
        register(kind, f"Fastl1{kind.__name__}", shape, convert)
    shape = shapes.calculate_linear_classifier_output_shapes
    convert = _convert_classifier
    for kind in classifiers():
        register(kind, f"Fastl1{kind.__name__}", shape, convert, options=OPTIONS)
    register(PathCV, "Fastl1PathCV", shape, convert, parser=_parse_cv)
    return [*regressors(), *classifiers(), PathCV]


def _parse_cv(scope, model, inputs, custom_parsers=None):
    """`PathCV` is the estimator that it chose."""
    parse = require("skl2onnx._parse", extra="onnx").parse_sklearn
    return parse(scope, model.estimator_, inputs, custom_parsers=custom_parsers)


def _convert_regressor(scope, operator, container):
    link = _link(operator.raw_operator)
    graph, eta = _start(scope, operator, container, link)
    (out,) = operator.outputs
    graph.result("Identity", response(graph, link, eta), out=out.full_name)
    _move(graph, scope, container)


def _convert_classifier(scope, operator, container):
    estimator = operator.raw_operator
    binary = len(estimator.classes_) == 2
    link = _link(estimator)
    link = "softmax" if link == "logit" and not binary else link
    graph, eta = _start(scope, operator, container, link)
    label, scores = operator.outputs
    place = place_of_label(graph, link, 1 if binary else len(estimator.classes_), eta)
    table = graph.constant("classes", _labels(scope, estimator))
    graph.result("Gather", table, place, out=label.full_name, axis=0)
    if binary:
        minus = graph.add("Neg", eta, out="eta_of_first")
        eta = graph.add("Concat", minus, eta, out="eta_of_both", axis=1)
    raw = container.get_options(estimator, {"raw_scores": False})["raw_scores"]
    told = eta if raw else response(graph, link, eta)
    graph.result("Identity", told, out=scores.full_name)
    _move(graph, scope, container)


def _start(scope, operator, container, link):
    """A graph, and the name of eta (n, n_outputs) in it."""
    onnx = require("onnx", extra="onnx")
    types = require("skl2onnx.common.data_types", extra="onnx")
    given = operator.inputs[0]
    wide = isinstance(given.type, types.DoubleTensorType)
    dtype = np.dtype(np.float64 if wide else np.float32)
    prefix = scope.get_unique_variable_name("fastl1") + "/"
    portable = not container.is_allowed({"ArrayFeatureExtractor"})
    graph = Graph(onnx, dtype, prefix, portable)
    x = given.full_name
    if not isinstance(given.type, types.DoubleTensorType | types.FloatTensorType):
        x = graph.cast(x, dtype, "x")
    return graph, linear(graph, _sparse_model(operator.raw_operator, link), x)


def _sparse_model(estimator: Any, link: str) -> SparseModel:
    intercept = np.ravel(estimator.intercept_).astype(np.float64)
    return SparseModel.from_coef(estimator.sparse_coef_, intercept, link=link)


def _labels(scope, estimator):
    """Labels as skl2onnx has them: int64 or text."""
    find = require("skl2onnx.common.utils_classifier", extra="onnx").get_label_classes
    classes = np.asarray(find(scope, estimator))
    if classes.dtype.kind in "biuf":  # floats are whole numbers here
        return classes.astype(np.int64)
    return classes.astype(str).astype(object)


def _move(graph, scope, container):
    """Constants and nodes of the graph to skl2onnx's container."""
    for name, tensor in graph.constants.items():
        if tensor.string_data:
            texts = [text.decode() for text in tensor.string_data]
            container.add_initializer(name, tensor.data_type, tensor.dims, texts)
        else:
            container.add_initializer(name, None, None, tensor)
    for node in graph.nodes:
        read = graph.onnx.helper.get_attribute_value
        container.add_node(
            node.op_type,
            list(node.input),
            list(node.output),
            op_domain=node.domain,
            name=scope.get_unique_operator_name(node.name),
            **{one.name: read(one) for one in node.attribute},
        )
