"""Run benchmarks: ``python -m bench [NAME ...] [--json]``; all of them without a name."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import Any

NAMES = {
    "core": "core: apply, replay, and the model beside it",
    "restart": "restart with a journal of 1,000,000 commands",
    "snapshot": "snapshot of 1,000,000 resting orders: by a child, and in the loop",
    "gateway": "gateway round trip beside a bare QuickFIX acceptor, fsync on",
    "settlement": "fill to PostgreSQL commit at 500 trades/s",
    "clearing": "clearing's catch-up from the journal",
}


def main() -> int:
    """Run the named benchmarks and print their figures."""
    parser = argparse.ArgumentParser(prog="bench", description="Every published figure, by one command.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    for name in arguments.names or NAMES:
        if not arguments.json:
            print(f"{name}: {NAMES[name]}", flush=True)
        figures[name] = importlib.import_module(f"bench.{name}").run()
        if not arguments.json:
            for key, value in figures[name].items():
                print(f"  {key:32} {value}", flush=True)
    if arguments.json:
        print(json.dumps(figures if len(figures) > 1 else next(iter(figures.values())), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
