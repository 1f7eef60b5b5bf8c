"""One runnable benchmark per published figure: ``python -m bench NAME [--json]``."""
