"""Asking a broker again while a leader or a coordinator moves."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

__all__ = ["patiently"]

_T = TypeVar("_T")
_GIVE_UP_S: Final = 30.0
_PAUSE_S: Final = 0.1
_PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError._TIMED_OUT,  # noqa: SLF001 - the client's public names for its own errors
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
    }
)


def patiently(ask: Callable[[], _T]) -> _T:
    """What the broker answers; asked again for 30 s where its error passes by itself. Raises
    `KafkaException`.
    """
    give_up = time.monotonic() + _GIVE_UP_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > give_up:
                raise
            time.sleep(_PAUSE_S)
