"""liblinear's newGLMNET (-s 6) through its own Python binding; no warm starts."""

import numpy as np
import scipy.sparse as sp
from liblinear.liblinearutil import parameter, train
from liblinear.liblinearutil import problem as liblinear_problem

from . import decades


def build(problem):
    n, p = problem.X.shape
    data = liblinear_problem(problem.y, sp.csr_matrix(problem.X))

    def one(alpha, tol):
        flags = f"-s 6 -c {1 / (n * alpha):.17g} -e {tol:g} -q -B -1"
        model = train(data, parameter(flags))
        sign = 1 if model.get_labels()[0] == 1 else -1
        w = np.ctypeslib.as_array(model.w, shape=(model.nr_feature,))
        return sign * np.r_[w, np.zeros(p - len(w))]

    def fit(tol):
        return np.column_stack([one(alpha, tol) for alpha in problem.alphas])

    return fit, decades(1, 11)
