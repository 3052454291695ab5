"""Judge the repair of a shop with one fault in its network, described by a ticket: repaired, not rebuilt."""

from __future__ import annotations

from course_lib.exercises import broken_shop
from course_lib.exercises.broken_shop import COMPLAINTS, FAULTS, symptom_of
from course_lib.exercises.checks import Seed, Value, Values

CHECKS = broken_shop.CHECKS
probes = broken_shop.probes


def fault_of(values: Values) -> str:
    """Return the name of the fault that a ticket is about."""
    return FAULTS[int(values["ticket"]) % len(FAULTS)]


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    ticket = seed.number("ticket", 1000, 9999)
    return {
        "ticket": ticket,
        "complaint": COMPLAINTS[symptom_of([fault_of({"ticket": ticket})])],
        "shop": seed.choice("shop", ("Lamps and More", "The Tea House", "Boots for All", "Clocks and Sons")),
        "front": seed.choice("front", ("counter", "window", "kiosk", "stall")),
        "ledger": seed.choice("ledger", ("ledger", "books-keeper", "cellar", "vault")),
        "net": seed.choice("net", ("arcade", "passage", "market", "bazaar")),
        "subnet": f"172.{seed.number('second', 24, 31)}.{seed.number('third', 10, 99)}.0/24",
        "port": seed.number("port", 8100, 8899),
        "number": seed.number("number", 1000, 9999),
        "item": f"{seed.number('count', 2, 90)} of {seed.choice('item', ('brass', 'linen', 'oak', 'clay'))}",
    }


def start(values: Values) -> str:
    """Return bash that builds the shop and breaks it."""
    return broken_shop.start_of(values, [fault_of(values)])
