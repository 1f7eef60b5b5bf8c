"""Run benchmarks: ``python -m bench [NAME ...] [--json]``; all of them without a name."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import sys
from types import ModuleType
from typing import Any

NAMES = {
    "core": "core: throughput, latency, memory, and a plain Python book beside it",
    "worst": "worst single commands: time and bytes of one record",
    "restart": "restart with a journal of 1,000,000 commands",
    "follower_start": "starts on a journal of 20,000,000 records with 200,000 open orders",
    "snapshot": "snapshot of 1,000,000 resting orders: by a child, and in the loop",
    "gateway": "gateway round trip beside a bare QuickFIX acceptor, fsync on",
    "settlement": "fill to PostgreSQL commit at 500 trades/s",
    "clearing": "clearing's catch-up from the journal",
}


def main() -> int:
    """Run the named benchmarks and print their figures."""
    arguments = _parse()
    figures: dict[str, dict[str, Any]] = {}
    for name in arguments.names or NAMES:
        if not arguments.json:
            print(f"{name}: {NAMES[name]}", flush=True)
        module = importlib.import_module(f"bench.{name}")
        figures[name] = module.run(**_chosen(module, arguments))
        if not arguments.json:
            print(_table(module, figures[name]), flush=True)
    if arguments.json:
        print(json.dumps(figures if len(figures) > 1 else next(iter(figures.values())), indent=2))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Every published figure, by one command.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, help="rounds each figure is the median of (core, worst, restart)")
    parser.add_argument("--commands", type=int, help="size of the workload (core, follower_start)")
    return parser.parse_args()


def _chosen(module: ModuleType, arguments: argparse.Namespace) -> dict[str, int]:
    """Pick the options given that this benchmark has."""
    names = inspect.signature(module.run).parameters
    return {name: value for name, value in vars(arguments).items() if name in names and value is not None}


def _table(module: ModuleType, figures: dict[str, Any]) -> str:
    """Write figures for people, the benchmark's own way if it has one."""
    if hasattr(module, "table"):
        text: str = module.table(figures)
        return text
    return "\n".join(f"  {key:32} {value}" for key, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
