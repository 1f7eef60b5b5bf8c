"""BusinessMessageReject <j>: an answer at once, without a record. The request it answers had no effect."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.api.rejects import ErrorCode, meaning_of

OTHER, UNSUPPORTED_TYPE, NOT_AVAILABLE, CONDITIONAL = 0, 3, 4, 5
"""BusinessRejectReason <380>."""


class BusinessReject(msgspec.Struct, frozen=True):
    """What the answer says: ``reason`` is its tag 380, ``code`` its 20016, ``tag`` its 20006."""

    reason: int
    text: str
    code: int = 0
    tag: int = 0


UNSUPPORTED = BusinessReject(UNSUPPORTED_TYPE, "unsupported message type")
AWAY = BusinessReject(NOT_AVAILABLE, "the exchange is not available; the request had no effect")
FAULT = BusinessReject(NOT_AVAILABLE, "1050: internal: the request had no effect", ErrorCode.INTERNAL)


def refusal(code: ErrorCode, tag: int = 0) -> BusinessReject:
    """Answer a request of another kind than D by a coded BusinessMessageReject."""
    return BusinessReject(OTHER, f"{code}: {meaning_of(code).words}", code, tag)


def conditional(tag: int) -> BusinessReject:
    """Answer a message without a field that its other fields demand."""
    return BusinessReject(CONDITIONAL, f"conditionally required field {tag} is missing", 0, tag)


def reject_text(fields: Mapping[str, str], reject: BusinessReject) -> str:
    """Write the answer to a message, naming its ClOrdID <11> in 379 whenever it has one."""
    ref = f"379={fields['11']}\x01" if "11" in fields else ""
    code = f"20016={reject.code}\x01" if reject.code else ""
    tag = f"20006={reject.tag}\x01" if reject.tag else ""
    return (
        f"35=j\x0145={fields['34']}\x01372={fields['35']}\x01{ref}380={reject.reason}\x01"
        f"58={reject.text}\x01{code}{tag}"
    )
