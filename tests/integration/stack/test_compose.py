"""`deploy/compose.yaml`: valid by the Compose specification, whole, and each Attesa service runs as it says.

No container engine is needed. `compose-spec.json` is the Compose specification's own schema
(github.com/compose-spec/compose-spec, Apache-2.0), unchanged.
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from clickhouse_driver import Client
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from jsonschema.validators import validator_for

from deploy.embedded.clickhouse import EmbeddedClickHouse
from deploy.kafka import ApacheKafka
from deploy.ports import free_port
from deploy.processes import await_until
from streams.cli.main import COMMANDS
from streams.log.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = {"ATTESA_MASTER_KEY": "ab" * 32, "ATTESA_CLICKHOUSE_PASSWORD": "secret"}
LONG_RUNNING = {"worker", "ticker", "dispatcher", "projector"}


def interpolated(value: Any) -> Any:
    """The document with `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` replaced as Compose
    does.
    """
    match value:
        case str():
            return re.sub(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})", _variable, value)
        case list():
            return [interpolated(item) for item in value]
        case dict():
            return {key: interpolated(item) for key, item in value.items()}
        case _:
            return value


def _variable(found: re.Match[str]) -> str:
    if found[0] == "$$":
        return "$"
    if found[1] in VARIABLES:
        return VARIABLES[found[1]]
    assert found[2] == "-", f"{found[1]} has neither a value nor a default"
    return found[3]


COMPOSE: dict[str, Any] = interpolated(yaml.safe_load((ROOT / "deploy/compose.yaml").read_text()))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("attesa:"))
IMAGE_SETTINGS = dict(re.findall(r"\b(ATTESA_\w+)=(\S+)", (ROOT / "deploy/Dockerfile").read_text()))


def test_it_is_valid_by_the_compose_specification() -> None:
    """Every key and value is one that Compose knows; and the schema does refuse what it does not."""
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    wrong = {**COMPOSE, "services": {**SERVICES, "ticker": {**SERVICES["ticker"], "dependson": []}}}
    assert not validator.is_valid(wrong)


def test_every_attesa_process_has_a_service() -> None:
    """What `attesa` runs for long, the compose file runs; a command that is not there is not named."""
    commands = {SERVICES[name]["command"][0] for name in OURS}
    assert commands >= LONG_RUNNING
    assert set(COMMANDS) >= LONG_RUNNING


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_waits_for_what_it_needs_and_says_when_it_is_ready(name: str) -> None:
    """Dependencies are services, waited for until they are healthy or done; whoever stays has a health
    check.
    """
    service = SERVICES[name]
    for dependency, wait in service.get("depends_on", {}).items():
        once = SERVICES[dependency].get("restart") == "no"
        wanted = "service_completed_successfully" if once else "service_healthy"
        assert wait["condition"] == wanted, f"{name} on {dependency}"
    if service["restart"] != "no":
        assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_pinned_keeps_its_data_and_is_reached_from_this_machine_only(name: str) -> None:
    """Images have a version, named volumes are declared, ports are published on loopback."""
    service = SERVICES[name]
    version = service["image"].partition(":")[2]
    assert version not in {"", "latest"}
    for volume in service.get("volumes", []):
        assert volume.partition(":")[0] in COMPOSE["volumes"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_its_settings_are_settings() -> None:
    """Every ATTESA_ name in the compose file and the image is one that Attesa reads."""
    known = {f"ATTESA_{name.upper()}" for name in Settings.model_fields}
    named = {key for name in OURS for key in SERVICES[name]["environment"]} | set(IMAGE_SETTINGS)
    assert named
    assert named <= known


@pytest.mark.kafka
def test_the_brokers_settings_are_apache_kafkas(kafka_admin: AdminClient) -> None:
    """The image makes a broker setting of every KAFKA_ variable; Apache Kafka itself knows each of them."""
    environment = SERVICES["kafka"]["environment"]
    named = {
        key.removeprefix("KAFKA_").lower().replace("_", ".")
        for key in environment
        # The image's start script reads this one.
        if key.startswith("KAFKA_") and key != "KAFKA_HEAP_OPTS"
    }
    broker = ConfigResource(ConfigResource.Type.BROKER, str(environment["KAFKA_NODE_ID"]))
    known = set(kafka_admin.describe_configs([broker])[broker].result(30))
    assert "controller.quorum.voters" in named
    assert named <= known


def test_only_who_seals_or_opens_has_the_master_key() -> None:
    """A process that has no use for the key cannot lose it."""
    holders = {
        SERVICES[name]["command"][0] for name in OURS if "ATTESA_MASTER_KEY" in SERVICES[name]["environment"]
    }
    assert holders == {"worker", "dispatcher"}


@dataclass
class NativeServices:
    """Runs a service's command on this machine, with its settings mapped from the containers' names to
    loopback.
    """

    kafka: str
    clickhouse: str
    prefix: str
    data_dir: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, name: str, http_port: int) -> dict[str, str]:
        """The service's settings over the image's, and where in them a container is named, its stand-in
        here.
        """
        settings = {**IMAGE_SETTINGS, **SERVICES[name]["environment"]}
        assert settings["ATTESA_KAFKA"] == "kafka:9092"
        assert settings["ATTESA_CLICKHOUSE"].endswith("@clickhouse:9000/attesa")
        # The registry's client has a registry of its own in the process; the others read the checked-in
        # files.
        registry = {"ATTESA_REGISTRY_URL": "mock://compose"} if name == "schemas" else {}
        del settings["ATTESA_REGISTRY_URL"]
        here = {
            "ATTESA_KAFKA": self.kafka,
            "ATTESA_CLICKHOUSE": self.clickhouse,
            "ATTESA_PREFIX": self.prefix,
            "ATTESA_DATA_DIR": str(self.data_dir / name),
            "ATTESA_HTTP_HOST": "127.0.0.1",
            "ATTESA_HTTP_PORT": str(http_port),
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ATTESA_")}
        return {**kept, "PYTHONUNBUFFERED": "1", **settings, **here, **registry}

    def start(self, name: str, http_port: int = 0) -> subprocess.Popen[bytes]:
        """Start the service's command, its output in a file named after it."""
        with (self.data_dir / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli.main", *SERVICES[name]["command"]],
                env=self.environment(name, http_port),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def run(self, name: str) -> None:
        """Run a service that ends by itself to its end; it must end well."""
        code = self.start(name).wait(timeout=120)
        assert code == 0, self.said(name)

    def said(self, name: str) -> str:
        """The end of what it wrote."""
        return (self.data_dir / f"{name}.log").read_text(errors="replace")[-4000:]


@pytest.fixture
def native(
    kafka: ApacheKafka,
    prefix: str,
    clickhouse_server: EmbeddedClickHouse,
    tmp_path: Path,
) -> Iterator[NativeServices]:
    """Services on the session's Apache Kafka and ClickHouse, under this test's prefix; ended after it."""
    services = NativeServices(kafka.bootstrap, clickhouse_server.database_url(prefix), prefix, tmp_path)
    yield services
    for process in services.processes:
        process.kill()
        process.wait()
    client = Client.from_url(clickhouse_server.url)
    client.execute(f"DROP DATABASE IF EXISTS {prefix} SYNC")
    client.disconnect()


def is_ready(port: int) -> bool:
    """Whether the process says so itself, as the compose file's health check asks it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_as_the_compose_file_says(name: str, native: NativeServices) -> None:
    """What it depends on has run; then it ends well, or becomes ready and ends well at SIGTERM."""
    for dependency in SERVICES[name]["depends_on"]:
        if dependency in OURS:
            native.run(dependency)
    if SERVICES[name]["restart"] == "no":
        native.run(name)
        return

    port = free_port()
    process = native.start(name, port)
    assert await_until(lambda: process.poll() is not None or is_ready(port), timeout=90), native.said(name)
    assert process.poll() is None, native.said(name)
    process.send_signal(signal.SIGTERM)
    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert process.wait(timeout=grace) == 0, native.said(name)
