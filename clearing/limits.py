"""Every bound of clearing, with its unit and its reason. A bound is inclusive."""

from __future__ import annotations

BATCH_RECORDS_MAX = 4_096
"""Records of one database transaction. Two batches are held at a time: one being filled, one being applied."""

BATCH_BYTES_MAX = 1 << 22
"""Journal bytes of one database transaction; one record larger than this makes a batch of its own."""

READ_TIMEOUT_S = 0.2
"""How long one read of the log waits, and so how soon a stop is noticed."""

BACKOFF_FIRST_S = 0.1
"""Wait after the first failure of PostgreSQL; it doubles from there (RES-64)."""

BACKOFF_MAX_S = 3.2
"""Longest wait between two attempts."""

ATTEMPTS_QUIET = 3
"""Attempts that fail before the outage is logged as an error (SET-10)."""

STATEMENT_TIMEOUT_S = 30.0
"""A statement unanswered for longer counts as lost: its outcome is read from the cursor."""

CONNECT_TIMEOUT_S = 5.0
"""How long one attempt to connect may take."""

STORE_SILENCE_S = 5.0
"""An answer of PostgreSQL that takes longer is told as a fault: it may hang, and STATEMENT_TIMEOUT_S is far."""

BOOKS_CHUNK_ROWS = 5_000
"""Open orders read at a time at start: a fraction of a second, after which the process says that it goes on."""

STOP_TIMEOUT_S = 3.0
"""How long a stopping process waits for the batch at hand; the cursor makes leaving it safe."""

TAKEOVER_TIMEOUT_S = 5.0
"""How long a starting process waits for the lock on the books: the server may not have noticed yet that a
predecessor is gone."""

GATHER_S = 0.01
"""How long records gather once there are some. A batch costs a dozen round trips whatever it carries: two of them
back to back take longer to commit than one after a pause (bench: settlement)."""
