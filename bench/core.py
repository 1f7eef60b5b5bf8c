"""The matching core on one processor: how fast, beside what, how late, and how much memory.

All of it in one run: a round measures every throughput once, one after the other, so that a machine that slows down
slows them all. Commands are those of :mod:`bench.workload`; how each figure is measured stands in its own module.
Balances, reservations and risk checks are on, records are encoded, checksummed and chained: there is no faster mode.
"""

from __future__ import annotations

import statistics
from typing import Any

from bench import deep_book, durable, latency, restart, throughput
from bench.conditions import machine, pinned
from bench.prepared import Prepared, prepare
from bench.workload import Size

ROUNDS = 5
COMMANDS = 3_000_000
JOURNALED_COMMANDS = 1_000_000
MODEL_COMMANDS = 20_000
PLAIN_COMMANDS = 300_000
LATENCY_COMMANDS = 300_000
LATENCY_PER_S = 1_000_000
DURABLE_COMMANDS = 200_000
DURABLE_PER_S = 100_000


def run(rounds: int = ROUNDS, commands: int = COMMANDS) -> dict[str, Any]:
    """Measure, each figure the median of ``rounds``. A workload of fewer ``commands`` shortens every part."""
    one, crowd = prepare(Size(commands)), prepare(restart.CROWD)
    with pinned() as (cpu, other):
        figures = {"rounds": rounds, "commands": commands, "machine": machine(), "processor": cpu}
        figures |= _throughput(one, crowd, rounds)
        figures |= _deep_book(rounds)
        figures |= _latency(one, rounds)
        passed_s, used_s = restart.of_many_orders(crowd, rounds)
        figures |= {"restart_s": round(passed_s, 2), "restart_processor_s": round(used_s, 2)}
        figures |= _durable(one, rounds, other)
    return figures


def _throughput(one: Prepared, crowd: Prepared, rounds: int) -> dict[str, Any]:
    """Measure every throughput, and check once that the core made of the workload what was drawn."""
    core, records = throughput.recorded(one)
    counted = throughput.check_records(one, core, records)
    del core
    measured = [_round(one, crowd, records) for _ in range(rounds)]
    figures = {name: round(statistics.median(m[name] for m in measured)) for name in measured[0]}
    applied = [m["apply_commands_per_s"] for m in measured]
    apply, crowded = figures["apply_commands_per_s"], figures["many_symbols_commands_per_s"]
    return {
        "trading_percent": round(100 * counted[0] / sum(one.shape.kinds), 1),
        "trades": counted[1],
        "resting_orders": one.shape.resting,
        "levels": one.shape.levels,
        **figures,
        "apply_ns_per_command": round(1e9 / apply),
        "apply_commands_per_s_least": round(min(applied)),
        "apply_commands_per_s_most": round(max(applied)),
        "apply_to_model_ratio": round(apply / figures["model_commands_per_s"], 1),
        "apply_to_plain_book_ratio": round(apply / figures["plain_book_commands_per_s"], 1),
        "many_symbols_ratio": round(crowded / apply, 2),
    }


def _round(one: Prepared, crowd: Prepared, records: list[bytes]) -> dict[str, float]:
    """Measure every throughput once. Units: commands per second."""
    load = sum(one.shape.kinds)
    journaled = throughput.head(one.load, min(load, JOURNALED_COMMANDS))
    model = throughput.frames_in(throughput.head(one.load, min(load, MODEL_COMMANDS)))
    plain = throughput.frames_in(throughput.head(one.load, min(load, PLAIN_COMMANDS)))
    return {
        "apply_commands_per_s": load / throughput.apply(one),
        "replay_commands_per_s": (load + one.opening_commands) / throughput.replay(records),
        "journaled_commands_per_s": min(load, JOURNALED_COMMANDS) / throughput.journaled(one, journaled),
        "model_commands_per_s": len(model) / throughput.model(one, model),
        "plain_book_commands_per_s": len(plain) / throughput.plain_book(one, plain)[0],
        "many_symbols_commands_per_s": sum(crowd.shape.kinds) / throughput.apply(crowd),
    }


def _deep_book(rounds: int) -> dict[str, Any]:
    measured = deep_book.measure(rounds)
    return {
        "bytes_per_resting_order": measured.resident_bytes,
        "allocated_bytes_per_resting_order": measured.allocated_bytes,
        "deep_book_cancel_ns": round(measured.deep_cancel_ns),
        "deep_book_enter_ns": round(measured.deep_enter_ns),
        "few_orders_cancel_ns": round(measured.few_cancel_ns),
        "few_orders_enter_ns": round(measured.few_enter_ns),
        "emptied_book_cancel_ns": round(measured.emptied_cancel_ns),
        "deep_book_cancel_ratio": round(measured.deep_cancel_ns / measured.few_cancel_ns, 2),
        "deep_to_emptied_cancel_ratio": round(measured.deep_cancel_ns / measured.emptied_cancel_ns, 2),
    }


def _latency(one: Prepared, rounds: int) -> dict[str, Any]:
    measured = [latency.measure(one, LATENCY_COMMANDS, LATENCY_PER_S) for _ in range(rounds)]
    cores, loops = zip(*measured, strict=True)
    return {
        "latency_realtime": all(m.is_realtime for m in cores),
        "latency_at_commands_per_s": LATENCY_PER_S,
        **_quantiles("latency", cores),
        "latency_batch_max": round(statistics.median(m.batch_max for m in cores)),
        **_quantiles("empty_loop", loops),
    }


def _quantiles(name: str, measured: tuple[latency.Latency, ...]) -> dict[str, float]:
    """Medians of the quantiles of several runs. Units: microseconds."""
    return {
        f"{name}_p50_us": round(statistics.median(m.p50_ns for m in measured) / 1e3, 2),
        f"{name}_p99_us": round(statistics.median(m.p99_ns for m in measured) / 1e3, 2),
        f"{name}_p999_us": round(statistics.median(m.p999_ns for m in measured) / 1e3, 2),
        f"{name}_max_us": round(statistics.median(m.max_ns for m in measured) / 1e3),
    }


def _durable(one: Prepared, rounds: int, engine_cpu: int) -> dict[str, Any]:
    commands = min(DURABLE_COMMANDS, sum(one.shape.kinds) // (rounds + durable.WARM_UP))
    measured = durable.measure(one, commands, DURABLE_PER_S, rounds, engine_cpu)
    return {
        "durable_at_commands_per_s": DURABLE_PER_S,
        "durable_p50_ms": round(statistics.median(m.p50_ns for m in measured) / 1e6, 2),
        "durable_p99_ms": round(statistics.median(m.p99_ns for m in measured) / 1e6, 2),
        "durable_max_ms": round(statistics.median(m.max_ns for m in measured) / 1e6, 1),
    }


_PARTS = "single book, {commands:,} commands, {trading_percent} % trade, {resting_orders} orders at {levels} prices"
_TABLE = (
    (
        "applied",
        "{apply_commands_per_s:,}/s",
        "{apply_ns_per_command} ns each; rounds {apply_commands_per_s_least:,} to {apply_commands_per_s_most:,}",
    ),
    ("applied, journaled, synced", "{journaled_commands_per_s:,}/s", "22,000 to a sync"),
    ("replayed, compared byte for byte", "{replay_commands_per_s:,}/s", ""),
    ("slow twin, plain Python", "{model_commands_per_s:,}/s", "core is {apply_to_model_ratio} times as fast"),
    (
        "plain book on sortedcontainers",
        "{plain_book_commands_per_s:,}/s",
        "core is {apply_to_plain_book_ratio} times as fast; no risk, no records",
    ),
    (
        "1,000 symbols, 100,000 accounts, 1,000,000 orders",
        "{many_symbols_commands_per_s:,}/s",
        "{many_symbols_ratio} of the single book",
    ),
    (
        "cancel among 1,000,000 orders at 10,000 prices",
        "{deep_book_cancel_ns} ns",
        "{deep_book_cancel_ratio} times that among 1,000 ({few_orders_cancel_ns} ns)",
    ),
    (
        "  among 1,000, after 1,000,000 were there",
        "{emptied_book_cancel_ns} ns",
        "the deep book: {deep_to_emptied_cancel_ratio} times",
    ),
    ("entry among 1,000,000 orders", "{deep_book_enter_ns} ns", "among 1,000: {few_orders_enter_ns} ns"),
    (
        "memory of a resting order",
        "{bytes_per_resting_order} bytes",
        "{allocated_bytes_per_resting_order} with what is reserved for growth",
    ),
    (
        "latency at {latency_at_commands_per_s:,}/s, p50",
        "{latency_p50_us} us",
        "from scheduled arrival to the finished record",
    ),
    ("  p99, p99.9, most", "{latency_p99_us} us", "{latency_p999_us} us, {latency_max_us} us"),
    (
        "  the same loop without the core",
        "{empty_loop_p50_us} us",
        "p99 {empty_loop_p99_us} us, p99.9 {empty_loop_p999_us} us, most {empty_loop_max_us} us",
    ),
    (
        "order to durable event at {durable_at_commands_per_s:,}/s, p50",
        "{durable_p50_ms} ms",
        "engine process, fsync, Unix sockets",
    ),
    ("  p99, most", "{durable_p99_ms} ms", "{durable_max_ms} ms"),
    (
        "restart, 1,000,000 open orders and commands",
        "{restart_s} s",
        "{restart_processor_s} s of a processor; snapshot, then journal",
    ),
)


def table(figures: dict[str, Any]) -> str:
    """Write the figures of :func:`run` for people."""
    rows = [tuple(cell.format(**figures) for cell in row) for row in _TABLE]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join((row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2])).rstrip() for row in rows]
    conditions = "{machine}; pinned to processor {processor}, medians of {rounds} rounds".format(**figures)
    return "\n".join([conditions, _PARTS.format(**figures), *lines])
