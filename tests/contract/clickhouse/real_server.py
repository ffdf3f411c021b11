"""Debian's own clickhouse-server (18.16): a real server for what the contract's basic part says."""

import shutil
from pathlib import Path

from deploy.ports import LOOPBACK, is_listening
from deploy.processes import Server

__all__ = ["MISSING", "RealClickHouse", "find_server"]

MISSING = "clickhouse-server is not installed: apt-get install clickhouse-server"
_CONFIG = """<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <tcp_port>{port}</tcp_port><listen_host>{host}</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><timezone>UTC</timezone>
  <users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size>
</yandex>
"""
_USERS = """<yandex>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <users><default>
    <password></password><profile>default</profile><quota>default</quota>
    <networks><ip>127.0.0.1</ip></networks>
  </default></users>
</yandex>
"""


def find_server() -> Path | None:
    """The installed program, if there is one."""
    found = shutil.which("clickhouse-server") or shutil.which("clickhouse-server", path="/usr/sbin:/usr/bin")
    return Path(found) if found else None


class RealClickHouse(Server):
    """An installed clickhouse-server on loopback, with its data and its configuration under `data_dir`."""

    name = "clickhouse-server"
    port_setting = "ATTESA_CLICKHOUSE_PORT"

    @property
    def url(self) -> str:
        """The address of the database `default`."""
        return f"clickhouse://{LOOPBACK}:{self.port}/default"

    def prepare(self) -> None:
        """Write its two configuration files."""
        values = {"port": self.port, "host": LOOPBACK, "folder": self.data_dir}
        (self.data_dir / "config.xml").write_text(_CONFIG.format(**values))
        (self.data_dir / "users.xml").write_text(_USERS)

    def command(self) -> list[str]:
        """The installed program."""
        return [str(find_server()), f"--config-file={self.data_dir / 'config.xml'}"]

    def is_ready(self) -> bool:
        """Whether it listens."""
        return is_listening(self.port)
