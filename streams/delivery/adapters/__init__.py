"""The ways out: `console`, `file`, `webhook`, by the `via` of a workspace's channel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from schemas.errors import UsageError
from streams.core.program import ChannelSettings
from streams.delivery.adapters.console import ConsoleAdapter
from streams.delivery.adapters.file import FileAdapter
from streams.delivery.adapters.webhook import Webhook, WebhookAdapter, secret_bytes
from streams.delivery.message import Adapter
from streams.log.settings import Settings

__all__ = ["Adapters"]


class Adapters:
    """Opened when a channel first needs one, shared by channels that go the same way, closed together. Used
    by one thread; the adapters themselves by many.
    """

    def __init__(self, settings: Settings, *, given: Mapping[str, Adapter] | None = None) -> None:
        """`given` adapters, by `via`, stand before the built-in ones."""
        self._settings = settings
        self._given = dict(given or {})
        self._open: dict[object, Adapter] = {}
        self._found: dict[ChannelSettings, Adapter | None] = {}

    def of(self, channel: ChannelSettings) -> Adapter | None:
        """The channel's adapter; None if there is none of that name, or the channel lacks what it needs.

        Raises `UsageError` where the deployment, not the workspace, is at fault: a webhook without
        ATTESA_WEBHOOK_SECRET.
        """
        if channel not in self._found:
            self._found[channel] = self._find(channel)
        return self._found[channel]

    def close(self) -> None:
        """Closes all that were opened."""
        for adapter in self._open.values():
            adapter.close()
        self._open.clear()
        self._found.clear()

    def _find(self, channel: ChannelSettings) -> Adapter | None:
        if channel.via in self._given:
            return self._given[channel.via]
        options: dict[str, Any] = dict(channel.options)
        match channel.via:
            case "console":
                if "console" not in self._open:
                    self._open["console"] = ConsoleAdapter()
                return self._open["console"]
            case "file":
                return self._file(options)
            case "webhook":
                return self._webhook(options)
            case _:
                return None

    def _file(self, options: Mapping[str, Any]) -> Adapter | None:
        if not isinstance(options.get("path"), str):
            return None
        # Relative to the data folder, so that it does not depend on where the process was started.
        path = self._settings.data_dir / Path(options["path"]).expanduser()
        if path not in self._open:
            try:
                self._open[path] = FileAdapter(path)
            except OSError as error:
                raise UsageError(
                    f"the file channel cannot write {path}: {error.strerror}; make it writable, or publish "
                    "the workspace with another path"
                ) from error
        return self._open[path]

    def _webhook(self, options: Mapping[str, Any]) -> Adapter | None:
        webhook = _parsed(options)
        if webhook is None:
            return None
        if webhook not in self._open:
            secret = self._settings.webhook_secret
            if secret is None:
                raise UsageError(
                    "a workspace has a webhook channel and ATTESA_WEBHOOK_SECRET is not set: set it to the "
                    "secret that the endpoint checks signatures with"
                )
            self._open[webhook] = WebhookAdapter(webhook, secret_bytes(secret.get_secret_value()))
        return self._open[webhook]


def _parsed(options: Mapping[str, Any]) -> Webhook | None:
    """A webhook channel's options; None where they are none."""
    try:
        url = httpx.URL(options["url"])
        webhook = Webhook(
            url=str(url),
            timeout_s=options.get("timeout_ms", Webhook.timeout_s * 1_000) / 1_000,
            idempotent=options.get("idempotent") is True,
        )
    except (KeyError, TypeError, ValueError, httpx.InvalidURL):
        return None
    return webhook if url.scheme in {"http", "https"} and url.host else None
