"""`deploy/acls.sh`, run with Kafka's own tool against a broker that has an authorizer."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

# The package does not list these as exported; its version is pinned.
from confluent_kafka.admin._acl import AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType
from confluent_kafka.admin._resource import ResourceType as Kind

from deploy.kafka import ApacheKafka, fetch, missing_programs

SCRIPT = Path(__file__).parents[2] / "deploy" / "acls.sh"

Acl = tuple[str, str, str]
"""Principal, operation, resource."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """A broker that asks who one is."""
    missing = missing_programs()
    if missing is not None:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    with ApacheKafka(tmp_path_factory.mktemp("guarded"), properties=properties) as broker:
        yield broker
        broker.kill()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script with these arguments."""
    return subprocess.run(
        [str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def acls_of(broker: ApacheKafka) -> set[Acl]:
    """All that the broker has."""
    anything: Any = None
    everything = AclBindingFilter(
        Kind.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    bindings = admin.describe_acls(everything).result(30)
    assert all(binding.permission_type is AclPermissionType.ALLOW for binding in bindings)
    return {(binding.principal, binding.operation.name, binding.name) for binding in bindings}


@pytest.mark.kafka
@pytest.mark.slow
def test_only_operators_write_flow_commands(guarded: ApacheKafka) -> None:
    """And each process may do what it does, and no more on the topics that decide."""
    tool = f"java -cp {fetch()}/* org.apache.kafka.tools.AclCommand"
    done = run(
        "--bootstrap", guarded.bootstrap, "--prefix", "live",
        KAFKA_ACLS=tool, ATTESA_ACL_OPERATORS="User:anna User:ugo",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    acls = acls_of(guarded)
    writers = {
        topic: {who for who, what, where in acls if what == "WRITE" and where == f"live.{topic}"}
        for topic in ("flows", "inbound", "facts", "state", "keys", "commands", "attempts")
    }
    worker, dispatcher = {"User:attesa-worker"}, {"User:attesa-dispatcher"}
    operators = {"User:anna", "User:ugo"}
    assert writers == {
        "flows": operators,
        "inbound": {"User:attesa-platform", "User:attesa-ticker", *dispatcher, *operators},
        "facts": worker,
        "state": worker,
        "keys": worker,
        "commands": worker,
        "attempts": dispatcher,
    }
    readers_of_keys = {who for who, what, where in acls if what == "READ" and where == "live.keys"}
    assert readers_of_keys == {*worker, *operators}
    assert ("User:attesa-worker", "WRITE", "live-") in acls
    assert not {who for who, _, where in acls if where.startswith("attesa.")}


def test_a_dry_run_prints_and_calls_nothing() -> None:
    """Each call as it would be made."""
    done = run("--bootstrap", "broker:9092", "--dry-run", KAFKA_ACLS="/bin/false")
    assert done.returncode == 0
    assert all(
        line.startswith("/bin/false --bootstrap-server broker:9092 --add")
        for line in done.stdout.splitlines()
    )


@pytest.mark.parametrize("arguments", [[], ["--bootstrap"], ["--bogus"]])
def test_wrong_usage_is_said(arguments: list[str]) -> None:
    """On standard error, with a failing exit code."""
    done = run(*arguments)
    assert done.returncode != 0
    assert done.stderr


def test_a_failing_tool_fails_the_script() -> None:
    """Half the rules are no rules."""
    assert run("--bootstrap", "broker:9092", KAFKA_ACLS="/bin/false").returncode != 0
