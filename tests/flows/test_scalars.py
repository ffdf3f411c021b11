"""The grammar's scalars: what is read, as what, and what is refused."""

from collections.abc import Callable

import pytest

from streams.flows.parsing import scalars

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90m", 90 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("45s", 45_000),
        ("2h", 2 * HOUR),
        ("7d", 7 * DAY),
        ("2w", 14 * DAY),
        ("1d12h", 36 * HOUR),
        ("PT90M", 90 * MINUTE),
        ("PT1H30M", 90 * MINUTE),
        ("P1D", DAY),
        ("P1DT12H", 36 * HOUR),
        ("P2W", 14 * DAY),
        ("PT0H5S", 5_000),
    ],
)
def test_a_span_is_read_in_ms(text: str, ms: int) -> None:
    """Spans of the short form and of ISO 8601 become ms; a day is 24 hours."""
    assert scalars.span(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0s",
            "0h0m",
            "h",
            "1",
            "90",
            "1.5h",
            "-2h",
            "2 h",
            "2H",
            "1y",
            "99999w",
            "٣h",
            "9" * 400 + "h",
        ),
        *("P", "PT", "P1DT", "P1Y", "P1M", "PT0S"),
    ],
)
def test_what_is_no_span_is_refused(text: str) -> None:
    """No unit, fractions, signs, spaces, years and months, nothing, and ages are no spans."""
    with pytest.raises(ValueError, match="span"):
        scalars.span(text)


def test_nothing_is_a_span_only_where_it_may_be() -> None:
    """Jitter and grace may be 0s."""
    assert scalars.span_or_nothing("0s") == 0
    assert scalars.span_or_nothing("10m") == 10 * MINUTE


@pytest.mark.parametrize(
    ("text", "ms"), [("+2d", 2 * DAY), ("-30d", -30 * DAY), ("0d", 0), ("+1h30m", 90 * MINUTE)]
)
def test_an_offset_from_now_has_a_sign(text: str, ms: int) -> None:
    """`+2d`, `-30d` and `0d`."""
    assert scalars.offset(text) == ms


@pytest.mark.parametrize("text", ["2d", "+", "-", "++2d", "+0d2", "now"])
def test_what_is_no_offset_is_refused(text: str) -> None:
    """An offset without a sign, or without a span, is refused."""
    with pytest.raises(ValueError, match=r"offset|span"):
        scalars.offset(text)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("09:00-18:00", (540, 1080)),
        ("21:00-08:00", (1260, 480)),
        ("00:00-23:59", (0, 1439)),
        ("22:00-00:00", (1320, 0)),
    ],
)
def test_hours_may_cross_midnight(text: str, pair: tuple[int, int]) -> None:
    """Start and end in minutes from midnight, the end before the start over midnight."""
    assert scalars.hours(text) == pair


@pytest.mark.parametrize(
    "text", ["9:00-18:00", "09:00", "09:00-24:00", "09:00-09:00", "09:60-10:00", "a-b", "-", ""]
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    """Hours are two times of two digits each that differ."""
    with pytest.raises(ValueError, match="hours"):
        scalars.hours(text)


def test_a_day_is_a_number_from_monday() -> None:
    """Mon is 1, sun is 7, and nothing else is a day."""
    assert [scalars.day(name) for name in scalars.DAYS] == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(ValueError, match="day"):
        scalars.day("lun")


@pytest.mark.parametrize(
    ("parse", "good"),
    [
        (scalars.identifier, ["a", "0", "nudge-and-close", "a" * 63]),
        (scalars.zone, ["contact", "business", "Europe/Rome", "UTC", "America/Argentina/Ushuaia"]),
        (scalars.place_zone, ["Europe/Rome"]),
        (scalars.language, ["it", "en", "pt-BR", "zh-Hant-TW"]),
        (scalars.iso_date, ["2026-12-25", "2028-02-29"]),
        (
            scalars.iso_moment,
            ["2026-12-25", "2026-12-25T10:00", "2026-12-25T10:00+01:00", "2026-12-25T10:00Z"],
        ),
        (scalars.variable, ["codice", "_x1"]),
        (scalars.name, ["order.completed", "Città", "a b"]),
        (scalars.url, ["https://example.com/a", "http://127.0.0.1:8080"]),
    ],
)
def test_good_words_stand_as_they_are(parse: Callable[[str], str], good: list[str]) -> None:
    """Ids, zones, languages, dates, names and addresses are kept as written."""
    assert [parse(text) for text in good] == good


@pytest.mark.parametrize(
    ("parse", "bad"),
    [
        (scalars.identifier, ["", "-a", "A", "a_b", "a" * 64, "à", "a b"]),
        (scalars.zone, ["", "Rome", "Europe/Roma", "europe/rome", "../etc/passwd"]),
        (scalars.place_zone, ["contact", "business"]),
        (scalars.language, ["", "i", "italiano", "IT", "it_IT"]),
        (scalars.iso_date, ["", "2026-2-3", "2026-02-30", "20261225", "2026-W10-1", "2026-12-25T10:00"]),
        (scalars.iso_moment, ["", "domani", "2026-13-01", "10:00"]),
        (scalars.variable, ["", "1a", "a-b", "a.b", "è"]),
        (scalars.name, [" a", "a ", "x" * 129]),
        (scalars.url, ["example.com", "ftp://a.it", "https://", "javascript:alert(1)"]),
    ],
)
def test_bad_words_are_refused(parse: Callable[[str], str], bad: list[str]) -> None:
    """What does not have the scalar's form is refused with what was expected."""
    for text in bad:
        with pytest.raises(ValueError, match=r"\w+"):
            parse(text)
