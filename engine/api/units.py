"""Decimal text on one side, whole numbers on the other: the only place that converts.

Units: a price is a count of ticks, a quantity a count of lots, an amount a count of minor units of its
asset. FIX numbers arrive as text and never pass through a float (FIX-13); nothing is rounded here:
text that is not an exact multiple is refused.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NewType

import msgspec

from engine.api.errors import UnitError

Ticks = NewType("Ticks", int)
"""A price, or a difference of prices, as a count of the instrument's ticks."""

Lots = NewType("Lots", int)
"""A quantity as a count of the instrument's lots; a position's is signed."""

Minor = NewType("Minor", int)
"""An amount as a count of its asset's minor units."""

TimestampNs = NewType("TimestampNs", int)
"""Exchange time: nanoseconds since 1970, UTC."""

FORMATS_REMEMBERED = 1 << 16
"""Texts of amounts kept for their next use: prices and quantities of a market repeat."""

_PLAIN = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?", re.ASCII)


class Step(msgspec.Struct, frozen=True):
    """A tick or a lot: ``mantissa * 10**-decimals`` of its asset, mantissa at least 1."""

    mantissa: int
    decimals: int

    @classmethod
    def parse(cls, text: str) -> Step:
        """Read a step from configuration text such as ``0.01``. Raises: UnitError unless positive."""
        mantissa, decimals = parse_plain(text)
        if mantissa <= 0:
            raise UnitError(f"a step must be positive, not {text!r}")
        while decimals and mantissa % 10 == 0:
            mantissa, decimals = mantissa // 10, decimals - 1
        return cls(mantissa, decimals)

    def __str__(self) -> str:
        return format_minor(self.mantissa, self.decimals)


def parse_plain(text: str) -> tuple[int, int]:
    """Read a plain decimal as ``(digits, decimals)``, trailing zeros dropped.

    Raises: UnitError for an exponent, a plus sign, a bare point, or anything else that is not a plain decimal.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise UnitError(f"not a plain decimal: {text[:40]!r}")
    sign, whole, fraction = match.groups()
    fraction = (fraction or "").rstrip("0")
    digits = int(whole + fraction)
    return (-digits if sign else digits), len(fraction)


def to_steps(text: str, step: Step) -> int:
    """Convert decimal text to a whole count of ``step``.

    Raises: UnitError when the text is not a plain decimal, or lies between two steps.
    """
    digits, decimals = parse_plain(text)
    if decimals > step.decimals:
        raise UnitError(f"{text} has more decimals than the step {step}")
    scaled = digits * int(10 ** (step.decimals - decimals))
    if scaled % step.mantissa:
        raise UnitError(f"{text} is not a multiple of {step}")
    return scaled // step.mantissa


def format_steps(count: int, step: Step) -> str:
    """Write a count of ``step`` as canonical decimal text."""
    return format_minor(count * step.mantissa, step.decimals)


def to_minor(text: str, decimals: int) -> Minor:
    """Convert decimal text to minor units of an asset with ``decimals``. Raises: UnitError, never rounds."""
    return Minor(to_steps(text, Step(1, decimals)))


@lru_cache(FORMATS_REMEMBERED)
def format_minor(amount: int, decimals: int) -> str:
    """Write minor units as canonical decimal text: no exponent, no trailing zeros (DET-04)."""
    if decimals == 0:
        return str(amount)
    digits = str(abs(amount)).rjust(decimals + 1, "0")
    text = f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")
    return f"-{text}" if amount < 0 else text


def minor_to_decimal(amount: int, decimals: int) -> Decimal:
    """Convert minor units to the exact Decimal that SQL stores."""
    return Decimal(f"{amount}E-{decimals}")


def decimal_to_minor(value: Decimal, decimals: int) -> Minor:
    """Convert a Decimal from SQL back to minor units. Raises: UnitError when it is not a whole number."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise UnitError(f"not a number: {value}")
    shift = exponent + decimals
    whole = int("".join(map(str, digits)))
    if shift >= 0:
        whole *= int(10**shift)
    else:
        whole, rest = divmod(whole, int(10**-shift))
        if rest:
            raise UnitError(f"{value} is finer than {decimals} decimals")
    return Minor(-whole if sign else whole)
