-- The books of record. Amounts are NUMERIC(36,18), times BIGINT nanoseconds of exchange time (ACC-40, SET-06).
-- seq is the number of the record in the engine's log; (seq, event_index) names one event.

CREATE TABLE clearing.assets (
    asset_id  integer  PRIMARY KEY,
    name      text     NOT NULL,
    decimals  smallint NOT NULL CHECK (decimals BETWEEN 0 AND 18)
);

CREATE TABLE clearing.firms (
    firm_id  bigint PRIMARY KEY,
    name     text   NOT NULL
);

-- kind: 0 SYSTEM, 1 SPOT as in the engine; 255 CUSTODY, the counter account of deposits, which only clearing knows.
CREATE TABLE clearing.accounts (
    account_id  bigint   PRIMARY KEY,
    firm_id     bigint   NOT NULL REFERENCES clearing.firms,
    kind        smallint NOT NULL,
    name        text     NOT NULL,
    CHECK ((account_id = 0) = (kind = 255))
);

INSERT INTO clearing.firms VALUES (0, 'EXCHANGE');
INSERT INTO clearing.accounts VALUES (0, 0, 255, 'CUSTODY');

-- definition is the ListInstrument command as it was journaled; the other columns repeat parts of it for people.
CREATE TABLE clearing.instruments (
    symbol_id       integer        PRIMARY KEY,
    symbol          text           NOT NULL,
    base_asset_id   integer        NOT NULL REFERENCES clearing.assets,
    quote_asset_id  integer        NOT NULL REFERENCES clearing.assets,
    tick            numeric(36,18) NOT NULL CHECK (tick > 0),
    lot             numeric(36,18) NOT NULL CHECK (lot > 0),
    maker_ppm       integer        NOT NULL,
    taker_ppm       integer        NOT NULL,
    fee_account_id  bigint         NOT NULL REFERENCES clearing.accounts,
    definition      bytea          NOT NULL
);

-- total comes from postings, available and locked from reservations: the CHECK compares two calculations (ACC-10).
CREATE TABLE clearing.balances (
    account_id  bigint         NOT NULL REFERENCES clearing.accounts,
    asset_id    integer        NOT NULL REFERENCES clearing.assets,
    total       numeric(36,18) NOT NULL,
    available   numeric(36,18) NOT NULL,
    locked      numeric(36,18) NOT NULL,
    PRIMARY KEY (account_id, asset_id),
    CONSTRAINT balance_adds_up CHECK (total = available + locked),
    CONSTRAINT balance_not_negative CHECK (locked >= 0 AND (available >= 0 OR account_id = 0))
) WITH (fillfactor = 50);

-- state: 0 PENDING, 1 PARTIAL, 2 FILLED, 3 CANCELED, 5 EXPIRED (OST-01). side: 1 buy, 2 sell. ord_type: 1 market,
-- 2 limit. time_in_force: 1 GTC, 3 IOC, 4 FOK. leaves_qty keeps the voided quantity (RES-08).
CREATE TABLE clearing.orders (
    order_id         bigint         PRIMARY KEY,
    account_id       bigint         NOT NULL,
    symbol_id        integer        NOT NULL,
    side             smallint       NOT NULL CHECK (side IN (1, 2)),
    ord_type         smallint       NOT NULL CHECK (ord_type IN (1, 2)),
    time_in_force    smallint       NOT NULL CHECK (time_in_force IN (1, 3, 4)),
    order_qty        numeric(36,18) NOT NULL CHECK (order_qty > 0),
    price            numeric(36,18) NOT NULL,
    cl_ord_id        text           NOT NULL,
    source           bigint         NOT NULL,
    created_at_ns    bigint         NOT NULL,
    locked_asset_id  integer        NOT NULL,
    leaves_qty       numeric(36,18) NOT NULL,
    cum_qty          numeric(36,18) NOT NULL,
    locked           numeric(36,18) NOT NULL CHECK (locked >= 0),
    state            smallint       NOT NULL,
    previous_state   smallint,
    reason           integer        NOT NULL,
    changed_at_ns    bigint         NOT NULL,
    changed_seq      bigint         NOT NULL,
    CONSTRAINT order_quantity_adds_up CHECK (cum_qty + leaves_qty = order_qty),
    CONSTRAINT order_state_fits CHECK (
        CASE state
            WHEN 0 THEN cum_qty = 0
            WHEN 1 THEN cum_qty > 0 AND leaves_qty > 0
            WHEN 2 THEN leaves_qty = 0 AND locked = 0
            WHEN 3 THEN leaves_qty > 0 AND locked = 0
            WHEN 5 THEN leaves_qty > 0 AND locked = 0
            ELSE false
        END
    )
) WITH (fillfactor = 80);

CREATE INDEX orders_by_account ON clearing.orders (account_id, state, created_at_ns);
CREATE INDEX orders_by_symbol ON clearing.orders (symbol_id, state, price);
CREATE INDEX orders_open ON clearing.orders (order_id) WHERE state IN (0, 1);

CREATE TABLE clearing.ledger_transactions (
    seq          bigint  NOT NULL,
    event_index  integer NOT NULL,
    ts_ns        bigint  NOT NULL,
    kind         text    NOT NULL CHECK (kind IN ('DEPOSIT', 'TRADE')),
    reference    text,
    PRIMARY KEY (seq, event_index),
    CHECK ((kind = 'DEPOSIT') = (reference IS NOT NULL))
);

CREATE UNIQUE INDEX deposit_booked_once ON clearing.ledger_transactions (reference) WHERE reference IS NOT NULL;

CREATE TABLE clearing.postings (
    account_id   bigint         NOT NULL,
    asset_id     integer        NOT NULL,
    seq          bigint         NOT NULL,
    event_index  integer        NOT NULL,
    amount       numeric(36,18) NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (account_id, asset_id, seq, event_index)
);

CREATE INDEX postings_by_seq ON clearing.postings USING brin (seq) WITH (pages_per_range = 16);

CREATE TABLE clearing.trades (
    trade_id          uuid           PRIMARY KEY,
    seq               bigint         NOT NULL,
    event_index       integer        NOT NULL,
    symbol_id         integer        NOT NULL,
    maker_account_id  bigint         NOT NULL,
    taker_account_id  bigint         NOT NULL,
    price             numeric(36,18) NOT NULL CHECK (price > 0),
    quantity          numeric(36,18) NOT NULL CHECK (quantity > 0),
    maker_fee         numeric(36,18) NOT NULL,
    taker_fee         numeric(36,18) NOT NULL,
    maker_order_id    bigint         NOT NULL REFERENCES clearing.orders,
    taker_order_id    bigint         NOT NULL REFERENCES clearing.orders,
    taker_side        smallint       NOT NULL CHECK (taker_side IN (1, 2)),
    executed_at_ns    bigint         NOT NULL,
    UNIQUE (seq, event_index),
    CHECK (maker_account_id <> taker_account_id),
    CHECK (maker_order_id <> taker_order_id)
);

CREATE INDEX trades_by_maker_order ON clearing.trades (maker_order_id);
CREATE INDEX trades_by_taker_order ON clearing.trades (taker_order_id);
CREATE INDEX trades_by_symbol ON clearing.trades (symbol_id, executed_at_ns);

CREATE TABLE clearing.settlements (
    trade_id          uuid           PRIMARY KEY REFERENCES clearing.trades,
    seq               bigint         NOT NULL,
    event_index       integer        NOT NULL,
    symbol_id         integer        NOT NULL,
    maker_account_id  bigint         NOT NULL,
    taker_account_id  bigint         NOT NULL,
    price             numeric(36,18) NOT NULL,
    quantity          numeric(36,18) NOT NULL,
    maker_fee         numeric(36,18) NOT NULL,
    taker_fee         numeric(36,18) NOT NULL,
    settled_at_ns     bigint         NOT NULL,
    status            text           NOT NULL DEFAULT 'SETTLED' CHECK (status = 'SETTLED')
);

-- One row per committed batch; together they cover every seq from 1 to the cursor without a gap (SEQ-01).
CREATE TABLE clearing.batches (
    first_seq      bigint      PRIMARY KEY,
    last_seq       bigint      NOT NULL UNIQUE CHECK (last_seq >= first_seq),
    trades         integer     NOT NULL,
    committed_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The place in the log: moves in the transaction that applies the records (DRV-05). last_crc is the checksum of the
-- last applied record, which the next one must name: a cursor fits one log only.
CREATE TABLE clearing.cursor (
    only_row          boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    last_applied_seq  bigint      NOT NULL,
    last_crc          bigint      NOT NULL,
    last_ts_ns        bigint      NOT NULL,
    moved_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO clearing.cursor (last_applied_seq, last_crc, last_ts_ns) VALUES (0, 0, 0);
