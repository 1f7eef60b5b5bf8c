"""The exchange held up: its processes started in order, watched, started again, stopped."""
