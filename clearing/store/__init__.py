"""PostgreSQL: the only place with SQL, and the only importer of asyncpg."""

from clearing.store.reader import CHECKS, Progress, Reader, SettledBalance, SettledBalanceRow, open_reader
from clearing.store.writer import Position, Store

__all__ = [
    "CHECKS",
    "Position",
    "Progress",
    "Reader",
    "SettledBalance",
    "SettledBalanceRow",
    "Store",
    "open_reader",
]
