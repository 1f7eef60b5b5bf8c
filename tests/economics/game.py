"""One game: a strategy is played, everything is settled, and it is told what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import SymbolStatus
from tests.economics.moves import Move, Players
from tests.economics.world import (
    BTC,
    COALITION,
    FUTURES,
    MARGIN,
    OPENING,
    PERPS,
    SECOND_NS,
    USDT,
    World,
    new_world,
)


@dataclass
class Outcome:
    """What came of a game."""

    violation: str = ""
    score: float = 0.0
    """What a searching coalition maximises: first its need of others' money, then the money."""
    steps: int = 0
    world: World = field(default_factory=new_world, repr=False)


def play(moves: Sequence[Move], marks_move: bool, seed: int = 0) -> Outcome:
    """Play a strategy to its end: after every command all properties hold, or the game ends with a violation."""
    outcome = Outcome(score=-100.0)
    world = outcome.world
    players = Players(world, marks_move)
    wealth = sum(map(world.auditor.equity, COALITION))
    try:
        for move in moves:
            players.play(move)
            look(world, outcome)
        settle(world, players, Random(seed))
        look(world, outcome)
        check_settled(world)
        check_books(world)
        assert marks_move or sum(map(world.auditor.equity, COALITION)) <= wealth, "the coalition got rich by itself"
    except AssertionError as broken:
        outcome.violation = str(broken)
    outcome.steps = len(world.said)
    return outcome


def look(world: World, outcome: Outcome) -> None:
    """See how near to the edge the coalition is. Raises: AssertionError when it is beyond."""
    assert not world.tape.unfair, world.tape.unfair[0]
    audit = world.auditor
    for account in sorted(audit.changed.intersection(COALITION)):
        pockets = audit.pockets(account)
        for pocket, value in audit.exposures(account).items():
            outcome.score = max(outcome.score, -pockets[pocket] / value)
        if hole := sum(max(0, -worth) for worth in pockets.values()):
            outcome.score = float(hole)
            raise AssertionError(f"{account} owes {hole / 10**8:,.2f} that nothing stands behind")
    audit.changed.clear()


def settle(world: World, players: Players, rng: Random) -> None:
    """Open all markets, cancel all orders, close everything at the mark, in any order. Raises: AssertionError."""
    for account in sorted(world.auditor.restricted):
        players.liquidator.set_free(account)
    for account in sorted({ticket.order.account_id for ticket in world.tape.open.values()}):
        world.operate(c.MassCancel(world.name(), account_id=account))
    world.wait(400 * SECOND_NS)
    for symbol, status in world.tape.statuses.items():
        if status is not SymbolStatus.OPEN:
            world.operate(c.SetSymbolStatus(symbol, SymbolStatus.OPEN))
    positions = [(account, symbol) for account in FUTURES for symbol in PERPS]
    for account, symbol in rng.sample(positions, len(positions)):
        players.liquidator.close_position(account, symbol)
    for account in MARGIN:
        players.liquidator.close_loans(account)


def check_settled(world: World) -> None:
    """See that nothing is left of the coalition but cash that is free. Raises: AssertionError."""
    for account, _, _, locked in world.core.balances():
        assert not locked or account not in COALITION, f"{account} is settled, and {locked} stay locked"
    for row in world.core.positions():
        if row.account_id in COALITION:
            assert row.size == 0, f"{row} was not closed"
            assert int(row.debt) == 0, f"{row.account_id} ends in debt: {int(row.debt) / 10**8:,.2f}"


def check_books(world: World) -> None:
    """Compare the exchange's books with the auditor's: nothing comes from nowhere. Raises: AssertionError."""
    for asset in (USDT, BTC):
        held = {int(owner): free + locked for owner, of, free, locked in world.core.balances() if of == asset}
        paid_in = sum(k.amount for k in OPENING if isinstance(k, c.Deposit) and k.asset_id == asset)
        assert sum(held.values()) == paid_in, f"{paid_in} of asset {asset} were paid in, {sum(held.values())} are there"
        owes = [(row.account_id, int(row.amount)) for row in world.core.loans() if row.asset_id == asset]
        if asset == USDT:
            owes += [(row.account_id, int(row.debt) + int(row.cost)) for row in world.core.positions()]
        for account in COALITION:
            has = held.get(account, 0) - sum(amount for owner, amount in owes if owner == account)
            paid = sum(perp.paid for perp in world.auditor.sheets[account].perps.values()) if asset == USDT else 0
            comes_to = world.auditor.cash(account, asset) - paid
            assert has == comes_to, f"{account} has {has} of asset {asset}, and its trades come to {comes_to}"


def told(world: World) -> list[str]:
    """Write what was said since the opening, a line a command, with what came of it; of many marks only the last."""
    lines = []
    for n, (source, command, events) in enumerate(world.said):
        ahead = world.said[n + 1 : n + 3]
        if isinstance(command, c.SetMark) and any(isinstance(k, c.SetMark) for _, k, _ in ahead) and len(events) == 1:
            continue
        lines.append(f"{source:>3} {brief(command)} -> {', '.join(map(brief, events))}")
    return lines


def brief(message: c.Command | e.Event) -> str:
    """Write a message's name and the fields that say something."""
    fields = [
        f"{field.name}={getattr(message, field.name)}"
        for field in msgspec.structs.fields(message)
        if getattr(message, field.name) not in (field.default, 0, "")
    ]
    return f"{type(message).__name__}({' '.join(fields)})"
