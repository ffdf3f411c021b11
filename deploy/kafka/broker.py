"""One node of Apache Kafka (KRaft, broker and controller in one process) on loopback."""

import base64
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.broker import Broker
from deploy.errors import ServerFailedError
from deploy.kafka.distribution import fetch, find_java
from deploy.ports import LOOPBACK, free_port
from deploy.processes import ProcessRecord

__all__ = ["QUICK_START", "STEADY", "ApacheKafka"]

_LOGGING = Path(__file__).with_name("log4j2.properties")

# Java as Kafka's own scripts run it.
STEADY = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
# Half the processor time until it serves, less in the long run: for brokers that live for minutes.
QUICK_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# What one node needs to be whole (every internal topic has one replica), and small internal topics,
# because a laptop waits for each partition at a start.
_ONE_NODE: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Topics are made by `attesa topics apply`, with the configuration that the engine relies on, or not at
    # all.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.max.session.timeout.ms": "1800000",
    "transaction.max.timeout.ms": "900000",
    # A killed node comes back as a new incarnation, and is let in only when the old one's session has ended.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


class ApacheKafka(Broker):
    """Apache Kafka on `127.0.0.1`, its data, settings and log under `data_dir`.

    `port=0` takes a free port at the first start and keeps it over restarts. `heap` is Java's limit, as
    `512m`, `java_options` the rest that Java is told. `properties` stand over the defaults above. Data
    survive `kill` and a later start on the same folder, by this object or another. A start takes about 5 s,
    the first on a folder 2 s more. Raises `MissingProgramError`, `FetchFailedError`, `PortTakenError`,
    `ServerFailedError`.
    """

    name = "kafka"
    # Far more than a start takes, for machines that are busy with other things.
    start_timeout = 120.0

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        heap: str = "512m",
        *,
        properties: Mapping[str, str] | None = None,
        java_options: Sequence[str] = STEADY,
        keep: Callable[[ProcessRecord], None] | None = None,
    ) -> None:
        super().__init__(data_dir, port, keep=keep)
        self._java_options = java_options
        self._controller_port = 0
        self._heap = heap
        self._properties = dict(properties or {})

    def prepare(self) -> None:
        """Write `server.properties`; format the folder where it is new."""
        self._controller_port = free_port()
        self._settings_path.write_text(
            "".join(f"{key}={value}\n" for key, value in self._all_properties().items())
        )
        if not (self._records_dir / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        """Java with the broker's class."""
        return [*self._java(self._heap, self._java_options), "kafka.Kafka", str(self._settings_path)]

    @property
    def _settings_path(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def _records_dir(self) -> Path:
        return self.data_dir / "records"

    def _all_properties(self) -> dict[str, str]:
        controller = f"{LOOPBACK}:{self._controller_port}"
        return {
            **_ONE_NODE,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self._records_dir),
            **self._properties,
        }

    def _java(self, heap: str, options: Sequence[str]) -> list[str]:
        return [
            str(find_java()),
            f"-Xmx{heap}",
            # A heap is never returned: start small, so that a stack that idles stays small.
            "-Xms128m",
            "-XX:+ExitOnOutOfMemoryError",
            *options,
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={_LOGGING}",
            "-cp",
            f"{fetch()}/*",
        ]

    def _format(self) -> None:
        command = [
            *self._java("128m", QUICK_START),
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
        ]
        command += ["--cluster-id", _new_cluster_id(), "--config", str(self._settings_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            with self.log_path.open("a") as log:
                log.write(done.stdout + done.stderr)
            said = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
            raise ServerFailedError(
                self.name, f"could not format {self._records_dir}", log=self.log_path, tail=said
            )


def _new_cluster_id() -> str:
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # StorageTool would take a leading dash for an option.
        if not text.startswith("-"):
            return text
