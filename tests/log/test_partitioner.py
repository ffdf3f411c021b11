"""One partitioner: murmur2 as Apache Kafka's Java client has it."""

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams.log.partitioner import key_of, partition_of

# org.apache.kafka.common.utils.UtilsTest.testMurmur2, as signed 32-bit integers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hashed"), JAVA.items())
@pytest.mark.parametrize("partitions", [1, 3, 12, 1_000])
def test_the_values_of_kafkas_own_tests(key: bytes, hashed: int, partitions: int) -> None:
    """toPositive(murmur2(key)) % partitions."""
    assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


@given(key=st.binary(max_size=80), partitions=st.integers(1, 1_024))
def test_aiokafka_agrees(key: bytes, partitions: int) -> None:
    """The client that Faust's workers produce with."""
    assert partition_of(key, partitions) == (aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions


def test_a_key_is_utf8() -> None:
    """workspace/contact_id."""
    assert key_of("bar-è/1") == "bar-è/1".encode()
