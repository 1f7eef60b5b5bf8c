"""The books as operations read them: balances and progress, by plain calls."""

from __future__ import annotations

import asyncio

from clearing.store import Progress, SettledBalanceRow, open_reader


def settled_balances(dsn: str) -> list[SettledBalanceRow]:
    """Read every balance in the books, CUSTODY included, by account and asset.

    Raises: StoreUnavailable, StoreRefused (which it also is before clearing ran for the first time).
    """

    async def read() -> list[SettledBalanceRow]:
        async with open_reader(dsn) as reader:
            return await reader.balance_rows()

    return asyncio.run(read())


def settled_progress(dsn: str) -> Progress:
    """Read how far the books are. Raises: as :func:`settled_balances`."""

    async def read() -> Progress:
        async with open_reader(dsn) as reader:
            return await reader.progress()

    return asyncio.run(read())
