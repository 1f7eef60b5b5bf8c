"""Commands as hypothesis draws them: few ids, so that they meet; every bound from both sides; and spoiled bytes."""

from __future__ import annotations

from functools import cache

import msgspec
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import AccountKind, OrdType, SessionKind, Side, TimeInForce
from engine.api.instrument import Instrument
from engine.api.units import Step
from engine.api.wire import encode_command
from tests.model import market as m

LISTINGS = (m.BTC_LISTING, m.ETH_LISTING, m.BTC_ETH_LISTING)
I64_MAX = 2**63 - 1
I128_MAX = 2**127 - 1


def around(*bounds: int) -> list[int]:
    """Each bound, and its neighbours."""
    return sorted({bound + step for bound in bounds for step in (-1, 0, 1)})


trading_sources = st.sampled_from([m.ALPHA_OE, m.BRAVO_OE, m.CHARLIE_OE, m.CHARLIE_2])
sources = trading_sources | st.sampled_from([0, m.ALPHA_DC, 99, 0xFFFF_FFFF])
trading_accounts = st.sampled_from([m.ALPHA, m.BRAVO, m.CHARLIE])
accounts = trading_accounts | st.sampled_from([0, m.FEES, 104, c.UNRESOLVED])
symbols = st.sampled_from([m.BTC_USDT, m.BTC_USDT, m.BTC_USDT, m.ETH_USDT, m.BTC_ETH])
any_symbols = symbols | st.sampled_from([0, 4, c.UNRESOLVED])
cl_ord_ids = st.sampled_from([f"id-{n}" for n in range(12)] + ["x" * 36])
new_cl_ord_ids = st.integers(0, 10**6).map(lambda n: f"new-{n}")
sides = st.sampled_from(list(Side))
times_in_force = st.sampled_from([m.GTC, m.GTC, m.GTC, m.IOC, m.FOK])
prices = st.integers(9_999, 10_008)
any_prices = prices | st.sampled_from([-1, 0, 1, 50_000_000, I64_MAX, -I64_MAX, *around(limits.PRICE_TICKS_MAX)])
quantities = st.sampled_from([10_000, 10_000, 10_001, 15_000, 20_000, 20_001, 33_333])
any_quantities = quantities | st.sampled_from(
    [-1, 0, 1, 4, 5, 1_000_000, 1_000_001, I64_MAX, -I64_MAX, *around(limits.ORDER_QTY_LOTS_MAX)]
)
texts = st.sampled_from(["", "desk 7", "~" * limits.TEXT_LENGTH_MAX])
amounts = st.sampled_from(
    [-1, 0, 1, 10**12, limits.ASSET_UNITS_MAX * 10**8, limits.ASSET_UNITS_MAX * 10**8 + 1, I128_MAX]
)
names = st.sampled_from(["", "NEW", "ALPHA", "USDT", "BTC/USDT", "n" * limits.NAME_LENGTH_MAX])


@cache
def limit_orders() -> st.SearchStrategy[c.Command]:
    """Orders that mostly rest or trade."""
    return st.builds(
        c.NewOrder,
        trading_accounts,
        symbols,
        sides,
        st.just(OrdType.LIMIT),
        times_in_force,
        quantities,
        prices,
        new_cl_ord_ids | cl_ord_ids,
        texts,
        st.booleans(),
    )


@cache
def market_orders() -> st.SearchStrategy[c.Command]:
    """Market orders, most of them with a time in force they may have."""
    return st.builds(
        c.NewOrder,
        trading_accounts,
        symbols,
        sides,
        st.just(OrdType.MARKET),
        st.sampled_from([m.IOC, m.IOC, m.FOK, m.GTC]),
        quantities,
        st.just(0),
        new_cl_ord_ids,
    )


@cache
def large_orders() -> st.SearchStrategy[c.Command]:
    """Orders a few of which are more than an account has."""
    price = st.sampled_from([20_000_000, 50_000_000])
    sizes = (st.sampled_from([400_000, 900_000]), price)
    head = (trading_accounts, st.just(m.BTC_USDT), sides, st.just(OrdType.LIMIT), st.just(m.GTC))
    return st.builds(c.NewOrder, *head, *sizes, new_cl_ord_ids)


@cache
def odd_orders() -> st.SearchStrategy[c.Command]:
    """Orders with something wrong."""
    return st.builds(
        c.NewOrder,
        accounts,
        any_symbols,
        sides,
        st.sampled_from(list(OrdType)),
        st.sampled_from(list(TimeInForce)),
        any_quantities,
        any_prices,
        cl_ord_ids,
        texts,
        st.booleans(),
    )


order_ids = st.integers(0, 120) | st.sampled_from([2**63, 2**64 - 1])


@cache
def odd_cancels() -> st.SearchStrategy[c.Command]:
    """Cancels of what mostly is not there."""
    return st.builds(
        c.CancelOrder,
        cl_ord_ids,
        st.just("") | cl_ord_ids,
        st.just(0) | order_ids,
        st.just(0) | accounts,
        st.just(0) | any_symbols,
        st.sampled_from([0, Side.BUY, Side.SELL, 3]),
        st.booleans(),
    )


@cache
def requests() -> st.SearchStrategy[c.Command]:
    """Status requests and refusals."""
    status = st.builds(c.RequestOrderStatus, st.just("") | cl_ord_ids, st.just(0) | order_ids, texts)
    byte, code = st.integers(0, 255), st.sampled_from([1007, 1008, 65_535])
    free = st.text("0123456789.+-e ", max_size=80)
    refusal = st.builds(
        c.RefuseOrder, accounts, byte, byte, byte, code, st.just(44), cl_ord_ids, free, free, free, texts
    )
    return status | refusal


@cache
def odd_listing_fields() -> dict[str, st.SearchStrategy[object]]:
    """What a field of a listing may be, at and over its bounds."""
    mantissas = st.sampled_from([1, 5, 0, -1, *around(limits.TICK_LOT_MINOR_MAX), I64_MAX])
    steps = st.builds(Step, mantissas, st.sampled_from([0, 2, 4, 8, 19, 255]))
    quantities = st.sampled_from([0, 1, 2, *around(limits.ORDER_QTY_LOTS_MAX)])
    notionals = st.sampled_from([-1, 0, 1, *around(limits.NOTIONAL_MINOR_MAX)])
    ppm = st.sampled_from([-1, 0, 1, 1000, *around(limits.FEE_PPM_MAX, -limits.FEE_PPM_MAX)])
    assets = st.sampled_from([m.USDT, m.BTC, m.ETH, 0, 9])
    return {
        "symbol_id": st.sampled_from([1, 0, *around(limits.SYMBOLS_MAX)]),
        "symbol": names,
        "base_asset_id": assets,
        "quote_asset_id": assets,
        "tick": steps,
        "lot": steps,
        "min_qty": quantities,
        "max_qty": quantities,
        "min_notional": notionals,
        "max_notional": notionals,
        "maker_ppm": ppm,
        "taker_ppm": ppm,
        "band_ppm": st.sampled_from([0, *around(limits.BAND_PPM_MAX)]),
        "fee_account_id": st.sampled_from([m.FEES, m.ALPHA, 0]),
    }


@st.composite
def drawn_listings(draw: st.DrawFn) -> Instrument:
    """A listing that is in order, but for some fields at or over their bounds."""
    odd = odd_listing_fields()
    listing = msgspec.structs.replace(draw(listings), symbol_id=4, symbol="NEW")
    changed = draw(fields_to_change)
    return msgspec.structs.replace(listing, **{field: draw(odd[field]) for field in changed})


listings = st.sampled_from(LISTINGS)
fields_to_change = st.lists(st.sampled_from(sorted(odd_listing_fields())), max_size=2)
instruments = cache(drawn_listings)


@cache
def deposits() -> st.SearchStrategy[c.Command]:
    """Deposits, some of them twice or too large."""
    refs = st.sampled_from(["", "d1", "d2", "d3", "d" * limits.DEPOSIT_REF_LENGTH_MAX])
    return st.builds(c.Deposit, trading_accounts | accounts, st.sampled_from([1, 2, 3, 3, 9]), amounts, refs)


@cache
def registrations() -> st.SearchStrategy[c.Command]:
    """Commands of operations, good and bad."""
    ids = st.sampled_from([1, 5, 104, 0, *around(limits.FIRMS_MAX, limits.SESSIONS_MAX, limits.ACCOUNTS_MAX)])
    asset_ids = st.sampled_from([1, 4, 5, 0, *around(limits.ASSETS_MAX)])
    firms = st.sampled_from([0, 1, 2, 9])
    return st.one_of(
        st.builds(c.RegisterAsset, asset_ids, names, st.sampled_from([0, 18, 19, 255])),
        st.builds(c.RegisterFirm, ids, names),
        st.builds(c.OpenAccount, ids, firms, st.sampled_from(list(AccountKind)), names),
        st.builds(c.RegisterSession, ids, firms, st.sampled_from(list(SessionKind)), names),
        st.builds(c.ListInstrument, instruments()),
        deposits(),
    )


@st.composite
def drawn_spoiled(draw: st.DrawFn) -> bytes:
    """A command with a byte changed, cut off or added."""
    raw = bytearray(encode_command(draw(sound)))
    at = draw(positions) % len(raw)
    spoil = draw(st.sampled_from(SPOILS))
    if spoil == "change":
        raw[at] = draw(octets)
    elif spoil == "cut":
        del raw[at:]
    else:
        raw += draw(tails)
    return bytes(raw)


SPOILS = ("change", "change", "cut", "add")
sound = st.one_of(limit_orders(), odd_cancels(), requests(), registrations())
positions, octets, tails = st.integers(0, 200), st.integers(0, 255), st.binary(min_size=1, max_size=8)
spoiled = cache(drawn_spoiled)


Sent = tuple[int, bytes]
"""A source and the bytes of the command it sends."""


@cache
def others() -> st.SearchStrategy[Sent]:
    """Whatever needs no memory of the orders before."""
    odd = st.one_of(odd_orders(), odd_cancels(), requests())
    operations = st.sampled_from([0, 0, 0, m.ALPHA_OE])
    return st.one_of(
        st.tuples(sources, odd.map(encode_command)),
        st.tuples(operations, deposits().map(encode_command)),
        st.tuples(operations, registrations().map(encode_command)),
        st.tuples(operations, instruments().map(lambda listing: encode_command(c.ListInstrument(listing)))),
        st.tuples(sources, spoiled() | st.binary(max_size=64)),
    )


@st.composite
def scripts(draw: st.DrawFn, first_seq: int, size_max: int = 60) -> list[Sent]:
    """Commands to follow :data:`OPENING`: orders, cancels that mean some order before them, and all the rest."""
    script: list[Sent] = []
    entered: list[tuple[int, int, c.NewOrder]] = []
    for seq in range(first_seq, first_seq + draw(st.integers(size_max // 3, size_max))):
        kind = draw(kinds)
        if kind < 6:
            order = draw(orders)
            assert isinstance(order, c.NewOrder)
            source = m.SESSION_OF[order.account_id]
            entered.append((seq, source, order))
            script.append((source, encode_command(order)))
        elif kind < 8 and entered:
            script.append(request_about(draw, *entered[draw(positions) % len(entered)]))
        else:
            script.append(draw(others()))
    return script


kinds = st.integers(0, 9)
orders = st.one_of(limit_orders(), limit_orders(), limit_orders(), market_orders(), large_orders())


def request_about(draw: st.DrawFn, order_id: int, source: int, order: c.NewOrder) -> Sent:
    """Draw a cancel, rarely a status request, that means an order entered before; now and then by another firm."""
    keys = (order_id, "") if draw(st.booleans()) else (0, order.cl_ord_id)
    sender = (source, source, source, source, m.CHARLIE_2, m.ALPHA_DC)[draw(kinds) % 6]
    if draw(kinds) < 2:
        return sender, encode_command(c.RequestOrderStatus(keys[1], keys[0]))
    described = ((0, 0, 0), (order.account_id, order.symbol_id, order.side), (m.BRAVO, 0, 0))[draw(kinds) % 3]
    cancel = c.CancelOrder(draw(any_cl_ord_ids), keys[1], keys[0], *described, poss_resend=draw(st.booleans()))
    return sender, encode_command(cancel)


any_cl_ord_ids = new_cl_ord_ids | cl_ord_ids
