"""(g) No command of one member changes another's outcome, except through the book.

A game is played; then it is played again, command by command, while a member who is in no book does all sorts of things
in between. Everybody else hears the same.
"""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import MarginMode, Trigger
from tests.economics.moves import Players, random_move
from tests.economics.world import (
    OUTSIDER_FUTURES,
    OUTSIDER_MARGIN,
    OUTSIDER_SESSION,
    OUTSIDER_SPOT,
    PERP,
    PERP_2,
    SPOT,
    SYMBOLS,
    USDT,
    World,
    new_world,
)
from tests.model import market as m

OUTSIDERS = (OUTSIDER_FUTURES, OUTSIDER_SPOT, OUTSIDER_MARGIN)
ID_FIELDS = ("order_id", "taker_order_id", "maker_order_id")
FAR = 30_000
"""A price no market of a game comes near."""


@pytest.mark.req("RES-21", "INV-06")
@given(game=st.lists(st.integers(0, 2**32), min_size=3, max_size=25), noise=st.integers(0, 2**32))
@example(game=[0, 7214793, 5573821], noise=0)  # an order expires
@settings(max_examples=25, deadline=None)
def test_a_member_outside_the_books_changes_nothing_for_the_others(game: list[int], noise: int) -> None:
    alone = new_world()
    players = Players(alone, marks_move=False)
    for seed in game:
        players.play(random_move(Random(seed)))
    said = alone.said
    as_it_was = {0: 0, **{order_id: order_id for _, _, events in said for order_id in accepted(events)}}
    assert heard_again(said, alone.waits, Random(noise)) == [named(events, as_it_was) for _, _, events in said]


Said = list[tuple[int, c.Command, tuple[e.Event, ...]]]


def heard_again(said: Said, waits: list[int], rng: Random) -> list[tuple[e.Event, ...]]:
    """Say all again, an outsider in between. Returns: what the others hear, with the order ids of the first time."""
    world, heard, left = new_world(), [], iter(waits)
    now, first = dict[int, int](), {0: 0}
    for source, command, events in said:
        for _ in range(rng.choice((0, 0, 1, 2, 8))):
            speak(world, rng)
        if isinstance(command, c.AdvanceTime):
            world.now_ns += next(left)
        again = world.send(source, renumbered(command, now))
        for before, after in zip(accepted(events), accepted(again), strict=False):
            now[before], first[after] = after, before
        heard.append(named(again, first))
    return heard


def speak(world: World, rng: Random) -> None:
    """Let the outsider say something that comes into no book."""
    rng.choice((wait_with_a_stop, be_refused, move_own_money, withdraw, come_back, ask))(world, rng)


def wait_with_a_stop(world: World, rng: Random) -> None:
    symbol = rng.choice(SYMBOLS)
    account = OUTSIDER_FUTURES if symbol != SPOT else rng.choice((OUTSIDER_SPOT, OUTSIDER_MARGIN))
    gtd = {"tif": m.GTD, "expire_time_ns": world.now_ns + rng.randrange(1, 60)} if rng.random() < 0.5 else {}
    trigger = rng.choice((Trigger.LAST, Trigger.MARK))
    world.enter(account, symbol, m.BUY, 10_000, FAR, kind=m.STOP_LIMIT, stop_px=FAR, trigger=trigger, **gtd)


def be_refused(world: World, rng: Random) -> None:
    symbol = rng.choice(SYMBOLS)
    account = OUTSIDER_FUTURES if symbol != SPOT else OUTSIDER_SPOT
    qty, price = rng.choice(((10_000, FAR), (10_000, 1), (0, 10_000), (-5, 10_000), (10**12, 10_000)))
    world.enter(account, symbol, rng.choice((m.BUY, m.SELL)), qty, price)


def move_own_money(world: World, rng: Random) -> None:
    giver, taker = rng.sample(OUTSIDERS, 2)
    world.operate(c.Transfer(giver, taker, USDT, rng.randrange(1, 100 * 10**8)))
    symbol, mode = rng.choice((PERP, PERP_2)), rng.choice([*MarginMode])
    world.send(OUTSIDER_SESSION, c.SetLeverage(OUTSIDER_FUTURES, symbol, rng.choice((1, 5, 20)), mode))
    world.send(OUTSIDER_SESSION, c.AdjustMargin(OUTSIDER_FUTURES, symbol, 10**8))


def withdraw(world: World, rng: Random) -> None:
    world.send(OUTSIDER_SESSION, c.MassCancel(world.name(), kill=rng.random() < 0.3))


def come_back(world: World, rng: Random) -> None:
    world.send(OUTSIDER_SESSION, c.SetKillSwitch(OUTSIDER_SESSION, False))


def ask(world: World, rng: Random) -> None:
    for command in (c.RequestOrderStatus("o1"), c.CancelOrder("o1", order_id=60), c.ReplaceOrder("o2", 5, order_id=61)):
        world.send(OUTSIDER_SESSION, command)


# --- the same events under other numbers ------------------------------------------------------------------


def accepted(events: tuple[e.Event, ...]) -> list[int]:
    return [event.order_id for event in events if isinstance(event, e.OrderAccepted)]


def renumbered(command: c.Command, order_ids: dict[int, int]) -> c.Command:
    if isinstance(command, c.CancelOrder | c.ReplaceOrder):
        return msgspec.structs.replace(command, order_id=order_ids.get(command.order_id, command.order_id))
    return command


def named(events: tuple[e.Event, ...], first: dict[int, int]) -> tuple[e.Event, ...]:
    """Write order ids as they were the first time, and leave out what happens to orders of the outsider."""
    return tuple(with_ids(event, first) for event in events if concerns(event, first))


def concerns(event: e.Event, first: dict[int, int]) -> bool:
    """Tell whether an event is about an order that was there the first time, or about no order."""
    if isinstance(event, e.MassCanceled):
        return False
    return all(getattr(event, name) in first for name in ID_FIELDS if hasattr(event, name))


def with_ids(event: e.Event, first: dict[int, int]) -> e.Event:
    ids = {name: first[getattr(event, name)] for name in ID_FIELDS if hasattr(event, name)}
    return msgspec.structs.replace(event, **ids)
