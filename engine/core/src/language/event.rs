//! Events: each is declared once, in this table; what the record being written holds. `engine/api` says the same in
//! Python; a test compares both.

use crate::language::bytes::put;
use crate::language::codes::{BreakerReason, Code, OrderState, PositionReason, RestateReason, Side, SymbolStatus};
use crate::language::layout::{constant_case, message_struct, writable, Event, Line, Written, VERSION};

/// Declare events. Several of one form stand side by side.
macro_rules! events {
    ($($($(#[$note:meta])* $number:literal $name:ident),+: $fields:tt)*) => {
        /// Events by their numbers.
        #[derive(Clone, Copy)]
        #[repr(u8)]
        pub enum EventType {
            $($($name = $number,)+)*
        }

        impl EventType {
            pub fn of(number: u8) -> Option<Self> {
                match number {
                    $($($number => Some(Self::$name),)+)*
                    _ => None,
                }
            }
        }

        $($(
            message_struct! { $(#[$note])* $name $fields }
            writable! { $(#[$note])* $name $fields }
        )+)*

        /// Every event as a line `event NAME number field:kind ...`.
        pub fn listing() -> String {
            let mut line = Line::default();
            $($(
                line.begin("event", constant_case(stringify!($name))).word(EventType::$name as u8);
                $name::describe(&mut line);
            )+)*
            line.text
        }
    };
}

events! {
    1 AssetRegistered, 2 FirmRegistered, 3 AccountOpened, 4 SessionRegistered, 5 InstrumentListed, 33 MarkSet,
    35 VenueStatusSet, 39 TimeAdvanced, 40 InstrumentChanged, 41 InstrumentDelisted, 42 AccountStatusSet,
    43 AccountLimitsSet, 44 MarginStateSet, 45 CollateralSet: {}
    6 Deposited: { [4] available_after: i128 }
    16 OrderAccepted: { [4] order_id: u64, reserved: i128 }
    17 OrderRejected: { code: Code, [2] order_id: u64 }
    18 Traded: {
        [2] is_auction: bool,
        taker_side: Side,
        taker_order_id: u64,
        maker_order_id: u64,
        last_px: i64,
        last_qty: i64,
        taker_leaves: i64,
        maker_leaves: i64,
        taker_account_id: u32,
        maker_account_id: u32,
        symbol_id: u32,
        [4] taker_fee: i128,
        maker_fee: i128,
        buyer_released: i128,
    }
    19 OrderCanceled, 20 OrderExpired: { code: Code, [2] order_id: u64, leaves: i64, released: i128 }
    21 CancelRejected, 25 ReplaceRejected: { code: Code, [1] state: Option<OrderState>, order_id: u64 }
    22 StatusReported: { [3] state: Option<OrderState>, order_id: u64 }
    23 CommandRefused, 29 MassCancelRejected: { code: Code; [2] }
    24 OrderReplaced: {
        [2] keeps_priority: bool,
        [1] order_id: u64,
        order_qty: i64,
        leaves: i64,
        price: i64,
        reserved: i128,
    }
    26 OrderTriggered: { [4] order_id: u64, price: i64 }
    /// An order as the engine changed it.
    27 OrderRestated: {
        reason: RestateReason,
        [3] order_id: u64,
        order_qty: i64,
        leaves: i64,
        price: i64,
        display: i64,
        released: i128,
    }
    28 MassCanceled: { canceled: u32, request_seq: u64, is_complete: bool; [7] }
    30 PositionChanged: {
        reason: PositionReason,
        leverage: u8,
        is_isolated: bool,
        [1] account_id: u32,
        symbol_id: u32,
        size: i64,
        cost: i128,
        margin: i128,
        extra: i128,
        debt: i128,
        realized_pnl: i128,
        released: i128,
        available: i128,
        locked: i128,
    }
    31 Borrowed, 32 Repaid: { account_id: u32, asset_id: u16, [6] amount: i128, loan: i128 }
    34 SymbolStatusSet: { symbol_id: u32, status: SymbolStatus; [3] }
    36 BreakerTriggered: { symbol_id: u32, until_ns: u64, change_ppm: i64, reason: BreakerReason; [7] }
    37 BreakerReleased: { symbol_id: u32 }
    38 Uncrossed: { symbol_id: u32, price: i64, volume: i64 }
    46 KillSwitchSet: { session_id: u32, is_on: bool; [3] }
    47 Transferred: { [4] from_available: i128, to_available: i128 }
    48 DebtCovered: { [4] payer_available: i128 }
}
