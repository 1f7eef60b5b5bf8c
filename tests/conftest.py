"""Temporary directories of this checkout alone: pytest closes their common root to others at every start of a session,
and an embedded PostgreSQL, which is another user's process where we are root, would lose its way."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path

_ROOT = Path(tempfile.gettempdir()) / f"x-{sha256(__file__.encode()).hexdigest()[:6]}"
_ROOT.mkdir(exist_ok=True)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_ROOT))
