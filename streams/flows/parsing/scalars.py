"""The grammar's scalars: from text to numbers. Each raises ValueError saying what was expected."""

import re
from datetime import date, datetime
from functools import cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

__all__ = [
    "DAYS",
    "day",
    "hours",
    "identifier",
    "iso_date",
    "iso_moment",
    "language",
    "minutes",
    "name",
    "offset",
    "place_zone",
    "span",
    "span_or_nothing",
    "title",
    "url",
    "variable",
    "zone",
]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_SHORT = re.compile(r"(?:[0-9]+[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")
_ISO = re.compile(
    r"P(?:(?P<w>[0-9]+)W)?(?:(?P<d>[0-9]+)D)?(?:T(?:(?P<h>[0-9]+)H)?(?:(?P<m>[0-9]+)M)?(?:(?P<s>[0-9]+)S)?)?"
)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_MS = 3_660 * _UNITS["d"]


def span(text: str) -> int:
    """`90m`, `1h30m` or ISO 8601 (`PT90M`), in ms. More than nothing, at most ten years."""
    if _SHORT.fullmatch(text):
        ms = sum(int(count[:12]) * _UNITS[unit] for count, unit in _PART.findall(text))
    elif (iso := _ISO.fullmatch(text)) and any(iso.groups()) and not text.endswith("T"):
        ms = sum(int(count[:12]) * _UNITS[unit] for unit, count in iso.groupdict().items() if count)
    else:
        raise ValueError("a span is integers with s, m, h, d or w, as 90m or 1h30m, or ISO 8601, as PT90M")
    if ms == 0:
        raise ValueError("a span must be longer than nothing")
    if ms > _LONGEST_MS:
        raise ValueError("a span may be ten years at most")
    return ms


def span_or_nothing(text: str) -> int:
    """A span, or `0s`."""
    return 0 if text in {"0s", "0m", "0h", "0d", "0w", "PT0S"} else span(text)


def offset(text: str) -> int:
    """`+2d`, `-30d` or `0d`, in ms from now."""
    if text in {"0d", "0s", "0m", "0h", "0w", "+0d", "-0d"}:
        return 0
    if text[:1] not in {"+", "-"}:
        raise ValueError("an offset from now is +span, -span or 0d, as +2d or -30d")
    ms = span(text[1:])
    return -ms if text.startswith("-") else ms


def minutes(text: str) -> int:
    """`HH:MM`, in minutes from midnight."""
    if not (match := _TIME.fullmatch(text)):
        raise ValueError("a time is HH:MM on 24 hours, as 09:30")
    return int(match[1]) * 60 + int(match[2])


def hours(text: str) -> tuple[int, int]:
    """`HH:MM-HH:MM`, start in, end out, as minutes; an end before the start is the next day's."""
    start, dash, end = text.partition("-")
    try:
        pair = minutes(start), minutes(end)
    except ValueError:
        dash = ""
        pair = (0, 0)
    if not dash:
        raise ValueError("hours are HH:MM-HH:MM, as 21:00-08:00")
    if pair[0] == pair[1]:
        raise ValueError("hours that start and end at the same time are empty")
    return pair


def day(text: str) -> int:
    """`mon` … `sun` as 1 … 7."""
    if text not in DAYS:
        raise ValueError(f"a day is one of {', '.join(DAYS)}")
    return DAYS.index(text) + 1


def identifier(text: str) -> str:
    """An id: small letters, digits and dashes, 63 at most, a letter or digit first."""
    if not _ID.fullmatch(text):
        raise ValueError("an id is 1 to 63 of a–z, 0–9 and -, and does not start with -")
    return text


def language(text: str) -> str:
    """A language tag: `it`, `en`, `pt-BR`."""
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("a language is a tag such as it, en or pt-BR")
    return text


def name(text: str) -> str:
    """A name that platforms give: of an event, a property, an attribute, a tag."""
    if len(text) > 128 or text != text.strip():
        raise ValueError("a name is at most 128 characters, without spaces around it")
    return text


def title(text: str) -> str:
    """What people call it: one line."""
    if len(text) > 200 or "\n" in text:
        raise ValueError("a title is one line of 200 characters at most")
    return text.strip()


def variable(text: str) -> str:
    """A variable's name, as templates can say it."""
    if not _VARIABLE.fullmatch(text):
        raise ValueError("a variable's name is letters, digits and _, 64 at most, a letter or _ first")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(text: str) -> str:
    """`contact`, `business` or an IANA name that the pinned tzdata knows."""
    if text not in {"contact", "business"} and text not in _zones():
        raise ValueError("a zone is contact, business or an IANA name such as Europe/Rome")
    return text


def place_zone(text: str) -> str:
    """An IANA name."""
    if text not in _zones():
        raise ValueError("a zone of a place is an IANA name such as Europe/Rome")
    return text


def url(text: str) -> str:
    """An http or https address."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address is http:// or https:// with a host")
    return text


def iso_date(text: str) -> str:
    """A date, YYYY-MM-DD, as it stands."""
    try:
        date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ValueError("a date is YYYY-MM-DD, as 2026-12-25") from None
    return text


def iso_moment(text: str) -> str:
    """An ISO 8601 date or date-time, as it stands."""
    try:
        datetime.fromisoformat(text if _DATE.fullmatch(text[:10]) else "")
    except ValueError:
        raise ValueError(
            "a moment is an ISO 8601 date or date-time, as 2026-12-25 or 2026-12-25T10:00+01:00"
        ) from None
    return text
