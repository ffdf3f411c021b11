"""Every metric there is, declared once: its name, its type, its labels, its unit in the name, its meaning.

Names begin with `attesa_`, units are base units (seconds, bytes). A label has few values: never a contact, a
journey or a message. Dashboards and alerts are held to `NAMES`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["METRICS", "NAMES", "Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A declared metric, as documentation and dashboards see it."""

    name: str
    """As it is scraped: a counter's ends in _total; a histogram's has _bucket, _sum and _count behind it."""
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


METRICS: Final[list[Metric]] = []
"""All of them, in the order of declaration."""

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0)
_SIZES: Final = (1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)


def _counter(name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
    METRICS.append(Metric(name, "counter", tuple(labels), meaning))
    return Counter(name.removesuffix("_total"), meaning, labels)


def _gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    METRICS.append(Metric(name, "gauge", tuple(labels), meaning))
    return Gauge(name, meaning, labels)


def _histogram(name: str, meaning: str, buckets: Sequence[float], labels: Sequence[str] = ()) -> Histogram:
    METRICS.append(Metric(name, "histogram", tuple(labels), meaning))
    return Histogram(name, meaning, labels, buckets=buckets)


# ---- the worker

inputs_decided = _counter("attesa_inputs_decided_total", "Inputs decided, ticks included.", ["partition"])
inputs_duplicate = _counter("attesa_inputs_duplicate_total", "Inputs that were repeats and yielded nothing.")
facts_written = _counter("attesa_facts_written_total", "Facts committed.", ["record"])
commands_written = _counter("attesa_commands_written_total", "Commands committed.", ["record"])
dead_letters_written = _counter("attesa_dead_letters_written_total", "Dead letters committed.", ["reason"])
batch_inputs = _histogram("attesa_batch_inputs", "Inputs decided in one transaction.", _SIZES)
batch_decide_seconds = _histogram("attesa_batch_decide_seconds", "Deciding one batch.", _FAST)
batch_commit_seconds = _histogram("attesa_batch_commit_seconds", "Writing and committing one batch.", _FAST)
commits_failed = _counter("attesa_commits_failed_total", "Transactions that did not commit.", ["kind"])
partitions_open = _gauge("attesa_partitions_open", "Partitions that this worker decides on now.")
partitions_stopped = _gauge("attesa_partitions_stopped", "Partitions that stopped with an error.")
recovery_seconds = _histogram("attesa_recovery_seconds", "From assignment until a partition was open.", _SLOW)
recovery_records = _counter("attesa_recovery_records_total", "Changelog records read at recovery.")
clock_seconds = _gauge("attesa_clock_seconds", "A partition's clock, s since the epoch.", ["partition"])
inbound_lag = _gauge("attesa_inbound_lag_records", "Inbound records not decided yet.", ["partition"])
deadlines_fired = _counter("attesa_deadlines_fired_total", "Deadlines fired.")
deadline_lateness_seconds = _histogram(
    "attesa_deadline_lateness_seconds", "How late a deadline fired, by its partition's clock.", _SLOW
)

# ---- the ticker

ticks_written = _counter("attesa_ticks_written_total", "Ticks written.")
ticks_failed = _counter("attesa_ticks_failed_total", "Ticks that could not be written.")

# ---- the dispatcher

outcomes_said = _counter("attesa_outcomes_said_total", "Outcomes said.", ["channel", "outcome"])
channel_calls = _counter("attesa_channel_calls_total", "Calls to a channel's adapter.", ["channel", "result"])
channel_call_seconds = _histogram("attesa_channel_call_seconds", "One call to a channel.", _FAST, ["channel"])
commands_queued = _gauge("attesa_commands_queued", "Commands read and not yet ended.")

# ---- the projector

rows_inserted = _counter("attesa_rows_inserted_total", "Rows inserted into ClickHouse.", ["table"])
insert_seconds = _histogram("attesa_insert_seconds", "One insert into ClickHouse.", _FAST, ["table"])
insert_failures = _counter("attesa_insert_failures_total", "Inserts that failed and were tried again.")
facts_lag = _gauge("attesa_facts_lag_records", "Facts not projected yet.", ["partition"])

# ---- the flow log

flows_read = _gauge("attesa_flows_read_offset", "The offset that the flows topic was read to.")

NAMES: Final = frozenset(metric.name for metric in METRICS)
"""The names of all, as dashboards may use them."""
