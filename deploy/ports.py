"""Loopback ports: a free one, and who holds one that is taken."""

import secrets
import socket
from pathlib import Path

from deploy.errors import PortTakenError
from schemas.errors import AttesaError

__all__ = ["LOOPBACK", "free_port", "holder", "is_listening", "require_free"]

LOOPBACK = "127.0.0.1"
_LISTEN = "0A"
_LOWEST = 20000


def free_port() -> int:
    """A port that nobody listens on now. Another may take it before its user does: be ready to ask again.

    Below the system's range for outgoing connections: a client that knocks at a server which restarts could
    be given the very port as its own, and the server could not have it back.
    """
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = (
        range(_LOWEST, lowest_outgoing) if lowest_outgoing > _LOWEST + 1000 else range(_LOWEST, 65536)
    )
    for _ in range(1000):
        port = secrets.choice(candidates)
        if _can_bind(port):
            return port
    raise AttesaError(
        f"no free port on {LOOPBACK} between {candidates[0]} and {candidates[-1]} in 1,000 tries"
    )


def is_listening(port: int) -> bool:
    """Whether a TCP connection to the port is accepted."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def require_free(port: int, *, wanted_by: str, setting: str) -> None:
    """Raise `PortTakenError` where a server could not listen on the port."""
    if not _can_bind(port):
        raise PortTakenError(port, wanted_by=wanted_by, held_by=holder(port), setting=setting)


def holder(port: int) -> str | None:
    """Who listens on the port, as `process 4711 (java -Xmx512m …, in /srv/kafka)`; None where it cannot be
    told.

    Reads `/proc`, so it sees other users' processes only as root.
    """
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & _socket_inodes(process):
            return f"process {process.name} ({_command_line(process)}, in {_folder(process)})"
    return None


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: what remains of closed connections does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == _LISTEN and int(local.rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{inode}]")
    return inodes


def _socket_inodes(process: Path) -> set[str]:
    links = set()
    try:
        for descriptor in (process / "fd").iterdir():
            try:
                links.add(str(descriptor.readlink()))
            except OSError:
                # It closed the descriptor meanwhile.
                continue
    except OSError:
        # It ended meanwhile, or is another user's.
        return set()
    return links


def _folder(process: Path) -> str:
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return "a folder that cannot be told"


def _command_line(process: Path, limit: int = 80) -> str:
    try:
        text = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        text = ""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
