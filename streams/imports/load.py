"""A file into a log: read and sorted on disk, then written, with progress that outlives a crash."""

import contextlib
import csv
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final, Literal

import msgspec

from schemas.types.inputs import Input
from schemas.types.records import ImportProgress
from schemas.wire import Codec, UndecodableError
from streams.imports import jsonl, twcs, whatsapp
from streams.imports.history import HistoryWriter, clock_of
from streams.imports.rows import ImportRefusedError, LeftOut, Row
from streams.imports.spool import Spool
from streams.log.errors import TopicMissingError
from streams.log.partitioner import key_of
from streams.log.producers import RecordProducer
from streams.log.readers import read_to_end
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["FORMATS", "Format", "Loaded", "Source", "load", "progress_of"]

Format = Literal["twcs", "whatsapp", "jsonl"]
FORMATS: Final[tuple[Format, ...]] = ("twcs", "whatsapp", "jsonl")
EVERY: Final = 20_000
"""Rows between two progress records."""

Report = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and of how many."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file and how to read it."""

    path: Path
    format: Format
    workspace: str = "main"
    agents: frozenset[str] = frozenset()
    """whatsapp: the names of those who write for the business."""
    zone: tzinfo = UTC
    """whatsapp: the zone of the file's times."""
    dates: whatsapp.Dates | None = None
    """whatsapp: whether day or month stands first; None: read off the file."""


@dataclass(slots=True)
class Loaded:
    """What became of a file."""

    file: str
    sha256: str
    taken: int = 0
    """Rows that are in the log, of this and of an earlier try."""
    earlier: int = 0
    """Those of an earlier try."""
    complete_before: bool = False
    """It had been imported whole before, and nothing was done."""
    types: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    examples: list[LeftOut] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    first: int = 0
    """The first record time, ms UTC."""
    last: int = 0


def load(
    settings: Settings,
    source: Source,
    *,
    live: bool = False,
    dry_run: bool = False,
    before: Callable[[Loaded], None] | None = None,
    report: Report = lambda *_: None,
) -> Loaded:
    """Imports a file into the settings' prefix: with the records' times, or with `live` as of now.

    A file that is in already is left alone; one that is in partly is completed. `before` is called once the
    file is read and before anything is written: there the caller makes and configures the prefix. With
    `dry_run` the file is read and nothing is written. Raises `ImportRefusedError` where it is not what
    its format says, or its records are older than what the prefix has seen; and what producers and readers
    raise.
    """
    if not source.path.is_file():
        raise ImportRefusedError(f"{source.path}: no such file")
    done = Loaded(source.path.name, _sha256(source.path, report))
    topics = Topics(settings.prefix)
    known = None if dry_run else _known(settings).get(done.sha256)
    if known is not None and known.complete:
        done.complete_before = True
        done.taken = done.earlier = known.taken
        return done
    with Spool() as spool:
        try:
            spool.fill(_counted(_rows(source, spool), report))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ImportRefusedError(f"{source.path}: not a text in UTF-8 of that format: {error}") from None
        _describe(done, spool)
        if dry_run:
            return done
        if not spool:
            raise ImportRefusedError(f"{source.path}: nothing in it can be imported: {done.left_out}")
        if known is not None:
            done.earlier = spool.mark_there(_inputs(settings, topics))
        elif not live:
            _refuse_older(settings, topics, done)
        if before is not None:
            before(done)
        with RecordProducer(settings.kafka) as producer:
            _write(producer, topics, source, spool, done, live=live, report=report)
    return done


def _known(settings: Settings) -> dict[str, ImportProgress]:
    """The same as `progress_of`, of a prefix that may not be there yet."""
    try:
        return progress_of(settings)
    except TopicMissingError:
        return {}


def progress_of(settings: Settings) -> dict[str, ImportProgress]:
    """How far each file has got in this prefix, by SHA-256."""
    codec = Codec(kinds=("records",))
    found: dict[str, ImportProgress] = {}
    for batch in read_to_end(settings.kafka, Topics(settings.prefix).imports):
        for message in batch:
            key, value = message.key(), message.value()
            if key is not None and value is not None:
                record = codec.decode(value)
                if isinstance(record, ImportProgress):
                    found[key.decode()] = record
    return found


def _write(
    producer: RecordProducer,
    topics: Topics,
    source: Source,
    spool: Spool,
    done: Loaded,
    *,
    live: bool,
    report: Report,
) -> None:
    history = HistoryWriter(producer, topics)
    _say(producer, topics, source, done, through=done.first, complete=False)
    if not live and not done.earlier:
        history.tick(done.first)
        # On every partition before any row: one that is cut off here must not have rows without their tick.
        producer.flush()
    done.taken = done.earlier
    for row in spool.missing():
        if live:
            now = time.time_ns() // 1_000_000
            record: Input = msgspec.structs.replace(row.record, occurred_at=now)
            producer.send(topics.inbound, record, key_of(row.contact))
        else:
            history.write(row.at, row.contact, row.record)
        done.taken += 1
        if done.taken % EVERY == 0:
            producer.flush()
            _say(producer, topics, source, done, through=row.at, complete=False)
        if done.taken % 500 == 0:
            report("writing", done.taken, len(spool))
    if not live:
        history.tick(done.last)
    producer.flush()
    _say(producer, topics, source, done, through=done.last, complete=True)
    producer.flush()
    report("writing", done.taken, len(spool))


def _say(
    producer: RecordProducer, topics: Topics, source: Source, done: Loaded, *, through: int, complete: bool
) -> None:
    progress = ImportProgress(
        file=done.file,
        sha256=done.sha256,
        format=source.format,
        taken=done.taken,
        left_out=dict(done.left_out),
        complete=complete,
        through=through,
        at=time.time_ns() // 1_000_000,
    )
    producer.send(topics.imports, progress, done.sha256.encode(), partition=0)


def _rows(source: Source, spool: Spool) -> Iterator[Row | LeftOut]:
    match source.format:
        case "twcs":
            return twcs.read(source.path, workspace=source.workspace, scratch=spool.scratch)
        case "whatsapp":
            return whatsapp.read(
                source.path,
                workspace=source.workspace,
                agents=source.agents,
                zone=source.zone,
                dates=source.dates,
            )
        case "jsonl":
            return jsonl.read(source.path, workspace=source.workspace)


def _counted(rows: Iterable[Row | LeftOut], report: Report) -> Iterator[Row | LeftOut]:
    for count, row in enumerate(rows, 1):
        if count % 500 == 0:
            report("reading", count, 0)
        yield row


def _describe(done: Loaded, spool: Spool) -> None:
    done.types = dict(spool.types)
    done.left_out = dict(spool.left_out)
    done.examples = [example for examples in spool.examples.values() for example in examples]
    done.channels = sorted(spool.channels)
    done.first, done.last = spool.span()


def _inputs(settings: Settings, topics: Topics) -> Iterator[Input]:
    """All inputs that stand in the log; what cannot be decoded is none of this file's."""
    codec = Codec(kinds=("inputs", "outcomes"))
    for batch in read_to_end(settings.kafka, topics.inbound):
        for message in batch:
            with contextlib.suppress(UndecodableError):
                yield codec.decode(message.value())


def _refuse_older(settings: Settings, topics: Topics, done: Loaded) -> None:
    try:
        clock = clock_of(settings.kafka, topics)
    except TopicMissingError:
        return
    if done.first < clock:
        raise ImportRefusedError(
            f"{done.file} begins at {_moment(done.first)}, and time in the prefix {settings.prefix} has come "
            f"to {_moment(clock)} already: a history cannot go back. Import the file into a prefix of its "
            "own: --prefix NAME"
        )


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _sha256(path: Path, report: Report) -> str:
    size, read = path.stat().st_size, 0
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            read += len(block)
            report("checking", read, size)
    return digest.hexdigest()
