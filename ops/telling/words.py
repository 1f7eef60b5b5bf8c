"""Names of enumerations as words."""

from __future__ import annotations


def words(name: str) -> str:
    """Write the name of a member of an enumeration as words."""
    return name.lower().replace("_", " ")
