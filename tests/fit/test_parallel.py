"""Independent problems over a pool: order, errors, progress, interruption."""

import os
import threading
import warnings

import numpy as np
import pytest

import fastl1
from fastl1 import _runtime
from fastl1.fit.parallel import solve_all, split_threads
from fastl1.fit.path import solve_path
from fastl1.problem.problem import check_problem

OPENMP = _runtime.config()["openmp"]
needs_openmp = pytest.mark.skipif(not OPENMP, reason="built without OpenMP")


@pytest.fixture(scope="module")
def slow_problem():
    """A path that runs for much longer than any test."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((400, 3000)))
    return check_problem(X, rng.standard_normal(400), n_threads=1)


@needs_openmp
def test_one_problem_gets_all_threads_and_several_one_each():
    assert split_threads(3, 1) == (1, 3)
    assert split_threads(3, 2) == (2, 1)
    assert split_threads(3, 10) == (3, 1)
    assert split_threads(1, 10) == (1, 1)
    assert split_threads(4, 0) == (1, 4)


@needs_openmp
@pytest.mark.parametrize("workers", [1, 3])
def test_results_are_in_order_whatever_finishes_first(workers):
    threads = set()
    finished = [threading.Event() for _ in range(6)]

    def solve(k, tell):
        threads.add(threading.get_ident())
        if workers == 3 and k % 3 < 2:  # the last of each three is the first to finish
            finished[k + 1].wait()
        finished[k].set()
        return k

    seen = []

    def finish(k, result):
        assert threading.current_thread() is threading.main_thread()
        seen.append((k, result))
        return 10 * result

    done = solve_all(solve, 6, workers=workers, finish=finish)
    assert done == [0, 10, 20, 30, 40, 50]
    assert seen == [(k, k) for k in range(6)]
    assert (threads == {threading.get_ident()}) == (workers == 1)


def test_nothing_to_solve():
    assert solve_all(lambda k, tell: 1 / 0, 0, workers=1) == []
    assert solve_all(lambda k, tell: 1 / 0, 0, workers=2) == []


@needs_openmp
def test_a_pool_within_a_pool_is_one_thread():
    inner = solve_all(lambda k, tell: split_threads(4, 5), 3, workers=2)
    assert inner == [(1, 1)] * 3
    assert split_threads(4, 5) == (4, 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_in_the_calling_thread_and_may_stop(workers):
    told = []

    def report(k, step):
        assert threading.current_thread() is threading.main_thread()
        told.append((k, step))
        return len(told) == 5

    def solve(k, tell):
        for step in range(3):
            if tell(k, step):
                return step + 1
        return "whole"

    done = solve_all(solve, 6, workers=workers, report=report)
    assert len(told) == 5
    assert all(result in ("whole", 1, 2, 3, None) for result in done)
    assert done[-1] is None
    begun = [result is not None for result in done]
    assert begun == sorted(begun, reverse=True)
    if workers == 1:
        assert done == ["whole", 2, None, None, None, None]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_is_raised_and_the_others_stop(workers):
    begun = []
    third = threading.Event()

    def solve(k, tell):
        begun.append(k)
        if k == 2 and workers == 2:
            third.wait()  # problem 3 fails before this one does
        if k == 3:
            third.set()
        if k in (2, 3):
            raise ValueError(f"problem {k}")
        while k > 3 and not tell(k):
            pass
        return k

    with pytest.raises(ValueError, match="problem 2"):
        solve_all(solve, 500, workers=workers, report=lambda k: False)
    assert len(begun) <= 4 + workers
    with pytest.raises(ZeroDivisionError):
        solve_all(lambda k, tell: k, 5, workers=workers, finish=lambda k, r: r // 0)
    with pytest.raises(ZeroDivisionError):
        solve_all(
            lambda k, tell: tell(), 5, workers=workers, report=lambda *args: 1 // 0
        )


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_hands_back_finished_and_partial_results(slow_problem, workers, ctrl_c):
    under_way = set()
    slow = {"n_alphas": 2000, "alpha_min_ratio": 1e-4, "tol": 1e-12}

    def solve(k, tell):
        if k == 0:
            return solve_path(slow_problem, alphas=[1.0])

        def callback(done, info):
            under_way.add(k)
            if len(under_way) == workers:
                ctrl_c()

        return solve_path(slow_problem, callback=callback, **slow)

    with pytest.raises(fastl1.FitInterrupted, match="of 4 problems begun") as caught:
        solve_all(solve, 4, workers=workers, finish=lambda k, path: (k, path))
    first, second, third, fourth = caught.value.result
    assert first[1].info["stopped"] == "end"
    assert second[0] == 1
    assert second[1].info["stopped"] == "interrupted"
    assert 0 < len(second[1]) < 2000
    assert (third is not None) == (workers == 2)
    assert fourth is None


def test_ctrl_c_while_progress_is_told(slow_problem):
    def report(k):
        if k == 3:
            raise KeyboardInterrupt

    def solve(k, tell):
        return "stopped" if tell(k) else k

    with pytest.raises(fastl1.FitInterrupted) as caught:
        solve_all(solve, 1000, workers=2, report=report)
    result = caught.value.result
    assert len(result) == 1000
    assert result[:3] == [0, 1, 2]
    assert result[3] == "stopped"
    assert result[-1] is None


@needs_openmp
def test_forked_child_uses_no_pool():
    solve_all(lambda k, tell: k, 4, workers=2)
    with warnings.catch_warnings():
        # Python warns of forking with threads
        warnings.simplefilter("ignore")
        pid = os.fork()
        if pid == 0:
            os._exit(0 if split_threads(2, 4) == (1, 1) else 1)
    assert os.waitpid(pid, 0)[1] == 0
