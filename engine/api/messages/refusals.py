"""Bytes that are no command, and commands of operations that were refused."""

from __future__ import annotations

import msgspec

from engine.api.messages.declare import event


class Malformed(msgspec.Struct, frozen=True):
    """Bytes the core refused because they are no command it knows, kept as they came. Event: CommandRefused."""

    raw: bytes


@event(23, "code:u16 zero:2")
class CommandRefused(msgspec.Struct, frozen=True):
    """A command of operations, or a malformed one, was refused and changed nothing."""

    code: int
