"""PostgreSQL: the only place with SQL, and the only importer of asyncpg."""

from clearing.store.reader import CHECKS, Progress, Reader, SettledBalance, SettledBalanceRow, open_reader
from clearing.store.writer import Store

__all__ = [
    "CHECKS",
    "Progress",
    "Reader",
    "SettledBalance",
    "SettledBalanceRow",
    "Store",
    "open_reader",
]
