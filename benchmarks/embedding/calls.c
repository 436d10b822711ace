/* Seconds that repeated calls through fastl1's table take, without Python between. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <time.h>

#include <fastl1.h>

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static PyObject *result(int status, double start, int times, double value) {
    double stop = seconds();
    if (status >= 0) return Py_BuildValue("dd", (stop - start) / times, value);
    PyErr_SetString(PyExc_RuntimeError, fl1->last_error());
    return NULL;
}

/* row(n_features, features int64, values, indices int32, row values, times) */
static PyObject *row(PyObject *self, PyObject *args) {
    Py_buffer features, values, indices, x;
    long long n_features;
    int times, status;
    double start = 0.0, out = 0.0;
    fl1_coefs coefs;
    fl1_model *model;
    (void)self;
    if (!PyArg_ParseTuple(args, "Ly*y*y*y*i", &n_features, &features, &values, &indices,
                          &x, &times))
        return NULL;
    FL1_INIT(coefs);
    coefs.n_features = n_features;
    coefs.n_outputs = 1;
    coefs.n_coefs = values.len / 8;
    coefs.features = features.buf;
    coefs.values = values.buf;
    status = fl1->model_create(&coefs, &model);
    start = seconds();
    for (int k = 0; k < times && status >= 0; k++)
        status = fl1->predict_row(model, x.len / 8, FL1_INT32, indices.buf, FL1_FLOAT64,
                                  x.buf, FL1_PREDICT_LINK, &out);
    PyObject *answer = result(status, start, times, out);
    fl1->model_free(model);
    PyBuffer_Release(&features);
    PyBuffer_Release(&values);
    PyBuffer_Release(&indices);
    PyBuffer_Release(&x);
    return answer;
}

/* lasso(columns, y, alpha, times): the gap of a solve from scratch, no intercept */
static PyObject *lasso(PyObject *self, PyObject *args) {
    Py_buffer columns, y;
    double alpha, coef[1024], start;
    int times, status = FL1_OK;
    fl1_matrix matrix;
    fl1_problem problem;
    fl1_solver_info info;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*di", &columns, &y, &alpha, &times)) return NULL;
    FL1_INIT(matrix);
    matrix.layout = FL1_COLUMNS;
    matrix.value_type = FL1_FLOAT64;
    matrix.n_rows = y.len / 8;
    matrix.n_cols = columns.len / y.len;
    matrix.values = columns.buf;
    FL1_INIT(problem);
    problem.l1_ratio = 1.0;
    problem.n_threads = 1;
    problem.y = y.buf;
    FL1_INIT(info);
    start = seconds();
    for (int k = 0; k < times && status >= 0; k++) {
        fl1_design *X = NULL;
        fl1_solver *solver = NULL;
        status = fl1->design_create(&matrix, &X);
        if (status == FL1_OK) status = fl1->solver_create(X, &problem, &solver);
        if (status == FL1_OK) status = fl1->solver_solve(solver, alpha, 1e-6, 500);
        if (status >= 0) status = fl1->solver_info(solver, &info);
        if (status >= 0) status = fl1->solver_coef(solver, coef);
        fl1->solver_free(solver);
        fl1->design_free(X);
    }
    PyBuffer_Release(&columns);
    PyBuffer_Release(&y);
    return result(status, start, times, info.gap);
}

/* dot(column, v, times) */
static PyObject *dot(PyObject *self, PyObject *args) {
    Py_buffer column, v;
    double start, out = 0.0;
    int times, status;
    fl1_matrix matrix;
    fl1_design *X;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*i", &column, &v, &times)) return NULL;
    FL1_INIT(matrix);
    matrix.layout = FL1_COLUMNS;
    matrix.value_type = FL1_FLOAT64;
    matrix.n_rows = column.len / 8;
    matrix.n_cols = 1;
    matrix.values = column.buf;
    status = fl1->design_create(&matrix, &X);
    start = seconds();
    for (int k = 0; k < times && status >= 0; k++)
        status = fl1->col_dot(X, 0, v.buf, &out);
    PyObject *answer = result(status, start, times, out);
    fl1->design_free(X);
    PyBuffer_Release(&column);
    PyBuffer_Release(&v);
    return answer;
}

static PyMethodDef methods[] = {{"row", row, METH_VARARGS, NULL},
                                {"lasso", lasso, METH_VARARGS, NULL},
                                {"dot", dot, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "calls", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_calls(void) {
    if (fl1_import() < 0) return NULL;
    return PyModule_Create(&module);
}
