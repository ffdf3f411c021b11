"""What every Kafka client of ours is told."""

from typing import Any, Final

__all__ = ["REACH_S", "client_options"]

REACH_S: Final = 10.0
"""How long a broker may take to answer a first request before it counts as not reachable, s."""


def client_options(bootstrap: str) -> dict[str, Any]:
    """Options of a confluent-kafka client.

    The library's own lines about lost connections are off: it writes one for each try, twenty a second, to
    standard error. What matters comes back as an error of the call.
    """
    return {
        "bootstrap.servers": bootstrap,
        "log_level": 2,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
    }
