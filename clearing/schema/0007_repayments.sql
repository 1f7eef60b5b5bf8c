-- Debts of cross positions are paid from what becomes available: reason 5, and what is added to the debt is negative.
ALTER TABLE clearing.position_changes
    DROP CONSTRAINT position_changes_reason_check,
    DROP CONSTRAINT position_changes_debt_added_check,
    ADD CONSTRAINT position_changes_reason_check CHECK (reason BETWEEN 1 AND 5),
    ADD CONSTRAINT position_changes_debt_added_check CHECK ((debt_added < 0) = (reason = 5));
