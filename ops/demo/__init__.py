"""The demonstration: a fresh exchange, two firms, a thousand orders, and the proof that everybody agrees."""
