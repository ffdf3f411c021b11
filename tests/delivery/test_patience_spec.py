"""What a broker is asked again, and what not."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.delivery.patience import patiently


def test_what_passes_by_itself_is_asked_again() -> None:
    """A leader moves, a coordinator loads: the third answer is the answer."""
    answers: list[Exception | str] = [
        KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)),
        KafkaException(KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS)),
        "here",
    ]

    def ask() -> str:
        match answers.pop(0):
            case Exception() as error:
                raise error
            case answer:
                return answer

    assert patiently(ask) == "here"


def test_what_does_not_pass_is_raised_at_once() -> None:
    """Who may not read will not be let in by asking."""
    asked = []

    def ask() -> None:
        asked.append(1)
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    with pytest.raises(KafkaException):
        patiently(ask)
    assert len(asked) == 1
