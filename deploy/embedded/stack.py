"""A broker and ClickHouse on this machine: `Stack` stays up until it is taken down, `EphemeralStack` for one
block.

    DATA/stack.json             what runs: process, start, port, folder of each service
    DATA/kafka/…, DATA/tansu/…  a folder for each service of that stack, its log inside

Tansu keeps its log in memory, and a projection without the log that it came from is of no use: whenever Tansu
starts anew or goes down, the ClickHouse folder beside it goes too. Apache Kafka's stack keeps both.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import msgspec

from deploy.broker import answers_metadata
from deploy.embedded.clickhouse import EmbeddedClickHouse
from deploy.embedded.tansu import TansuBroker
from deploy.errors import ServerFailedError, StackConflictError, StackRecordError
from deploy.kafka import KAFKA_VERSION, ApacheKafka, is_fetched, missing_programs
from deploy.ports import LOOPBACK, is_listening, require_free
from deploy.processes import ProcessRecord
from schemas.errors import UsageError

__all__ = [
    "BrokerName",
    "EphemeralStack",
    "Service",
    "ServiceState",
    "Stack",
    "default_broker",
]

BrokerName = Literal["kafka", "tansu"]
ServiceName = Literal["broker", "clickhouse"]
State = Literal["up", "silent", "ended", "down"]

_SERVICES: tuple[ServiceName, ...] = ("broker", "clickhouse")
_SETTINGS: dict[ServiceName, str] = {"broker": "ATTESA_KAFKA_PORT", "clickhouse": "ATTESA_CLICKHOUSE_PORT"}
# The database of the prefix `attesa`.
_DATABASE = "attesa"


@dataclass(frozen=True, slots=True)
class Service:
    """What is kept of a service that was started: `since` is when, `data_dir` is its folder."""

    process: ProcessRecord
    port: int
    since: datetime
    data_dir: Path


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as it is found: up; silent (it runs and does not answer); ended (by other hands); down."""

    service: str
    state: State
    address: str
    pid: int | None
    since: datetime | None
    data_dir: Path


@dataclass(frozen=True, slots=True)
class _StackRecord:
    broker: BrokerName
    services: dict[ServiceName, Service]


class Stack:
    """A broker and ClickHouse that outlive the command that started them; `DATA/stack.json` finds them again.

    `broker` None takes the one that is up, else `default_broker()`. All methods may be called from any
    process; a lock lets one at a time change anything. `say` is told, in sentences, what takes time or is
    lost.
    """

    def __init__(
        self,
        data_dir: Path,
        broker: BrokerName | None = None,
        kafka_port: int = 19092,
        clickhouse_port: int = 19000,
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.data_dir = Path(data_dir).expanduser().absolute()
        self._asked = broker
        self._ports: dict[ServiceName, int] = {"broker": kafka_port, "clickhouse": clickhouse_port}
        self._say = say

    @property
    def broker(self) -> BrokerName:
        """The broker of the stack that is up, else the one asked for, else the default."""
        record = self._record()
        return record.broker if record is not None else self._asked or self._default_broker

    @property
    def forgets(self) -> bool:
        """Whether `down` forgets everything."""
        return self.broker == "tansu"

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return f"{LOOPBACK}:{self._port_of('broker')}"

    @property
    def clickhouse_url(self) -> str:
        """ClickHouse's address for `ATTESA_CLICKHOUSE`."""
        return f"clickhouse://{LOOPBACK}:{self._port_of('clickhouse')}/{_DATABASE}"

    def up(self) -> list[ServiceState]:
        """Start what does not run and wait until it answers; what runs stays as it is.

        Where one service cannot start, what this call started is stopped again. Raises `StackConflictError`
        where another broker or other ports are up on this folder, `PortTakenError`, `MissingProgramError`,
        `FetchFailedError`, `ServerFailedError`.
        """
        with self._locked():
            record = self._record()
            self._refuse_conflict(record)
            broker = self._asked or (record.broker if record is not None else self._default_broker)
            running = {} if record is None else _alive(record.services)
            if broker == "tansu" and "broker" not in running:
                self._forget(running.pop("clickhouse", None))
            for name in _SERVICES:
                if name not in running:
                    require_free(self._ports[name], wanted_by=_title(name, broker), setting=_SETTINGS[name])
            started: list[ServiceName] = []
            try:
                for name in _SERVICES:
                    if name not in running:
                        started.append(name)
                        self._start(name, broker, running)
            except BaseException:
                for name in started:
                    if name in running:
                        _stop(name, broker, running.pop(name))
                self._write(_StackRecord(broker, running))
                raise
        return [self._require_up(state) for state in self.status()]

    def down(self) -> list[ServiceState]:
        """Stop what this folder's stack runs: SIGTERM, a while, SIGKILL; and nothing else's process.

        Returns what was found before. With Tansu, its folder is removed, ClickHouse's data in it. Nothing
        where nothing is up.
        """
        with self._locked():
            record = self._record()
            if record is None:
                return []
            found = self.status()
            # ClickHouse first: it has to flush, and needs no broker for it.
            for name in reversed(_SERVICES):
                if name in record.services:
                    _stop(name, record.broker, record.services[name])
            self._write(None)
            if record.broker == "tansu" and (self.data_dir / "tansu").exists():
                shutil.rmtree(self.data_dir / "tansu")
        return found

    def status(self) -> list[ServiceState]:
        """Each service as it is now, the broker first. Takes up to a second for one that does not answer."""
        record = self._record()
        broker = self.broker
        return [self._state(name, broker, record) for name in _SERVICES]

    @cached_property
    def _default_broker(self) -> BrokerName:
        # Asked once: it runs java to see its version.
        return default_broker()

    @staticmethod
    def _require_up(found: ServiceState) -> ServiceState:
        if found.state != "up":
            raise ServerFailedError(
                found.service,
                f"was started earlier (process {found.pid}) and does not answer: attesa down, then up again",
                log=found.data_dir,
            )
        return found

    def _start(self, name: ServiceName, broker: BrokerName, running: dict[ServiceName, Service]) -> None:
        folder, port = self._folder(broker, name), self._ports[name]

        def keep(process: ProcessRecord) -> None:
            running[name] = Service(process, server.port, datetime.now(UTC).replace(microsecond=0), folder)
            self._write(_StackRecord(broker, running))

        self._say(f"starting {_title(name, broker)}, data in {folder}")
        if name == "broker" and broker == "kafka" and not is_fetched():
            self._say(f"fetching Apache Kafka {KAFKA_VERSION} through Maven first: 54 MB, once")
        server = _server_of(name, broker)(folder, port, keep=keep)
        server.start()

    def _state(self, name: ServiceName, broker: BrokerName, record: _StackRecord | None) -> ServiceState:
        service = record.services.get(name) if record is not None else None
        port = service.port if service is not None else self._ports[name]
        state: State
        if service is None:
            state = "down"
        elif not service.process.is_alive():
            state = "ended"
        else:
            state = "up" if _answers(name, port) else "silent"
        return ServiceState(
            service=_title(name, broker),
            state=state,
            address=f"{LOOPBACK}:{port}",
            pid=service.process.pid if service is not None else None,
            since=service.since if service is not None else None,
            data_dir=service.data_dir if service is not None else self._folder(broker, name),
        )

    def _refuse_conflict(self, record: _StackRecord | None) -> None:
        running = {} if record is None else _alive(record.services)
        if record is None or not running:
            return
        if self._asked not in {None, record.broker}:
            raise StackConflictError(
                f"a stack on {record.broker} is up in {self.data_dir}: take it down first (attesa down), "
                f"or keep another one beside it with another ATTESA_DATA_DIR and other ports"
            )
        for name, service in running.items():
            if self._ports[name] not in {0, service.port}:
                raise StackConflictError(
                    f"the {name} of the stack in {self.data_dir} is up on port {service.port}, and "
                    f"{_SETTINGS[name]} says {self._ports[name]}: take it down first (attesa down), "
                    f"or set {_SETTINGS[name]}={service.port}"
                )

    def _forget(self, clickhouse: Service | None) -> None:
        if clickhouse is not None:
            _stop("clickhouse", "tansu", clickhouse)
        if (self.data_dir / "tansu").exists():
            self._say("the broker of before is gone, and its log with it: ClickHouse's folder is removed too")
            shutil.rmtree(self.data_dir / "tansu")

    def _port_of(self, name: ServiceName) -> int:
        record = self._record()
        return (
            record.services[name].port
            if record is not None and name in record.services
            else self._ports[name]
        )

    def _folder(self, broker: BrokerName, name: ServiceName) -> Path:
        return self.data_dir / broker / name

    @property
    def _path(self) -> Path:
        return self.data_dir / "stack.json"

    def _record(self) -> _StackRecord | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_StackRecord, dec_hook=_decode_path)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StackRecordError(
                f"{self._path} does not say what runs ({error}): end the stack's processes by hand, "
                "then remove the file"
            ) from error

    def _write(self, record: _StackRecord | None) -> None:
        if record is None or not record.services:
            self._path.unlink(missing_ok=True)
            return
        part = self._path.with_suffix(".part")
        part.write_bytes(msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=2))
        part.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.data_dir} cannot be made ({error}): set ATTESA_DATA_DIR") from error
        # Not inherited by the services, or the lock would be theirs for as long as they run.
        descriptor = os.open(self.data_dir / "stack.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class EphemeralStack:
    """Tansu and ClickHouse on free ports for one `with` block: nothing runs and nothing is left after it.

    `bootstrap` and `clickhouse_url` are their addresses. Both end with this process, however that ends.
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="attesa-")
        root = Path(self._folder.name)
        self._broker = TansuBroker(root / "broker")
        self._clickhouse = EmbeddedClickHouse(root / "clickhouse")
        try:
            self._broker.start()
            self._clickhouse.start()
        except BaseException:
            self._close()
            raise
        self.data_dir = root
        self.bootstrap = self._broker.bootstrap
        self.clickhouse_url = self._clickhouse.database_url(_DATABASE)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        # Nothing of it is wanted any more: no orderly end is worth waiting for.
        self._clickhouse.kill()
        self._broker.kill()
        self._folder.cleanup()


def default_broker() -> BrokerName:
    """Apache Kafka where Java and Maven are found (Java alone once the jars are fetched), else Tansu."""
    return "kafka" if missing_programs() is None else "tansu"


def _server_of(name: ServiceName, broker: BrokerName) -> type[ApacheKafka | TansuBroker | EmbeddedClickHouse]:
    if name == "clickhouse":
        return EmbeddedClickHouse
    return ApacheKafka if broker == "kafka" else TansuBroker


def _alive(services: dict[ServiceName, Service]) -> dict[ServiceName, Service]:
    return {name: service for name, service in services.items() if service.process.is_alive()}


def _stop(name: ServiceName, broker: BrokerName, service: Service) -> None:
    service.process.stop(_server_of(name, broker).stop_grace)


def _answers(name: ServiceName, port: int) -> bool:
    return answers_metadata(port) if name == "broker" else is_listening(port)


def _title(name: ServiceName, broker: BrokerName) -> str:
    if name == "clickhouse":
        return "ClickHouse"
    return "Apache Kafka" if broker == "kafka" else "Tansu"


def _decode_path(kind: type, value: object) -> object:
    if kind is Path or issubclass(kind, Path):
        return Path(str(value))
    raise NotImplementedError(kind)
