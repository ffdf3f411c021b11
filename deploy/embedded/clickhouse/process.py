"""The embedded ClickHouse as a process of its own: started, waited for, stopped, started again."""

import importlib.util
import sys

from deploy.embedded.clickhouse.folder import require_free
from deploy.errors import MissingProgramError, ServerFailedError
from deploy.ports import LOOPBACK, is_listening
from deploy.processes import Server

__all__ = ["EmbeddedClickHouse"]


class EmbeddedClickHouse(Server):
    """ClickHouse's engine on `127.0.0.1`, its tables and its log, `clickhouse.log`, under `data_dir`.

    `port=0` takes a free port at the first start and keeps it over restarts. Up in a second; an orderly stop
    lets queries end, and `kill` loses no row that was acknowledged. User `default`, no password.
    Raises `MissingProgramError`, `FolderInUseError`, `PortTakenError`, `ServerFailedError`.
    """

    name = "clickhouse"
    port_setting = "ATTESA_CLICKHOUSE_PORT"
    # Twice the server's own grace (queries end, then are cancelled), and the flush.
    stop_grace = 30.0

    @property
    def url(self) -> str:
        """The address of the database `default`, for clickhouse-driver."""
        return self.database_url("default")

    def database_url(self, database: str) -> str:
        """`clickhouse://127.0.0.1:PORT/DATABASE`. Raises `ServerFailedError` while no port is chosen."""
        if not self.port:
            raise ServerFailedError(self.name, "has no address before its first start", log=self.log_path)
        return f"clickhouse://{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Check what the server would fail on: the package chdb is there, the folder is nobody's."""
        if importlib.util.find_spec("chdb") is None:
            raise MissingProgramError(
                "the embedded ClickHouse needs the package chdb: pip install 'attesa[embedded]', "
                "or set ATTESA_CLICKHOUSE to the address of a real server"
            )
        require_free(self.data_dir)

    def command(self) -> list[str]:
        """This Python, with the server's module."""
        module = [sys.executable, "-m", "deploy.embedded.clickhouse"]
        return [*module, "--data", str(self.data_dir), "--host", LOOPBACK, "--port", str(self.port)]

    def is_ready(self) -> bool:
        """Whether it listens, which it does once the engine has opened the folder."""
        return is_listening(self.port)
