"""What each format makes of a file."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schemas.types.inputs import AgentMessageSent, CustomerEvent, MessageReceived
from streams.imports import jsonl, twcs, whatsapp
from streams.imports.rows import ImportRefusedError, LeftOut, Row

ROME = ZoneInfo("Europe/Rome")
HEADER = "tweet_id,author_id,inbound,created_at,text,response_tweet_id,in_response_to_tweet_id\n"


def file(folder: Path, text: str) -> Path:
    """A file with this text."""
    path = folder / "file.txt"
    path.write_text(text, encoding="utf-8")
    return path


def rows_of(found: Iterator[Row | LeftOut]) -> list[Row]:
    """The rows, without what was left out."""
    return [row for row in found if isinstance(row, Row)]


def left_out_of(found: Iterator[Row | LeftOut]) -> list[tuple[str, int]]:
    """Reason and line of what was left out."""
    return [(row.reason, row.line) for row in found if isinstance(row, LeftOut)]


def read_twcs(folder: Path, *lines: str) -> Iterator[Row | LeftOut]:
    """A twcs file of these lines, read."""
    path = file(folder, HEADER + "".join(f"{line}\n" for line in lines))
    return twcs.read(path, workspace="w", scratch=sqlite3.connect(":memory:"))


class TestTwcs:
    """The data set's CSV."""

    def test_a_customers_message_belongs_to_its_author_and_to_the_brand_that_it_answers(
        self, tmp_path: Path
    ) -> None:
        """The brand may stand later in the file."""
        rows = rows_of(
            read_twcs(
                tmp_path,
                "2,115,True,Tue Oct 31 22:11:45 +0000 2017,@other how,,1",
                "1,brand,False,Tue Oct 31 22:10:47 +0000 2017,@115 hi,2,",
            )
        )
        assert [(row.contact, row.at) for row in rows] == [("w/115", 1509487905000), ("w/115", 1509487847000)]
        answer, prompt = rows[0].record, rows[1].record
        assert isinstance(answer, MessageReceived)
        assert isinstance(prompt, AgentMessageSent)
        assert (answer.conversation, answer.reply_to, answer.channel) == ("115:brand", "1", "twitter")
        assert (prompt.conversation, prompt.agent) == ("115:brand", "brand")

    def test_without_an_answered_brand_the_first_mention_is_the_brand_else_none(self, tmp_path: Path) -> None:
        """Three customers' messages: answers nobody but mentions; mentions nobody; answers a customer."""
        rows = rows_of(
            read_twcs(
                tmp_path,
                "1,c,True,Tue Oct 31 22:11:45 +0000 2017,hello @shop and @else,,",
                "2,c,True,Tue Oct 31 22:11:46 +0000 2017,hello,,",
                "3,d,True,Tue Oct 31 22:11:47 +0000 2017,me too @shop2,,2",
            )
        )
        records = [row.record for row in rows]
        assert [getattr(record, "conversation", None) for record in records] == [
            "c:shop",
            "c:none",
            "d:shop2",
        ]

    def test_a_brands_message_belongs_to_whom_it_answers_else_mentions_else_to_nobody_else(
        self, tmp_path: Path
    ) -> None:
        """A message whose contact is not in the file is kept, under the mention or a contact of its own."""
        rows = rows_of(
            read_twcs(
                tmp_path,
                "1,c,True,Tue Oct 31 22:11:45 +0000 2017,hello,,",
                "2,shop,False,Tue Oct 31 22:11:46 +0000 2017,@other hi,,1",
                "3,shop,False,Tue Oct 31 22:11:47 +0000 2017,@gone hi,,999",
                "4,shop,False,Tue Oct 31 22:11:48 +0000 2017,news!,,",
            )
        )
        assert [row.contact for row in rows[1:]] == ["w/c", "w/gone", "w/alone-4"]

    def test_rows_without_time_id_or_text_are_left_out_with_the_line(self, tmp_path: Path) -> None:
        """Each with its reason; the rest goes on."""
        found = list(
            read_twcs(
                tmp_path,
                "1,c,True,yesterday,hello,,",
                "2,c,True,Tue Feb 31 22:11:45 +0000 2017,hello,,",
                ",c,True,Tue Oct 31 22:11:45 +0000 2017,hello,,",
                "4,c,True,Tue Oct 31 22:11:45 +0000 2017,  ,,",
                "5,c,True,Tue Oct 31 22:11:45 +0000 2017,hello,,",
            )
        )
        assert left_out_of(iter(found)) == [("no_time", 2), ("no_time", 3), ("no_id", 4), ("no_text", 5)]
        assert len(rows_of(iter(found))) == 1

    def test_a_file_without_the_columns_is_refused(self, tmp_path: Path) -> None:
        """It says which are missing and which are there."""
        path = file(tmp_path, "a,b\n1,2\n")
        with pytest.raises(ImportRefusedError, match=r"no column tweet_id.*found a, b"):
            list(twcs.read(path, workspace="w", scratch=sqlite3.connect(":memory:")))


def read_chat(
    folder: Path,
    text: str,
    *,
    agents: frozenset[str] = frozenset({"Bottega"}),
    dates: whatsapp.Dates | None = None,
) -> Iterator[Row | LeftOut]:
    """A chat's export, read."""
    return whatsapp.read(file(folder, text), workspace="w", agents=agents, zone=ROME, dates=dates)


class TestWhatsapp:
    """A chat's export."""

    @pytest.mark.parametrize(
        "line",
        [
            "31/10/2025, 22:10 - Anna: Buonasera",
            "31/10/25, 22:10 - Anna: Buonasera",
            "[31/10/25, 22:10:00] Anna: Buonasera",
            "10/31/25, 10:10 PM - Anna: Buonasera",
            "10/31/25, 10:10\u202fPM - Anna: Buonasera",
            "31.10.25, 22:10 - Anna: Buonasera",
        ],
    )
    def test_dates_are_read_in_italian_and_english(self, tmp_path: Path, line: str) -> None:
        """All of them are the same moment, 21:10 UTC."""
        row = rows_of(read_chat(tmp_path, f"{line}\n{line.partition('Anna')[0]}Bottega: Salve\n"))[0]
        assert row.at == 1761945000000

    def test_an_ambiguous_order_of_day_and_month_must_be_said(self, tmp_path: Path) -> None:
        """No number over 12: nothing is guessed."""
        text = "01/02/2025, 10:00 - Anna: ciao\n01/02/2025, 10:01 - Bottega: salve\n"
        with pytest.raises(ImportRefusedError, match="--dates it"):
            list(read_chat(tmp_path, text))
        italian, english = (rows_of(read_chat(tmp_path, text, dates=dates))[0].at for dates in ("it", "en"))
        assert italian == 1738400400000
        assert english == 1735808400000

    def test_a_message_may_have_many_lines_and_what_nobody_said_is_left_out(self, tmp_path: Path) -> None:
        """Lines without a date belong to the message before."""
        found = list(
            read_chat(
                tmp_path,
                "31/10/2025, 22:00 - I messaggi sono crittografati end-to-end\n"
                "31/10/2025, 22:10 - Anna: prima\nseconda: riga\n\n"
                "31/10/2025, 22:11 - Bottega: ok\n",
            )
        )
        assert left_out_of(iter(found)) == [("system_message", 1)]
        first, second = (row.record for row in rows_of(iter(found)))
        assert isinstance(first, MessageReceived)
        assert first.text == "prima\nseconda: riga"
        assert isinstance(second, AgentMessageSent)

    def test_messages_of_one_minute_keep_their_order_and_equal_ones_their_own_ids(
        self, tmp_path: Path
    ) -> None:
        """Exports tell the minute only."""
        rows = rows_of(
            read_chat(
                tmp_path,
                "31/10/2025, 22:10 - Anna: ciao\n" * 2 + "31/10/2025, 22:10 - Bottega: ok\n",
            )
        )
        assert [row.at - rows[0].at for row in rows] == [0, 1, 2]
        ids = [getattr(row.record, "id", "") for row in rows]
        assert len(set(ids)) == 3

    def test_what_was_left_out_of_the_export_is_media(self, tmp_path: Path) -> None:
        """It has no text, and answers as media does."""
        rows = rows_of(
            read_chat(tmp_path, "31/10/2025, 22:10 - Anna: <Media omessi>\n31/10/2025, 22:11 - Bottega: ok\n")
        )
        record = rows[0].record
        assert isinstance(record, MessageReceived)
        assert (record.kind, record.text, record.media) == ("media", "", "omitted")

    def test_no_name_becomes_a_key(self, tmp_path: Path) -> None:
        """Contact, conversation and agent are hashes."""
        rows = rows_of(
            read_chat(tmp_path, "31/10/2025, 22:10 - Anna: ciao\n31/10/2025, 22:11 - Bottega: ok\n")
        )
        for row in rows:
            assert "Anna" not in repr(row)
            assert "Bottega" not in repr(row)

    def test_the_business_must_be_one_who_wrote(self, tmp_path: Path) -> None:
        """Without or with a wrong name the names of the file are listed."""
        text = "31/10/2025, 22:10 - Anna: ciao\n31/10/2025, 22:11 - Bottega: ok\n"
        for agents in (frozenset[str](), frozenset({"Negozio"})):
            with pytest.raises(ImportRefusedError, match="--agent NAME, with a name of: Anna, Bottega"):
                list(read_chat(tmp_path, text, agents=agents))

    def test_a_text_that_is_no_export_is_refused(self, tmp_path: Path) -> None:
        """It shows what a line looks like."""
        with pytest.raises(ImportRefusedError, match="A line looks like"):
            list(read_chat(tmp_path, "dear diary\n", dates="it"))


class TestJsonl:
    """One record a line."""

    def test_a_line_is_a_record_of_its_type(self, tmp_path: Path) -> None:
        """Times are ms or ISO 8601 with an offset; the contact gets its workspace."""
        lines = [
            {
                "type": "MessageReceived",
                "contact": "c1",
                "source": "s",
                "id": "1",
                "occurred_at": 5,
                "channel": "sms",
                "text": "a",
            },
            {
                "type": "CustomerEvent",
                "contact": "w/c2",
                "source": "s",
                "id": "2",
                "occurred_at": "1970-01-01T01:00:01+01:00",
                "name": "n",
                "properties": {"a.b": 1},
            },
        ]
        rows = rows_of(jsonl.read(file(tmp_path, "\n".join(map(json.dumps, lines)) + "\n\n"), workspace="w"))
        assert [(row.at, row.contact) for row in rows] == [(5, "w/c1"), (1000, "w/c2")]
        assert rows[1].record == CustomerEvent(
            source="s", id="2", occurred_at=1000, name="n", properties={"a.b": 1}
        )

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{", "not_json"),
            ("[1]", "not_json"),
            ('{"type": "Tick", "contact": "c"}', "unknown_type"),
            ('{"type": "EraseContact"}', "no_contact"),
            ('{"type": "EraseContact", "contact": "c", "colour": 1}', "unknown_field"),
            ('{"type": "EraseContact", "contact": "c", "source": "s"}', "bad_record"),
            (
                '{"type": "EraseContact", "contact": "c", "id": "1", "occurred_at": "2020-01-01"}',
                "bad_record",
            ),
        ],
    )
    def test_a_bad_line_is_left_out_with_its_number(self, tmp_path: Path, line: str, reason: str) -> None:
        """Every way in which a line can be wrong has a reason of its own."""
        found = list(jsonl.read(file(tmp_path, f"\n{line}\n"), workspace="w"))
        assert left_out_of(iter(found)) == [(reason, 2)]


def test_the_real_file_is_read_whole() -> None:
    """All 2,842 messages become rows; 1,265 of them are brands'."""
    path = Path(__file__).parents[2].parent / "shared/data/twcs_dev.csv"
    if not path.exists():
        pytest.skip(f"the data set is not in this checkout: {path.name}")
    rows = rows_of(twcs.read(path, workspace="w", scratch=sqlite3.connect(":memory:")))
    brands = [row.record for row in rows if isinstance(row.record, AgentMessageSent)]
    assert (len(rows), len(brands)) == (2842, 1265)
    named = {row.record.reply_to for row in rows if isinstance(row.record, MessageReceived)}
    assert sum(brand.id in named for brand in brands) == 569
