"""Intervals and the sequential test, against published examples, scipy and simulation."""

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad  # type: ignore[import-untyped]
from scipy.stats import binomtest, norm  # type: ignore[import-untyped]

from projections.statistics import ALPHA, TAU, newcombe, sequential, wilson


@given(st.integers(1, 100_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilsons_interval_is_scipys(counts: tuple[int, int]) -> None:
    """For any counts, the ends included."""
    band = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert wilson(*counts) == pytest.approx((band.low, band.high), abs=1e-12)


def test_nothing_has_no_interval() -> None:
    """A rate of nothing is none."""
    assert wilson(0, 0) is None
    assert newcombe(0, 0, 1, 2) is None
    assert newcombe(1, 2, 0, 0) is None


@pytest.mark.parametrize(
    ("a", "b", "interval"),
    [
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((2, 7), (6, 7), (0.0582, 0.8062)),
        ((0, 29), (5, 56), (-0.0381, 0.1926)),
        ((0, 10), (10, 10), (0.6075, 1.0000)),
        ((0, 20), (0, 10), (-0.1611, 0.2775)),
    ],
)
def test_newcombes_interval_is_his(
    a: tuple[int, int], b: tuple[int, int], interval: tuple[float, float]
) -> None:
    """The examples of his paper of 1998, table II, method 10."""
    assert newcombe(*a, *b) == pytest.approx(interval, abs=6e-5)


def test_the_mixture_is_the_integral() -> None:
    """1/p is the likelihood ratio, integrated numerically over the differences that the mixture weighs."""
    counts = (3_000, 10_000, 3_180, 10_000)
    test = sequential(*counts)
    rate_a, rate_b = 0.3, 0.318
    spread = sqrt(rate_a * (1 - rate_a) / 10_000 + rate_b * (1 - rate_b) / 10_000)
    seen = rate_b - rate_a

    def weighed(difference: float) -> float:
        likelihood = norm.pdf(seen, difference, spread) / norm.pdf(seen, 0, spread)
        return float(likelihood * norm.pdf(difference, 0, TAU))

    ratio, _ = quad(weighed, -inf, inf, points=None)
    assert test is not None
    assert test.p == pytest.approx(min(1.0, 1 / ratio), rel=1e-6)


def test_the_interval_ends_where_the_test_does() -> None:
    """Its nearer end is on 0 exactly where p is α."""
    differences = [
        (test.p, min(abs(test.difference.low), abs(test.difference.high)), test.difference)
        for more in range(0, 900, 10)
        if (test := sequential(3_000, 10_000, 3_000 + more, 10_000)) is not None
    ]
    for p, _, interval in differences:
        assert (p <= ALPHA) == (interval.low > 0)
    assert {p <= ALPHA for p, *_ in differences} == {True, False}


def test_with_too_little_it_says_nothing() -> None:
    """Fewer than a hundred on a side, or fewer than ten answered or silent."""
    assert sequential(40, 99, 50, 100) is None
    assert sequential(9, 100, 50, 100) is None
    assert sequential(50, 100, 91, 100) is None
    assert sequential(50, 100, 50, 100) is not None


def test_looking_every_day_finds_nothing_where_nothing_is() -> None:
    """Two equal rates, looked at forty times as they grow: at most one run in twenty is ever misled, where an
    ordinary test that is looked at as often misleads many more.
    """
    rng = np.random.default_rng(7)
    runs, looks, a_look = 1_000, 40, 100
    misled = ordinarily = 0
    for _ in range(runs):
        hits = rng.binomial(a_look, 0.3, size=(2, looks)).cumsum(axis=1)
        ever = usual = False
        for look in range(looks):
            of = a_look * (look + 1)
            a, b = int(hits[0, look]), int(hits[1, look])
            test = sequential(a, of, b, of)
            ever |= test is not None and test.p <= ALPHA
            pooled = (a + b) / (2 * of)
            usual |= abs(b - a) / of > 1.96 * sqrt(2 * pooled * (1 - pooled) / of)
        misled += ever
        ordinarily += usual
    assert misled <= ALPHA * runs
    assert ordinarily > 3 * ALPHA * runs
