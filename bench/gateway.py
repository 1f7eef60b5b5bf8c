"""The gateway beside a bare QuickFIX acceptor: the same session, store, dictionary and load, in the same run.

Rounds alternate between the two, so that a machine that drifts drifts for both; medians of the rounds are
reported, and ratios of medians. The load is pairs of a resting order and its cancel: one report each.
*window* keeps 500 messages unanswered and shows throughput, and the round trip at full load; *rate* sends 2,000 a
second, each at its moment, and shows the round trip of a server that is not full.
"""

from __future__ import annotations

import statistics
from typing import Any

from bench.fix_load import Load, LoadClient
from bench.venue import bare_acceptor, venue

ROUNDS = 5
WINDOW = 500
"""Messages in flight while throughput is measured."""

MESSAGES = 20_000
"""Messages of one throughput round."""

RATE = 2_000
"""Messages per second while latency is measured."""

RATE_MESSAGES = 8_000
"""Messages of one latency round."""


def run() -> dict[str, Any]:
    """Measure both; fsync is on. Units: messages per second, microseconds."""
    with venue("order-entry") as exchange, bare_acceptor() as bare_port:
        ours = LoadClient(exchange.order_entry_port, "ALPHA", "EXCH-OE", "dev-alpha")
        bare = LoadClient(bare_port, "ALPHA", "EXCH-OE", "dev-alpha")
        warm(ours, bare)
        windows: dict[str, list[Load]] = {"gateway": [], "bare": []}
        rates: dict[str, list[Load]] = {"gateway": [], "bare": []}
        for n in range(ROUNDS):
            for name, client in (("gateway", ours), ("bare", bare)):
                messages = client.order_and_cancel_pairs(MESSAGES, f"w{n}-")
                windows[name].append(client.run_window(messages, WINDOW))
                messages = client.order_and_cancel_pairs(RATE_MESSAGES, f"r{n}-")
                rates[name].append(client.run_rate(messages, RATE))
        ours.close()
        bare.close()
    return summary(windows, rates)


def warm(*clients: LoadClient) -> None:
    """Let both ends grow their buffers."""
    for client in clients:
        client.run_window(client.order_and_cancel_pairs(2_000, "warm-"), 100)


def summary(windows: dict[str, list[Load]], rates: dict[str, list[Load]]) -> dict[str, Any]:
    """Reduce the rounds to medians and ratios."""
    out: dict[str, Any] = {"rounds": ROUNDS, "rate_per_s": RATE}
    for name in windows:
        out[f"{name}_per_s"] = round(statistics.median(load.per_second for load in windows[name]))
        for way, loads in (("window", windows[name]), ("rate", rates[name])):
            for percent in (50, 99):
                median = statistics.median(load.percentile_us(percent) for load in loads)
                out[f"{name}_{way}_p{percent}_us"] = round(median)
    out["throughput_ratio"] = round(out["gateway_per_s"] / out["bare_per_s"], 2)
    for way in ("window", "rate"):
        out[f"{way}_p99_ratio"] = round(out[f"gateway_{way}_p99_us"] / out[f"bare_{way}_p99_us"], 2)
    return out
