-- Everything beside spot with limit and market orders: more order types, replaces, loans, transfers, perpetuals.

-- kind: 2 MARGIN, 3 FUTURES, 4 CLEARING_PNL besides those above. lending_account_id: who lends the asset, if anybody.
ALTER TABLE clearing.assets ADD COLUMN weight_ppm integer NOT NULL DEFAULT 1000000;
ALTER TABLE clearing.assets ADD COLUMN lending_account_id bigint REFERENCES clearing.accounts;

-- kind: 1 SPOT, 2 PERPETUAL. A perpetual has a clearing PnL account of its own (DRV-11).
ALTER TABLE clearing.instruments ADD COLUMN kind smallint NOT NULL DEFAULT 1 CHECK (kind IN (1, 2));
ALTER TABLE clearing.instruments ADD COLUMN pnl_account_id bigint UNIQUE REFERENCES clearing.accounts;
ALTER TABLE clearing.instruments ADD CHECK ((kind = 2) = (pnl_account_id IS NOT NULL));

-- Custody and the clearing PnL accounts alone may be negative.
ALTER TABLE clearing.balances DROP CONSTRAINT balance_not_negative;
ALTER TABLE clearing.balances ADD CONSTRAINT balance_not_negative CHECK (locked >= 0);

CREATE FUNCTION clearing.refuse_negative() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM clearing.accounts WHERE account_id = NEW.account_id AND kind IN (4, 255)) THEN
        RAISE EXCEPTION 'balance_not_negative: account % would have % of asset %',
            NEW.account_id, NEW.available, NEW.asset_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER not_negative BEFORE INSERT OR UPDATE ON clearing.balances FOR EACH ROW
    WHEN (NEW.available < 0) EXECUTE FUNCTION clearing.refuse_negative();

-- ord_type: 3 stop, 4 stop-limit, 32 pegged (FIX's character less '0'). time_in_force: 0 DAY, 6 GTD. exec_inst: flags
-- of the engine (1 post-only, 2 reduce-only, 4 slide, 8 liquidation). price and order_qty are those in force: a replace
-- or restatement changes them. work_price: the price at which an open order works, 0 while it waits for one.
ALTER TABLE clearing.orders DROP CONSTRAINT orders_ord_type_check;
ALTER TABLE clearing.orders DROP CONSTRAINT orders_time_in_force_check;
ALTER TABLE clearing.orders ADD CONSTRAINT orders_ord_type_check CHECK (ord_type IN (1, 2, 3, 4, 32));
ALTER TABLE clearing.orders ADD CONSTRAINT orders_time_in_force_check CHECK (time_in_force IN (0, 1, 3, 4, 6));
ALTER TABLE clearing.orders ADD COLUMN stop_px numeric(36,18) NOT NULL DEFAULT 0;
ALTER TABLE clearing.orders ADD COLUMN work_price numeric(36,18) NOT NULL DEFAULT 0;
ALTER TABLE clearing.orders ADD COLUMN exec_inst smallint NOT NULL DEFAULT 0;

DROP TRIGGER forward_only ON clearing.orders;
UPDATE clearing.orders SET work_price = price WHERE state IN (0, 1);

-- Orders move forward only, and a terminal one never (OST-02, OST-03); whose it is and where does not change.
CREATE TRIGGER forward_only BEFORE UPDATE ON clearing.orders FOR EACH ROW
    WHEN (OLD.state NOT IN (0, 1) OR NEW.state < OLD.state OR NEW.cum_qty < OLD.cum_qty
          OR NEW.changed_seq <= OLD.changed_seq
          OR (OLD.order_id, OLD.account_id, OLD.symbol_id, OLD.side, OLD.ord_type, OLD.cl_ord_id, OLD.exec_inst)
             IS DISTINCT FROM
             (NEW.order_id, NEW.account_id, NEW.symbol_id, NEW.side, NEW.ord_type, NEW.cl_ord_id, NEW.exec_inst))
    EXECUTE FUNCTION clearing.refuse_change();

ALTER TABLE clearing.ledger_transactions DROP CONSTRAINT ledger_transactions_kind_check;
ALTER TABLE clearing.ledger_transactions ADD CONSTRAINT ledger_transactions_kind_check
    CHECK (kind IN ('DEPOSIT', 'TRADE', 'TRANSFER', 'LOAN', 'REPAYMENT', 'PNL', 'DEBT'));

-- Fees went to this account, whichever collects them now.
ALTER TABLE clearing.trades ADD COLUMN fee_account_id bigint REFERENCES clearing.accounts;
ALTER TABLE clearing.trades DISABLE TRIGGER written_once;
UPDATE clearing.trades t SET fee_account_id = i.fee_account_id FROM clearing.instruments i
    WHERE i.symbol_id = t.symbol_id;
ALTER TABLE clearing.trades ENABLE TRIGGER written_once;
ALTER TABLE clearing.trades ALTER COLUMN fee_account_id SET NOT NULL;

-- What an account owes of an asset. The money is in its balance; this is the claim beside it.
CREATE TABLE clearing.loans (
    account_id  bigint         NOT NULL REFERENCES clearing.accounts,
    asset_id    integer        NOT NULL REFERENCES clearing.assets,
    amount      numeric(36,18) NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (account_id, asset_id)
);

-- Positions in perpetuals: size and cost signed; margin is locked, debt is owed to the clearing PnL account.
CREATE TABLE clearing.positions (
    account_id    bigint         NOT NULL REFERENCES clearing.accounts,
    symbol_id     integer        NOT NULL REFERENCES clearing.instruments,
    leverage      smallint       NOT NULL CHECK (leverage BETWEEN 1 AND 125),
    is_isolated   boolean        NOT NULL,
    size          numeric(36,18) NOT NULL,
    cost          numeric(48,18) NOT NULL,
    margin        numeric(36,18) NOT NULL CHECK (margin >= 0),
    added_margin  numeric(36,18) NOT NULL CHECK (added_margin >= 0),
    debt          numeric(36,18) NOT NULL CHECK (debt >= 0),
    changed_seq   bigint         NOT NULL,
    PRIMARY KEY (account_id, symbol_id)
) WITH (fillfactor = 80);

-- reason: 1 trade, 2 leverage, 3 margin, 4 debt, as in the engine.
CREATE TABLE clearing.position_changes (
    seq           bigint         NOT NULL,
    event_index   integer        NOT NULL,
    ts_ns         bigint         NOT NULL,
    account_id    bigint         NOT NULL,
    symbol_id     integer        NOT NULL,
    reason        smallint       NOT NULL CHECK (reason BETWEEN 1 AND 4),
    leverage      smallint       NOT NULL,
    is_isolated   boolean        NOT NULL,
    size          numeric(36,18) NOT NULL,
    cost          numeric(48,18) NOT NULL,
    margin        numeric(36,18) NOT NULL,
    added_margin  numeric(36,18) NOT NULL,
    debt          numeric(36,18) NOT NULL,
    realized_pnl  numeric(48,18) NOT NULL,
    debt_added    numeric(36,18) NOT NULL CHECK (debt_added >= 0),
    PRIMARY KEY (seq, event_index)
);

CREATE INDEX position_changes_by_position ON clearing.position_changes (account_id, symbol_id, seq);

CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.position_changes
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON clearing.position_changes FROM PUBLIC, CURRENT_USER;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON clearing.positions
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON clearing.loans
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();

-- A trade in a perpetual without fees posts nothing.
CREATE OR REPLACE VIEW clearing.check_ledger_complete AS
    SELECT seq, event_index, l.kind AS head, count(p.amount) AS postings
    FROM clearing.ledger_transactions l
    FULL JOIN clearing.postings p USING (seq, event_index)
    LEFT JOIN (SELECT t.seq, t.event_index, true AS is_free
               FROM clearing.trades t JOIN clearing.instruments i USING (symbol_id)
               WHERE i.kind = 2 AND t.maker_fee = 0 AND t.taker_fee = 0) free USING (seq, event_index)
    GROUP BY seq, event_index, l.kind
    HAVING l.kind IS NULL OR (count(p.amount) = 0 AND NOT (l.kind = 'TRADE' AND bool_or(coalesce(is_free, false))));

-- Locked is what open orders reserve, and the margin of positions.
CREATE OR REPLACE VIEW clearing.check_locked AS
    SELECT account_id, asset_id, coalesce(o.locked, 0) AS reserved, coalesce(b.locked, 0) AS booked
    FROM clearing.balances b
    FULL JOIN (
        SELECT account_id, asset_id, sum(locked) AS locked FROM (
            SELECT account_id, locked_asset_id AS asset_id, locked FROM clearing.orders WHERE state IN (0, 1)
            UNION ALL
            SELECT p.account_id, i.quote_asset_id, p.margin
            FROM clearing.positions p JOIN clearing.instruments i USING (symbol_id)
        ) held GROUP BY 1, 2) o USING (account_id, asset_id)
    WHERE coalesce(o.locked, 0) <> coalesce(b.locked, 0);

-- What every trade must have posted, from its own price, quantity and fees (TRD-07); in a perpetual the fees alone.
CREATE OR REPLACE VIEW clearing.due_postings AS
    WITH sides AS (
        SELECT t.seq, t.event_index, i.base_asset_id, i.quote_asset_id, t.fee_account_id,
               CASE i.kind WHEN 1 THEN t.quantity ELSE 0 END AS base,
               CASE i.kind WHEN 1 THEN t.price * t.quantity ELSE 0 END AS notional,
               t.maker_fee + t.taker_fee AS fees,
               CASE t.taker_side WHEN 1 THEN t.taker_account_id ELSE t.maker_account_id END AS buyer,
               CASE t.taker_side WHEN 1 THEN t.maker_account_id ELSE t.taker_account_id END AS seller,
               CASE t.taker_side WHEN 1 THEN t.taker_fee ELSE t.maker_fee END AS buyer_fee,
               CASE t.taker_side WHEN 1 THEN t.maker_fee ELSE t.taker_fee END AS seller_fee
        FROM clearing.trades t JOIN clearing.instruments i USING (symbol_id)
    )
    SELECT s.seq, s.event_index, due.account_id, due.asset_id, due.amount
    FROM sides s CROSS JOIN LATERAL (VALUES
        (s.buyer, s.base_asset_id, s.base),
        (s.seller, s.base_asset_id, -s.base),
        (s.buyer, s.quote_asset_id, -(s.notional + s.buyer_fee)),
        (s.seller, s.quote_asset_id, s.notional - s.seller_fee),
        (s.fee_account_id, s.quote_asset_id, s.fees)) AS due (account_id, asset_id, amount)
    WHERE due.amount <> 0;

-- A position is what its last change left, and every change posted what was realized against the clearing PnL account.
CREATE VIEW clearing.check_positions AS
    SELECT coalesce(p.account_id, c.account_id) AS account_id, coalesce(p.symbol_id, c.symbol_id) AS symbol_id,
           c.last AS told, p.now AS booked
    FROM (SELECT account_id, symbol_id, (leverage, is_isolated, size, cost, margin, added_margin, debt)::text AS now
          FROM clearing.positions) p
    FULL JOIN (SELECT DISTINCT ON (account_id, symbol_id) account_id, symbol_id,
                      (leverage, is_isolated, size, cost, margin, added_margin, debt)::text AS last
               FROM clearing.position_changes ORDER BY account_id, symbol_id, seq DESC, event_index DESC) c
        USING (account_id, symbol_id)
    WHERE p.now IS DISTINCT FROM c.last;

CREATE VIEW clearing.check_pnl AS
    SELECT coalesce(d.seq, p.seq) AS seq, coalesce(d.event_index, p.event_index) AS event_index,
           coalesce(d.account_id, p.account_id) AS account_id, coalesce(d.asset_id, p.asset_id) AS asset_id,
           coalesce(d.amount, 0) AS due, coalesce(p.amount, 0) AS posted
    FROM (SELECT c.seq, c.event_index, due.account_id, i.quote_asset_id AS asset_id, due.amount
          FROM clearing.position_changes c JOIN clearing.instruments i USING (symbol_id)
          CROSS JOIN LATERAL (VALUES (c.account_id, c.realized_pnl + c.debt_added),
                                     (i.pnl_account_id, -(c.realized_pnl + c.debt_added))) AS due (account_id, amount)
          WHERE due.amount <> 0) d
    FULL JOIN (SELECT p.* FROM clearing.postings p JOIN clearing.ledger_transactions l USING (seq, event_index)
               WHERE l.kind = 'PNL') p
        ON (p.seq, p.event_index, p.account_id, p.asset_id) = (d.seq, d.event_index, d.account_id, d.asset_id)
    WHERE coalesce(d.amount, 0) <> coalesce(p.amount, 0);

-- For every perpetual: all sizes are zero together, and so are balance of the clearing PnL account, debts and costs
-- (DRV-11, INV-06).
CREATE VIEW clearing.check_perpetuals AS
    SELECT symbol_id, sizes, off FROM (
        SELECT i.symbol_id, sum(p.size) AS sizes,
               coalesce((SELECT b.total FROM clearing.balances b
                         WHERE b.account_id = i.pnl_account_id AND b.asset_id = i.quote_asset_id), 0)
               + sum(p.debt) + sum(p.cost) AS off
        FROM clearing.instruments i JOIN clearing.positions p USING (symbol_id)
        GROUP BY i.symbol_id) s
    WHERE sizes <> 0 OR off <> 0;

-- What is owed is what was lent and not repaid.
CREATE VIEW clearing.check_loans AS
    SELECT account_id, asset_id, coalesce(p.lent, 0) AS lent, coalesce(l.amount, 0) AS booked
    FROM clearing.loans l
    FULL JOIN (SELECT p.account_id, p.asset_id, sum(p.amount) AS lent
               FROM clearing.postings p JOIN clearing.ledger_transactions t USING (seq, event_index)
               JOIN clearing.accounts a USING (account_id)
               WHERE t.kind IN ('LOAN', 'REPAYMENT') AND a.kind = 2 GROUP BY 1, 2) p USING (account_id, asset_id)
    WHERE coalesce(p.lent, 0) <> coalesce(l.amount, 0);
