"""Run the engine: ``python -m engine --data DIR [--durability fsync|none]``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import structlog

from engine.api.errors import EngineError
from engine.host.process import Config, build


def main() -> int:
    """Recover, serve until SIGTERM or SIGINT. Returns: 0 when stopped, 1 on a fault."""
    parser = argparse.ArgumentParser(prog="engine", description="The exchange's single writer.")
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--durability", choices=("fsync", "none"), default="fsync")
    parser.add_argument("--heartbeat-fd", type=int, help="pipe to whoever watches over this process")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    log = structlog.get_logger()
    try:
        process = build(Config(arguments.data, arguments.durability, arguments.heartbeat_fd))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.stop())
        process.run(ready=lambda: print("ready", flush=True))
    except (EngineError, OSError) as error:
        log.critical("engine_stopped", fault=type(error).__name__, reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
