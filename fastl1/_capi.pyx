"""The table of fastl1.h, in a capsule.

`fl1_import` of the header fetches `fl1_api`; nothing here is for Python.  The functions
are in _capi_base, _capi_model and _capi_solver.
"""
from cpython.pycapsule cimport PyCapsule_New

from fastl1.kernels.embed._base cimport (
    col_axpy,
    col_dot,
    col_sqnorm,
    describe,
    design_create,
    design_free,
    last_error,
    prox_f32,
    prox_f64,
    soft_threshold_f32,
    soft_threshold_f64,
)
from fastl1.kernels.embed._model cimport model_create, model_free, predict, predict_row
from fastl1.kernels.embed._solver cimport (
    solver_certify,
    solver_coef,
    solver_coef_sparse,
    solver_create,
    solver_free,
    solver_info,
    solver_path,
    solver_solve,
    solver_start,
)
from fastl1._runtime cimport resolve_threads
from fastl1.capi cimport FL1_ABI_VERSION
from fastl1.capi cimport fl1_api as api_t

cdef api_t table

table.abi_version = FL1_ABI_VERSION
table.struct_size = sizeof(api_t)
table.describe = describe
table.last_error = last_error
table.soft_threshold_f64 = soft_threshold_f64
table.soft_threshold_f32 = soft_threshold_f32
table.prox_f64 = prox_f64
table.prox_f32 = prox_f32
table.design_create = design_create
table.design_free = design_free
table.col_dot = col_dot
table.col_axpy = col_axpy
table.col_sqnorm = col_sqnorm
table.model_create = model_create
table.model_free = model_free
table.predict = predict
table.predict_row = predict_row
table.solver_create = solver_create
table.solver_free = solver_free
table.solver_info = solver_info
table.solver_start = solver_start
table.solver_solve = solver_solve
table.solver_path = solver_path
table.solver_coef = solver_coef
table.solver_coef_sparse = solver_coef_sparse
table.solver_certify = solver_certify

fl1_api = PyCapsule_New(&table, "fastl1._capi.fl1_api", NULL)

resolve_threads(None)  # functions without the GIL know the default from here on
