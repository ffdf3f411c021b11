"""Whose turn it is: order within a contact, holds, fairness, pace, last moments."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from schemas.types.commands import Command
from streams.delivery.decision import Past, workspace_of
from streams.delivery.ledger import Ledger
from streams.delivery.pace import Pace
from streams.delivery.queue import Item, Queue
from tests.delivery.made import AT, sending

LEDGER = Ledger(0, {}, set())


def queue(pace: Pace | None = None, *, per_workspace: int = 100) -> Queue:
    """A queue whose limits are by workspace and channel."""
    return Queue(pace or Pace(), per_workspace=per_workspace, key_of=_key)


def _key(command: Command) -> tuple[str, str]:
    return workspace_of(command), getattr(command, "channel", None) or ""


def item(name: str, contact: str = "acme/anna", **changes: object) -> Item:
    """A command in memory."""
    command = sending(name, contact=contact, **changes)
    return Item(command, LEDGER, 0, Past(), command.not_before, command.not_after)


def names(items: list[Item]) -> list[str]:
    """Their commands' ids."""
    return [each.command.id for each in items]


def test_one_contacts_commands_go_one_after_the_other() -> None:
    """The second only when the first is done."""
    line = queue()
    first, second = item("1"), item("2")
    line.add(first, AT)
    line.add(second, AT)
    assert names(line.take(AT, 10)) == ["1"]
    assert line.take(AT, 10) == []
    line.done(first, AT)
    assert names(line.take(AT, 10)) == ["2"]
    line.done(second, AT)
    assert len(line) == line.out == 0


def test_a_slow_contact_holds_up_nobody_else() -> None:
    """Another contact's commands go while the first's is out."""
    line = queue()
    line.add(item("slow"), AT)
    assert names(line.take(AT, 1)) == ["slow"]
    line.add(item("other", "acme/bruno"), AT)
    assert names(line.take(AT, 1)) == ["other"]


def test_a_held_command_goes_when_its_time_has_come() -> None:
    """Not before, and without being asked for."""
    line = queue()
    line.add(item("held", not_before=AT + 1_000), AT)
    assert line.take(AT + 999, 10) == []
    assert names(line.take(AT + 1_000, 10)) == ["held"]


def test_a_held_command_holds_up_its_own_journey_and_no_other() -> None:
    """A newsletter that waits for the morning keeps no one-time code back; its own next message waits."""
    line = queue()
    line.add(item("newsletter", journey="a", not_before=AT + 1_000), AT)
    line.add(item("newsletter, part two", journey="a"), AT)
    code = item("code", journey="b")
    line.add(code, AT)
    assert names(line.take(AT, 10)) == ["code"]
    line.done(code, AT)
    assert line.held(AT) == 2
    assert line.take(AT + 1, 10) == []
    assert names(line.take(AT + 1_000, 10)) == ["newsletter"]


def test_a_command_that_was_put_back_keeps_its_place() -> None:
    """It is the first of its contact again."""
    line = queue()
    first = item("1")
    line.add(first, AT)
    line.add(item("2"), AT)
    assert line.take(AT, 1) == [first]
    line.put_back(first, AT + 10, AT)
    assert line.take(AT + 9, 1) == []
    assert names(line.take(AT + 10, 1)) == ["1"]


def test_workspaces_take_turns() -> None:
    """One with a thousand commands does not keep one with two waiting."""
    line = queue()
    for number in range(1_000):
        line.add(item(f"big-{number}", f"big/{number}"), AT)
    for number in range(2):
        line.add(item(f"small-{number}", f"small/{number}"), AT)
    assert Counter(name.split("-")[0] for name in names(line.take(AT, 4))) == {"big": 2, "small": 2}


def test_a_workspace_leaves_room_for_others() -> None:
    """At most so many of its commands are out, however free the process is."""
    line = queue(per_workspace=3)
    for number in range(10):
        line.add(item(f"big-{number}", f"big/{number}"), AT)
    assert len(line.take(AT, 10)) == 3
    line.add(item("small", "small/1"), AT)
    assert names(line.take(AT, 7)) == ["small"]


def test_a_sender_keeps_to_its_pace_and_holds_up_no_other() -> None:
    """Ten a second: a second's worth at once, then one each 100 ms. Another channel goes on meanwhile."""
    pace = Pace()
    pace.limit_to({("acme", "whatsapp"): 10.0})
    line = queue(pace)
    for number in range(100):
        line.add(item(f"paced-{number}", f"acme/p{number}"), AT)
    assert len(line.take(AT, 100)) == 10
    assert line.take(AT + 99, 100) == []
    assert len(line.take(AT + 100, 100)) == 1
    line.add(item("mail", "acme/m", channel="email"), AT + 100)
    assert names(line.take(AT + 100, 100)) == ["mail"]
    sent = sum(len(line.take(AT + 100 + ms, 100)) for ms in range(1, 1_001))
    assert sent == 10


def test_dispatchers_share_a_limit_by_their_partitions() -> None:
    """Half the partitions, half the rate."""
    pace = Pace(share=0.5)
    pace.limit_to({("acme", "whatsapp"): 10.0})
    line = queue(pace)
    for number in range(100):
        line.add(item(f"paced-{number}", f"acme/p{number}"), AT)
    sent = sum(len(line.take(AT + ms, 100)) for ms in range(2_000))
    assert sent == 5 + 9


def test_commands_expire_whosever_turn_it_is() -> None:
    """Behind a slow call, held, or paced: past its last moment a command leaves the line."""
    line = queue()
    line.add(item("out", not_after=AT + 5), AT)
    line.take(AT, 1)
    line.add(item("behind", not_after=AT + 10), AT)
    line.add(item("held", "acme/bruno", not_before=AT + 20, not_after=AT + 15), AT)
    assert line.take_expired(AT + 10) == []
    assert names(line.take_expired(AT + 16)) == ["behind", "held"]
    assert len(line) == 1


def test_a_withdrawn_command_is_gone_and_one_that_is_out_stays() -> None:
    """A stop ends what waits; a call under way is finished."""
    line = queue()
    out = item("out")
    line.add(out, AT)
    line.take(AT, 1)
    line.add(item("next"), AT)
    line.add(item("held", "acme/bruno", not_before=AT + 20), AT)
    assert sorted(names(line.withdraw(lambda _: True, AT))) == ["held", "next"]
    line.done(out, AT)
    assert line.take(AT + 100, 10) == []
    assert len(line) == 0


@given(seed=st.integers(0, 10_000))
def test_every_command_leaves_once_and_each_journey_in_order(seed: int) -> None:
    """Whatever is held, paced, put back, withdrawn or expired in between."""
    chance = random.Random(seed)
    pace = Pace()
    pace.limit_to({("w1", "whatsapp"): 100.0})
    line = queue(pace, per_workspace=3)
    left: list[str] = []
    done: list[Item] = []
    out: list[Item] = []
    now, added = AT, 0
    while added < 60 or len(line):
        now += chance.randrange(0, 40)
        for _ in range(chance.randrange(0, 4)):
            if added < 60:
                added += 1
                contact = f"w{chance.randrange(3)}/c{chance.randrange(3)}"
                line.add(
                    item(
                        f"{added:03d}",
                        contact,
                        journey=f"{contact}-{chance.randrange(2)}",
                        not_before=now + chance.choice([-1, -1, 50, 200]),
                        not_after=now + chance.choice([100, 5_000]),
                    ),
                    now,
                )
        left += names(line.take_expired(now))
        out += line.take(now, 5 - line.out)
        if chance.random() < 0.05:
            left += names(line.withdraw(lambda _: chance.random() < 0.5, now))
        for each in list(out):
            if chance.random() < 0.5:
                out.remove(each)
                if chance.random() < 0.2:
                    line.put_back(each, now + 10, now)
                else:
                    line.done(each, now)
                    done.append(each)
    left += names(done)
    assert sorted(left) == [f"{number:03d}" for number in range(1, 61)]
    for journey in {each.command.journey for each in done}:
        mine = [each.command.id for each in done if each.command.journey == journey]
        assert mine == sorted(mine)
    assert line.out == 0
