"""What a process says about itself."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from prometheus_client import REGISTRY

from streams.log import logs, metrics
from streams.log.settings import load


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Logging is the process's: each test leaves it as it found it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_metrics_are_declared_well() -> None:
    """Prefix, base unit, _total on counters alone, a meaning that is a sentence, each name once."""
    assert len(metrics.NAMES) == len(metrics.METRICS)
    for metric in metrics.METRICS:
        assert re.fullmatch(r"attesa_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.type == "counter")
        assert not re.search(r"_(ms|millis|minutes|hours|kb|mb)(_|$)", metric.name), metric.name
        assert metric.meaning.endswith(".")


def test_no_label_may_have_many_values() -> None:
    """A contact, a journey, a message are no labels."""
    allowed = {
        "partition", "record", "reason", "kind", "channel", "outcome", "result", "table", "topic",
        "workspace", "flow",
    }  # fmt: skip
    assert {label for metric in metrics.METRICS for label in metric.labels} <= allowed


def test_every_declared_metric_is_scraped_under_its_name() -> None:
    """`NAMES` is what dashboards are held to, so it must be true."""
    scraped = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith("attesa_")
    }
    assert scraped == metrics.NAMES


def test_json_logs_are_one_object_a_line() -> None:
    """Ours and the standard library's, errors with their traceback as data."""
    out = io.StringIO()
    logs.configure(load(log_format="json"), "worker", out)
    structlog.get_logger().info("a partition opened", partition=3, seconds=0.5)
    logging.getLogger("faust").warning("from %s", "faust")
    try:
        int("no")
    except ValueError:
        structlog.get_logger().exception("it failed")
    first, second, third = (json.loads(line) for line in out.getvalue().splitlines())
    assert (first["event"], first["partition"], first["process"], first["level"]) == (
        "a partition opened",
        3,
        "worker",
        "info",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", first["timestamp"])
    assert (second["event"], second["level"], second["process"]) == ("from faust", "warning", "worker")
    assert third["exception"][0]["exc_type"] == "ValueError"


def test_the_level_holds_for_all() -> None:
    """Below it nothing is written."""
    out = io.StringIO()
    logs.configure(load(log_level="warning"), "worker", out)
    structlog.get_logger().info("no")
    logging.getLogger("aiokafka").info("no")
    structlog.get_logger().warning("yes")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["yes"]


def test_a_terminal_gets_columns() -> None:
    """Auto: columns where somebody looks, JSON where a machine does."""
    out = io.StringIO()
    logs.configure(load(log_format="console"), "worker", out)
    structlog.get_logger().info("hello", partition=3)
    assert "hello" in out.getvalue()
    assert not out.getvalue().startswith("{")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_local_variable_is_logged(log_format: str) -> None:
    """A traceback says where, never what was in hand there: a key, a customer's name."""
    out = io.StringIO()
    logs.configure(load(log_format=log_format), "worker", out)

    # Its source line stands in the traceback, so the name is put together elsewhere.
    name = "issoR adebeZ"[::-1]

    def fail(name: str) -> None:
        raise ValueError(len(name))

    try:
        fail(name)
    except ValueError:
        structlog.get_logger().exception("it failed")
    assert "ValueError" in out.getvalue()
    assert name not in out.getvalue()
