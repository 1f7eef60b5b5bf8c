"""Connections to PostgreSQL, and what their failures mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from clearing.errors import StoreRefused, StoreUnavailable
from clearing.limits import CONNECT_TIMEOUT_S, STATEMENT_TIMEOUT_S

_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn asyncpg's exceptions into faults of clearing.

    Raises: StoreUnavailable when trying again may help, StoreRefused when the database said no.
    """
    try:
        yield
    except _UNAVAILABLE as error:
        raise StoreUnavailable(_in_words(error)) from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):  # asyncpg's DataError: a value that is not of its column's type
            raise StoreRefused(str(error)) from error
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    except asyncpg.PostgresError as error:
        raise StoreRefused(f"{error.sqlstate}: {error}") from error


def _in_words(error: BaseException) -> str:
    """Say what went wrong as a person would; PostgreSQL's own sentences are good as they are."""
    match error:
        case ConnectionRefusedError() | FileNotFoundError():
            return f"nobody listens there ({_place(error)})"
        case TimeoutError():
            return "no answer in time"
        case OSError(strerror=str(reason)):
            return reason
        case asyncpg.PostgresError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}"


def _place(error: OSError) -> str:
    """Find the address in the text of asyncio, or the file that is not there."""
    return str(error.filename or error.strerror or error).removeprefix("Connect call failed ")


async def connect(dsn: str, settings: dict[str, str]) -> Any:
    """Open a connection whose every statement is answered within STATEMENT_TIMEOUT_S."""
    return await asyncpg.connect(
        dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S, server_settings=settings
    )
