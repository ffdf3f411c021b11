"""Made-up customers of a coffee shop and two weeks of their lives, from a seed: the same seed, the same rows.

Reply times are lognormal, as measured ones are: many within minutes, a long tail. Some answer too late, some
never; some opt out; gateways deliver some messages twice, some late, and some claim an impossible time.
"""

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.types.inputs import (
    AgentMessageSent,
    ConsentChanged,
    ContactUpdated,
    ConversationClosed,
    CustomerEvent,
    MessageReceived,
)
from schemas.types.value import Value
from streams.imports.rows import Row

__all__ = ["WORKSPACE", "Customer", "two_weeks"]

WORKSPACE: Final = "bottega"
SOURCE: Final = "demo"
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

ZONES: Final = (
    ("Europe/Rome", "it", 1, 70),
    ("Europe/London", "en", 0, 20),
    ("America/New_York", "en", -5, 10),
)
"""Zone, language, hours from UTC (near enough to choose a waking hour), and share in percent."""
NAMES: Final = (
    "Anna",
    "Bruno",
    "Carla",
    "Dario",
    "Elena",
    "Fabio",
    "Giulia",
    "Ivan",
    "Lucia",
    "Marco",
    "Nora",
    "Paolo",
)
QUESTIONS: Final = {
    "it": (
        "Buongiorno, quando arriva il mio ordine?",
        "La macchina perde acqua",
        "Avete le capsule intense?",
    ),
    "en": ("Hello, when will my order arrive?", "My machine is leaking", "Do you have the strong capsules?"),
}
ANSWERS: Final = {
    "it": ("Sì, grazie!", "Tutto bene", "Non ancora arrivato", "Perfetto"),
    "en": ("Yes, thanks!", "All good", "Not here yet", "Perfect"),
}
HELP: Final = {"it": "Controllo subito, mi dia un momento.", "en": "Let me check, one moment please."}


@dataclass(frozen=True, slots=True)
class Customer:
    """One of the shop's customers."""

    id: str
    name: str
    language: str
    zone: str
    hours_from_utc: int
    eager: float
    """How readily this one answers, 0 to 1."""


@dataclass(slots=True)
class _Life:
    """Collects what happens to one customer."""

    customer: Customer
    random: random.Random
    rows: list[Row] = field(default_factory=list)
    count: int = 0

    def identity(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.customer.id}-{self.count}"

    def says(self, at: int, text: str, channel: str, conversation: str | None) -> None:
        """A message from the customer."""
        self.add(
            at,
            MessageReceived(
                source=SOURCE,
                id=self.identity("m"),
                occurred_at=at,
                channel=channel,
                conversation=conversation,
                text=text,
            ),
        )

    def does(self, at: int, name: str, **properties: Value) -> None:
        """An event of the customer's."""
        event = CustomerEvent(
            source=SOURCE,
            id=self.identity("e"),
            occurred_at=at,
            name=name,
            properties={key.replace("__", "."): value for key, value in properties.items()},
        )
        self.add(at, event)

    def add(self, at: int, record: object) -> None:
        self.rows.append(Row(at=at, contact=f"{WORKSPACE}/{self.customer.id}", record=record))  # type: ignore[arg-type]

    def delay(self, median: int, sigma: float = 1.3) -> int:
        """A lognormal time to react, ms, never under five seconds."""
        return max(5 * SECOND, round(median * math.exp(self.random.gauss(0, sigma))))

    def waking_hour(self, day: int) -> int:
        """A moment of that day (its first ms, UTC) between nine and twenty in the customer's zone."""
        local = self.random.triangular(9, 20, 17)
        return day + round((local - self.customer.hours_from_utc) * HOUR)


def two_weeks(*, seed: int, end: int, customers: int = 300, days: int = 14) -> Iterator[Row]:
    """All that happens in the `days` before `end` (ms UTC), in the order of time."""
    start = end - days * DAY
    lives = (_life(number, seed, start, end) for number in range(1, customers + 1))
    yield from heapq.merge(*lives, key=lambda row: row.at)


def _life(number: int, seed: int, start: int, end: int) -> list[Row]:
    """One customer's rows between start and end, by time, gateways' mischief included."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - a made-up life, not a secret
    zone, language, offset, _ = chance.choices(ZONES, [share for *_, share in ZONES])[0]
    customer = Customer(
        id=f"c{number:04d}",
        name=chance.choice(NAMES),
        language=language,
        zone=zone,
        hours_from_utc=offset,
        eager=chance.betavariate(2.2, 1.8),
    )
    life = _Life(customer, chance)
    _arrives(life, start + chance.randrange(6 * HOUR))
    first_day = start - start % DAY + DAY
    for day in range(first_day, end, DAY):
        if chance.random() < 0.10:
            _asks_for_help(life, life.waking_hour(day))
        if chance.random() < 0.09:
            _buys(life, life.waking_hour(day))
        if chance.random() < 0.06:
            _fills_a_cart(life, life.waking_hour(day))
    if chance.random() < 0.03:
        life.says(life.waking_hour(first_day + chance.randrange(10) * DAY), "STOP", "whatsapp", customer.id)
    rows = [row for row in life.rows if start <= row.at < end]
    return sorted(_mischief(rows, chance, end), key=lambda row: row.at)


def _arrives(life: _Life, at: int) -> None:
    """The shop learns who this is."""
    customer, chance = life.customer, life.random
    number = chance.randrange(10**7)
    life.add(
        at,
        ContactUpdated(
            source=SOURCE,
            id=life.identity("u"),
            occurred_at=at,
            attributes={"name": customer.name, "points": chance.randrange(500)},
            tags_added=["vip"] if chance.random() < 0.15 else [],
            addresses={
                "whatsapp": f"+39000{number:07d}",
                "email": f"{customer.name.lower()}.{number}@example.com",
            },
            language=customer.language,
            zone=customer.zone,
        ),
    )
    if chance.random() < 0.7:
        life.add(
            at + SECOND,
            ConsentChanged(
                source=SOURCE,
                id=life.identity("k"),
                occurred_at=at + SECOND,
                purpose="marketing",
                granted=True,
                reason="registration form",
            ),
        )


def _asks_for_help(life: _Life, at: int) -> None:
    """A question on WhatsApp, mostly answered by a person; the customer goes on, or falls silent."""
    customer, chance = life.customer, life.random
    conversation = life.identity("conv")
    life.says(at, chance.choice(QUESTIONS[customer.language]), "whatsapp", conversation)
    answered = at + life.delay(4 * MINUTE, 0.9)
    if chance.random() < 0.85:
        life.add(
            answered,
            AgentMessageSent(
                source=SOURCE,
                id=life.identity("a"),
                occurred_at=answered,
                channel="whatsapp",
                conversation=conversation,
                text=HELP[customer.language],
                agent=f"agent-{chance.randrange(1, 5)}",
            ),
        )
    if chance.random() < customer.eager:
        reply = answered + life.delay(12 * MINUTE)
        life.says(reply, chance.choice(ANSWERS[customer.language]), "whatsapp", conversation)
        if chance.random() < 0.7:
            closed = reply + life.delay(10 * MINUTE, 0.5)
            life.add(
                closed,
                ConversationClosed(
                    source=SOURCE,
                    id=life.identity("x"),
                    occurred_at=closed,
                    channel="whatsapp",
                    conversation=conversation,
                    reason="solved",
                ),
            )
    elif chance.random() < 0.45:
        life.says(
            answered + HOUR + 10 * SECOND + life.delay(2 * MINUTE, 0.8),
            ANSWERS[customer.language][0],
            "whatsapp",
            conversation,
        )


def _buys(life: _Life, at: int) -> None:
    """An order; the shop asks whether all is well; some answer, some late, some only the reminder."""
    customer, chance = life.customer, life.random
    product = chance.choice(("espresso-x", "espresso-x", "grinder-y"))
    life.does(
        at,
        "order.completed",
        order=life.identity("o"),
        product=product,
        total=round(chance.uniform(15, 400), 2),
    )
    if product != "espresso-x":
        return
    answer = chance.choice(ANSWERS[customer.language])
    if chance.random() < 0.25 + 0.6 * customer.eager:
        life.says(at + life.delay(22 * MINUTE), answer, "whatsapp", None)
    elif chance.random() < 0.4:
        life.says(at + 14 * HOUR + 10 * SECOND + life.delay(40 * MINUTE), answer, "whatsapp", None)


def _fills_a_cart(life: _Life, at: int) -> None:
    """A cart; half of them are bought within the day, the others get a reminder."""
    cart = life.identity("cart")
    total = round(life.random.uniform(10, 120), 2)
    life.does(at, "cart.item_added", cart_id=cart, total=total, url=f"https://bottega.example/cart/{cart}")
    if life.random.random() < 0.5:
        life.does(at + life.delay(2 * HOUR), "order.completed", cart_id=cart, product="capsules", total=total)


def _mischief(rows: list[Row], chance: random.Random, end: int) -> Iterator[Row]:
    """What gateways do: they deliver twice, late, and with clocks that are wrong."""
    for row in rows:
        lot = chance.random()
        if lot < 0.01:
            yield row
            yield msgspec.structs.replace(row, at=min(end - 1, row.at + chance.randrange(MINUTE)))
        elif lot < 0.02:
            yield msgspec.structs.replace(row, at=min(end - 1, row.at + chance.randrange(20 * MINUTE)))
        elif lot < 0.023:
            claimed = chance.choice((0, row.at + DAY))
            yield msgspec.structs.replace(
                row,
                record=msgspec.structs.replace(row.record, occurred_at=claimed),
            )
        else:
            yield row
