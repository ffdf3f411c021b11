"""Real conversations as a history of their own: imported, decided, reported, and the same after kill -9."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.command import Attesa, Done, Running, wait_until
from tests.e2e.log import Log, canonical, response_rates

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]

KILLS = 10


@pytest.fixture(scope="module")
def library(shell: Attesa) -> Path:
    """A folder with the ready flow that nudges and closes, as `attesa flow library` hands it out."""
    folder = shell.folder / "flows"
    shell("flow", "library", "copy", "nudge-and-close", "--to", folder)
    assert list(folder.rglob("*.yaml"))
    return folder


@pytest.fixture(scope="module")
def imported(shell: Attesa, twcs: Path, library: Path) -> Done:
    """The conversations in the prefix …-dev, decided, sent and projected."""
    return shell(*_import(shell, twcs, library, "dev"), "--run", "--json")


def _import(shell: Attesa, twcs: Path, library: Path, name: str) -> tuple[str | Path, ...]:
    return ("import", twcs, "--format", "twcs", "--prefix", f"{shell.prefix}-{name}", "--flows", library)


def _log(shell: Attesa, name: str) -> Log:
    return Log(shell.kafka, f"{shell.prefix}-{name}")


def _report(shell: Attesa, *args: str) -> Done:
    return shell("report", *args, "--prefix", f"{shell.prefix}-dev", "--json")


def test_brand_messages_and_their_replies(shell: Attesa, imported: Done) -> None:
    """1,265 brand messages, 569 answered, 372 within the hour; latency as computed apart from the project."""
    assert imported.rows[0]["taken"] == 2842
    report = _report(shell, "messages", "--window", "1h", "--by", "author")
    assert (report.json["report"], report.json["by"]) == ("messages", ["author"])
    by_author = {row["author"]: row for row in report.rows}
    brand = by_author["agent"]
    assert (brand["sent"], brand["replied"], brand["replied_in_window"]) == (1265, 569, 372)
    assert brand["response_seconds"] == {"p10": 70, "p50": 953, "p90": 75_031}
    # What the flow sent is on the same channel and beside them: nobody in the file answered it by name.
    assert by_author["automation"]["sent"] > 0
    assert by_author["automation"]["replied"] == 0


@pytest.mark.usefixtures("imported")
def test_the_same_import_again_changes_nothing(shell: Attesa, twcs: Path, library: Path) -> None:
    """Exit 0, it says so, no record is added anywhere, and the report is the same."""
    log = _log(shell, "dev")
    topics = (log.topics.inbound, log.topics.flows, log.topics.facts, log.topics.commands)
    before = {topic: log.records(topic) for topic in topics}
    report = _report(shell, "messages", "--window", "1h").json
    again = shell(*_import(shell, twcs, library, "dev"), "--run")
    assert "already, whole (2,842 records): nothing to do" in again.said
    assert {topic: log.records(topic) for topic in topics} == before
    assert _report(shell, "messages", "--window", "1h").json == report


@pytest.mark.usefixtures("imported")
def test_response_rates_are_those_of_the_facts(shell: Attesa) -> None:
    """Every wait stands in one column: opened = responded + timed out + cancelled + pending, by step."""
    as_of, expected = response_rates(_log(shell, "dev").placed_facts())
    report = _report(shell, "response-rate", "--by", "step")
    found = {
        row["step"]: {name: value for name, value in row.items() if name != "step"} for row in report.rows
    }
    assert found == expected
    assert set(found) == {"first-silence", "after-nudge"}
    for row in report.rows:
        assert row["opened"] == row["responded"] + row["timed_out"] + row["cancelled"] + row["pending"]
        assert row["opened"] > 100
    assert found["first-silence"]["responded"] > 0
    assert report.json["as_of"] == _moment(as_of)


@pytest.mark.usefixtures("imported")
def test_ten_kills_during_the_import_change_no_fact(shell: Attesa, twcs: Path, library: Path) -> None:
    """Facts and commands, read committed, are the same facts as without kills, each once."""
    rng = random.Random(20171031)
    killed = _log(shell, "killed")
    importing = shell.start(*_import(shell, twcs, library, "killed"))
    wait_until("the topics are there", lambda: _has_topics(shell, killed) or None)
    # Small transactions, so that there are many moments to be killed at.
    small = {"prefix": killed.topics.prefix, "max_batch": "3", "worker_name": "w1"}
    for number in range(KILLS):
        worker = shell.start("worker", **small)
        _await_work(worker, at_once=number % 3 == 2)
        time.sleep(rng.uniform(0, 0.3))
        worker.kill()
    assert importing.end() == 0, importing.log[-3000:]
    calm = _log(shell, "dev")
    assert len(killed.facts()) < len(calm.facts()), "each kill came while there was work to do"
    shell.worker_to_end(prefix=killed.topics.prefix, worker_name="w1")
    for made in ("facts", "commands"):
        expected = canonical(getattr(calm, made)())
        found = canonical(getattr(killed, made)())
        assert found.keys() == expected.keys()
        for contact, lines in expected.items():
            assert found[contact] == lines, contact
    ids = Counter(fact.id for fact in killed.facts())
    assert max(ids.values()) == 1
    # And both are what the core alone makes of the log.
    facts, commands, states = killed.decided()
    assert canonical(facts) == canonical(killed.facts())
    assert canonical(commands) == canonical(killed.commands())
    assert states == killed.states()


def _await_work(worker: Running, *, at_once: bool) -> None:
    """Until it decides, or only until it runs, so that some are killed while they recover."""
    worker.says("the worker runs" if at_once else "the partition is open")


def _has_topics(shell: Attesa, log: Log) -> bool:
    found = shell("topics", "ls", "--prefix", log.topics.prefix, "--json").rows
    return all(row["state"] == "there" for row in found)


def _moment(ms: int) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
    return f"{whole}.{ms % 1000:03d}Z"
