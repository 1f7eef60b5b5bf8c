"""Every bound of the engine, with its unit and its reason.

A bound is inclusive: the value itself is accepted, one more is refused.
The compiled core repeats the ones marked *core*; ``tests/unit/test_core_limits.py`` holds both together.
"""

from __future__ import annotations

PRICE_TICKS_MAX = 10**12
"""core. With ORDER_QTY_LOTS_MAX and TICK_LOT_MINOR_MAX a notional stays below 2**127."""

ORDER_QTY_LOTS_MAX = 10**12
"""core. Largest order quantity the wire carries; an instrument's own maximum is lower."""

TICK_LOT_MINOR_MAX = 10**12
"""core. Quote minor units one tick times one lot may be worth."""

LOT_MINOR_MAX = 10**24
"""core. Base minor units one lot may be worth: the largest order then stays below 2**127."""

NOTIONAL_MINOR_MAX = 10**31
"""core. Largest max_notional of an instrument: times a fee in ppm it stays below 2**127."""

ASSET_UNITS_MAX = 10**17
"""core. Whole units of one asset that may be deposited in all: NUMERIC(36,18) holds ten times as many."""

ASSET_DECIMALS_MAX = 18
"""core. Scale of the books (NUMERIC(36,18))."""

FEE_DECIMALS = 8
"""core. Fees are rounded once, at eight decimals, toward plus infinity (FEE-04)."""

FEE_PPM_MAX = 20_000
"""core. 2 % of trade value (FEE-05), as an absolute value."""

BAND_PPM_MAX = 1_000_000
"""core. How far a market order may move from the best opposite price, at most."""

CL_ORD_ID_LENGTH_MAX = 36
"""core. Characters of ClOrdID <11> and OrigClOrdID <41>."""

TEXT_LENGTH_MAX = 64
"""core. Characters of a member's Text <58>, echoed on its reports, and of OrdStatusReqID <790>."""

NAME_LENGTH_MAX = 32
"""core. Characters of an asset, firm, account, CompID or symbol name."""

DEPOSIT_REF_LENGTH_MAX = 64
"""core. Characters of the reference that makes a deposit idempotent (REC-33)."""

STEPS_PER_COMMAND_MAX = 1_000
"""core. Steps of one record (docs/MATCHING.md, section 1), so that it takes less than 2 ms; the next ones go on."""

STEPS_PER_COMMAND_MIN = 16
"""core. So few steps a snapshot may name, so that tests see work go on; shares of them are taken."""

STEP_BYTES_MAX = 1_024
"""core. Bytes of the events of one step, at most, so that no record is longer than RECORD_BYTES_MAX."""

LOOKS_PER_STEP = 8
"""core. Orders, accounts or levels that are only looked at and cost one step together."""

WITHDRAWALS_PER_FIRM_MAX = 4
"""core. Mass cancels of one firm, or of operations, with cancels left to tell: each maker met is held against them."""

TRANCHES_PER_ORDER_MAX = 1_000
"""core. How often an iceberg may show itself: ``order_qty`` is at most so many times ``max_floor``."""

MARKS_IN_WINDOW_MAX = 4_096
"""core. Marks kept for a breaker's window: those below, or above, all later ones; then the last counts on."""

PEGS_PER_ACCOUNT_MAX = 50
"""core. Open pegged orders of one account in one symbol."""

PEGS_PER_FIRM_MAX = 200
"""core. Open pegged orders of one firm in one symbol, so that no firm uses up the symbol's."""

PEGS_PER_SYMBOL_MAX = 2_000
"""core. Open pegged orders of one symbol: as many levels may stand before the reference price."""

POSITION_LOTS_MAX = 10**12
"""core. Lots of a position and of the orders that may add to it; times price and tick it stays below 2**127."""

POSITIONS_PER_ACCOUNT_MAX = 64
"""core. Perpetuals one account may trade at most, whatever its parameter says: the sum of its unrealised profits stays
below 2**127."""

LEVERAGE_MAX = 125
"""core. Venue maximum (MAR-03)."""

BRACKET_UNITS_MAX = 10**13
"""core. Notional of a margin bracket, in whole units of the quote asset: times 10**18 it is NOTIONAL_MINOR_MAX."""

SCHEDULED_CHANGES_MAX = 500
"""core. Rules that were set for a time to come: all of them may take effect within one record."""

RULES_VERSION = 2
"""core. Version of the rules of docs/MATCHING.md: a core executes records of its own version only. It rises with every
change after which the same commands give other bytes."""

OWN_RULES_MAX = 100_000
"""core. Rules that accounts, firms, symbols and sessions have of their own, and those set for a time to come."""

COLLATERAL_MINOR_MAX = 10**34
"""core. Worth of one asset, in minor units of another, beyond which it no longer counts as collateral."""

WEIGHT_PPM_MAX = 1_000_000
"""core. Collateral weight of an asset: one million is its whole worth."""

SYMBOLS_MAX = 4_096
"""core. Instruments, so that ids index arrays."""

ASSETS_MAX = 1_024
"""core. Assets, so that ids index arrays."""

FIRMS_MAX = 65_535
"""core. Member firms; each has at least one session."""

ACCOUNTS_MAX = 1_000_000
"""core. Accounts; their ids run from 1 and may leave gaps up to this number."""

SESSIONS_MAX = 65_535
"""core. FIX sessions (CompIDs); their ids run from 1."""

COMMAND_BYTES_MAX = 1_024
"""core. Bytes of one command, its type byte included."""

RECORD_BYTES_MAX = 1 << 20
"""core. Bytes of one record: the longest command and all its steps. Larger lengths are noise."""

BATCH_COMMANDS_MAX = 65_535
"""core. Commands made durable by one sync; a record's place in its batch is a u16."""

BATCHES_AHEAD_MAX = 8
"""Batches applied and not yet durable, where a journal completes later than it is told; then nothing more is taken, so
that a journal that stands still does not fill the memory."""

LINK_READ_BYTES = 1 << 18
"""Bytes taken from one link in one turn of the loop, so that no link starves another."""

SEGMENT_BYTES_MAX = 1 << 26
"""A journal segment is closed once it has reached this size (REF-01)."""

RING_BYTES_MAX = 1 << 26
"""Durable records the engine keeps in memory for followers; older ones are read from file."""

FOLLOWER_BACKLOG_BYTES_MAX = 1 << 24
"""Bytes waiting for one follower before it is cut; it reconnects and catches up from file."""

LINKS_MAX = 256
"""Connections to the engine at one time."""

TIMESTAMP_NS_MIN = 1_577_836_800_000_000_000
"""2020-01-01 (TIM-07). The exchange clock refuses to stamp anything earlier."""

TIMESTAMP_NS_MAX = 4_102_444_800_000_000_000
"""2100-01-01 (TIM-07)."""

CLOCK_BACKWARD_NS_MAX = 1_000_000_000
"""A clock that steps back further than this stops the engine (RES-53)."""
