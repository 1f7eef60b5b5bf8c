-- Views that must be empty, and views for people. Reconciliation reads the checks; so may anybody with psql.

CREATE VIEW clearing.trade_records AS
    SELECT t.*, s.settled_at_ns, CASE WHEN s.trade_id IS NULL THEN 'MATCHED' ELSE s.status END AS state
    FROM clearing.trades t LEFT JOIN clearing.settlements s USING (trade_id);

CREATE VIEW clearing.check_ledger_balanced AS
    SELECT seq, event_index, asset_id, sum(amount) AS off
    FROM clearing.postings GROUP BY seq, event_index, asset_id HAVING sum(amount) <> 0;

CREATE VIEW clearing.check_ledger_complete AS
    SELECT seq, event_index, l.kind AS head, count(p.amount) AS postings
    FROM clearing.ledger_transactions l FULL JOIN clearing.postings p USING (seq, event_index)
    GROUP BY seq, event_index, l.kind HAVING l.kind IS NULL OR count(p.amount) = 0;

CREATE VIEW clearing.check_balances AS
    SELECT account_id, asset_id, coalesce(p.total, 0) AS posted, coalesce(b.total, 0) AS booked
    FROM clearing.balances b
    FULL JOIN (SELECT account_id, asset_id, sum(amount) AS total FROM clearing.postings GROUP BY 1, 2) p
        USING (account_id, asset_id)
    WHERE coalesce(p.total, 0) <> coalesce(b.total, 0);

CREATE VIEW clearing.check_locked AS
    SELECT account_id, asset_id, coalesce(o.locked, 0) AS reserved, coalesce(b.locked, 0) AS booked
    FROM clearing.balances b
    FULL JOIN (SELECT account_id, locked_asset_id AS asset_id, sum(locked) AS locked
               FROM clearing.orders WHERE state IN (0, 1) GROUP BY 1, 2) o USING (account_id, asset_id)
    WHERE coalesce(o.locked, 0) <> coalesce(b.locked, 0);

CREATE VIEW clearing.check_conservation AS
    SELECT asset_id, sum(total) AS off FROM clearing.balances GROUP BY asset_id HAVING sum(total) <> 0;

CREATE VIEW clearing.check_settlements AS
    SELECT coalesce(t.seq, s.seq) AS seq, coalesce(t.event_index, s.event_index) AS event_index,
           CASE WHEN t.trade_id IS NULL THEN 'no trade' WHEN s.trade_id IS NULL THEN 'not settled' ELSE 'differs' END
               AS found
    FROM clearing.trades t FULL JOIN clearing.settlements s USING (trade_id)
    WHERE t.trade_id IS NULL OR s.trade_id IS NULL
       OR (t.seq, t.event_index, t.symbol_id, t.maker_account_id, t.taker_account_id,
           t.price, t.quantity, t.maker_fee, t.taker_fee)
          <> (s.seq, s.event_index, s.symbol_id, s.maker_account_id, s.taker_account_id,
              s.price, s.quantity, s.maker_fee, s.taker_fee);

-- What every trade must have posted, from its own price, quantity and fees (TRD-07).
CREATE VIEW clearing.due_postings AS
    WITH sides AS (
        SELECT t.seq, t.event_index, i.base_asset_id, i.quote_asset_id, i.fee_account_id,
               t.quantity AS base, t.price * t.quantity AS notional, t.maker_fee + t.taker_fee AS fees,
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

CREATE VIEW clearing.check_trades AS
    SELECT coalesce(d.seq, p.seq) AS seq, coalesce(d.event_index, p.event_index) AS event_index,
           coalesce(d.account_id, p.account_id) AS account_id, coalesce(d.asset_id, p.asset_id) AS asset_id,
           coalesce(d.amount, 0) AS due, coalesce(p.amount, 0) AS posted
    FROM clearing.due_postings d
    FULL JOIN (SELECT p.* FROM clearing.postings p JOIN clearing.ledger_transactions l USING (seq, event_index)
               WHERE l.kind = 'TRADE') p
        ON (p.seq, p.event_index, p.account_id, p.asset_id) = (d.seq, d.event_index, d.account_id, d.asset_id)
    WHERE coalesce(d.amount, 0) <> coalesce(p.amount, 0);

-- What its trades filled of every order (INV-20, INV-21).
CREATE VIEW clearing.check_orders AS
    SELECT o.order_id, o.cum_qty, coalesce(t.filled, 0) AS filled
    FROM clearing.orders o
    LEFT JOIN (SELECT order_id, sum(quantity) AS filled FROM (
                   SELECT maker_order_id AS order_id, quantity FROM clearing.trades
                   UNION ALL SELECT taker_order_id, quantity FROM clearing.trades) f GROUP BY order_id) t
        USING (order_id)
    WHERE o.cum_qty <> coalesce(t.filled, 0);

-- Batches cover every seq from 1 to the cursor: each begins where the one before ended (SEQ-01, INV-22).
CREATE VIEW clearing.check_gaps AS
    SELECT expected, found FROM (
        SELECT coalesce(lag(last_seq) OVER (ORDER BY first_seq), 0) + 1 AS expected, first_seq AS found
        FROM clearing.batches
        UNION ALL
        SELECT (SELECT coalesce(max(last_seq), 0) FROM clearing.batches), last_applied_seq FROM clearing.cursor
    ) chain WHERE expected <> found;
