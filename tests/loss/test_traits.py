"""What the kernels believe of each loss, against what the losses are."""

import re
from dataclasses import fields
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from oracles.losses import labels, positive

import fastl1
from fastl1 import _runtime
from fastl1.fit.solver import make_solver
from fastl1.loss.losses import LOSSES
from fastl1.problem.problem import check_problem


def all_traits():
    found = {}
    for number in count():
        try:
            traits = _runtime.loss_traits(number)
        except ValueError:
            return found
        if not traits["own"]:  # whose functions are its user's
            found[traits["name"]] = {**traits, "number": number}


TRAITS = all_traits()
OF_ROWS = [name for name in TRAITS if not TRAITS[name]["coupled_rows"]]
EVERY = pytest.mark.parametrize("name", TRAITS)
EVERY_OF_ROWS = pytest.mark.parametrize("name", OF_ROWS)
TARGETS = {
    "labels": [0.0, 1.0],
    "real": [-1.5, 0.0, 2.0],
    "at least 0": [0.0, 0.4, 3.0],
    "above 0": [0.4, 3.0],
}
ETA = np.linspace(-5, 5, 2001)


def each_target(name):
    return TARGETS[TRAITS[name]["target"]]


def kernel(name, y, eta, **more):
    y, s = np.full(len(eta), y), np.ones(len(eta))
    return _runtime.evaluate_loss(TRAITS[name]["number"], y, eta, s, **more)


def curvatures(name, y, step=1e-3):
    """Second differences of the deviance about ETA."""
    f = LOSSES[name]().deviance
    y = np.full(len(ETA), y)
    return (f(y, ETA + step) - 2 * f(y, ETA) + f(y, ETA - step)) / step**2


def objective(name, eta, rows=slice(None)):
    """The mean loss at linear predictors eta."""
    n = len(eta)
    rng = np.random.default_rng(3)
    signal = rng.standard_normal(n)
    if name == "cox":
        y = np.column_stack([np.ones(n), np.arange(n, 0.0, -1)])
    else:
        y = labels(signal, rng) if LOSSES[name].labels else positive(signal, rng)
    weight = np.zeros(n)
    weight[rows] = 1
    problem = check_problem(
        np.zeros((n, 1), order="F"),
        y,
        loss=name,
        offset=eta,
        fit_intercept=False,
        sample_weight=weight,
    )
    return make_solver(problem).objective(0.0)


def test_every_loss_has_its_traits():
    assert set(TRAITS) == set(LOSSES) - {"multinomial"}


def test_numbers_are_those_of_the_c_interface():
    header = Path(fastl1.__file__).parent / "include" / "fastl1.h"
    numbers = re.findall(r"FL1_LOSS_(\w+) = (\d+)", header.read_text())
    assert len(numbers) == len(OF_ROWS)
    for name, number in numbers:
        assert TRAITS[name.lower()]["number"] == int(number)


@EVERY_OF_ROWS
def test_target_is_what_the_class_accepts(name):
    loss, target = LOSSES[name](), TRAITS[name]["target"]
    assert loss.labels == (target == "labels")
    if target == "labels":
        return
    for value, accepted in (
        (-1.0, target == "real"),
        (0.0, target in ("real", "at least 0")),
        (1.0, True),
    ):
        y = np.array([2.0, value])
        if accepted:
            loss.check_values(y)
        else:
            with pytest.raises(ValueError, match="at row 1"):
                loss.check_values(y)


@EVERY_OF_ROWS
def test_parameter_is_the_field_of_the_class(name):
    parameter, usual = TRAITS[name]["param"], TRAITS[name]["param_usual"]
    expected = {} if parameter is None else {parameter: usual}
    assert {field.name: field.default for field in fields(LOSSES[name])} == expected


@EVERY_OF_ROWS
def test_quadratic_is_constant_curvature(name):
    if TRAITS[name]["dual_is_variable"]:
        assert not TRAITS[name]["quadratic"]
        return
    constant = all(np.all(kernel(name, y, ETA)[2] == 1) for y in each_target(name))
    assert TRAITS[name]["quadratic"] == constant


@EVERY
def test_without_an_intercept_a_constant_changes_nothing(name):
    eta = np.linspace(-1, 1, 8)
    unchanged = objective(name, eta) == pytest.approx(objective(name, eta + 3))
    assert TRAITS[name]["has_intercept"] == (not unchanged)


@EVERY
def test_coupled_rows_are_no_sum_over_rows(name):
    eta = np.sin(np.arange(8.0))
    parts = objective(name, eta, slice(0, 4)) + objective(name, eta, slice(4, 8))
    adds_up = parts / 2 == pytest.approx(objective(name, eta), rel=1e-12)
    assert TRAITS[name]["coupled_rows"] == (not adds_up)


@EVERY_OF_ROWS
def test_least_at_infinity_is_a_slope_that_never_turns(name):
    def never_turns(y):
        v = kernel(name, y, np.array([-5.0, 5.0]))[1]
        return v[0] * v[1] > 0

    if TRAITS[name]["dual_is_variable"]:
        ends = [LOSSES[name]().deviance(2.0, eta) for eta in (-5.0, 2.0, 5.0)]
        assert ends[1] < min(ends[0], ends[2])
        assert not TRAITS[name]["least_at_infinity"]
        return
    found = any(never_turns(y) for y in each_target(name))
    assert TRAITS[name]["least_at_infinity"] == found


def test_deaths_in_the_order_of_hazards_are_least_at_infinity():
    values = [objective("cox", scale * np.arange(8.0)) for scale in (1, 2, 4, 8)]
    assert np.all(np.diff(values) < 0)
    assert values[-1] > 0
    assert TRAITS["cox"]["least_at_infinity"]


@EVERY_OF_ROWS
def test_corners_are_jumps_of_the_curvature(name):
    jump = max(np.abs(np.diff(curvatures(name, y))).max() for y in each_target(name))
    smooth = max(np.abs(curvatures(name, y)).max() for y in each_target(name))
    assert TRAITS[name]["corners"] == (jump > 0.4 * smooth)


@EVERY_OF_ROWS
def test_a_dual_point_of_its_own_is_for_linear_pieces(name):
    some = max(np.median(np.abs(curvatures(name, y))) for y in each_target(name))
    curved = max(np.sum(np.abs(curvatures(name, y)) > 1e-6) for y in each_target(name))
    linear = some < 1e-6 and curved < 10
    assert TRAITS[name]["dual_is_variable"] == linear


@EVERY_OF_ROWS
def test_what_sharpens_has_corners_and_slopes_bounded_on_both_sides(name):
    bounded = all(
        kernel(name, y, np.zeros(1), dual=np.array([end]))[3] == np.inf
        for y in each_target(name)
        for end in (-1e3, 1e3)
    )
    traits = TRAITS[name]
    curved = traits["corners"] and not traits["dual_is_variable"]
    assert traits["sharpens"] == (bounded and curved)


@EVERY_OF_ROWS
def test_what_reweights_lies_below_squares_that_touch_it(name):
    """At eta, of slope -v and curvature v / (y - eta)."""
    if not TRAITS[name]["reweights"]:
        return
    f = LOSSES[name]().deviance
    for y in each_target(name):
        for eta in np.array([-4.0, -1.0, 0.3, 5.0]):
            v = kernel(name, y, np.array([eta]))[1][0]
            step = ETA - eta
            square = f(y, eta) - v * step + 0.5 * v / (y - eta) * step**2
            assert np.all(f(np.full(len(ETA), y), ETA) <= square + 1e-12)
