"""Intervals and tests of rates, from counts alone; pure.

Sources: Wilson, *JASA* 22 (1927); Newcombe, *Statistics in Medicine* 17 (1998) 873–890, method 10; Johari,
Koomen, Pekelis and Walsh, *Always Valid Inference*, Operations Research 70 (2022), and Robbins, *Annals of
Mathematical Statistics* 41 (1970) for the mixture.
"""

from math import exp, log, sqrt
from typing import Final, NamedTuple

__all__ = ["ALPHA", "LEAST", "TAU", "Interval", "Sequential", "Z", "newcombe", "sequential", "wilson"]

Z: Final = 1.959963984540054
"""The normal distribution's 97.5 % point: intervals are of 95 %."""
ALPHA: Final = 0.05
TAU: Final = 0.05
"""The mixture's scale: differences of about five points are found soonest. Any scale is valid."""
LEAST: Final = 100
"""With fewer on either side, or fewer than ten of either kind on a side, the normal approximation that the
sequential test rests on says nothing yet."""
LEAST_OF_A_KIND: Final = 10


class Interval(NamedTuple):
    """Both ends, inclusive."""

    low: float
    high: float


class Sequential(NamedTuple):
    """A test that may be looked at as often as one likes."""

    p: float
    """Always valid: whenever one stops, under no difference p ≤ α happens with probability α at most."""
    difference: Interval
    """A 95 % confidence sequence: all its looks together hold the true difference with that probability."""


def wilson(hits: int, of: int) -> Interval | None:
    """The 95 % score interval of a rate; None of nothing."""
    if of == 0:
        return None
    rate = hits / of
    middle = rate + Z * Z / (2 * of)
    half = Z * sqrt(rate * (1 - rate) / of + Z * Z / (4 * of * of))
    scale = 1 + Z * Z / of
    return Interval(max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def newcombe(hits_a: int, of_a: int, hits_b: int, of_b: int) -> Interval | None:
    """The 95 % interval of b's rate minus a's, from both Wilson intervals; None if either is of nothing."""
    a, b = wilson(hits_a, of_a), wilson(hits_b, of_b)
    if a is None or b is None:
        return None
    rate_a, rate_b = hits_a / of_a, hits_b / of_b
    difference = rate_b - rate_a
    return Interval(
        difference - sqrt((rate_b - b.low) ** 2 + (a.high - rate_a) ** 2),
        difference + sqrt((b.high - rate_b) ** 2 + (rate_a - a.low) ** 2),
    )


def sequential(hits_a: int, of_a: int, hits_b: int, of_b: int) -> Sequential | None:
    """The mixture sequential probability ratio test of b's rate against a's; None while there is too little.

    With d the difference, V = p_a(1 − p_a)/n_a + p_b(1 − p_b)/n_b its variance, the likelihood ratio mixed
    over N(0, τ²) is Λ = √(V/(V + τ²)) · exp(τ² d² / (2V(V + τ²))); p = min(1, 1/Λ), and the interval holds
    the differences that Λ < 1/α does not refute: d ± √(2V(V + τ²)/τ² · ln(√((V + τ²)/V)/α)). This p is of
    one look; the smallest of all looks is always valid too.
    """
    for hits, of in ((hits_a, of_a), (hits_b, of_b)):
        if of < LEAST or min(hits, of - hits) < LEAST_OF_A_KIND:
            return None
    rate_a, rate_b = hits_a / of_a, hits_b / of_b
    difference = rate_b - rate_a
    variance = rate_a * (1 - rate_a) / of_a + rate_b * (1 - rate_b) / of_b
    mixed, scale = variance + TAU * TAU, TAU * TAU
    log_ratio = 0.5 * log(variance / mixed) + scale * difference * difference / (2 * variance * mixed)
    half = sqrt(2 * variance * mixed / scale * (0.5 * log(mixed / variance) - log(ALPHA)))
    return Sequential(
        exp(min(0.0, -log_ratio)), Interval(max(-1.0, difference - half), min(1.0, difference + half))
    )
