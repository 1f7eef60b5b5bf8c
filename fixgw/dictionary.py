"""The dialect of FIX 4.4 spoken here: its dictionary file."""

from __future__ import annotations

from pathlib import Path

DICTIONARY = Path(__file__).resolve().parent.parent / "spec" / "FIX44.xml"
