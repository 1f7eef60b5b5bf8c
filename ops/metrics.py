"""Metrics for Prometheus, on loopback: what runs, how often it was restarted, how far clearing is behind."""

from __future__ import annotations

PERIOD_S = 5.0
"""How often the figures are read; they are never older than 60 s (SVC-17)."""
