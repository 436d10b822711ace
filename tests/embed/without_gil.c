/* A thread that Python knows nothing of fits and predicts while this one holds the GIL:
 * would fastl1 ask for it, neither would go on. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>

#include <fastl1.h>

enum { N = 60, P = 8 };

typedef struct {
    double x[N * P], y[N], coef[P], eta[N];
    int status;
} work;

static int fit(work *w, fl1_design **design, fl1_solver **solver, fl1_model **model) {
    const int64_t features[P] = {0, 1, 2, 3, 4, 5, 6, 7};
    const double alpha = 0.01;
    fl1_matrix X;
    fl1_problem problem;
    fl1_path path;
    fl1_coefs coefs;
    int status;
    FL1_INIT(X);
    X.layout = FL1_COLUMNS;
    X.value_type = FL1_FLOAT64;
    X.n_rows = N;
    X.n_cols = P;
    X.values = w->x;
    if ((status = fl1->design_create(&X, design)) != FL1_OK) return status;
    FL1_INIT(problem);
    problem.l1_ratio = 1.0;
    problem.y = w->y;
    problem.n_threads = 2;
    if ((status = fl1->solver_create(*design, &problem, solver)) != FL1_OK) return status;
    FL1_INIT(path);
    path.n_alphas = 1;
    path.alphas = &alpha;
    path.tol = 1e-9;
    path.max_iter = 500;
    path.coefs = w->coef;
    if ((status = fl1->solver_path(*solver, &path, NULL)) != FL1_OK) return status;
    FL1_INIT(coefs);
    coefs.n_features = coefs.n_coefs = P;
    coefs.n_outputs = 1;
    coefs.features = features;
    coefs.values = w->coef;
    if ((status = fl1->model_create(&coefs, model)) != FL1_OK) return status;
    return fl1->predict(*model, &X, FL1_PREDICT_LINK, 2, w->eta);
}

static void *run(void *given) {
    work *w = given;
    fl1_design *design = NULL;
    fl1_solver *solver = NULL;
    fl1_model *model = NULL;
    w->status = fit(w, &design, &solver, &model);
    fl1->model_free(model);
    fl1->solver_free(solver);
    fl1->design_free(design);
    /* an error of this thread, with a text of its own */
    if (w->status == FL1_OK && fl1->design_create(NULL, &design) != FL1_E_NULL)
        w->status = -100;
    return NULL;
}

/* columns (P, N) and y (N,) -> status, coefficients (P,) and predictions (N,) */
static PyObject *fit_in_thread(PyObject *self, PyObject *args) {
    static work w;
    Py_buffer x, y;
    pthread_t thread;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*", &x, &y)) return NULL;
    if (x.len == sizeof w.x && y.len == sizeof w.y) {
        memcpy(w.x, x.buf, sizeof w.x);
        memcpy(w.y, y.buf, sizeof w.y);
        if (pthread_create(&thread, NULL, run, &w) != 0) w.status = -101;
        else pthread_join(thread, NULL);
    } else {
        w.status = -102;
    }
    PyBuffer_Release(&x);
    PyBuffer_Release(&y);
    return Py_BuildValue("iy#y#s", w.status, w.coef, (Py_ssize_t)sizeof w.coef, w.eta,
                         (Py_ssize_t)sizeof w.eta, fl1->last_error());
}

static PyMethodDef methods[] = {{"fit_in_thread", fit_in_thread, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "without_gil", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_without_gil(void) {
    if (fl1_import() < 0) return NULL;
    return PyModule_Create(&module);
}
