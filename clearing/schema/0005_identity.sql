-- Which journal the books are of, and how every batch chains to the one before.

-- journal: its identity in 16 hexadecimal digits, empty before the first record.
ALTER TABLE clearing.cursor ADD COLUMN journal text NOT NULL DEFAULT '' CHECK (journal ~ '^([0-9a-f]{16})?$');

-- Checksums of the record before the batch, and of its last.
ALTER TABLE clearing.batches ADD COLUMN prev_crc bigint NOT NULL DEFAULT 0;
ALTER TABLE clearing.batches ADD COLUMN last_crc bigint NOT NULL DEFAULT 0;

-- Each batch follows the record that ended the one before, and the cursor is the last of them (SEQ-01).
CREATE VIEW clearing.check_chain AS
    SELECT first_seq, expected, found FROM (
        SELECT first_seq, coalesce(lag(last_crc) OVER (ORDER BY first_seq), 0) AS expected, prev_crc AS found
        FROM clearing.batches
        UNION ALL
        SELECT last_applied_seq + 1,
               coalesce((SELECT last_crc FROM clearing.batches ORDER BY first_seq DESC LIMIT 1), 0), last_crc
        FROM clearing.cursor
    ) chain WHERE expected <> found;
