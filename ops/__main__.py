"""The ``exchange`` command without installation: ``python -m ops``."""

from __future__ import annotations

from ops.cli import main

main()
