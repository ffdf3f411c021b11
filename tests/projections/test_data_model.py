"""The page about the tables says what the tables say."""

from pathlib import Path

import pytest

from projections import reports
from projections.client import connected
from projections.data_model import page
from streams.log.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.clickhouse
def test_the_page_is_made_from_the_comments(projected: Settings) -> None:
    """It is what a migrated database gives. `python -m projections.data_model > docs/data-model.md`."""
    with connected(projected) as client:
        assert (DOCS / "data-model.md").read_text(encoding="utf-8") == page(client)


def test_every_query_has_its_place_among_the_metrics() -> None:
    """Each query's file is named on the metrics' page, and each test that the page names is there."""
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    for path in reports.QUERIES.glob("*.sql"):
        assert f"queries/{path.name}" in text
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = [word.strip("`,.;") for word in text.split() if word.startswith("`test_")]
    assert named
    for name in named:
        assert f"def {name}(" in tests
