"""Hard random problems: certificates hold, and no model is worse than none.

FASTL1_FUZZ is the number of problems; `make fuzz` sets it to 10 000.
"""

import os

import pytest
from oracles import fuzz

COUNT = int(os.environ.get("FASTL1_FUZZ", "300"))
PARTS = 12  # tests, so that several processes share the problems


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_gap_bounds_the_distance_from_the_optimum(part):
    failures = []
    models = stalled = 0
    for seed in range(part, COUNT, PARTS):
        case = fuzz.make(seed)
        for k, verdict in enumerate(fuzz.audit(case)):
            models += 1
            stalled += not verdict.converged
            slack = verdict.gap + verdict.rounding
            if not (verdict.suboptimality <= slack and verdict.beyond_null <= slack):
                failures.append((seed, k, case.loss, verdict))
    print(f"{models} models, {stalled} not converged")
    assert not failures, failures
    assert models >= COUNT / PARTS


def test_the_oracle_is_awake():
    """At a loose tolerance, a claim of no gap at all is seen to be false."""
    verdicts = [
        verdict
        for seed in range(60)
        for verdict in fuzz.audit(fuzz.make(seed), tol=0.1)
    ]
    off = [v for v in verdicts if v.suboptimality > 1e-6 + v.rounding]
    assert len(off) >= 20
    assert all(v.suboptimality <= v.gap + v.rounding for v in off)
