"""`console`: one line a message on standard output."""

import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.text import Text

from streams.delivery.message import Gate, Message, Result

__all__ = ["ConsoleAdapter", "line_of"]

# What a customer wrote may stand in a message: no control character reaches the terminal.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233, *range(8234, 8239)))
_CONTROLS_AND_BREAKS = {**_CONTROLS, 0x0A: " ⏎ ", 0x09: " "}


class ConsoleAdapter:
    """Prints. A repeat is printed again: nobody can know what stood on a screen."""

    batches = True
    honours_key = False

    def __init__(self, out: TextIO | None = None) -> None:
        self._console = Console(file=out or sys.stdout, soft_wrap=True, highlight=False, emoji=False)
        self._lock = threading.Lock()

    def deliver(self, messages: Sequence[Message], gate: Gate) -> list[Result]:
        """Each is accepted once it is printed."""
        verdicts = gate(messages)
        with self._lock:
            for message, verdict in zip(messages, verdicts, strict=True):
                if verdict is None:
                    self._console.print(line_of(message))
            self._console.file.flush()
        return [verdict or Result("accepted") for verdict in verdicts]

    def close(self) -> None:
        """Leaves the output open: it is the process's."""


def line_of(message: Message) -> Text:
    """Time (UTC), channel, contact and text, in columns; control characters taken out."""
    at = datetime.fromtimestamp(message.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Text.assemble(
        (at, "dim"),
        "  ",
        (f"{_clean(message.channel):<9}", "cyan"),
        " ",
        (f"{_clean(message.contact):<24}", "bold"),
        " ",
        _said(message),
    )


def _said(message: Message) -> str:
    match message.kind:
        case "close_conversation":
            return f"· conversation {_clean(message.conversation or '')} closed"
        case "assign_conversation":
            to = message.agent or message.team or "?"
            return f"· conversation {_clean(message.conversation or '')} assigned to {_clean(to)}"
        case _:
            subject = f"[{_clean(message.subject)}] " if message.subject else ""
            return subject + _clean(message.text or "")


def _clean(text: str) -> str:
    return text.translate(_CONTROLS_AND_BREAKS)
