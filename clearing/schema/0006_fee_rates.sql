-- What accounts pay: every fee rate that was ever set, and the rates that each order was accepted under.

-- account_id: 0 for the rates a symbol is listed with. symbol_id: 0 for all symbols an account has no other rates for.
CREATE TABLE clearing.fee_rules (
    seq          bigint   NOT NULL,
    account_id   bigint   NOT NULL,
    symbol_id    bigint   NOT NULL,
    maker_ppm    integer  NOT NULL,
    taker_ppm    integer  NOT NULL,
    is_unset     boolean  NOT NULL,
    effective_ns bigint   NOT NULL,
    PRIMARY KEY (seq, account_id, symbol_id)
);

INSERT INTO clearing.fee_rules
    SELECT 0, 0, symbol_id, maker_ppm, taker_ppm, false, 0 FROM clearing.instruments;

ALTER TABLE clearing.orders ADD COLUMN maker_ppm integer NOT NULL DEFAULT 0;
ALTER TABLE clearing.orders ADD COLUMN taker_ppm integer NOT NULL DEFAULT 0;
ALTER TABLE clearing.orders DISABLE TRIGGER forward_only;
UPDATE clearing.orders o SET maker_ppm = i.maker_ppm, taker_ppm = i.taker_ppm
    FROM clearing.instruments i WHERE i.symbol_id = o.symbol_id;
ALTER TABLE clearing.orders ENABLE TRIGGER forward_only;
