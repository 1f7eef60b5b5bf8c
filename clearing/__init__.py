"""The clearing house: follows the engine's log and keeps the books of record in PostgreSQL."""
