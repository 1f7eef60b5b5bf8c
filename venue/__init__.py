"""The venue as its operator writes it down: configuration, members, and what of both the log has registered."""
