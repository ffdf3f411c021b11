"""`attesa topics`."""

import json

import pytest
from typer.testing import CliRunner

from deploy.kafka import ApacheKafka
from streams.cli.topics import app
from streams.log.errors import TopicDiffersError

pytestmark = pytest.mark.kafka


@pytest.fixture
def environment(kafka: ApacheKafka, prefix: str) -> dict[str, str]:
    """The settings of this test."""
    return {"ATTESA_KAFKA": kafka.bootstrap, "ATTESA_PREFIX": prefix, "ATTESA_PARTITIONS": "2"}


def test_apply_then_ls(environment: dict[str, str]) -> None:
    """One row a topic; a dry run before says what is missing, and fails."""
    runner = CliRunner(env=environment)
    dry = runner.invoke(app, ["apply", "--dry-run", "--json"])
    assert dry.exit_code == 1
    assert {row["result"] for row in json.loads(dry.stdout)["rows"]} == {"missing"}
    made = runner.invoke(app, ["apply", "--json"])
    assert made.exit_code == 0, made.output
    assert {row["result"] for row in json.loads(made.stdout)["rows"]} == {"created"}
    assert runner.invoke(app, ["apply", "--dry-run"]).exit_code == 0
    listed = runner.invoke(app, ["ls", "--json"])
    rows = {row["topic"]: (row["partitions"], row["state"]) for row in json.loads(listed.stdout)["rows"]}
    prefix = environment["ATTESA_PREFIX"]
    assert len(rows) == 9
    assert rows[f"{prefix}.inbound"] == (2, "there")
    assert rows[f"{prefix}.flows"] == (1, "there")


def test_ls_shows_what_is_missing(environment: dict[str, str]) -> None:
    """Before anything was applied."""
    listed = CliRunner(env=environment).invoke(app, ["ls", "--json"])
    assert listed.exit_code == 0
    assert {row["state"] for row in json.loads(listed.stdout)["rows"]} == {"missing"}


def test_another_partition_count_is_refused(environment: dict[str, str]) -> None:
    """With the reason, and the setting that fits."""
    runner = CliRunner(env=environment)
    runner.invoke(app, ["apply"])
    again = runner.invoke(app, ["apply", "--partitions", "3"])
    assert isinstance(again.exception, TopicDiffersError)
    assert "ATTESA_PARTITIONS=2" in str(again.exception)


def test_a_history_has_its_own_command(environment: dict[str, str]) -> None:
    """`--history`, and then never live."""
    runner = CliRunner(env=environment)
    assert runner.invoke(app, ["apply", "--history"]).exit_code == 0
    assert runner.invoke(app, ["apply", "--history", "--dry-run"]).exit_code == 0
    assert isinstance(runner.invoke(app, ["apply"]).exception, TopicDiffersError)
