"""Which bytes are a command: the layouts of :mod:`engine.api.messages`, and nothing besides."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import Side, TimeInForce
from engine.api.errors import WireError
from engine.api.messages.declare import COMMANDS
from engine.api.rejects import ErrorCode
from engine.api.wire import VERSION, decode_command, encode_command

_ID = limits.CL_ORD_ID_LENGTH_MAX
_NAME = limits.NAME_LENGTH_MAX
_TEXT = limits.TEXT_LENGTH_MAX
_ANY = 255  # as the member wrote it, as long as the layout carries it

TEXT_LENGTHS_MAX: dict[type, dict[str, int]] = {
    c.RegisterAsset: {"name": _NAME},
    c.RegisterFirm: {"name": _NAME},
    c.OpenAccount: {"name": _NAME},
    c.RegisterSession: {"comp_id": _NAME},
    c.Deposit: {"deposit_ref": limits.DEPOSIT_REF_LENGTH_MAX},
    c.NewOrder: {"cl_ord_id": _ID, "text": _TEXT},
    c.CancelOrder: {"cl_ord_id": _ID, "orig_cl_ord_id": _ID},
    c.ReplaceOrder: {"cl_ord_id": _ID, "orig_cl_ord_id": _ID},
    c.MassCancel: {"cl_ord_id": _ID},
    c.RequestOrderStatus: {"cl_ord_id": _ID, "ord_status_req_id": _TEXT},
    c.RefuseOrder: {"cl_ord_id": _ID, "text": _TEXT, "symbol": _ANY, "order_qty": _ANY, "price": _ANY},
}

NAMES_ITSELF = (c.NewOrder, c.CancelOrder, c.ReplaceOrder, c.MassCancel)
"""Commands that must have a ClOrdID."""

NUMBERS = frozenset(COMMANDS)
SIDES = frozenset({c.ABSENT, *map(int, Side)})
CODES = frozenset(ErrorCode)
TIMES_IN_FORCE = frozenset({c.ABSENT, *map(int, TimeInForce)})


class Refused(Exception):
    """A command that changes nothing, and why."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


def refuse_if(condition: bool, code: ErrorCode) -> None:
    """Refuse the command when ``condition`` holds."""
    if condition:
        raise Refused(code)


def read_command(raw: bytes) -> c.Command:
    """Read a command. Raises: Refused when the bytes are none."""
    if len(raw) < 2:
        raise Refused(ErrorCode.MALFORMED_COMMAND)
    if raw[0] not in NUMBERS or raw[1] != VERSION:
        raise Refused(ErrorCode.UNKNOWN_COMMAND)
    try:
        command = decode_command(raw)
    except WireError:
        raise Refused(ErrorCode.MALFORMED_COMMAND) from None
    # Zero bytes that are not zero and flags not in use do not survive a round trip.
    if encode_command(command) != raw or not is_well_formed(command):
        raise Refused(ErrorCode.MALFORMED_COMMAND)
    return command


def is_well_formed(command: c.Command) -> bool:
    """Tell whether the texts are printable and short enough, and the required ones there."""
    if isinstance(command, c.ListInstrument | c.ChangeInstrument):
        return is_text(command.instrument.symbol, _NAME)
    if isinstance(command, NAMES_ITSELF) and not command.cl_ord_id:
        return False
    if isinstance(command, c.CancelOrder | c.ReplaceOrder | c.MassCancel) and command.side not in SIDES:
        return False
    if isinstance(command, c.ReplaceOrder) and command.time_in_force not in TIMES_IN_FORCE:
        return False
    if isinstance(command, c.MassCancel) and command.code not in CODES:
        return False
    if isinstance(command, c.RefuseOrder) and command.code not in CODES - {ErrorCode.NONE}:
        return False
    lengths = TEXT_LENGTHS_MAX.get(type(command), {})
    return all(is_text(getattr(command, field), length_max) for field, length_max in lengths.items())


def is_text(text: str, length_max: int) -> bool:
    """Tell whether a text is printable ASCII of at most ``length_max`` characters."""
    return text.isascii() and text.isprintable() and len(text) <= length_max
