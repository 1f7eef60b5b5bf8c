"""Where nobody can enter orders as usual: the venue, and symbols that are not open or have a breaker."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.api.cursor import Cursor
from engine.api.enums import SymbolStatus, VenueStatus
from engine.api.registry import Registry
from engine.standing import Market, Markets
from engine.standing.fold import SEQ_MAX
from engine.standing.standing import fold_to
from ops.telling.times import iso_time
from ops.telling.words import words


class Closures(msgspec.Struct, frozen=True):
    """The venue's status in words, and that of each listed symbol that does not trade as usual."""

    venue: str
    symbols: dict[str, str]

    @property
    def is_open(self) -> bool:
        """Tell whether everything trades as usual."""
        return self.venue == words(VenueStatus.OPEN.name) and not self.symbols


def closures(data: Path) -> Closures:
    """Read from the log what is not open. Raises, Cost: as :func:`engine.standing.load`, less the open orders."""
    fold = fold_to(data, Cursor(SEQ_MAX))
    kept, markets = fold.kept_records(), Markets()
    for record in kept:
        for event in record.events:
            markets.apply(record, event)
    listed = Registry(kept).instruments
    told = {listed[symbol_id].symbol: _closure(market) for symbol_id, market in sorted(fold.markets().items())}
    return Closures(words(markets.venue.name), {symbol: closure for symbol, closure in told.items() if closure})


def _closure(market: Market) -> str:
    if market.is_delisted:
        return ""
    parts = [] if market.status is SymbolStatus.OPEN else [words(market.status.name)]
    if market.breaker_until_ns:
        parts.append(f"breaker until {iso_time(market.breaker_until_ns)}")
    return ", ".join(parts)
