"""Scripts of commands, drawn so that they meet: few accounts, few prices, several markets, time that passes.

A script is a list of seeds. Each makes one command, which may mean an order that came before; so hypothesis can
leave any of them out, and what stays still makes sense.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import msgspec
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api.enums import (
    AccountStatus,
    BreakerReason,
    MarginState,
    SymbolStatus,
    VenueStatus,
)
from engine.api.parameters import RULES, UNSET, MarginBracket, Parameter, Subject
from engine.api.units import Step
from engine.api.wire import encode_command, encode_frame
from tests.model import market as m
from tests.model.exchange import Exchange
from tests.property import odd
from tests.property.members import FUTURES_ACCOUNTS, SECOND_NS, SYMBOLS, Members

WAITS_NS = (0, 0, 0, 0, 1, 3, -2, 10**6, SECOND_NS, 20 * SECOND_NS, 61 * SECOND_NS, 301 * SECOND_NS, 40_000 * SECOND_NS)
NOBODY_WAITS = (0, 0, 0, 1, 3, -2)


class Sent(NamedTuple):
    """By how much the clock moves (it may step back), who sends, and the bytes of the command."""

    wait_ns: int
    source: int
    raw: bytes


class Scribe(Members):
    """Makes one command after another, with an eye on the exchange as the model has it."""

    def write(self, seed: int) -> Sent:
        """Make the next command."""
        self.rng = Random(seed)
        self.wait_ns = self.rng.choice(WAITS_NS if self.chance(0.15) else NOBODY_WAITS)
        kinds, weights = zip(*WEIGHTS.items(), strict=True)
        (kind,) = self.rng.choices(kinds, weights)
        source, command = getattr(self, kind)()
        return Sent(self.wait_ns, source, command if isinstance(command, bytes) else encode_command(command))

    # --- operations -------------------------------------------------------------------------------------

    def mark(self) -> tuple[int, c.Command]:
        symbol = self.rng.choice(SYMBOLS)
        moves = [-2, -1, 0, 1, 2, 2, 5] if self.chance(0.7) else [-400, -300, 300, 400]
        if self.chance(0.05):
            moves = [-2_000, -1_001, -1_000, 1_001, 2_000]
        price = self.present_mark(symbol) + self.rng.choice(moves)
        if self.chance(0.02):
            return 0, c.SetMark(symbol, self.rng.choice(odd.PRICES))
        if not 5_000 < price < 20_000:
            price = 10_000
        return 0, c.SetMark(symbol, price)

    def symbol_status(self) -> tuple[int, c.Command]:
        others = [SymbolStatus.PRE_OPEN, SymbolStatus.PRE_OPEN, SymbolStatus.PRE_OPEN, *SymbolStatus]
        status = SymbolStatus.OPEN if self.chance(0.4) else self.rng.choice(others)
        return 0, c.SetSymbolStatus(self.rng.choice([*SYMBOLS, 7]), status)

    def venue_status(self) -> tuple[int, c.Command]:
        return 0, c.SetVenueStatus(VenueStatus.OPEN if self.chance(0.7) else self.rng.choice([*VenueStatus]))

    def breaker(self) -> tuple[int, c.Command]:
        return 0, c.TriggerBreaker(self.rng.choice([*SYMBOLS, 99]), self.rng.choice([*BreakerReason]))

    def repair(self) -> tuple[int, c.Command]:
        """Bring something back to normal, so that there is a market most of the time."""
        x = self.model
        markets = [market for market in x.markets.values() if not market.is_delisted]
        patience = (SymbolStatus.OPEN, SymbolStatus.PRE_OPEN) if self.chance(0.8) else (SymbolStatus.OPEN,)
        repairs: list[c.Command] = [
            *(c.SetSymbolStatus(k.symbol_id, SymbolStatus.OPEN) for k in markets if k.status not in patience),
            *(c.AdvanceTime() for market in markets if market.breaker_until_ns),
            *(c.SetAccountStatus(n, AccountStatus.ACTIVE) for n, a in x.accounts.items() if a.status is SUSPENDED),
            *(c.SetMarginState(n, MarginState.NORMAL) for n, a in x.accounts.items() if a.margin_state),
            *(c.SetKillSwitch(session, False) for session in sorted(x.blocked)),
        ]
        if x.venue is not VenueStatus.OPEN:
            repairs = [c.SetVenueStatus(VenueStatus.OPEN)]
        if not repairs:
            return self.order()
        repair = self.rng.choice(repairs)
        if isinstance(repair, c.AdvanceTime):
            self.wait_ns = 301 * SECOND_NS
        return 0, repair

    def time(self) -> tuple[int, c.Command]:
        return self.rng.choice([0, 0, 0, m.ALPHA_OE]), c.AdvanceTime()

    def account_status(self) -> tuple[int, c.Command]:
        status = AccountStatus.ACTIVE if self.chance(0.7) else self.rng.choice([*AccountStatus])
        return 0, c.SetAccountStatus(self.any_account(), status)

    def account_limits(self) -> tuple[int, c.Command]:
        rng = self.rng
        most = rng.choice([0, 0, 0, 20_000 * 10**8, -1, *odd.around(10**31)])
        tier = rng.choice([1, 2, 3, 4, 4, 0, 5])
        return 0, c.SetAccountLimits(self.any_account(), tier, rng.choice([0, 0, 7, 125, 126]), most)

    def parameter(self) -> tuple[int, c.Command]:
        """A rule, most likely within its bounds and not far from what holds; at once or soon."""
        rng, parameter = self.rng, self.rng.choice([*Parameter])
        rule = RULES[parameter]
        near = [rule.minimum, max(rule.minimum, rule.default // 2), *[rule.default] * 4, rule.maximum]
        if parameter is Parameter.BAND_PPM:
            near = [50_000, 100_000, 1_000_000]
        value = rng.choice([UNSET, rule.minimum - 1, rule.maximum + 1] if self.chance(0.2) else near)
        subjects = {
            Subject.NONE: [999],
            Subject.ACCOUNT: [*m.SESSION_OF, m.FEES],
            Subject.FIRM: [1, 2, 9],
            Subject.SYMBOL: [*SYMBOLS, 99],
            Subject.SESSION: [m.ALPHA_OE, 99],
        }[rule.subject]
        is_own = self.chance(0.1 if rule.subject is Subject.NONE else 0.7)
        return 0, c.SetParameter(parameter, rng.choice(subjects) if is_own else 0, value, self.when())

    def brackets(self) -> tuple[int, c.Command]:
        rng = self.rng
        notionals = sorted(rng.sample([100, 1_000, 50_000, 50_001, 10**13], rng.choice([0, 1, 2, 5])))
        leverages = sorted(rng.choices([1, 5, 20, 50, 125, 126], k=len(notionals) + 1), reverse=True)
        rates = sorted(rng.choices([4_000, 8_000, 20_000, 1_000_000], k=len(notionals) + 1))
        rows = [MarginBracket(*row) for row in zip([*notionals, 0], leverages, rates, strict=True)]
        if self.chance(0.2):
            rows = rng.choice([[], rows[::-1], rows[:-1]])
        return 0, c.SetMarginBrackets(rng.choice([0, m.BTC_PERP, m.ETH_PERP, m.BTC_USDT]), tuple(rows), self.when())

    def fees(self) -> tuple[int, c.Command]:
        rng = self.rng
        maker, taker = rng.choice([(0, 0), (-300, 300), (20_000, 20_000), (-1, 0), (0, 20_001), (-100, 333), (500, 1)])
        scope = rng.choice([0, m.FEES, *m.SESSION_OF]), rng.choice([0, *SYMBOLS])
        unset = (0, 0, self.when(), True)
        return 0, c.SetFeeRates(*scope, *(unset if self.chance(0.2) else (maker, taker, self.when())))

    def when(self) -> int:
        """Now, or some time to come."""
        return self.rng.choice([0, 0, self.model.event_ts_ns + self.rng.choice([1, SECOND_NS, 100 * SECOND_NS, 2**62])])

    def margin_state(self) -> tuple[int, c.Command]:
        state = MarginState.NORMAL if self.chance(0.7) else self.rng.choice([*MarginState])
        return 0, c.SetMarginState(self.any_account(), state)

    def any_account(self) -> int:
        return self.rng.choice([*m.SESSION_OF, *FUTURES_ACCOUNTS, m.FEES, 999])

    def collateral(self) -> tuple[int, c.Command]:
        lender = self.rng.choice([m.LENDER, m.LENDER, m.FEES, 0, m.ALPHA, 999])
        weight = self.rng.choice([0, 500_000, 950_000, 1_000_000, 1_000_001])
        return 0, c.SetCollateral(self.rng.choice([m.USDT, m.BTC, m.ETH, 9]), weight, lender)

    def transfer(self) -> tuple[int, c.Command]:
        rng = self.rng
        accounts = [m.FEES, m.LENDER, m.BTC_PNL, *m.SESSION_OF, 999]
        amount = rng.choice([0, 1, 10**6, 10**8, 10**9, 10**10, 10**11, 10**11, 10**12, odd.I128_MAX])
        asset = rng.choice([m.USDT, m.USDT, m.BTC, 9])
        return 0, c.Transfer(rng.choice(accounts), rng.choice(accounts), asset, amount)

    def change_instrument(self) -> tuple[int, c.Command]:
        listing = self.rng.choice(m.ALL_LISTINGS)
        fields = {k: v for k, v in odd.LISTING_FIELDS.items() if k not in ("symbol_id", "symbol", "tick", "lot")}
        if self.chance(0.3):
            return 0, c.ChangeInstrument(odd.spoil_fields(self.rng, listing, odd.LISTING_FIELDS))
        if self.chance(0.3):
            return 0, c.ChangeInstrument(odd.spoil_fields(self.rng, listing, fields))
        if self.chance(0.3):
            listing = self.rng.choice([m.BTC_ETH_LISTING, m.ETH_LISTING, m.ETH_PERP_LISTING])
            return 0, c.ChangeInstrument(msgspec.structs.replace(listing, tick=Step(self.rng.choice([1, 2]), 2)))
        band = self.rng.choice([50_000, 100_000, 200_000])
        return 0, c.ChangeInstrument(msgspec.structs.replace(listing, band_ppm=band))

    def delist(self) -> tuple[int, c.Command]:
        return 0, c.DelistInstrument(self.rng.choice([m.BTC_ETH, m.ETH_PERP, 7, 99]))

    # --- everything else --------------------------------------------------------------------------------

    def registration(self) -> tuple[int, c.Command]:
        return self.rng.choice([0, 0, 0, m.ALPHA_OE]), odd.registration(self.rng)

    def deposit(self) -> tuple[int, c.Command]:
        return self.rng.choice([0, 0, 0, m.ALPHA_OE]), odd.deposit(self.rng)

    def odd_request(self) -> tuple[int, c.Command]:
        return self.rng.choice(odd.SOURCES), odd.request(self.rng)

    def spoiled(self) -> tuple[int, bytes]:
        kind = self.rng.choice([kind for kind in WEIGHTS if kind not in ("spoiled", "noise")])
        source, command = getattr(self, kind)()
        return source, odd.spoil_bytes(self.rng, command)

    def noise(self) -> tuple[int, bytes]:
        return self.rng.choice(odd.SOURCES), self.rng.randbytes(self.rng.randrange(64))


SUSPENDED = AccountStatus.SUSPENDED

WEIGHTS = {
    "order": 520,
    "repair": 70,
    "odd_order": 25,
    "cancel": 60,
    "replace": 130,
    "mass_cancel": 7,
    "status": 10,
    "kill_switch": 5,
    "leverage": 25,
    "margin": 15,
    "cover_debt": 8,
    "mark": 60,
    "symbol_status": 30,
    "venue_status": 8,
    "breaker": 1,
    "time": 8,
    "account_status": 8,
    "account_limits": 8,
    "parameter": 8,
    "brackets": 3,
    "fees": 4,
    "margin_state": 8,
    "collateral": 3,
    "transfer": 8,
    "change_instrument": 6,
    "delist": 0.2,
    "registration": 6,
    "deposit": 6,
    "odd_request": 8,
    "spoiled": 15,
    "noise": 3,
}


def write_script(seeds: list[int]) -> list[Sent]:
    """Make the commands of a script that follows :data:`m.FULL_OPENING`."""
    model = opened()
    scribe, script, now_ns = Scribe(model), [], m.NOW_NS
    for seed in seeds:
        sent = scribe.write(seed)
        script.append(sent)
        now_ns += sent.wait_ns
        model.apply(now_ns, encode_frame(sent.source, 1, sent.raw))
    return script


def opened() -> Exchange:
    """A model after :data:`m.FULL_OPENING`."""
    model = Exchange()
    for command in m.FULL_OPENING:
        model.apply(m.NOW_NS, m.frame(0, command))
    return model


def seeds(size_max: int = 120) -> st.SearchStrategy[list[int]]:
    """Seeds of a script."""
    return st.lists(st.integers(0, 2**32 - 1), min_size=size_max // 4, max_size=size_max)


def scripts(size_max: int = 60) -> st.SearchStrategy[list[Sent]]:
    """Commands to follow :data:`m.FULL_OPENING`."""
    return seeds(size_max).map(write_script)
