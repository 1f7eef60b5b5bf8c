"""``exchange market list``: how every market stands."""

from __future__ import annotations

from engine.standing import load
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, busy, clear_faults, show_json, show_table
from ops.directory import journal_of
from ops.telling.chronicle import Chronicle
from ops.telling.times import iso_time
from ops.telling.words import words


@clear_faults
def list_markets(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """List every market with its status, mark, last price and circuit breaker, from the journal."""
    with busy("reading the journal"):
        standing = load(journal_of(data).parent)
    chronicle = Chronicle(standing)
    rows = [
        {
            "symbol": chronicle.symbol(symbol_id),
            "status": "delisted" if market.is_delisted else words(market.status.name),
            "mark": chronicle.price(market.mark, symbol_id) if market.mark else "",
            "last": chronicle.price(market.last_px, symbol_id) if market.last_px else "",
            "breaker_until": iso_time(market.breaker_until_ns) if market.breaker_until_ns else "",
        }
        for symbol_id, market in sorted(standing.markets.by_symbol.items())
    ]
    venue = words(standing.markets.venue.name)
    if as_json:
        show_json({"venue": venue, "markets": rows})
        return
    columns = ("symbol", "status", "mark>", "last>", "breaker until")
    show_table(f"venue: {venue}", columns, [tuple(row.values()) for row in rows])
