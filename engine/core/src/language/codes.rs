//! The closed sets of the language, by the numbers they have on the wire. Meanings stand in `engine/api/enums.py` and
//! `engine/api/rejects.py`.

use crate::language::layout::{constant_case, set_field, Field, Input, Line, Written};

/// Declare closed sets: for each its number type and its members. Each can be found by number and be a field.
macro_rules! sets {
    ($($(#[$note:meta])* $name:ident: $number:ident { $($member:ident = $value:expr,)* })*) => {
        $(
            $(#[$note])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
            #[repr($number)]
            pub enum $name {
                $($member = $value,)*
            }

            impl $name {
                /// Find a member by its number.
                #[allow(non_upper_case_globals, dead_code)]
                pub fn of(number: $number) -> Option<Self> {
                    $(const $member: $number = $value;)*
                    match number {
                        $($member => Option::Some(Self::$member),)*
                        _ => Option::None,
                    }
                }
            }

            set_field!($name: $number);
        )*

        /// Every member as a line `set NAME MEMBER number`.
        pub fn listing() -> String {
            let mut line = Line::default();
            $($(line.begin("set", stringify!($name)).word(constant_case(stringify!($member))).word($value);)*)*
            line.text
        }
    };
}

sets! {
    Side: u8 {
        Buy = b'1',
        Sell = b'2',
    }

    OrdType: u8 {
        Market = b'1',
        Limit = b'2',
        Stop = b'3',
        StopLimit = b'4',
        Pegged = b'P',
    }

    TimeInForce: u8 {
        Day = b'0',
        GoodTillCancel = b'1',
        ImmediateOrCancel = b'3',
        FillOrKill = b'4',
        GoodTillDate = b'6',
    }

    Trigger: u8 {
        None = 0,
        Last = 1,
        Mark = 2,
    }

    Peg: u8 {
        None = 0,
        Primary = 1,
        Market = 2,
        Mid = 3,
    }

    /// Self-trade prevention instruction.
    SelfTrade: u8 {
        Default = 0,
        Aggressive = 1,
        Resting = 2,
        Both = 3,
        Decrement = 100,
    }

    /// State of an accepted order.
    OrderState: u8 {
        Pending = 0,
        Partial = 1,
        Filled = 2,
        Canceled = 3,
        Expired = 5,
    }

    /// For whom, besides the venue, a parameter can be set.
    Subject: u8 {
        None = 0,
        Account = 1,
        Firm = 2,
        Symbol = 3,
        Session = 4,
    }

    /// What governance may change.
    Parameter: u8 {
        ClOrdIdWindowNs = 1,
        ClOrdIdsSpentMax = 2,
        OpenOrdersPerSymbolMax = 3,
        OpenOrdersPerAccountMax = 4,
        PositionsPerAccountMax = 5,
        LeverageDefault = 6,
        MarginAccountLeverageMax = 7,
        Tier1LeverageMax = 8,
        Tier2LeverageMax = 9,
        Tier3LeverageMax = 10,
        Tier4LeverageMax = 11,
        Tier1PositionMax = 12,
        Tier2PositionMax = 13,
        Tier3PositionMax = 14,
        Tier4PositionMax = 15,
        BreakerNs = 16,
        BreakerWindowS = 17,
        BreakerMovePpm = 18,
        BandPpm = 19,
        SessionMessagesPerSMax = 20,
        SessionBurstMax = 21,
        AccountMessagesPerSMax = 22,
        AccountBurstMax = 23,
        AccountLendingSharePpm = 24,
        FirmLendingSharePpm = 25,
    }

    AccountKind: u8 {
        System = 0,
        Spot = 1,
        Margin = 2,
        Futures = 3,
        ClearingPnl = 4,
    }

    AccountStatus: u8 {
        Active = 1,
        Suspended = 2,
        Closed = 3,
    }

    MarginState: u8 {
        Normal = 0,
        LiquidationWarning = 1,
        MarginCall = 2,
        InLiquidation = 3,
        Liquidated = 4,
        AdlDeleveraged = 5,
    }

    SessionKind: u8 {
        OrderEntry = 1,
        DropCopy = 2,
    }

    InstrumentKind: u8 {
        Spot = 1,
        Perpetual = 2,
    }

    Matching: u8 {
        PriceTime = 0,
        ProRata = 1,
    }

    /// Which collateral stands behind a position.
    MarginMode: u8 {
        Cross = 0,
        Isolated = 1,
    }

    SymbolStatus: u8 {
        PreOpen = 1,
        Open = 2,
        Halt = 3,
        Closed = 4,
        CancelOnly = 5,
        PostOnly = 6,
    }

    VenueStatus: u8 {
        Open = 1,
        Halt = 2,
        Closed = 3,
        CancelOnly = 4,
    }

    BreakerReason: u8 {
        MarkMove = 1,
        AccountsNearLiquidation = 2,
        AccountsInLiquidation = 3,
        Operations = 4,
    }

    RestateReason: u8 {
        Peg = 1,
        Decrement = 2,
        Refill = 3,
        ReduceOnly = 4,
        Slide = 5,
        Turn = 6,
        Suspended = 7,
        Resumed = 8,
    }

    PositionReason: u8 {
        Trade = 1,
        Leverage = 2,
        Margin = 3,
        Debt = 4,
        Repayment = 5,
    }

    /// Why a request was refused, or an order ended without being asked.
    Code: u16 {
        UnknownSymbol = 1001,
        SymbolClosed = 1002,
        ExceedsLimit = 1003,
        TooLate = 1004,
        UnknownOrder = 1005,
        DuplicateClOrdId = 1006,
        PriceOffTick = 1007,
        SizeOffLot = 1008,
        PriceOutsideBand = 1009,
        InsufficientBalance = 1010,
        Unsupported = 1011,
        NotAllowedNow = 1012,
        PostOnlyWouldTake = 1013,
        FokUnfillable = 1014,
        SelfTrade = 1015,
        Stale = 1016,
        IocRemainder = 1017,
        NoLiquidity = 1018,
        LeverageExceeded = 1019,
        RateLimit = 1020,
        NotAuthorised = 1030,
        UnknownAccount = 1031,
        AccountSuspended = 1032,
        MarginRestricted = 1033,
        NothingToReduce = 1034,
        MinQtyUnfillable = 1035,
        GtdExpired = 1036,
        DayExpired = 1037,
        ReplacedBelowFilled = 1038,
        UserRequested = 1039,
        Disconnected = 1040,
        KillSwitch = 1041,
        Operations = 1042,
        Liquidation = 1043,
        Delisted = 1044,
        MassCanceled = 1045,
        Internal = 1050,
        MalformedCommand = 2001,
        UnknownCommand = 2002,
        AlreadyRegistered = 2003,
        UnknownReference = 2004,
        BoundExceeded = 2005,
        DuplicateDeposit = 2006,
        InexactNotional = 2007,
        NotEmpty = 2008,
        InvalidTransition = 2009,
        TooManyChanges = 2011,
    }

    /// Why a frame or a record was not taken; the host cuts the link, or stops the replay.
    Fault: u32 {
        BadLength = 1,
        BadCrc = 2,
        BadSeq = 3,
        BrokenChain = 4,
        Diverged = 5,
        BadHeader = 6,
    }
}

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

impl MarginState {
    /// What an order must be that an account in this state may have (LIQ-60).
    pub fn still_allowed(self) -> ExecInst {
        match self {
            Self::MarginCall => ExecInst::REDUCE_ONLY,
            Self::InLiquidation | Self::Liquidated => ExecInst::LIQUIDATION,
            Self::Normal | Self::LiquidationWarning | Self::AdlDeleveraged => ExecInst::default(),
        }
    }
}

impl OrdType {
    pub fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit)
    }
}

impl TimeInForce {
    pub fn may_rest(self) -> bool {
        !matches!(self, Self::ImmediateOrCancel | Self::FillOrKill)
    }
}

/// What an order asks for besides, as flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExecInst(u8);

impl ExecInst {
    pub const POST_ONLY: Self = Self(1);
    pub const REDUCE_ONLY: Self = Self(2);
    pub const SLIDE: Self = Self(4);
    pub const LIQUIDATION: Self = Self(8);
    const ALL: u8 = 15;

    /// Take flags, `None` when one of them is not in use.
    pub fn of(flags: u8) -> Option<Self> {
        (flags & !Self::ALL == 0).then_some(Self(flags))
    }

    pub fn bits(self) -> u8 {
        self.0
    }

    /// Tell whether all of these flags are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl<'a> Field<'a> for ExecInst {
    const WIDTH: usize = 1;
    const KIND: &'static str = "u8";
    type Place = Self;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Option<Self> {
        let [flags] = input.take();
        Self::of(flags)
    }

    #[inline(always)]
    fn complete(place: Self, _: &mut Input<'a>, _: bool) -> Option<Self> {
        Some(place)
    }
}

/// How an answer tells the state of an order that never was.
const UNKNOWN_STATE: u8 = 255;

impl Written for Option<OrderState> {
    const BYTES: usize = 1;
    const SHOWN: &'static str = "u8";

    #[inline(always)]
    fn write(&self, event: &mut [u8], at: usize) {
        event[at] = self.map_or(UNKNOWN_STATE, |state| state as u8);
    }

    #[inline(always)]
    fn read_again(event: &[u8], at: usize) -> Option<Self> {
        if event[at] == UNKNOWN_STATE {
            return Some(None);
        }
        OrderState::of(event[at]).map(Some)
    }
}

impl OrderState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Partial)
    }
}

impl AccountKind {
    pub fn is_member(self) -> bool {
        matches!(self, Self::Spot | Self::Margin | Self::Futures)
    }
}

impl MarginMode {
    pub fn is_isolated(self) -> bool {
        self == Self::Isolated
    }
}

/// What is so unless an order says otherwise.
macro_rules! defaults {
    ($($name:ident: $member:ident)*) => {$(
        impl Default for $name {
            fn default() -> Self {
                Self::$member
            }
        }
    )*};
}

defaults! { Trigger: None Peg: None SelfTrade: Default }
