"""ClickHouse without installing it: chDB's engine behind the native TCP protocol, on loopback.

    with EmbeddedClickHouse(folder) as server:
        Client.from_url(server.url).execute("SELECT 1")

For one machine: tests, the demo, small installations. README.md here tells where it differs from a server.
"""

from deploy.embedded.clickhouse.errors import AddressError, FolderDamagedError, FolderInUseError
from deploy.embedded.clickhouse.process import EmbeddedClickHouse

__all__ = ["AddressError", "EmbeddedClickHouse", "FolderDamagedError", "FolderInUseError"]
