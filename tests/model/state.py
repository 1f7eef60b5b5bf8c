"""What the exchange remembers: who is there, what is listed, all orders, all balances.

Prices are ticks, quantities lots, amounts minor units. 0 stands for a price, a floor or a time that is not there.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sortedcontainers import SortedDict, SortedList

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import (
    AccountKind,
    AccountStatus,
    ExecInst,
    InstrumentKind,
    MarginState,
    OrderState,
    OrdType,
    Peg,
    SelfTrade,
    SessionKind,
    Side,
    SymbolStatus,
    TimeInForce,
    Trigger,
    VenueStatus,
)
from engine.api.instrument import Instrument

MILLION = 1_000_000
BUY, SELL = Side.BUY, Side.SELL


def ceil_div(dividend: int, divisor: int) -> int:
    """Divide toward plus infinity."""
    return -(-dividend // divisor)


def half_up(dividend: int, divisor: int) -> int:
    """Divide to the nearest, ties away from zero; the divisor is positive."""
    size = (2 * abs(dividend) + divisor) // (2 * divisor)
    return size if dividend >= 0 else -size


def opposite(side: Side) -> Side:
    """The side an order trades against."""
    return SELL if side is BUY else BUY


def sign(side: Side) -> int:
    """``d``: plus one for a buy, minus one for a sell."""
    return 1 if side is BUY else -1


def rank(side: Side, price: int) -> int:
    """Place of a price on its side: the lower the better."""
    return -price if side is BUY else price


@dataclass(eq=False)
class Market:
    """One instrument, its book and its state."""

    listing: Instrument
    lot_minor: int  # base minor units in one lot
    tick_lot_minor: int  # quote minor units of one lot at one tick
    fee_step: int  # quote minor units that a fee is a multiple of
    status: SymbolStatus = SymbolStatus.OPEN
    is_delisted: bool = False
    mark: int = 0
    last_px: int = 0
    breaker_until_ns: int = 0
    lows: list[tuple[int, int]] = field(default_factory=list)  # time and price of marks below all later ones
    highs: list[tuple[int, int]] = field(default_factory=list)  # and of those above all later ones
    books: dict[Side, SortedDict] = field(default_factory=lambda: {BUY: SortedDict(), SELL: SortedDict()})
    stops: dict[int, Order] = field(default_factory=dict)  # waiting, by order id
    pegs: dict[int, Order] = field(default_factory=dict)  # open, by order id
    peg_references: tuple[int, int, int] = (0, 0, 0)  # best bid and ask and the mark that this round prices the pegs by
    peg_next: tuple[int, int] = (0, 0)  # the priority and order id from which the round goes on
    reducers: dict[int, Order] = field(default_factory=dict)  # reduce-only orders in the book, by order id
    in_hand: list[Order] = field(default_factory=list)  # accepted, waiting for their turn to be matched
    has_begun: bool = False  # the first in hand has begun its turn: it comes before all that follows from it
    auction: Auction | None = None  # under way
    is_perpetual: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_perpetual = self.listing.kind is InstrumentKind.PERPETUAL

    @property
    def symbol_id(self) -> int:
        return self.listing.symbol_id

    def notional(self, price: int, qty: int) -> int:
        """Worth in quote minor units: exact."""
        return price * qty * self.tick_lot_minor

    def fee(self, notional: int, ppm: int) -> int:
        """Fee on a notional, rounded once, toward plus infinity (FEE-04)."""
        return ceil_div(notional * ppm, MILLION * self.fee_step) * self.fee_step

    def moved(self, side: Side, price: int) -> int:
        """Move a price by the band: up for a buy, down for a sell."""
        band = self.listing.band_ppm
        if side is BUY:
            return min(price * (MILLION + band) // MILLION, limits.PRICE_TICKS_MAX)
        return max(ceil_div(price * (MILLION - band), MILLION), 1)

    def best(self, side: Side) -> int:
        """Best price of a side, 0 when it is empty."""
        book = self.books[side]
        return abs(book.keys()[0]) if book else 0

    def is_within_band(self, price: int, reference: int) -> bool:
        """Tell whether a price lies within the band of a reference, 0 for none."""
        if not reference:
            return True
        band = self.listing.band_ppm
        lowest, highest = ceil_div(reference * (MILLION - band), MILLION), reference * (MILLION + band) // MILLION
        return lowest <= price <= highest

    def collared(self, side: Side, *prices: int) -> int:
        """The tightest of prices up to which a market order takes and the edge of the mark's band (RES-09, RES-98)."""
        edges = [*prices, self.moved(side, self.mark)] if self.mark else prices
        return min(edges) if side is BUY else max(edges)


@dataclass(eq=False)
class Walk:
    """How far the search for an auction's price has come: it trades the best levels of both sides on paper."""

    volume: int
    bid: int  # the level it stands at, 0 when there is none left, and the lots that are left there
    bid_lots: int
    ask: int
    ask_lots: int
    last_bid: int = 0  # the levels it traded last
    last_ask: int = 0


Owner = tuple[int, int]
"""Whose orders must not meet: a group and 0, or 0 and an account."""


@dataclass(eq=False)
class Netting:
    """How far own overlap has been taken out of an auction: the firm, and its account and order gathered last."""

    firm_id: int = 0
    account_id: int = 0
    order_id: int = 0
    owned: dict[Owner, list[Order]] = field(default_factory=dict)  # what is gathered of the firm and not forgotten
    forgotten: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)  # owner, side, price, priority, id


@dataclass(eq=False)
class Auction:
    """An auction that is under way."""

    target: SymbolStatus  # the status that follows
    netting: Netting | None = field(default_factory=Netting)  # None when it is done
    price: int = 0  # at which it trades; 0 while that is sought
    walk: Walk | None = None


@dataclass(eq=False)
class Withdrawal:
    """A mass cancel that has not told all its cancels yet. Ids are 0 where it does not ask."""

    seq: int  # of its command: it means orders accepted before
    firm_id: int
    account_id: int
    symbol_id: int
    session_id: int
    side: int
    code: int
    is_operations: bool
    keeps: ExecInst = ExecInst.NONE  # orders with these flags stay, if there are any
    canceled: int = 0
    at_account: int = 0  # the account it has come to, and the last of its orders that it has looked at
    at_order: int = 0


@dataclass(eq=False)
class Order:
    """An accepted order, open or closed."""

    order_id: int
    priority: int  # the record in which it was accepted, elected, or last lost its place by a replace
    source: int
    account_id: int
    market: Market
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: int
    leaves: int
    limit: int  # limit, cap of a pegged order, worst price of a market order or a stop; 0: none
    stop_px: int = 0
    max_floor: int = 0
    min_qty: int = 0
    peg_offset: int = 0
    taken_off: int = 0  # by the engine, of its quantity
    expire_time_ns: int = 0
    stp_group: int = 0
    exec_inst: ExecInst = ExecInst.NONE
    trigger: Trigger = Trigger.NONE
    peg: Peg = Peg.NONE
    stp: SelfTrade = SelfTrade.AGGRESSIVE
    maker_ppm: int = 0  # fee rates it was accepted under
    taker_ppm: int = 0
    per_lot: int = 0  # minor units locked for each lot of leaves
    is_triggered: bool = False
    price: int = 0  # at which it works; 0 while it waits
    display: int = 0  # of an order in the book: what it shows
    is_placed: bool = False  # has a place in the book
    is_in_hand: bool = False  # waits for its turn to be matched
    is_outside: bool = False  # its account is suspended: it stands outside the market
    state: OrderState = OrderState.PENDING
    entered: Name | None = None  # what it was entered with, until that is forgotten
    latest: Name | None = None  # given to it since, while it is open
    names: int = 0  # that are not forgotten
    traded: int = 0  # sum of price times quantity over its trades, in ticks and lots

    @property
    def is_open(self) -> bool:
        return self.leaves > 0 and self.state.is_open

    @property
    def is_waiting_stop(self) -> bool:
        return self.ord_type.is_stop and not self.is_triggered

    @property
    def is_pegged(self) -> bool:
        return self.ord_type is OrdType.PEGGED

    @property
    def is_reduce_only(self) -> bool:
        return bool(self.exec_inst & ExecInst.REDUCE_ONLY)

    @property
    def is_post_only(self) -> bool:
        return bool(self.exec_inst & ExecInst.POST_ONLY)

    @property
    def slides(self) -> bool:
        return bool(self.exec_inst & ExecInst.SLIDE)

    @property
    def rests(self) -> bool:
        """Tell whether what is left after matching stays in the book."""
        return self.time_in_force.may_rest and self.ord_type is not OrdType.STOP

    @property
    def tranche(self) -> int:
        """What it shows when it is placed or refilled."""
        return min(self.max_floor or self.leaves, self.leaves)

    @property
    def reserved(self) -> int:
        return self.leaves * self.per_lot

    @property
    def reserved_in(self) -> tuple[int, int]:
        """The account and asset in which it locks."""
        i = self.market.listing
        in_base = self.side is SELL and not self.market.is_perpetual
        return self.account_id, i.base_asset_id if in_base else i.quote_asset_id


@dataclass(eq=False)
class Name:
    """A ClOrdID of an order, a cancel or a replace."""

    source: int
    cl_ord_id: str
    order: Order
    spent_ns: int = 0  # 0 while it is in use


@dataclass(eq=False)
class Account:
    """An account and what it may do."""

    opened: c.OpenAccount
    status: AccountStatus = AccountStatus.ACTIVE
    margin_state: MarginState = MarginState.NORMAL
    tier: int = 1
    leverage_max: int = 0
    position_notional_max: int = 0

    @property
    def kind(self) -> AccountKind:
        return self.opened.kind

    @property
    def firm_id(self) -> int:
        return self.opened.firm_id


@dataclass(eq=False)
class Position:
    """A position in a perpetual, which may be of size 0."""

    market: Market
    leverage: int
    is_isolated: bool = False
    size: int = 0
    cost: int = 0
    margin: int = 0
    extra: int = 0
    debt: int = 0


@dataclass(eq=False)
class Asset:
    """An asset, how much of it there is, and what it is worth as collateral."""

    registered: c.RegisterAsset
    deposited: int = 0
    weight_ppm: int = MILLION
    lending_account_id: int = 0
    lent: int = 0


class State:
    """All that the exchange remembers, and the events of the command in hand."""

    def __init__(self) -> None:
        self.seq = 0
        self.ts_ns = 0  # of the record in hand
        self.event_ts_ns = 0  # of the last event
        self.prev_crc = 0
        self.venue = VenueStatus.OPEN
        self.assets: dict[int, Asset] = {}
        self.firms: dict[int, c.RegisterFirm] = {}
        self.accounts: dict[int, Account] = {}
        self.sessions: dict[int, c.RegisterSession] = {}
        self.blocked: dict[int, bool] = {}  # sessions with the kill switch on: whether operations set it
        self.markets: dict[int, Market] = {}  # by symbol, delisted ones included
        self.deposit_refs: dict[str, None] = {}
        self.available: defaultdict[tuple[int, int], int] = defaultdict(int)  # by account and asset
        self.locked: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.loans: Counter[tuple[int, int]] = Counter()
        self.positions: defaultdict[int, dict[int, Position]] = defaultdict(dict)  # by account, by symbol
        self.orders: dict[int, Order] = {}  # by order id, open ones and those a ClOrdID names
        self.named: dict[tuple[int, str], Name] = {}  # by source and ClOrdID
        self.spent: defaultdict[int, deque[Name]] = defaultdict(deque)  # by source, the oldest first
        self.forgotten_ns = 0  # ClOrdIDs spent at or before this are forgotten
        self.open: dict[int, Order] = {}  # resting or waiting, by order id
        self.open_of: defaultdict[int, dict[int, dict[int, Order]]] = defaultdict(dict)  # account, symbol, order id
        self.expiring = SortedList()  # (expiry, order id) of open DAY and GTD orders
        self.withdrawals: list[Withdrawal] = []  # mass cancels with cancels left to tell, the oldest first
        self.moves: dict[int, int] = {}  # accounts whose orders go or come back, and the last order that was looked at
        self.turn = 0  # the symbol with which work that was left goes on
        self.steps_max = limits.STEPS_PER_COMMAND_MAX
        self.events: list[e.Event] = []
        self.steps = 0  # that the record may still take
        self.looks = 0  # that are paid for
        self.must_wait = False  # something is left to do in the symbol of the command that came before it

    def tell(self, event: e.Event) -> None:
        """Add an event to the record in hand."""
        self.events.append(event)

    # --- steps ------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Take a step. Returns: whether there was one left."""
        if self.steps == 0:
            return False
        self.steps -= 1
        return True

    def look(self) -> bool:
        """Look at one of many; several looks are a step. Returns: whether there was one left."""
        if self.looks == 0:
            if not self.step():
                return False
            self.looks = limits.LOOKS_PER_STEP
        self.looks -= 1
        return True

    def within(self, share: int, work: Callable[[], None]) -> None:
        """Work with a part of the steps that are left."""
        aside = max(0, self.steps - share)
        self.steps -= aside
        work()
        self.steps += aside

    @property
    def share(self) -> int:
        """Steps that a command spends on what others have left, before and after its own."""
        return self.steps_max // 8

    @property
    def pro_rata_makers_max(self) -> int:
        """How many orders take part in a round of pro-rata matching."""
        return self.steps_max // 4

    @property
    def fill_steps_max(self) -> int:
        """Steps in which an order must be filled that is filled at once or not at all."""
        return self.steps_max // 2

    # --- who may do what --------------------------------------------------------------------------------

    def is_trading(self, market: Market) -> bool:
        """Tell whether orders meet in a market by themselves (section 2)."""
        is_open = self.venue is VenueStatus.OPEN and market.status is SymbolStatus.OPEN
        return is_open and not market.breaker_until_ns

    def firm_of(self, source: int) -> int | None:
        """The firm for which a session may enter orders and ask about them; None for every other source."""
        session = self.sessions.get(source)
        return session.firm_id if session and session.kind is SessionKind.ORDER_ENTRY else None

    def may_act(self, source: int) -> bool:
        """Tell whether a source is operations or an order-entry session."""
        return source == c.OPERATIONS or self.firm_of(source) is not None

    def acts_for(self, source: int, account_id: int) -> bool:
        """Tell whether a source is operations, or a session of the firm that owns the account."""
        return source == c.OPERATIONS or self.accounts[account_id].firm_id == self.firm_of(source)

    def listed(self, symbol_id: int) -> Market | None:
        """Find a market that is not delisted."""
        market = self.markets.get(symbol_id)
        return None if market is None or market.is_delisted else market
