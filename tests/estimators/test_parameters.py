"""Constructors from listed parameters: what inspect, scikit-learn and mypy see."""

import ast
import inspect
import re
from dataclasses import field

import pytest
from sklearn.base import BaseEstimator, clone

import fastl1
from fastl1.estimators.parameters import parameters

ESTIMATORS = sorted(
    name
    for name in fastl1.__all__
    if isinstance(getattr(fastl1, name), type)
    and issubclass(getattr(fastl1, name), BaseEstimator)
)


@parameters
class Base(BaseEstimator):
    shared: int = 1
    also: tuple = (2,)
    label = "no annotation, no parameter"


@parameters
class Derived(Base):
    first: float = field(kw_only=False)
    second: str = field(default="b", kw_only=False)
    also: tuple = (3,)


@parameters
class Fixed(Derived):
    also: tuple = field(default=(4,), init=False)


def test_own_parameters_come_before_inherited_ones():
    assert list(inspect.signature(Derived).parameters) == (
        ["first", "second", "also", "shared"]
    )
    model = Derived(0.5, "x", shared=7)
    assert model.get_params() == {
        "first": 0.5,
        "second": "x",
        "also": (3,),
        "shared": 7,
    }
    assert repr(clone(model)) == "Derived(first=0.5, second='x', shared=7)"
    assert vars(Base()) == {"shared": 1, "also": (2,)}


def test_a_constant_is_no_parameter():
    assert "also" not in inspect.signature(Fixed).parameters
    assert Fixed(1.0).also == (4,)
    with pytest.raises(TypeError, match=r"Fixed\.__init__\(\) got an .*also"):
        Fixed(1.0, also=(1,))


def test_mistakes_in_a_call_name_the_class():
    with pytest.raises(TypeError, match=r"Derived\.__init__\(\) missing .*'first'"):
        Derived()
    with pytest.raises(TypeError, match=r"Lasso\.__init__\(\) got an unexpected .*foo"):
        fastl1.Lasso(foo=1)
    with pytest.raises(TypeError, match=r"takes .* positional arguments but 3"):
        fastl1.Lasso(1.0, True)


def test_what_was_pickled_before_a_parameter_came_has_its_default():
    old = Derived.__new__(Derived)
    old.__setstate__({"first": 1.0})
    assert old.get_params()["shared"] == 1
    assert not hasattr(Derived, "first")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_keeps_what_it_is_given(name):
    kind = getattr(fastl1, name)
    signature = inspect.signature(kind.__init__)
    names = list(signature.parameters)[1:]
    given = {one: object() for one in names}
    model = kind(**given)
    assert vars(model) == given
    assert model.get_params(deep=False) == given
    for one in names:
        assert signature.parameters[one].annotation is not inspect.Parameter.empty


CALLS = """\
import fastl1

fastl1.Lasso(0.1, fit_intercept=False)
fastl1.Lasso(0.1, foo=1)  # foo
fastl1.Lasso(0.1, l1_ratio=0.5)  # l1_ratio
fastl1.Lasso(0.1, True)  # positional
fastl1.Lasso(alpha="high")  # incompatible
fastl1.ElasticNet(l1_ratio=0.3, positive=True)
fastl1.PoissonRegressor(alpha=1.0, lower=[0.0, 1.0])
fastl1.PoissonRegressor(1.0)  # positional
fastl1.CoxPHRegressor(fit_intercept=True)  # fit_intercept
fastl1.PathCV(fastl1.GammaRegressor(), alphas=20)
fastl1.PathCV(alphas=20)  # estimator
fastl1.LogisticRegressionCV(C=1.0)  # C
"""


def test_type_checkers_read_the_signatures(tmp_path):
    mypy = pytest.importorskip("mypy.api")
    file = tmp_path / "calls.py"
    file.write_text(CALLS)
    out, _, _ = mypy.run([str(file), f"--cache-dir={tmp_path}", "--no-error-summary"])
    found = {
        int(line): text
        for line, text in re.findall(r"calls\.py:(\d+): error: (.*)", out)
    }
    wanted = {
        line: text.partition("# ")[2]
        for line, text in enumerate(CALLS.splitlines(), 1)
        if "#" in text
    }
    assert found.keys() == wanted.keys(), out
    for line, word in wanted.items():
        assert word in found[line]


def documented(thing):
    """{name: what its line in the docstring says} of the parameters."""
    doc = inspect.getdoc(thing)
    section = doc.partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\n\w+\n-{5,}\n", section)[0]
    found = {}
    for line in section.splitlines():
        if line and not line.startswith(" "):
            names, _, kind = line.partition(" : ")
            found |= {name.strip(" *"): kind for name in names.split(",")}
    return found


PUBLIC = [*ESTIMATORS, "enet_path", "lasso_path"]


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_stand_alone(name):
    thing = getattr(fastl1, name)
    doc = inspect.getdoc(thing)
    assert not re.search(r"\b(as|see) (in|of|for|there)\b.{0,3}`", doc, re.I)
    assert "References\n----------" in doc or name == "PathCV"
    told, signature = documented(thing), inspect.signature(thing).parameters
    assert told.keys() == signature.keys()
    for one, kind in told.items():
        said = re.search(r"default (\S+)$", kind)
        if said:
            assert ast.literal_eval(said[1]) == signature[one].default, one


@pytest.mark.parametrize("name", PUBLIC)
def test_methods_document_their_arguments(name):
    kind = getattr(fastl1, name)
    if not isinstance(kind, type):
        return
    for one in dir(kind):
        member = getattr(kind, one)
        if one.startswith("_") or one == "path" or not callable(member):
            continue
        if "fastl1" not in member.__module__ or one == "former":
            continue
        doc = inspect.getdoc(member)
        assert not re.search(r"\b(as|see) (in|of|for|there)\b.{0,3}`", doc, re.I), one
        names = {n for n in inspect.signature(member).parameters if n != "self"}
        assert documented(member).keys() == names, one
