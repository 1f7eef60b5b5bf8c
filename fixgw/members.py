"""Members: the firms, their accounts and their CompIDs, as ``members.toml`` lists them.

The gateway takes credentials and default accounts from here; operations register the rest in the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.api import limits
from fixgw.errors import MembersError

Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_LENGTH_MAX, pattern="^[ -~]+$")]
CompId = Annotated[str, Meta(pattern="^[A-Z0-9-]{3,20}$")]
BcryptHash = Annotated[str, Meta(pattern=r"^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$")]


class AccountConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account; ``opening`` maps an asset's name to the decimal text credited once.

    SPOT and MARGIN accounts trade spot instruments, FUTURES accounts perpetuals.
    """

    account_id: Annotated[int, Meta(ge=1, le=limits.ACCOUNTS_MAX)]
    name: Name
    kind: Literal["SPOT", "MARGIN", "FUTURES"]
    opening: dict[str, str] = {}


class SessionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CompID with its bcrypt hash; ``default_account`` is used by orders without Account <1>."""

    session_id: Annotated[int, Meta(ge=1, le=limits.SESSIONS_MAX)]
    comp_id: CompId
    kind: Literal["order-entry", "drop-copy"]
    password_bcrypt: BcryptHash
    default_account: str = ""


class FirmConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member firm with its accounts and sessions."""

    firm_id: Annotated[int, Meta(ge=1, le=0xFFFF)]
    name: Name
    account: list[AccountConfig] = []
    session: list[SessionConfig] = []


class Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of ``members.toml``."""

    firm: list[FirmConfig]

    def sessions(self, kind: str) -> list[SessionConfig]:
        """List the sessions of one kind, in the order of the file."""
        return [session for firm in self.firm for session in firm.session if session.kind == kind]


def load_members(path: Path) -> Members:
    """Read ``members.toml`` strictly. Raises: MembersError naming the key; OSError when it cannot be read."""
    try:
        members = msgspec.toml.decode(path.read_bytes(), type=Members)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MembersError(str(error)) from error
    _check_unique("firm_id", (firm.firm_id for firm in members.firm))
    _check_unique("account_id", (a.account_id for firm in members.firm for a in firm.account))
    _check_unique("session_id", (s.session_id for firm in members.firm for s in firm.session))
    _check_unique("comp_id", (s.comp_id for firm in members.firm for s in firm.session))
    for firm in members.firm:
        _check_firm(firm)
    return members


def _check_unique(key: str, values: Iterable[int | str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise MembersError(f"{key} {value} is given {count} times")


def _check_firm(firm: FirmConfig) -> None:
    names = [account.name for account in firm.account]
    _check_unique(f"firm {firm.name}: account name", names)
    for session in firm.session:
        if session.default_account and session.default_account not in names:
            raise MembersError(f"session {session.comp_id}: default_account {session.default_account} is no account")
