"""Run a clearing process: ``python -m clearing --data DIR --dsn DSN``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import structlog

from clearing.process import Config, serve


def main() -> int:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="clearing", description="Settle the engine's log in PostgreSQL.")
    parser.add_argument("--data", type=Path, default=Path("var"), help="data directory of the engine")
    parser.add_argument(
        "--dsn",
        default=os.environ.get("EXCHANGE_DSN"),
        required="EXCHANGE_DSN" not in os.environ,
        help="PostgreSQL 15 or newer, as postgresql://user@host/database; EXCHANGE_DSN keeps a password off the screen",
    )
    parser.add_argument("--heartbeat-fd", type=int, help="where to say, once a second, that the loop turns")
    parser.add_argument("--verbose", action="store_true", help="log every settled batch")
    arguments = parser.parse_args()
    level = logging.DEBUG if arguments.verbose else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return serve(Config(arguments.data, arguments.dsn, arguments.heartbeat_fd))


if __name__ == "__main__":
    sys.exit(main())
