//! Numbers of the language: command and event types, order fields, states, refusal codes.
//!
//! Meanings stand in `engine/api/enums.py` and `engine/api/rejects.py`.

pub const VERSION: u8 = 1;

/// A closed set whose members are written as one byte.
macro_rules! byte_enum {
    ($(#[$note:meta])* $name:ident { $($member:ident = $byte:expr,)* }) => {
        $(#[$note])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum $name {
            $($member = $byte,)*
        }

        impl $name {
            #[allow(non_upper_case_globals, dead_code)]
            pub fn from_byte(byte: u8) -> Option<Self> {
                $(const $member: u8 = $byte;)*
                match byte {
                    $($member => Option::Some(Self::$member),)*
                    _ => Option::None,
                }
            }
        }
    };
}

pub mod command_type {
    pub const REGISTER_ASSET: u8 = 1;
    pub const REGISTER_FIRM: u8 = 2;
    pub const OPEN_ACCOUNT: u8 = 3;
    pub const REGISTER_SESSION: u8 = 4;
    pub const LIST_INSTRUMENT: u8 = 5;
    pub const DEPOSIT: u8 = 6;
    pub const NEW_ORDER: u8 = 16;
    pub const CANCEL_ORDER: u8 = 17;
    pub const REQUEST_ORDER_STATUS: u8 = 18;
    pub const REFUSE_ORDER: u8 = 19;
    pub const REPLACE_ORDER: u8 = 20;
    pub const MASS_CANCEL: u8 = 21;
    pub const SET_KILL_SWITCH: u8 = 22;
    pub const SET_LEVERAGE: u8 = 23;
    pub const ADJUST_MARGIN: u8 = 24;
    pub const SET_MARK: u8 = 32;
    pub const SET_SYMBOL_STATUS: u8 = 33;
    pub const SET_VENUE_STATUS: u8 = 34;
    pub const TRIGGER_BREAKER: u8 = 35;
    pub const ADVANCE_TIME: u8 = 36;
    pub const CHANGE_INSTRUMENT: u8 = 37;
    pub const DELIST_INSTRUMENT: u8 = 38;
    pub const SET_ACCOUNT_STATUS: u8 = 39;
    pub const SET_ACCOUNT_LIMITS: u8 = 40;
    pub const SET_MARGIN_STATE: u8 = 41;
    pub const SET_COLLATERAL: u8 = 42;
    pub const TRANSFER: u8 = 43;
    pub const COVER_DEBT: u8 = 44;
}

pub mod event_type {
    pub const ASSET_REGISTERED: u8 = 1;
    pub const FIRM_REGISTERED: u8 = 2;
    pub const ACCOUNT_OPENED: u8 = 3;
    pub const SESSION_REGISTERED: u8 = 4;
    pub const INSTRUMENT_LISTED: u8 = 5;
    pub const DEPOSITED: u8 = 6;
    pub const ORDER_ACCEPTED: u8 = 16;
    pub const ORDER_REJECTED: u8 = 17;
    pub const TRADED: u8 = 18;
    pub const ORDER_CANCELED: u8 = 19;
    pub const ORDER_EXPIRED: u8 = 20;
    pub const CANCEL_REJECTED: u8 = 21;
    pub const STATUS_REPORTED: u8 = 22;
    pub const COMMAND_REFUSED: u8 = 23;
    pub const ORDER_REPLACED: u8 = 24;
    pub const REPLACE_REJECTED: u8 = 25;
    pub const ORDER_TRIGGERED: u8 = 26;
    pub const ORDER_RESTATED: u8 = 27;
    pub const MASS_CANCELED: u8 = 28;
    pub const MASS_CANCEL_REJECTED: u8 = 29;
    pub const POSITION_CHANGED: u8 = 30;
    pub const BORROWED: u8 = 31;
    pub const REPAID: u8 = 32;
    pub const MARK_SET: u8 = 33;
    pub const SYMBOL_STATUS_SET: u8 = 34;
    pub const VENUE_STATUS_SET: u8 = 35;
    pub const BREAKER_TRIGGERED: u8 = 36;
    pub const BREAKER_RELEASED: u8 = 37;
    pub const UNCROSSED: u8 = 38;
    pub const TIME_ADVANCED: u8 = 39;
    pub const INSTRUMENT_CHANGED: u8 = 40;
    pub const INSTRUMENT_DELISTED: u8 = 41;
    pub const ACCOUNT_STATUS_SET: u8 = 42;
    pub const ACCOUNT_LIMITS_SET: u8 = 43;
    pub const MARGIN_STATE_SET: u8 = 44;
    pub const COLLATERAL_SET: u8 = 45;
    pub const KILL_SWITCH_SET: u8 = 46;
    pub const TRANSFERRED: u8 = 47;
    pub const DEBT_COVERED: u8 = 48;
}

/// Why a request was refused, or an order ended without being asked.
pub type Code = u16;

pub mod code {
    use super::Code;

    pub const UNKNOWN_SYMBOL: Code = 1001;
    pub const SYMBOL_CLOSED: Code = 1002;
    pub const EXCEEDS_LIMIT: Code = 1003;
    pub const TOO_LATE: Code = 1004;
    pub const UNKNOWN_ORDER: Code = 1005;
    pub const DUPLICATE_CL_ORD_ID: Code = 1006;
    pub const PRICE_OFF_TICK: Code = 1007;
    pub const SIZE_OFF_LOT: Code = 1008;
    pub const PRICE_OUTSIDE_BAND: Code = 1009;
    pub const INSUFFICIENT_BALANCE: Code = 1010;
    pub const UNSUPPORTED: Code = 1011;
    pub const NOT_ALLOWED_NOW: Code = 1012;
    pub const POST_ONLY_WOULD_TAKE: Code = 1013;
    pub const FOK_UNFILLABLE: Code = 1014;
    pub const SELF_TRADE: Code = 1015;
    pub const STALE: Code = 1016;
    pub const IOC_REMAINDER: Code = 1017;
    pub const NO_LIQUIDITY: Code = 1018;
    pub const LEVERAGE_EXCEEDED: Code = 1019;
    pub const NOT_AUTHORISED: Code = 1030;
    pub const UNKNOWN_ACCOUNT: Code = 1031;
    pub const ACCOUNT_SUSPENDED: Code = 1032;
    pub const MARGIN_RESTRICTED: Code = 1033;
    pub const NOTHING_TO_REDUCE: Code = 1034;
    pub const MIN_QTY_UNFILLABLE: Code = 1035;
    pub const GTD_EXPIRED: Code = 1036;
    pub const DAY_EXPIRED: Code = 1037;
    pub const REPLACED_BELOW_FILLED: Code = 1038;
    pub const USER_REQUESTED: Code = 1039;
    pub const KILL_SWITCH: Code = 1041;
    pub const DELISTED: Code = 1044;
    pub const MALFORMED_COMMAND: Code = 2001;
    pub const UNKNOWN_COMMAND: Code = 2002;
    pub const ALREADY_REGISTERED: Code = 2003;
    pub const UNKNOWN_REFERENCE: Code = 2004;
    pub const BOUND_EXCEEDED: Code = 2005;
    pub const DUPLICATE_DEPOSIT: Code = 2006;
    pub const INEXACT_NOTIONAL: Code = 2007;
    pub const NOT_EMPTY: Code = 2008;
    pub const INVALID_TRANSITION: Code = 2009;
    pub const TOO_MANY_ORDERS: Code = 2010;
}

byte_enum!(Side {
    Buy = b'1',
    Sell = b'2',
});

pub const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

impl Side {
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// What one lot of this side adds to a position.
    pub fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

byte_enum!(OrdType {
    Market = b'1',
    Limit = b'2',
    Stop = b'3',
    StopLimit = b'4',
    Pegged = b'P',
});

impl OrdType {
    pub fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit)
    }
}

byte_enum!(TimeInForce {
    Day = b'0',
    GoodTillCancel = b'1',
    ImmediateOrCancel = b'3',
    FillOrKill = b'4',
    GoodTillDate = b'6',
});

impl TimeInForce {
    pub fn may_rest(self) -> bool {
        !matches!(self, Self::ImmediateOrCancel | Self::FillOrKill)
    }
}

/// Flags of `ExecInst`.
pub mod exec_inst {
    pub const POST_ONLY: u8 = 1;
    pub const REDUCE_ONLY: u8 = 2;
    pub const SLIDE: u8 = 4;
    pub const LIQUIDATION: u8 = 8;
    pub const ALL: u8 = 15;
}

byte_enum!(Trigger {
    None = 0,
    Last = 1,
    Mark = 2,
});

byte_enum!(Peg {
    None = 0,
    Primary = 1,
    Market = 2,
    Mid = 3,
});

byte_enum!(
    /// Self-trade prevention instruction.
    SelfTrade {
        Default = 0,
        Aggressive = 1,
        Resting = 2,
        Both = 3,
        Decrement = 100,
    }
);

byte_enum!(
    /// State of an accepted order; `UNKNOWN_STATE` answers for one that never was.
    OrderState {
        Pending = 0,
        Partial = 1,
        Filled = 2,
        Canceled = 3,
        Expired = 5,
    }
);

pub const UNKNOWN_STATE: u8 = 255;

impl OrderState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Partial)
    }
}

byte_enum!(AccountKind {
    System = 0,
    Spot = 1,
    Margin = 2,
    Futures = 3,
    ClearingPnl = 4,
});

impl AccountKind {
    pub fn is_member(self) -> bool {
        matches!(self, Self::Spot | Self::Margin | Self::Futures)
    }
}

byte_enum!(AccountStatus {
    Active = 1,
    Suspended = 2,
    Closed = 3,
});

byte_enum!(MarginState {
    Normal = 0,
    LiquidationWarning = 1,
    MarginCall = 2,
    InLiquidation = 3,
    Liquidated = 4,
    AdlDeleveraged = 5,
});

byte_enum!(SessionKind {
    OrderEntry = 1,
    DropCopy = 2,
});

byte_enum!(InstrumentKind {
    Spot = 1,
    Perpetual = 2,
});

byte_enum!(Matching {
    PriceTime = 0,
    ProRata = 1,
});

byte_enum!(SymbolStatus {
    PreOpen = 1,
    Open = 2,
    Halt = 3,
    Closed = 4,
    CancelOnly = 5,
    PostOnly = 6,
});

byte_enum!(VenueStatus {
    Open = 1,
    Halt = 2,
    Closed = 3,
    CancelOnly = 4,
});

byte_enum!(BreakerReason {
    MarkMove = 1,
    AccountsNearLiquidation = 2,
    AccountsInLiquidation = 3,
    Operations = 4,
});

byte_enum!(RestateReason {
    Peg = 1,
    Decrement = 2,
    Refill = 3,
    ReduceOnly = 4,
    Slide = 5,
});

byte_enum!(PositionReason {
    Trade = 1,
    Leverage = 2,
    Margin = 3,
    Debt = 4,
});
