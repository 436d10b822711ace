from fastl1._version import __version__ as __version__
from fastl1.cv import CVPathResult as CVPathResult
from fastl1.cv import cross_validate_path as cross_validate_path
from fastl1.exceptions import ConvergenceWarning as ConvergenceWarning
from fastl1.exceptions import FitInterrupted as FitInterrupted
from fastl1.exceptions import ModelFileError as ModelFileError
from fastl1.linear_model import ElasticNet as ElasticNet
from fastl1.linear_model import ElasticNetCV as ElasticNetCV
from fastl1.linear_model import Lasso as Lasso
from fastl1.linear_model import LassoCV as LassoCV
from fastl1.linear_model import LogisticRegression as LogisticRegression
from fastl1.linear_model import LogisticRegressionCV as LogisticRegressionCV
from fastl1.model import SparseModel as SparseModel
from fastl1.paths import PathResult as PathResult
from fastl1.paths import alpha_max as alpha_max
from fastl1.paths import enet_path as enet_path
from fastl1.paths import lasso_path as lasso_path
from fastl1.paths import path as path
from fastl1.prox import soft_threshold as soft_threshold
from fastl1.scales import convert_lambda as convert_lambda

def show_config() -> None: ...
