"""What goes wrong at the command line says what, where and what to do, and ends with the right exit code."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.command import PARTITIONS, Attesa, Done
from tests.e2e.flows import SILENCE, WORKSPACE

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

NOBODY = "127.0.0.1:1"
"""An address where nothing listens."""

WRONG_FLOW = """\
flow: wrong
trigger: {message: any}
steps:
  - customer_response: {withn: 1h}
  - send: {template: nowhere}
"""


@pytest.fixture(scope="module")
def live(shell: Attesa) -> Attesa:
    """A shell whose live prefix has its topics, and no process runs."""
    shell("topics", "apply")
    shell("workspace", "publish", shell.write("w.yaml", WORKSPACE.format(grace="1s")), "--no-wait")
    shell.write("silence.yaml", SILENCE.format(within="1h"))
    return shell


def test_kafka_is_not_there(shell: Attesa) -> None:
    """Exit 3, and the address that was tried. The client waits 10 s for a broker, so all at once."""
    workspace = shell.write("away.yaml", WORKSPACE.format(grace="1s"))
    commands: list[tuple[str, ...]] = [
        ("topics", "apply"),
        ("worker",),
        ("ticker",),
        ("dispatcher",),
        ("workspace", "publish", str(workspace)),
    ]

    def tried(command: tuple[str, ...]) -> Done:
        return shell(*command, code=3, kafka=NOBODY)

    with ThreadPoolExecutor(len(commands)) as pool:
        for done in pool.map(tried, commands):
            assert f"no Kafka broker answers at {NOBODY}" in done.said
            assert "ATTESA_KAFKA" in done.said
            assert not done.out


def test_clickhouse_is_not_there(live: Attesa) -> None:
    """Exit 3, the address without its password, and where to set it."""
    away = f"clickhouse://ops:geheim@{NOBODY}/attesa"
    for command in (("report", "messages"), ("projections", "status"), ("projector", "--until-end")):
        done = live(*command, code=3, clickhouse=away)
        assert f"no ClickHouse answers at clickhouse://{NOBODY}/" in done.said
        assert "ATTESA_CLICKHOUSE" in done.said
        assert "geheim" not in done.err


def test_wrong_settings(shell: Attesa) -> None:
    """Exit 2, every wrong variable by name, no secret shown."""
    done = shell("worker", code=2, tick_s="soon", partitions="0", master_key="not hexadecimal")
    assert "ATTESA_TICK_S" in done.said
    assert "ATTESA_PARTITIONS" in done.said
    done = shell("worker", code=2, master_key="not hexadecimal")
    assert "ATTESA_MASTER_KEY must be 64 hexadecimal digits" in done.said
    assert "not hexadecimal" not in done.err
    done = shell("worker", code=2, master_key=None)
    assert "no master key: set ATTESA_MASTER_KEY" in done.said
    done = shell("config", "show", "--json", prefix="Not A Prefix", code=2)
    assert "ATTESA_PREFIX" in done.said
    assert "5e5e" not in shell("config", "show", "--json").out


def test_unknown_nouns_and_options(shell: Attesa) -> None:
    """Exit 2, as every command line does."""
    assert "No such command" in shell("fly", code=2).err
    assert "No such option" in shell("report", "messages", "--bye", "day", code=2).err


def test_topics_that_are_not_there(shell: Attesa) -> None:
    """An unknown prefix: exit 1, and the command that makes it."""
    for command in (
        ("worker",),
        ("ticker",),
        ("contact", "timeline", "bottega/anna"),
        ("flow", "ls"),
        ("dispatcher",),
    ):
        done = shell(*command, code=1, prefix=f"{shell.prefix}-nowhere")
        assert f"topic {shell.prefix}-nowhere." in done.said
        assert "attesa topics apply" in done.said
    done = shell("report", "messages", "--prefix", f"{shell.prefix}-nowhere", code=1)
    assert "attesa projections migrate" in done.said or "attesa projector" in done.said


def test_topics_of_another_shape(live: Attesa) -> None:
    """Partitions are never changed: exit 1, both numbers, nothing touched."""
    done = live("topics", "apply", "--partitions", str(PARTITIONS + 1), code=1)
    assert f"{PARTITIONS} partitions" in done.said
    assert str(PARTITIONS + 1) in done.said


def test_a_flow_with_errors(live: Attesa) -> None:
    """Exit 1; file, line and what was probably meant; nothing is published."""
    flow = live.write("wrong.yaml", WRONG_FLOW)
    for command in ("lint", "publish"):
        done = live("flow", command, flow, code=1)
        said = " ".join((done.out + done.err).split())
        assert "wrong.yaml:4:" in said
        assert "withn" in said
        assert "within" in said
    assert "wrong" not in [row["flow"] for row in live("flow", "ls", "--json").rows]


def test_publish_without_ticker_or_worker(live: Attesa) -> None:
    """It stands in the log; exit 3 says which of the two is missing."""
    flow = live.folder / "silence.yaml"
    done = live("flow", "publish", flow, "--timeout", "1", code=3)
    assert f"{PARTITIONS} of {PARTITIONS} partitions" in done.said
    assert "No tick came" in done.said
    assert "`attesa ticker`" in done.said
    ticker = live.start("ticker")
    done = live("flow", "publish", flow, "--timeout", "4", code=3)
    assert "Ticks come" in done.said
    assert "start `attesa worker`" in done.said
    assert ticker.stop() == 0
    (row,) = live("flow", "ls", "--json").rows
    assert (row["flow"], row["version"]) == ("silence", 1)


def test_a_dimension_that_does_not_exist(live: Attesa) -> None:
    """Exit 2, the nearest one, and all there are."""
    done = live("report", "response-rate", "--by", "stepp", code=2)
    assert "--by stepp" in done.said
    assert "did you mean step?" in done.said
    assert "weekday" in done.said
    done = live("report", "messages", "--window", "soon", code=2)
    assert "--window" in done.said


def test_imports_that_are_refused(live: Attesa) -> None:
    """An unknown format, a missing file, a file of another format, the live prefix: exit 2 and why."""
    file = live.write("some.csv", "a,b\n1,2\n")
    prefix = ("--prefix", f"{live.prefix}-file")
    done = live("import", file, "--format", "twits", *prefix, code=2)
    for known in ("twcs", "whatsapp", "jsonl"):
        assert known in done.said
    assert "no such file" in live("import", "nothing.csv", "--format", "twcs", *prefix, code=2).said
    done = live("import", file, "--format", "twcs", *prefix, code=2)
    assert "no column tweet_id" in done.said
    assert "some.csv:1" in done.said
    done = live("import", file, "--format", "twcs", code=2)
    assert "--prefix NAME" in done.said
