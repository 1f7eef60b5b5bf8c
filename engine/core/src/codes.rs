//! Numbers of the language: command and event types, order fields, states, refusal codes.
//!
//! Meanings stand in `engine/api/enums.py` and `engine/api/rejects.py`.

pub const VERSION: u8 = 1;

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
}

/// Why a request was refused, or an order ended without being asked.
pub type Code = u16;

pub mod code {
    use super::Code;

    pub const UNKNOWN_SYMBOL: Code = 1001;
    pub const EXCEEDS_LIMIT: Code = 1003;
    pub const TOO_LATE: Code = 1004;
    pub const UNKNOWN_ORDER: Code = 1005;
    pub const DUPLICATE_CL_ORD_ID: Code = 1006;
    pub const PRICE_OFF_TICK: Code = 1007;
    pub const SIZE_OFF_LOT: Code = 1008;
    pub const INSUFFICIENT_BALANCE: Code = 1010;
    pub const UNSUPPORTED: Code = 1011;
    pub const FOK_UNFILLABLE: Code = 1014;
    pub const SELF_TRADE: Code = 1015;
    pub const IOC_REMAINDER: Code = 1017;
    pub const NO_LIQUIDITY: Code = 1018;
    pub const NOT_AUTHORISED: Code = 1030;
    pub const UNKNOWN_ACCOUNT: Code = 1031;
    pub const USER_REQUESTED: Code = 1039;
    pub const MALFORMED_COMMAND: Code = 2001;
    pub const UNKNOWN_COMMAND: Code = 2002;
    pub const ALREADY_REGISTERED: Code = 2003;
    pub const UNKNOWN_REFERENCE: Code = 2004;
    pub const BOUND_EXCEEDED: Code = 2005;
    pub const DUPLICATE_DEPOSIT: Code = 2006;
    pub const INEXACT_NOTIONAL: Code = 2007;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Side {
    Buy = b'1',
    Sell = b'2',
}

impl Side {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'1' => Some(Self::Buy),
            b'2' => Some(Self::Sell),
            _ => None,
        }
    }

    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrdType {
    Market,
    Limit,
}

impl OrdType {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'1' => Some(Self::Market),
            b'2' => Some(Self::Limit),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeInForce {
    GoodTillCancel,
    ImmediateOrCancel,
    FillOrKill,
}

impl TimeInForce {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'1' => Some(Self::GoodTillCancel),
            b'3' => Some(Self::ImmediateOrCancel),
            b'4' => Some(Self::FillOrKill),
            _ => None,
        }
    }
}

/// State of an accepted order; `UNKNOWN_STATE` answers for one that never was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OrderState {
    Pending = 0,
    Partial = 1,
    Filled = 2,
    Canceled = 3,
    Expired = 5,
}

pub const UNKNOWN_STATE: u8 = 255;

impl OrderState {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Pending),
            1 => Some(Self::Partial),
            2 => Some(Self::Filled),
            3 => Some(Self::Canceled),
            5 => Some(Self::Expired),
            _ => None,
        }
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Partial)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum AccountKind {
    System = 0,
    Spot = 1,
}

impl AccountKind {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::System),
            1 => Some(Self::Spot),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SessionKind {
    OrderEntry = 1,
    DropCopy = 2,
}

impl SessionKind {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::OrderEntry),
            2 => Some(Self::DropCopy),
            _ => None,
        }
    }
}

/// The only kind of instrument so far.
pub const INSTRUMENT_SPOT: u8 = 1;
