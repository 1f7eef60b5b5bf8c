"""The greeting on the engine's Unix socket: JSON behind a four-byte little-endian length.

A client sends one :class:`Hello`; the engine answers with one :class:`Welcome` and the link then carries,
by its role:

- ``submit``: command frames, client to engine. There is no acknowledgement: the record is the answer.
- ``follow``: records from ``from_seq`` on, engine to client, each only after it is durable. When ``from_seq``
  is older than ``ring_seq``, the engine sends nothing: the client reads the journal's files up to
  ``durable_seq`` and greets again.
- ``control``: one JSON request, one JSON answer, any number of times.

The engine takes links of its own user and of root only (SO_PEERCRED).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from engine.api.ids import AccountId, AssetId, Seq, SymbolId
from engine.api.parameters import MarginBracket
from engine.api.units import Lots, TimestampNs

GREETING_BYTES_MAX = 4096
"""A longer greeting is refused before it is read."""

CONTROL_BYTES_MAX = 1 << 26
"""Largest control answer: balances of a million accounts."""


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client says first. ``name`` names the process on the operator's screen.

    A follower that goes on from what it has kept names the ``journal`` it kept it of; 0 is any.
    """

    role: Literal["submit", "follow", "control"]
    name: str
    from_seq: int = 0
    journal: int = 0


class Refusal(StrEnum):
    """Why the engine closes a link after the greeting."""

    NONE = ""
    BEYOND_END = "BEYOND_END"
    """A follower asks for records after one that the journal does not have."""
    OTHER_JOURNAL = "OTHER_JOURNAL"
    """A follower goes on from records of another journal."""


class Welcome(msgspec.Struct, frozen=True):
    """What the engine answers. ``journal`` is the identity of its journal, ``durable_crc`` the CRC of its last record.

    Records up to ``applied_seq`` are decided, and follow unless the engine ends before they are durable: a submitter
    sends nothing again before it has seen them.
    With a ``refusal`` the link is closed at once, and ``reason`` is the sentence for people.
    """

    journal: int
    epoch: int
    fencing: int
    durable_seq: Seq
    durable_crc: int
    applied_seq: Seq
    ring_seq: Seq
    refusal: Refusal = Refusal.NONE
    reason: str = ""


class ControlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question to the running engine.

    ``status`` is cheap; ``digest`` is status with ``state_sha256``, and ``balances`` lists them all: both hold up
    the loop for as long as it takes to write the state.
    """

    ask: Literal["status", "digest", "balances", "rules"]


class BalanceRow(msgspec.Struct, frozen=True, array_like=True):
    """A live balance in minor units, as decimal text because JSON numbers end at 2**53."""

    account_id: AccountId
    asset_id: AssetId
    available: str
    locked: str


class EngineStatus(msgspec.Struct, frozen=True):
    """The engine as it stands: its place in the log, durability, open orders, links and the cost of its last syncs.

    ``state_sha256`` is empty unless the digest was asked for.
    """

    seq: Seq
    ts_ns: TimestampNs
    journal: int
    epoch: int
    fencing: int
    durability: str
    open_orders: int
    links: list[str]
    batches: int
    sync_p50_us: int
    sync_p99_us: int
    state_sha256: str = ""


class ParameterRow(msgspec.Struct, frozen=True):
    """A parameter that holds, for the venue (``subject_id`` 0) or one subject.

    ``version`` is 0 when it was never set; it holds since record ``seq``.
    """

    parameter: str
    subject_id: int
    value: int
    version: int
    seq: int


class BracketsRow(msgspec.Struct, frozen=True):
    """The margin brackets of the venue (``symbol_id`` 0) or of a perpetual."""

    symbol_id: SymbolId
    brackets: list[MarginBracket]
    version: int
    seq: int


class FeeRatesRow(msgspec.Struct, frozen=True):
    """What an account pays in a symbol, or in all others (``symbol_id`` 0)."""

    account_id: AccountId
    symbol_id: SymbolId
    maker_ppm: int
    taker_ppm: int
    version: int
    seq: int


class ScheduledRow(msgspec.Struct, frozen=True):
    """A rule whose time is to come, with its command as the log has it."""

    version: int
    command: bytes


class EngineRules(msgspec.Struct, frozen=True):
    """The rules as of ``seq``: ``version`` counts all that were ever set, ``rules_version`` is that of matching."""

    seq: int
    rules_version: int
    version: int
    parameters: list[ParameterRow]
    brackets: list[BracketsRow]
    fee_rates: list[FeeRatesRow]
    scheduled: list[ScheduledRow]


class PositionRow(msgspec.Struct, frozen=True):
    """A position in a perpetual. Units: ``size`` signed lots; the amounts minor units of the quote asset, as text."""

    account_id: AccountId
    symbol_id: SymbolId
    leverage: int
    is_isolated: bool
    size: Lots
    cost: str
    margin: str
    extra: str
    debt: str


class LoanRow(msgspec.Struct, frozen=True):
    """What a MARGIN account owes of an asset. Units: minor units, as text."""

    account_id: AccountId
    asset_id: AssetId
    amount: str


class EngineBalances(msgspec.Struct, frozen=True):
    """All live balances, positions and loans at ``seq``, sorted by account, then asset or symbol."""

    seq: Seq
    rows: list[BalanceRow]
    positions: list[PositionRow] = []
    loans: list[LoanRow] = []


def encode_message(message: msgspec.Struct) -> bytes:
    """Encode a greeting or a control message with its length."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(4, "little") + body
