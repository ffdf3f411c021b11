"""The ways out: what each prints, writes or posts, and what it makes of what comes back."""

import base64
import email.utils
import hashlib
import hmac
import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import stamina

from schemas.errors import UsageError
from streams.core.program import ChannelSettings
from streams.delivery.adapters import Adapters
from streams.delivery.adapters.console import ConsoleAdapter
from streams.delivery.adapters.file import FileAdapter
from streams.delivery.adapters.webhook import Webhook, WebhookAdapter, secret_bytes
from streams.delivery.message import Message, Result
from streams.log.settings import load
from tests.delivery.harness import SECRET, Endpoint, Request
from tests.delivery.made import AT


def message(name: str = "m1", **changes: Any) -> Message:
    """A message."""
    fields: dict[str, Any] = {
        "id": name,
        "kind": "message",
        "contact": "acme/anna",
        "channel": "whatsapp",
        "text": "Ciao Anna",
        "flow": "hello",
        "version": 1,
        "journey": "j",
        "step": "hi",
        "at": AT,
    }
    return Message(**{**fields, **changes})


class Gate:
    """Lets everything pass and counts; the verdicts that it is given come first."""

    def __init__(self, *verdicts: Result | None) -> None:
        self.passed: list[str] = []
        self._verdicts = list(verdicts)

    def __call__(self, messages: Sequence[Message]) -> list[Result | None]:
        """One verdict each."""
        self.passed += [each.id for each in messages]
        return [self._verdicts.pop(0) if self._verdicts else None for _ in messages]


@pytest.fixture(autouse=True)
def no_long_waits() -> Iterator[None]:
    """Retries wait as they do, but not for long: what Retry-After says is asked of the hook."""
    with stamina.set_testing(False):
        yield


# ---- console


def test_the_console_prints_one_line_a_message() -> None:
    """Time, channel, contact, text; breaks in a text are shown, not made."""
    out = io.StringIO()
    adapter = ConsoleAdapter(out)
    closing = message("m2", kind="close_conversation", text=None, conversation="thread-1")
    results = adapter.deliver([message(text="Ciao\nAnna [b]x[/b]", subject="Da noi"), closing], Gate())
    assert results == [Result("accepted"), Result("accepted")]
    assert out.getvalue().splitlines() == [
        "2027-01-15 08:00:00  whatsapp  acme/anna                [Da noi] Ciao ⏎ Anna [b]x[/b]",
        "2027-01-15 08:00:00  whatsapp  acme/anna                · conversation thread-1 closed",
    ]


def test_no_control_character_of_a_customer_reaches_the_terminal() -> None:
    """Neither colours nor cursor moves nor text that runs backwards."""
    out = io.StringIO()
    ConsoleAdapter(out).deliver([message(text="a\x1b[31mb\x07\u202ec\x9b2Jd\re")], Gate())
    assert out.getvalue().endswith("a[31mbc2Jde\n")


def test_the_console_prints_nothing_that_the_gate_holds_back() -> None:
    """A stop that came while the attempt was written."""
    out = io.StringIO()
    stopped = Result("stopped", reason="flow_paused")
    assert ConsoleAdapter(out).deliver([message()], Gate(stopped)) == [stopped]
    assert out.getvalue() == ""


# ---- file


def read(path: Path) -> list[dict[str, Any]]:
    """The file's lines."""
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_the_file_has_one_object_a_message(tmp_path: Path) -> None:
    """Its id, contact, channel, text, subject, template and time; what it has not is left out."""
    path = tmp_path / "deep" / "out.jsonl"
    adapter = FileAdapter(path)
    closing = message("m2", kind="close_conversation")
    adapter.deliver([message(subject="Oggetto", template="hi"), closing], Gate())
    first, second = read(path)
    names = ("id", "contact", "channel", "text", "subject", "template", "at")
    assert {name: first[name] for name in names} == {
        "id": "m1", "contact": "acme/anna", "channel": "whatsapp", "text": "Ciao Anna", "subject": "Oggetto",
        "template": "hi", "at": AT,
    }  # fmt: skip
    assert second["kind"] == "close_conversation"
    assert "subject" not in second


def test_a_repeat_is_accepted_and_not_written_again(tmp_path: Path) -> None:
    """By this process, by another, and after a restart: an id stands in the file once."""
    path = tmp_path / "out.jsonl"
    adapter, other = FileAdapter(path), FileAdapter(path)
    assert adapter.deliver([message()], Gate()) == [Result("accepted")]
    assert adapter.deliver([message(), message("m2")], Gate()) == [Result("accepted")] * 2
    assert other.deliver([message("m2"), message("m3")], Gate()) == [Result("accepted")] * 2
    assert FileAdapter(path).deliver([message("m3")], Gate()) == [Result("accepted")]
    assert [line["id"] for line in read(path)] == ["m1", "m2", "m3"]


def test_a_line_torn_by_a_crash_is_cut_off_and_written_whole(tmp_path: Path) -> None:
    """Readers never meet half an object, and the message is not lost."""
    path = tmp_path / "out.jsonl"
    FileAdapter(path).deliver([message()], Gate())
    with path.open("ab") as torn:
        torn.write(b'{"id":"m2","conta')
    FileAdapter(path).deliver([message("m2")], Gate())
    assert [line["id"] for line in read(path)] == ["m1", "m2"]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    """Each message once, none mixed with another."""
    path = tmp_path / "out.jsonl"
    adapters = [FileAdapter(path), FileAdapter(path)]
    with ThreadPoolExecutor(8) as threads:
        for number in range(100):
            batch = [message(f"{number}-{each}") for each in range(5)]
            threads.submit(adapters[number % 2].deliver, batch, Gate())
    expected = {f"{number}-{each}" for number in range(100) for each in range(5)}
    assert Counter(line["id"] for line in read(path)) == dict.fromkeys(expected, 1)


def test_a_disk_that_refuses_fails_the_batch(tmp_path: Path) -> None:
    """With the system's words; nothing is half written."""
    adapter = FileAdapter(tmp_path / "out.jsonl")
    adapter.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        adapter.deliver([message()], Gate())
    full = FileAdapter(Path("/dev/full"))
    assert full.deliver([message()], Gate()) == [Result("failed", reason="disk: No space left on device")]


# ---- webhook


def webhook(endpoint: Endpoint, *, timeout_s: float = 5.0, idempotent: bool = False) -> WebhookAdapter:
    """An adapter to the endpoint that tries for three seconds."""
    options = Webhook(endpoint.url, timeout_s=timeout_s, within_s=3.0, idempotent=idempotent)
    return WebhookAdapter(options, SECRET.encode())


def answers(endpoint: Endpoint, *statuses: int | tuple[int, dict[str, str], bytes]) -> None:
    """The endpoint answers with these, one after the other, the last one for ever."""
    left = list(statuses)

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        status = left.pop(0) if len(left) > 1 else left[0]
        return (status, {}, b"") if isinstance(status, int) else status

    endpoint.answer = answer


def test_a_webhook_is_signed_and_names_its_key(endpoint: Endpoint) -> None:
    """As Standard Webhooks says; whoever has the secret can tell that body and time are ours."""
    (result,) = webhook(endpoint).deliver([message(subject="Oggetto", traceparent="00-a-b-01")], Gate())
    assert result == Result("accepted")
    (request,) = endpoint.requests
    signed = f"m1.{request.headers['webhook-timestamp']}.".encode() + request.raw
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert request.headers["webhook-id"] == request.headers["idempotency-key"] == "m1"
    assert request.headers["traceparent"] == "00-a-b-01"
    assert request.body == {
        "type": "message", "workspace": "acme", "contact": "anna", "id": "m1", "channel": "whatsapp",
        "text": "Ciao Anna", "subject": "Oggetto", "flow": "hello", "version": 1, "journey": "j",
        "step": "hi", "at": AT,
    }  # fmt: skip


def test_a_close_goes_the_same_way(endpoint: Endpoint) -> None:
    """As an event of its own type."""
    closing = message(kind="close_conversation", text=None, conversation="thread-1")
    webhook(endpoint).deliver([closing], Gate())
    assert endpoint.requests[0].body["type"] == "close_conversation"
    assert endpoint.requests[0].body["conversation"] == "thread-1"


@pytest.mark.parametrize(
    ("body", "provider_id"),
    [(b'{"id": "wamid.1"}', "wamid.1"), (b'{"id": 7}', "7"), (b"{}", None), (b"ok", None), (b'"x"', None),
     (b'{"id": true}', None), (b'{"id": ""}', None), (b'{"id": "a\\u0000"}', None),
     (b'{"id": "' + b"x" * 513 + b'"}', None), (b"\xff", None),
     (b'{"pad": "' + b"x" * 100_000 + b'", "id": "1"}', None)],
)  # fmt: skip
def test_the_answer_may_carry_the_providers_id(
    endpoint: Endpoint, body: bytes, provider_id: str | None
) -> None:
    """An object's `id`; whatever else the body is, 2xx is accepted."""
    answers(endpoint, (202, {}, body))
    assert webhook(endpoint).deliver([message()], Gate()) == [Result("accepted", provider_id=provider_id)]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 422])
def test_a_refusal_is_failed_at_once(endpoint: Endpoint, status: int) -> None:
    """The endpoint has said no; a redirect is not followed with a customer's message."""
    answers(endpoint, (status, {"location": endpoint.url}, b""))
    assert webhook(endpoint).deliver([message()], Gate()) == [
        Result("failed", reason=f"refused: http {status}")
    ]
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_was_not_taken_is_tried_again(endpoint: Endpoint, status: int) -> None:
    """Each try passes the gate, so each has its attempt, and each names the same key."""
    answers(endpoint, status, status, 200)
    gate = Gate()
    assert webhook(endpoint).deliver([message()], gate) == [Result("accepted")]
    assert gate.passed == ["m1"] * 3
    assert [request.headers["idempotency-key"] for request in endpoint.requests] == ["m1"] * 3


def test_a_stop_holds_for_further_tries_too(endpoint: Endpoint) -> None:
    """The gate is asked before each: a pause between two tries ends it."""
    answers(endpoint, 503)
    stopped = Result("stopped", reason="flow_paused")
    assert webhook(endpoint).deliver([message()], Gate(None, stopped)) == [stopped]
    assert len(endpoint.requests) == 1


def test_tries_end(endpoint: Endpoint) -> None:
    """An endpoint that never takes it: failed, with the last answer."""
    answers(endpoint, 503)
    assert webhook(endpoint).deliver([message()], Gate()) == [Result("failed", reason="not_taken: http 503")]
    assert 1 < len(endpoint.requests) <= 5


def test_retry_after_is_honoured(endpoint: Endpoint) -> None:
    """In seconds; no call is made before."""
    at: list[float] = []

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        at.append(time.monotonic())
        return (429, {"retry-after": "1"}, b"") if len(at) == 1 else (200, {}, b"")

    endpoint.answer = answer
    assert webhook(endpoint).deliver([message()], Gate()) == [Result("accepted")]
    assert at[1] - at[0] >= 1.0


@pytest.mark.parametrize(
    "later", ["3600", email.utils.formatdate(time.time() + 3_600, usegmt=True)], ids=["seconds", "date"]
)
def test_a_retry_after_beyond_the_limit_is_not_waited_for(endpoint: Endpoint, later: str) -> None:
    """Failed now, so that the journey can take its fallback."""
    answers(endpoint, (429, {"retry-after": later}, b""))
    assert webhook(endpoint).deliver([message()], Gate()) == [Result("failed", reason="not_taken: http 429")]
    assert len(endpoint.requests) == 1


def test_an_endpoint_that_is_not_there_is_failed() -> None:
    """Nothing went out: it is tried again, and never in doubt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options = Webhook(f"http://127.0.0.1:{free.getsockname()[1]}", within_s=1.0)
        gate = Gate()
        (result,) = WebhookAdapter(options, b"x").deliver([message()], gate)
    assert result == Result("failed", reason="not_reached: ConnectError")
    assert len(gate.passed) > 1


def hanging(endpoint: Endpoint, times: int = 1) -> threading.Event:
    """The endpoint does not answer its first calls until told."""
    go_on, seen = threading.Event(), []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        seen.append(request)
        if len(seen) <= times:
            go_on.wait(10)
        return 200, {}, b""

    endpoint.answer = answer
    return go_on


def test_no_answer_is_unknown(endpoint: Endpoint) -> None:
    """The request may have gone out: it is not sent again."""
    go_on = hanging(endpoint)
    (result,) = webhook(endpoint, timeout_s=0.3).deliver([message()], Gate())
    go_on.set()
    assert result == Result("unknown", reason="no_answer: ReadTimeout")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("by_key", [True, False], ids=["idempotent", "on_unknown: resend"])
def test_no_answer_is_tried_again_where_that_is_allowed(endpoint: Endpoint, by_key: bool) -> None:
    """The endpoint honours our key, or the step says so."""
    go_on = hanging(endpoint)
    adapter = webhook(endpoint, timeout_s=0.3, idempotent=by_key)
    (result,) = adapter.deliver([message(resend=not by_key)], Gate())
    go_on.set()
    assert result == Result("accepted")
    assert endpoint.ids() == ["m1", "m1"]


def test_after_a_call_in_doubt_only_acceptance_is_certain(endpoint: Endpoint) -> None:
    """A refusal, or a stop, of a later call says nothing of the first."""
    go_on, seen = threading.Event(), []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        seen.append(request)
        if len(seen) % 2:
            go_on.wait(10)
        return 404, {}, b""

    endpoint.answer = answer
    adapter = webhook(endpoint, timeout_s=0.3, idempotent=True)
    assert adapter.deliver([message()], Gate()) == [Result("unknown", reason="refused: http 404")]
    stopped = Result("stopped", reason="flow_paused")
    assert adapter.deliver([message()], Gate(None, stopped)) == [Result("unknown", reason="flow_paused")]
    go_on.set()


@pytest.mark.parametrize("status", [502, 504])
def test_a_proxys_answer_tells_nothing_of_the_endpoint(endpoint: Endpoint, status: int) -> None:
    """Unknown, and tried again only where a repeat does no harm."""
    answers(endpoint, status, 200)
    assert webhook(endpoint).deliver([message()], Gate()) == [
        Result("unknown", reason=f"no_answer: http {status}")
    ]
    answers(endpoint, status, 200)
    assert webhook(endpoint, idempotent=True).deliver([message()], Gate()) == [Result("accepted")]


def test_a_secret_may_be_written_as_standard_webhooks_writes_it() -> None:
    """`whsec_` and base64, or any other text as it is."""
    assert secret_bytes("plain") == b"plain"
    assert secret_bytes("whsec_" + base64.b64encode(b"key").decode()) == b"key"
    with pytest.raises(UsageError, match="ATTESA_WEBHOOK_SECRET"):
        secret_bytes("whsec_?")


# ---- which one


def channel(via: str, **options: object) -> ChannelSettings:
    """A channel."""
    return ChannelSettings(name="x", via=via, options=tuple(sorted(options.items())))


def test_a_channel_goes_by_its_via(tmp_path: Path) -> None:
    """Channels that go the same way share an adapter; for a name that nobody knows there is none."""
    adapters = Adapters(load(data_dir=tmp_path, webhook_secret=SECRET))
    assert isinstance(adapters.of(channel("console")), ConsoleAdapter)
    by_file = adapters.of(channel("file", path="out.jsonl"))
    assert isinstance(by_file, FileAdapter)
    assert by_file.path == tmp_path / "out.jsonl"
    assert adapters.of(channel("file", path="out.jsonl", rate=3)) is by_file
    by_webhook = adapters.of(channel("webhook", url="https://x.example/in", idempotent=True))
    assert isinstance(by_webhook, WebhookAdapter)
    assert by_webhook.honours_key
    assert not getattr(adapters.of(channel("webhook", url="https://x.example/in")), "honours_key", None)
    for none in (channel("twilio"), channel("file"), channel("webhook"), channel("webhook", url="ftp://x")):
        assert adapters.of(none) is None
    adapters.close()


def test_a_deployment_that_lacks_what_a_channel_needs_stops(tmp_path: Path) -> None:
    """Commands wait; none is failed because of it."""
    (tmp_path / "file").touch()
    adapters = Adapters(load(data_dir=tmp_path, webhook_secret=None))
    with pytest.raises(UsageError, match="ATTESA_WEBHOOK_SECRET"):
        adapters.of(channel("webhook", url="https://x.example/in"))
    with pytest.raises(UsageError, match="cannot write"):
        adapters.of(channel("file", path="file/out.jsonl"))
