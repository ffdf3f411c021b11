"""Structured logs on standard error: JSON for machines, columns for a terminal."""

import logging
import sys
from typing import Final, TextIO

import structlog
import structlog.tracebacks
from structlog.typing import Processor

from streams.log.settings import Settings

__all__ = ["configure"]

LIBRARIES: Final = ("aiokafka", "faust", "mode", "httpx", "httpcore")
"""What they say short of a warning is theirs; at debug level all of it is shown."""


def configure(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Sets up logging for this process, once, at its start; again replaces it.

    Each event has `process`, `level`, `timestamp` (UTC, ISO 8601) and `event`; what Faust and the Kafka
    clients say through the standard library comes the same way. `log_format` auto is console on a terminal,
    else json.
    """
    out = stream if stream is not None else sys.stderr
    is_json = settings.log_format == "json" or (settings.log_format == "auto" and not out.isatty())
    level = getattr(logging, settings.log_level.upper())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    # Local variables stay out of tracebacks: they hold keys and personal values.
    last: list[Processor] = (
        [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if is_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared[:-1], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
