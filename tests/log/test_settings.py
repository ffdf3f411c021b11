"""Settings say what is wrong with them, by name, and show no secret."""

import pytest

from schemas.errors import UsageError
from streams.log.settings import load


@pytest.mark.parametrize(
    "url", ["http://ops:geheim@10.0.0.1:8123/attesa", "10.0.0.1:9000", "clickhouse:///x", ""]
)
def test_clickhouse_is_spoken_natively(url: str) -> None:
    """Another protocol's URL is wrong usage, not a server that does not answer."""
    with pytest.raises(UsageError, match=r"ATTESA_CLICKHOUSE: .*clickhouse://user:password@host") as refused:
        load(clickhouse=url)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("url", ["clickhouse://h/attesa", "clickhouses://ops:geheim@h:9440/attesa"])
def test_with_or_without_tls(url: str) -> None:
    """Both schemes of the driver are taken as they are."""
    assert load(clickhouse=url).clickhouse.get_secret_value() == url


def test_all_that_is_wrong_is_named_at_once() -> None:
    """Every setting, as the variable that sets it."""
    with pytest.raises(UsageError) as refused:
        load(partitions=0, tick_s=-1, log_level="loud", prefix="A b")
    for name in ("PARTITIONS", "TICK_S", "LOG_LEVEL", "PREFIX"):
        assert f"ATTESA_{name}: " in str(refused.value)
