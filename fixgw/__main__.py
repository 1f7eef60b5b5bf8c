"""Run a gateway: ``python -m fixgw --role order-entry|drop-copy --data DIR --config DIR --port N``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import structlog

from engine.api.errors import EngineError
from fixgw.errors import GatewayError
from fixgw.process import Config, build
from fixgw.room import Room
from venue.errors import VenueError


def main() -> int:
    """Recover, serve until SIGTERM or SIGINT. Returns: 0 when stopped, 1 on a fault."""
    parser = argparse.ArgumentParser(prog="fixgw", description="A FIX gateway of the exchange.")
    parser.add_argument("--role", choices=("order-entry", "drop-copy"), required=True)
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--config", type=Path, default=Path("config"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--heartbeat-fd", type=int)
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    log = structlog.get_logger()
    config = Config(**vars(arguments))
    try:
        process = build(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.stop())
        process.run(ready=lambda: print("ready", flush=True))
    except (GatewayError, VenueError, EngineError, OSError) as error:
        log.critical(
            "gateway_stopped", role=arguments.role, fault=type(error).__name__, reason=_in_words(error, config)
        )
        return 1
    return 0


def _in_words(error: Exception, config: Config) -> str:
    """Say what went wrong, and where: neither a failed write nor QuickFIX names the disk that is full."""
    fault = Room(config.directory).fault if config.directory.is_dir() else ""
    is_placeless = isinstance(error, OSError) and error.filename is None
    where = f"{config.directory}: " if is_placeless else ""
    return f"{where}{error}" + (f" ({fault})" if fault else "")


if __name__ == "__main__":
    sys.exit(main())
