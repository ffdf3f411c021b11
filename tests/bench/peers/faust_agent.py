"""An ordinary Faust agent doing the same fold: `async for`, one record at a time, `await topic.send`.

The same core, codecs and sealing as the engine; state in a Faust table with its changelog. Not exactly once:
a crash repeats facts. It keeps decoded states in a dict, which is kind to it.

python -m tests.bench.peers.faust_agent BOOTSTRAP PREFIX PARTITIONS DATADIR same-fold|five-fields
"""

import logging
import sys
from typing import Any

import faust
from faust.types import ProcessingGuarantee

from schemas.types.inputs import Tick
from schemas.wire import Codec
from streams.core.memory import MemoryContacts
from streams.core.partition import Entry, Position
from streams.core.state import ContactState, encode_state
from streams.engine.core import PureCore
from streams.log.facts_codec import FactCodec
from streams.log.flow_log import FlowLog
from streams.log.headers import child_traceparent, headers_for, traceparent_in
from streams.log.sealing import DataKey, Keyring
from streams.log.topics import Topics
from tests.bench.five_fields import decode as decode_five

MASTER_KEY = bytes(range(32))


class TableContacts(MemoryContacts):
    """States in memory, and as bytes in the table, whose changelog has them."""

    def __init__(self, table: Any) -> None:
        super().__init__()
        self._table = table

    def put(self, contact: str, state: ContactState | None) -> None:
        """Keeps it in both."""
        super().put(contact, state)
        if state is not None:
            self._table[contact] = encode_state(state)


def app_of(bootstrap: str, prefix: str, partitions: int, datadir: str) -> Any:
    """The app of either agent, as its manual sets it up."""
    return faust.App(
        f"{prefix}-peer",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=datadir,
        topic_partitions=partitions,
        topic_replication_factor=1,
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        processing_guarantee=ProcessingGuarantee.AT_LEAST_ONCE,
    )


def same_fold(app: Any, bootstrap: str, prefix: str) -> None:
    """The engine's work."""
    topics = Topics(prefix)
    inbound = app.topic(topics.inbound)
    facts = app.topic(topics.facts)
    commands = app.topic(topics.commands)
    table = app.Table("contacts", key_type=str, value_type=bytes)
    flows = FlowLog(bootstrap, topics.flows)
    flows.read()
    core, inputs, fact_codec = PureCore(), Codec(("inputs", "outcomes")), FactCodec()
    command_codec, keyring = Codec(("commands",)), Keyring(MASTER_KEY)
    deciders: dict[int, Any] = {}
    keys: dict[str, DataKey] = {}

    @app.agent(inbound)  # type: ignore[untyped-decorator]
    async def fold(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            decider = deciders.get(message.partition)
            if decider is None:
                decider = deciders[message.partition] = core.decider(
                    topic=topics.inbound,
                    partition=message.partition,
                    position=Position(),
                    contacts=TableContacts(table),
                    flows=flows,
                )
            record = inputs.decode(message.value)
            contact = None if isinstance(record, Tick) else message.key.decode()
            parent = traceparent_in(message.headers)
            entry = Entry(message.offset, int(message.timestamp * 1000), contact, record)
            for decision in decider.decide(entry):
                key = None if decision.contact is None else decision.contact.encode()
                for fact in decision.facts:
                    data_key = None
                    if getattr(fact, "sealed", None) is not None:
                        who = decision.contact or ""
                        data_key = keys.get(who) or keys.setdefault(who, keyring.new()[0])
                    headers = dict(headers_for(fact, key, traceparent=child_traceparent(parent, fact.id)))
                    await facts.send(key=key, value=fact_codec.encode(fact, data_key), headers=headers)
                for command in decision.commands:
                    headers = dict(
                        headers_for(command, key, traceparent=child_traceparent(parent, command.id))
                    )
                    await commands.send(key=key, value=command_codec.encode(command), headers=headers)


def five_fields(app: Any, prefix: str) -> None:
    """A record of five fields, a count per contact, one record out, a changelog: what a broken peer fails."""
    topics = Topics(prefix)
    inbound = app.topic(topics.inbound)
    facts = app.topic(topics.facts)
    table = app.Table("counts", key_type=str, value_type=bytes)

    @app.agent(inbound)  # type: ignore[untyped-decorator]
    async def count(stream: Any) -> None:
        async for event in stream.events():
            contact = decode_five(event.message.value)["contact_id"]
            table[contact] = b"%d" % (int(table.get(contact, b"0")) + 1)
            await facts.send(key=event.message.key, value=event.message.value)


def main(bootstrap: str, prefix: str, partitions: str, datadir: str, work: str) -> None:
    """Runs until it is stopped."""
    logging.basicConfig(level=logging.WARNING)
    app = app_of(bootstrap, prefix, int(partitions), datadir)
    if work == "same-fold":
        same_fold(app, bootstrap, prefix)
    else:
        five_fields(app, prefix)
    worker = faust.Worker(app, loglevel="WARNING", quiet=True)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
