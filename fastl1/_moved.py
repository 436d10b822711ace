"""Modules of 0.1.0 that have moved, by their old names: for stored pickles and imports.

An old name is a door to the modules that hold its contents now.  `fastl1.model` and
`fastl1.prox` are rooms of the same name, which resolve what they held themselves.  The
table goes with 1.0.
"""

import importlib
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "_artifact": ("artifact.content",),
    "_audit": ("artifact.audit",),
    "_batch": ("kernels.many._batch",),
    "_c_columns": ("export.c_columns",),
    "_c_text": ("export.c_text",),
    "_capi_base": ("kernels.embed._base",),
    "_capi_model": ("kernels.embed._model",),
    "_capi_problem": ("kernels.embed._problem",),
    "_capi_solver": ("kernels.embed._solver",),
    "_certificate": ("kernels.solver._certificate",),
    "_cholesky": ("kernels.design._cholesky",),
    "_compare": ("model.compare",),
    "_compress": ("artifact.compress",),
    "_container": ("artifact.container",),
    "_coupled": ("kernels.solver._coupled",),
    "_cox": ("kernels.solver._cox",),
    "_design": ("kernels.design._design",),
    "_driver": ("kernels.solver._driver",),
    "_each": ("fit.each",),
    "_estimators": ("estimators.base",),
    "_inputs": ("infer.inputs",),
    "_interior": ("kernels.solver._interior",),
    "_kernels": ("kernels._probe",),
    "_keywords": ("fit.keywords",),
    "_links": ("loss.links",),
    "_loss_model": ("estimators.loss_model",),
    "_moments": ("kernels.design._moments",),
    "_multinomial": ("kernels.softmax._engine",),
    "_multinomial_solver": ("kernels.softmax._solver",),
    "_newton": ("kernels.solver._newton",),
    "_onnx_columns": ("export.onnx_columns",),
    "_onnx_graph": ("export.onnx_graph",),
    "_packing": ("artifact.packing",),
    "_parallel": ("fit.parallel",),
    "_pilot": ("kernels.solver._pilot",),
    "_predict": ("kernels.infer._batch",),
    "_predict_dense": ("kernels.infer._dense",),
    "_predict_map": ("kernels.infer._map",),
    "_predict_sparse": ("kernels.infer._sparse",),
    "_predictor": ("kernels.infer._predictor",),
    "_product": ("kernels.design._product",),
    "_quadratic": ("kernels.solver._quadratic",),
    "_ragged": ("kernels.many._ragged",),
    "_resampling": ("select.resampling",),
    "_rows": ("kernels.design._rows",),
    "_samples": ("kernels.solver._samples",),
    "_screen": ("kernels.solver._screen",),
    "_setup": ("kernels.solver._setup",),
    "_softmax": ("kernels.softmax._softmax",),
    "_softmax_model": ("kernels.softmax._model",),
    "_solver": ("kernels.solver._solver",),
    "_stability_bounds": ("select.stability_bounds",),
    "_state": ("kernels.solver._state",),
    "_survival": ("problem.survival",),
    "_sweeps": ("kernels.solver._sweeps",),
    "_table": ("data.table",),
    "_validation": ("problem.problem", "problem.matrix", "problem.vectors"),
    "_weights": ("artifact.weights",),
    "_working": ("kernels.solver._working",),
    "batch": ("fit.many", "fit.ragged", "fit.status"),
    "bootstrap": ("select.bootstrap",),
    "columns": ("data.columns", "data.kinds", "data.learn"),
    "cox": ("estimators.cox",),
    "criteria": ("select.criteria",),
    "cv": ("select.cv",),
    "explain": ("infer.explain",),
    "export_c": ("export.c",),
    "export_onnx": ("export.onnx",),
    "export_skl2onnx": ("estimators.skl2onnx",),
    "export_sklearn": ("export.sklearn",),
    "folds": ("select.folds",),
    "glm": ("estimators.glm", "estimators.huber", "estimators.svm"),
    "linear_model": ("estimators.linear_model",),
    "logistic": ("estimators.logistic",),
    "logistic_cv": ("estimators.logistic_cv",),
    "losses": ("loss.losses",),
    "path_cv": ("estimators.path_cv",),
    "paths": ("fit.result", "fit.path", "estimators.paths"),
    "predict": ("infer.inference",),
    "refit": ("select.refit",),
    "runtime": ("infer.runtime",),
    "scales": ("problem.scales",),
    "scoring": ("select.scoring",),
    "seal": ("artifact.seal",),
    "splits": ("select.splits",),
    "stability": ("select.stability",),
    "survival": ("metrics.concordance",),
    "warm_start": ("fit.warm_start",),
}


class _Door(ModuleType):
    """A module whose names are looked up in other modules."""

    def __getattr__(self, name):
        if not name.startswith("__"):
            for room in MOVED[self.__name__.partition(".")[2]]:
                module = importlib.import_module(f"fastl1.{room}")
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class _Loader:
    @staticmethod
    def create_module(spec):
        return _Door(spec.name)

    @staticmethod
    def exec_module(module):
        """There is nothing to run: names are looked up when they are asked for."""


def find_spec(fullname):
    """Spec of the door of that name, or None."""
    if fullname.partition(".")[2] not in MOVED:
        return None
    return ModuleSpec(fullname, _Loader)
