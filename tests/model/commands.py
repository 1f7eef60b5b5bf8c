"""Which bytes are a command: the layouts of :mod:`engine.api.wire`, and nothing besides."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import CommandType, Side
from engine.api.errors import WireError
from engine.api.rejects import ErrorCode
from engine.api.wire import VERSION, decode_command, encode_command

TEXT_LENGTHS_MAX: dict[type, dict[str, int]] = {
    c.RegisterAsset: {"name": limits.NAME_LENGTH_MAX},
    c.RegisterFirm: {"name": limits.NAME_LENGTH_MAX},
    c.OpenAccount: {"name": limits.NAME_LENGTH_MAX},
    c.RegisterSession: {"comp_id": limits.NAME_LENGTH_MAX},
    c.Deposit: {"deposit_ref": limits.DEPOSIT_REF_LENGTH_MAX},
    c.NewOrder: {"cl_ord_id": limits.CL_ORD_ID_LENGTH_MAX, "text": limits.TEXT_LENGTH_MAX},
    c.CancelOrder: {"cl_ord_id": limits.CL_ORD_ID_LENGTH_MAX, "orig_cl_ord_id": limits.CL_ORD_ID_LENGTH_MAX},
    c.RequestOrderStatus: {"cl_ord_id": limits.CL_ORD_ID_LENGTH_MAX, "ord_status_req_id": limits.TEXT_LENGTH_MAX},
    c.RefuseOrder: {
        "cl_ord_id": limits.CL_ORD_ID_LENGTH_MAX,
        "text": limits.TEXT_LENGTH_MAX,
        # As the member wrote them, as long as the layout carries them.
        "symbol": 255,
        "order_qty": 255,
        "price": 255,
    },
}


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
    if raw[0] not in set(CommandType) or raw[1] != VERSION:
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
    if isinstance(command, c.ListInstrument):
        return is_text(command.instrument.symbol, limits.NAME_LENGTH_MAX)
    if isinstance(command, c.NewOrder | c.CancelOrder) and not command.cl_ord_id:
        return False
    if isinstance(command, c.CancelOrder) and command.side not in (c.ABSENT, Side.BUY, Side.SELL):
        return False
    lengths = TEXT_LENGTHS_MAX[type(command)]
    return all(is_text(getattr(command, field), length_max) for field, length_max in lengths.items())


def is_text(text: str, length_max: int) -> bool:
    """Tell whether a text is printable ASCII of at most ``length_max`` characters."""
    return text.isascii() and text.isprintable() and len(text) <= length_max
