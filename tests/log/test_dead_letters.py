"""Dead letters: the original, with what is said about it beside it."""

from hypothesis import given
from hypothesis import strategies as st

from streams.log.dead_letters import DeadLetter, dead_letter, read_dead_letter

HEADERS = st.lists(
    st.tuples(
        st.text(max_size=10).filter(lambda name: not name.startswith("attesa_")),
        st.one_of(st.none(), st.binary(max_size=10)),
    ),
    max_size=4,
)


def letter(**changes: object) -> DeadLetter:
    """A dead letter."""
    original: dict[str, object] = {
        "topic": "attesa.inbound", "partition": 3, "offset": 42, "timestamp": 1_700_000_000_000,
        "key": b"w/c", "value": b"\xff\x00", "headers": [("ce_id", b"m1")],
        "reason": "undecodable", "error": "it does not read",
    }  # fmt: skip
    return dead_letter(**{**original, **changes})  # type: ignore[arg-type]


@given(
    key=st.one_of(st.none(), st.binary(max_size=20)),
    value=st.one_of(st.none(), st.binary(max_size=100)),
    headers=HEADERS,
    error=st.text(max_size=100),
)
def test_it_is_read_as_it_was_written(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], error: str
) -> None:
    """Original key, bytes and headers, repeated header names too."""
    written = letter(key=key, value=value, headers=headers, error=error)
    assert read_dead_letter(key, value, written.wire_headers()) == written
    assert written.headers == tuple(headers)


def test_its_headers_say_where_and_why() -> None:
    """All ours begin with attesa_."""
    assert dict(letter().wire_headers()) == {
        "ce_id": b"m1",
        "attesa_reason": b"undecodable",
        "attesa_topic": b"attesa.inbound",
        "attesa_partition": b"3",
        "attesa_offset": b"42",
        "attesa_timestamp": b"1700000000000",
        "attesa_error": b"it does not read",
    }


def test_a_second_failure_replaces_what_was_said_about_the_first() -> None:
    """A dead letter that was sent again and failed again."""
    first = letter()
    second = letter(headers=first.wire_headers(), offset=99, reason="unknown_channel")
    assert second.headers == (("ce_id", b"m1"),)
    assert dict(second.wire_headers())["attesa_offset"] == b"99"


def test_a_long_error_is_cut() -> None:
    """It must not make the dead letter too large."""
    assert len(dict(letter(error="x" * 5_000).wire_headers())["attesa_error"] or b"") == 1_000


def test_another_record_is_no_dead_letter() -> None:
    """Without our headers, or with a number that is none."""
    assert read_dead_letter(None, b"x", None) is None
    broken = [(name, b"x" if name == "attesa_offset" else value) for name, value in letter().wire_headers()]
    assert read_dead_letter(None, b"x", broken) is None
