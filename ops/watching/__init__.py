"""A running exchange as operators see it: its processes, its engine, its books, figures for Prometheus."""
