-- What the database refuses by itself, whoever asks.

CREATE FUNCTION clearing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of clearing.% is refused: corrections are new entries', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Written once: no UPDATE, DELETE or TRUNCATE, also for administrators (SET-04, EVT-07).
DO $$
DECLARE
    written_once text;
BEGIN
    FOREACH written_once IN ARRAY ARRAY['ledger_transactions', 'postings', 'trades', 'settlements', 'batches'] LOOP
        EXECUTE format(
            'CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.%I
             FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change()', written_once);
        EXECUTE format('REVOKE DELETE, TRUNCATE ON clearing.%I FROM PUBLIC, CURRENT_USER', written_once);
    END LOOP;
    -- clearing.trades keeps UPDATE for its owner: the lock that a foreign key takes there asks for it. The trigger holds.
    FOREACH written_once IN ARRAY ARRAY['ledger_transactions', 'postings', 'settlements', 'batches'] LOOP
        EXECUTE format('REVOKE UPDATE ON clearing.%I FROM PUBLIC, CURRENT_USER', written_once);
    END LOOP;
END $$;

CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON clearing.orders
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON clearing.balances
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON clearing.cursor
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();

-- Orders move forward only, and a terminal one never (OST-02, OST-03); what was ordered does not change.
CREATE TRIGGER forward_only BEFORE UPDATE ON clearing.orders FOR EACH ROW
    WHEN (OLD.state NOT IN (0, 1) OR NEW.state = 0 OR NEW.cum_qty < OLD.cum_qty OR NEW.changed_seq <= OLD.changed_seq
          OR (OLD.order_id, OLD.account_id, OLD.symbol_id, OLD.side, OLD.order_qty, OLD.price, OLD.cl_ord_id)
             IS DISTINCT FROM
             (NEW.order_id, NEW.account_id, NEW.symbol_id, NEW.side, NEW.order_qty, NEW.price, NEW.cl_ord_id))
    EXECUTE FUNCTION clearing.refuse_change();

-- Every statement adds whole transactions: its postings have a head, and sum to zero per asset (TRD-07, INV-01).
CREATE FUNCTION clearing.refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT seq, event_index, asset_id, sum(amount) AS off INTO bad
        FROM new_postings GROUP BY seq, event_index, asset_id HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger transaction (%, %) is off balance in asset % by %',
            bad.seq, bad.event_index, bad.asset_id, bad.off USING ERRCODE = 'check_violation';
    END IF;
    SELECT p.seq, p.event_index INTO bad
        FROM (SELECT DISTINCT seq, event_index FROM new_postings) p
        WHERE NOT EXISTS (SELECT FROM clearing.ledger_transactions t
                          WHERE t.seq = p.seq AND t.event_index = p.event_index)
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'postings (%, %) belong to no ledger transaction', bad.seq, bad.event_index
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER balanced AFTER INSERT ON clearing.postings
    REFERENCING NEW TABLE AS new_postings
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_unbalanced();

-- The cursor moves forward, and only over whole trades: each with its settlement and its postings (SET-03, INV-05).
CREATE FUNCTION clearing.refuse_unsettled() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    bad record;
BEGIN
    IF NEW.last_applied_seq <= OLD.last_applied_seq THEN
        RAISE EXCEPTION 'the cursor moves forward only, not from % to %', OLD.last_applied_seq, NEW.last_applied_seq
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT t.seq, t.event_index INTO bad
        FROM clearing.trades t
        LEFT JOIN clearing.settlements s USING (trade_id)
        LEFT JOIN clearing.ledger_transactions l ON l.seq = t.seq AND l.event_index = t.event_index
        WHERE t.seq > OLD.last_applied_seq AND (s.trade_id IS NULL OR l.kind IS DISTINCT FROM 'TRADE')
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'trade (%, %) is not settled', bad.seq, bad.event_index USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER settled_behind BEFORE UPDATE ON clearing.cursor FOR EACH ROW EXECUTE FUNCTION clearing.refuse_unsettled();
