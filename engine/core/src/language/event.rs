//! Events: each is declared once, in this table; what the record being written holds. `engine/api` says the same in
//! Python; a test compares both.

use crate::language::bytes::put;
use crate::language::codes::{BreakerReason, Code, OrderState, PositionReason, RestateReason, Side, SymbolStatus};
use crate::language::ids::{AccountId, AssetId, OrderId, SessionId, SymbolId};
use crate::language::layout::{constant_case, message_struct, writable, Event, Line, Written, VERSION};
use crate::language::units::{Lots, Minor, Ticks};

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
    6 Deposited: { [4] available_after: Minor }
    16 OrderAccepted: { [4] order_id: OrderId, reserved: Minor }
    17 OrderRejected: { code: Code, [2] order_id: OrderId }
    18 Traded: {
        [2] is_auction: bool,
        taker_side: Side,
        taker_order_id: OrderId,
        maker_order_id: OrderId,
        last_px: Ticks,
        last_qty: Lots,
        taker_leaves: Lots,
        maker_leaves: Lots,
        taker_account_id: AccountId,
        maker_account_id: AccountId,
        symbol_id: SymbolId,
        [4] taker_fee: Minor,
        maker_fee: Minor,
        buyer_released: Minor,
    }
    19 OrderCanceled, 20 OrderExpired: { code: Code, [2] order_id: OrderId, leaves: Lots, released: Minor }
    21 CancelRejected, 25 ReplaceRejected: { code: Code, [1] state: Option<OrderState>, order_id: OrderId }
    22 StatusReported: { [3] state: Option<OrderState>, order_id: OrderId }
    23 CommandRefused, 29 MassCancelRejected: { code: Code; [2] }
    24 OrderReplaced: {
        [2] keeps_priority: bool,
        [1] order_id: OrderId,
        order_qty: Lots,
        leaves: Lots,
        price: Ticks,
        reserved: Minor,
    }
    26 OrderTriggered: { [4] order_id: OrderId, price: Ticks }
    /// An order as the engine changed it.
    27 OrderRestated: {
        reason: RestateReason,
        [3] order_id: OrderId,
        order_qty: Lots,
        leaves: Lots,
        price: Ticks,
        display: Lots,
        released: Minor,
    }
    28 MassCanceled: { canceled: u32, request_seq: u64, is_complete: bool; [7] }
    30 PositionChanged: {
        reason: PositionReason,
        leverage: u8,
        is_isolated: bool,
        [1] account_id: AccountId,
        symbol_id: SymbolId,
        size: Lots,
        cost: Minor,
        margin: Minor,
        extra: Minor,
        debt: Minor,
        realized_pnl: Minor,
        released: Minor,
        available: Minor,
        locked: Minor,
    }
    31 Borrowed, 32 Repaid: { account_id: AccountId, asset_id: AssetId, [6] amount: Minor, loan: Minor }
    34 SymbolStatusSet: { symbol_id: SymbolId, status: SymbolStatus; [3] }
    36 BreakerTriggered: { symbol_id: SymbolId, until_ns: u64, change_ppm: i64, reason: BreakerReason; [7] }
    37 BreakerReleased: { symbol_id: SymbolId }
    38 Uncrossed: { symbol_id: SymbolId, price: Ticks, volume: Lots }
    46 KillSwitchSet: { session_id: SessionId, is_on: bool, is_by_operations: bool; [2] }
    47 Transferred: { [4] from_available: Minor, to_available: Minor }
    48 DebtCovered: { [4] payer_available: Minor }
    64 ParameterSet: { [4] version: u64, effective_ns: u64 }
    65 ParameterTookEffect: { [4] version: u64 }
}
