"""Plays a history at a pace: two weeks of record time in so many seconds, a tick for each hour of it."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from schemas.types.flow_commands import FlowCommand
from streams.flows.files import lint, read_workspace_file, ready_flows
from streams.imports.history import HistoryWriter
from streams.imports.rows import Row
from streams.log.producers import RecordProducer
from streams.log.publishing import flow_published, say, workspace_configured
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["FLOWS", "configure", "play"]

HOUR: Final = 3_600_000
FLOWS: Final = ("nudge-after-reply", "verify-purchase", "abandoned-cart")
"""The ready flows that the demo publishes."""


def configure(settings: Settings) -> None:
    """Puts the demo's workspace and flows into the flows topic: in force from the first tick on."""
    workspace, source, definition = read_workspace_file(Path(__file__).with_name("workspace.yaml"))
    records: list[FlowCommand] = [workspace_configured(workspace.workspace, source, definition, by="demo")]
    for name in FLOWS:
        file, text, _ = lint(ready_flows()[name] / "flow.yaml", workspace).publishable({})
        records.append(flow_published(workspace.workspace, file.flow.flow, file.source, text, by="demo"))
    say(settings, settings.prefix, records)


def play(
    settings: Settings,
    rows: Iterable[Row],
    *,
    start: int,
    end: int,
    seconds: float,
    moment: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Writes rows from `start` to `end` (record times, ms UTC) in about so many seconds; how many they were.

    An hour of record time ends with a tick on every partition, so that time-outs show as they come. `moment`
    is told the record time reached and how many rows are written.
    """
    began = time.monotonic()
    count = 0
    with RecordProducer(settings.kafka) as producer:
        history = HistoryWriter(producer, Topics(settings.prefix))
        history.tick(start)
        hour = start + HOUR
        for row in rows:
            while row.at >= hour:
                history.tick(hour)
                producer.flush()
                moment(hour, count)
                _wait_until(began + seconds * (hour - start) / (end - start))
                hour += HOUR
            history.write(row.at, row.contact, row.record)
            count += 1
        history.tick(end)
    moment(end, count)
    return count


def _wait_until(when: float) -> None:
    pause = when - time.monotonic()
    if pause > 0:
        time.sleep(pause)
