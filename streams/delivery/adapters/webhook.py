"""`webhook`: a signed POST of JSON to a platform's own endpoint.

Signed as Standard Webhooks says (https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
`webhook-signature` = `v1,` + base64(HMAC-SHA256(secret, id.timestamp.body)); `Idempotency-Key` is the id too.

What the answer means: 2xx: taken, and a JSON object's `id` is the provider's id of the message. 429, 5xx: not
taken, try again (502 and 504 are a proxy's and tell nothing of the endpoint behind it). Any other: failed. No
answer after the request may have gone out: nobody knows. Where nobody knows, it is called again only if the
channel says `idempotent: true` or the step `on_unknown: resend`.
"""

import base64
import binascii
import email.utils
import hashlib
import hmac
import importlib.metadata
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
import msgspec
import stamina

from schemas.errors import UsageError
from streams.delivery.message import Gate, Message, Result

__all__ = ["Webhook", "WebhookAdapter", "secret_bytes", "signature"]

_ANSWER_BYTES = 65_536
_ID_CHARACTERS = 512
_TRIES = 5
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_TOLD_NOTHING = frozenset({502, 504})
_LEFT_OUT = frozenset({"resend", "traceparent", "contact", "kind"})


@dataclass(frozen=True)
class Webhook:
    """A channel's options: where, how long one request and all of them may take (s), and what the endpoint
    promises.
    """

    url: str
    timeout_s: float = 10.0
    within_s: float = 20.0
    idempotent: bool = False


class _TryAgainError(Exception):
    """A call was not answered with yes or no."""

    def __init__(self, reason: str, *, in_doubt: bool = False, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.in_doubt = in_doubt
        self.after_s = after_s


class WebhookAdapter:
    """Posts to one endpoint over kept connections. `now` is the wall clock, s."""

    batches = False

    def __init__(
        self, webhook: Webhook, secret: bytes, *, connections: int = 64, now: Callable[[], float] = time.time
    ) -> None:
        self._webhook = webhook
        self._secret = secret
        self._now = now
        self._client = httpx.Client(
            timeout=webhook.timeout_s,
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=5),
            headers={"user-agent": f"attesa/{importlib.metadata.version('attesa')}"},
        )

    @property
    def honours_key(self) -> bool:
        """The endpoint promises it: `idempotent: true`."""
        return self._webhook.idempotent

    def deliver(self, messages: Sequence[Message], gate: Gate) -> list[Result]:
        """One call a message and, within the channel's limits, further ones."""
        return [self._deliver(message, gate) for message in messages]

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _deliver(self, message: Message, gate: Gate) -> Result:
        repeatable = self._webhook.idempotent or message.resend
        ends_at = time.monotonic() + self._webhook.within_s
        in_doubt = False

        def again(error: Exception) -> bool | float:
            """Whether to call again, and after how many seconds where the endpoint names them."""
            if not isinstance(error, _TryAgainError) or (error.in_doubt and not repeatable):
                return False
            if error.after_s is None:
                return True
            return error.after_s if time.monotonic() + error.after_s < ends_at else False

        try:
            for attempt in stamina.retry_context(
                on=again, attempts=_TRIES, timeout=self._webhook.within_s, wait_initial=0.2, wait_jitter=0.3
            ):
                with attempt:
                    (verdict,) = gate([message])
                    if verdict is not None:
                        return verdict if not in_doubt else Result("unknown", reason=verdict.reason)
                    try:
                        result = self._post(message)
                    except _TryAgainError as error:
                        in_doubt = in_doubt or error.in_doubt
                        raise
                    if in_doubt and result.outcome == "failed":
                        return Result("unknown", reason=result.reason)
                    return result
        except _TryAgainError as error:
            return Result("unknown" if in_doubt else "failed", reason=error.reason)
        raise AssertionError("a retry ends with an answer or an error")

    def _post(self, message: Message) -> Result:
        body = _body(message)
        request = self._client.build_request(
            "POST", self._webhook.url, content=body, headers=self._headers(message, body)
        )
        try:
            answer = self._client.send(request, stream=True)
        except _UNSENT as error:
            raise _TryAgainError(f"not_reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise _TryAgainError(f"no_answer: {type(error).__name__}", in_doubt=True) from error
        try:
            return self._result(answer)
        finally:
            answer.close()

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._now()))
        headers = {
            "content-type": "application/json",
            "idempotency-key": message.id,
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._secret, message.id, timestamp, body),
        }
        if message.traceparent:
            headers["traceparent"] = message.traceparent
        return headers

    def _result(self, answer: httpx.Response) -> Result:
        said = f"http {answer.status_code}"
        if answer.is_success:
            return Result("accepted", provider_id=_provider_id(self._read(answer)))
        if answer.status_code in _TOLD_NOTHING:
            raise _TryAgainError(f"no_answer: {said}", in_doubt=True)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            raise _TryAgainError(f"not_taken: {said}", after_s=self._retry_after(answer))
        return Result("failed", reason=f"refused: {said}")

    def _read(self, answer: httpx.Response) -> bytes:
        """The answer, if it is short and comes in time. The message is taken either way."""
        ends_at = time.monotonic() + self._webhook.timeout_s
        data = bytearray()
        try:
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > _ANSWER_BYTES or time.monotonic() > ends_at:
                    return b""
        except httpx.HTTPError:
            return b""
        return bytes(data)

    def _retry_after(self, answer: httpx.Response) -> float | None:
        """Seconds, from a number of them or an HTTP date; None where it says none that can be read."""
        value = answer.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - self._now())
        except ValueError:
            return None


def signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the HMAC in base64. `timestamp` in whole seconds."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def secret_bytes(secret: str) -> bytes:
    """The key that a secret stands for: `whsec_` and base64, as Standard Webhooks writes it, or any other
    text.
    """
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise UsageError("ATTESA_WEBHOOK_SECRET begins with whsec_, so base64 must follow") from None


def _body(message: Message) -> bytes:
    workspace, _, contact = message.contact.partition("/")
    fields = {
        "type": message.kind,
        "workspace": workspace,
        "contact": contact,
        **{name: value for name, value in msgspec.structs.asdict(message).items() if name not in _LEFT_OUT},
    }
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})


def _provider_id(body: bytes) -> str | None:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    # What would make the outcome a dead letter is no id.
    name = str(found)
    return name if 0 < len(name) <= _ID_CHARACTERS and "\0" not in name else None
