//! Commands: each is declared once, in this table. `engine/api` says the same in Python; a test compares both.

use crate::language::bytes::{i64_at, u32_at, u64_at};
use crate::language::codes::{
    AccountKind, AccountStatus, BreakerReason, Code, ExecInst, InstrumentKind, MarginMode, MarginState, Matching,
    OrdType, Parameter, Peg, SelfTrade, SessionKind, Side, SymbolStatus, TimeInForce, Trigger, VenueStatus,
};
use crate::language::ids::{AccountId, AssetId, FirmId, OrderId, SessionId, SymbolId};
use crate::language::layout::{block, constant_case, flags, message_struct, readable, Field, Input, Line};
use crate::language::listing::{Listing, Step};
use crate::language::text::{AsWritten, DepositRef, GivenClOrdId, MaybeClOrdId, Name, Note};
use crate::language::units::{Lots, Minor, Ticks};

/// Declare commands. Several of one form stand side by side.
macro_rules! commands {
    ($($($(#[$note:meta])* $number:literal $name:ident $(<$life:lifetime>)?),+: $fields:tt)*) => {
        /// Commands by their numbers.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum CommandType {
            $($($name = $number,)+)*
        }

        impl CommandType {
            pub fn of(number: u8) -> Option<Self> {
                match number {
                    $($($number => Some(Self::$name),)+)*
                    _ => None,
                }
            }
        }

        $($(command! { $(#[$note])* $name $(<$life>)? $fields })+)*

        /// Every command as a line `command NAME number field:kind ...`.
        pub fn listing() -> String {
            let mut line = Line::default();
            $($(
                line.begin("command", constant_case(stringify!($name))).word($number);
                $name::describe(&mut line);
            )+)*
            line.text
        }
    };
}

macro_rules! command {
    ($($declared:tt)*) => {
        message_struct! { $($declared)* }
        readable! { $($declared)* }
    };
}

commands! {
    16 NewOrder<'a>: {
        terms: NewTerms where flags.terms(),
        side: Side,
        ord_type: OrdType,
        time_in_force: TimeInForce,
        flags: OrderFlags,
        cl_ord_id: GivenClOrdId<'a>,
        text: Note<'a>,
        account_id: AccountId,
        symbol_id: SymbolId,
        order_qty: Lots,
        price: Ticks,
        => has_terms_if_said
    }
    17 CancelOrder<'a>: {
        cl_ord_id: GivenClOrdId<'a>,
        orig_cl_ord_id: MaybeClOrdId<'a>,
        side: Option<Side>,
        flags: CancelFlags,
        [2] order_id: OrderId,
        symbol_id: SymbolId,
        account_id: AccountId,
    }
    18 RequestOrderStatus<'a>: {
        cl_ord_id: MaybeClOrdId<'a>,
        ord_status_req_id: Note<'a>,
        [4] order_id: OrderId,
    }
    /// An order that could not be expressed in ticks and lots; symbol, quantity and price as the member wrote them.
    19 RefuseOrder<'a>: {
        side: u8,
        ord_type: u8,
        time_in_force: u8,
        cl_ord_id: MaybeClOrdId<'a>,
        symbol: AsWritten<'a>,
        order_qty: AsWritten<'a>,
        price: AsWritten<'a>,
        text: Note<'a>,
        code: Code,
        ref_tag: u32,
        account_id: AccountId,
    }
    20 ReplaceOrder<'a>: {
        terms: ReplaceTerms where flags.terms(),
        cl_ord_id: GivenClOrdId<'a>,
        orig_cl_ord_id: MaybeClOrdId<'a>,
        side: Option<Side>,
        flags: ReplaceFlags,
        time_in_force: Option<TimeInForce>,
        [1] order_id: OrderId,
        symbol_id: SymbolId,
        account_id: AccountId,
        order_qty: Lots,
        price: Ticks,
        => has_terms_if_said
    }
    21 MassCancel<'a>: {
        cl_ord_id: GivenClOrdId<'a>,
        side: Option<Side>,
        flags: MassCancelFlags,
        [1] code: Option<Code>,
        symbol_id: SymbolId,
        account_id: AccountId,
        firm_id: FirmId,
        of_session: SessionId,
    }
    22 SetKillSwitch: { is_on: bool, [1] session_id: SessionId }
    23 SetLeverage: { leverage: u8, mode: MarginMode, account_id: AccountId, symbol_id: SymbolId }
    /// Margin to add to an isolated position, or, if negative, to take away.
    24 AdjustMargin: { [2] account_id: AccountId, symbol_id: SymbolId, [4] amount: Minor }
    1 RegisterAsset: { decimals: u8, name: Name, asset_id: AssetId; [2] }
    2 RegisterFirm: { name: Name, [1] firm_id: FirmId }
    3 OpenAccount: { kind: AccountKind, name: Name, account_id: AccountId, firm_id: FirmId }
    4 RegisterSession: { kind: SessionKind, comp_id: Name, session_id: SessionId, firm_id: FirmId }
    5 ListInstrument, 37 ChangeInstrument: {
        terms: PerpetualTerms where kind == InstrumentKind::Perpetual,
        kind: InstrumentKind,
        symbol: Name,
        symbol_id: SymbolId,
        base_asset_id: AssetId,
        quote_asset_id: AssetId,
        tick_decimals: u8,
        lot_decimals: u8,
        matching: Matching,
        max_leverage: u8,
        tick: i64,
        lot: i64,
        min_qty: Lots,
        max_qty: Lots,
        min_notional: Minor,
        max_notional: Minor,
        maker_ppm: i32,
        taker_ppm: i32,
        band_ppm: u32,
        fee_account_id: AccountId,
    }
    6 Deposit: { deposit_ref: DepositRef, [1] account_id: AccountId, asset_id: AssetId, [6] amount: Minor }
    32 SetMark: { [2] symbol_id: SymbolId, price: Ticks }
    33 SetSymbolStatus: { status: SymbolStatus, [1] symbol_id: SymbolId }
    34 SetVenueStatus: { status: VenueStatus; [1] }
    35 TriggerBreaker: { reason: BreakerReason, [1] symbol_id: SymbolId }
    36 AdvanceTime: { ; [2] }
    38 DelistInstrument: { [2] symbol_id: SymbolId }
    39 SetAccountStatus: { status: AccountStatus, [1] account_id: AccountId }
    40 SetAccountLimits: { tier: u8, leverage_max: u8, account_id: AccountId, position_notional_max: Minor }
    41 SetMarginState: { state: MarginState, [1] account_id: AccountId }
    42 SetCollateral: { asset_id: AssetId, weight_ppm: u32, lending_account_id: AccountId }
    43 Transfer: { asset_id: AssetId, from_account_id: AccountId, to_account_id: AccountId, [4] amount: Minor }
    44 CoverDebt: { [2] payer_account_id: AccountId, account_id: AccountId, symbol_id: SymbolId, amount: Minor }
    48 SetParameter: { parameter: Parameter, [1] subject_id: u32, value: i64, effective_ns: u64 }
    /// A row is a bracket: its notional above 64 bits, its leverage above 32, its rate. Rows that are not used are 0.
    49 SetMarginBrackets: {
        [2] symbol_id: SymbolId,
        effective_ns: u64,
        row1: i128,
        row2: i128,
        row3: i128,
        row4: i128,
        row5: i128,
        row6: i128,
        row7: i128,
        row8: i128,
        => has_no_gap
    }
    50 SetFeeRates: {
        is_unset: bool,
        [1] account_id: AccountId,
        symbol_id: SymbolId,
        maker_ppm: i32,
        taker_ppm: i32,
        effective_ns: u64,
    }
}

block! {
    /// What few orders have; sent when one of them is not 0.
    NewTerms {
        stop_px: Ticks,
        max_floor: Lots,
        min_qty: Lots,
        expire_time_ns: u64,
        peg_offset: Ticks,
        stp_group: u32,
        exec_inst: ExecInst,
        trigger: Trigger,
        peg: Peg,
        stp: SelfTrade,
    }
}

block! {
    /// What few replaces ask for; sent when one of the first three is not 0, or a `peg_offset` is given.
    ReplaceTerms { stop_px: Ticks, max_floor: Lots, expire_time_ns: u64, peg_offset: Ticks }
}

block! {
    PerpetualTerms { pnl_account_id: AccountId; [4] }
}

flags! { OrderFlags { poss_resend = 1, terms = 2 } }
flags! { CancelFlags { poss_resend = 1 } }
flags! { ReplaceFlags { poss_resend = 1, terms = 2, peg_offset = 4 } }
flags! { MassCancelFlags { poss_resend = 1, kill = 2 } }

impl SetMarginBrackets {
    pub fn all_rows(&self) -> [i128; 8] {
        [self.row1, self.row2, self.row3, self.row4, self.row5, self.row6, self.row7, self.row8]
    }

    fn has_no_gap(&self) -> bool {
        self.all_rows().windows(2).all(|pair| pair[0] != 0 || pair[1] == 0)
    }
}

impl NewOrder<'_> {
    fn has_terms_if_said(&self) -> bool {
        !self.flags.terms() || self.terms != NewTerms::default()
    }
}

impl ReplaceOrder<'_> {
    fn has_terms_if_said(&self) -> bool {
        let ReplaceTerms { stop_px, max_floor, expire_time_ns, peg_offset } = self.terms;
        let has_offset = self.flags.peg_offset();
        let has_terms = has_offset || !stop_px.is_zero() || !max_floor.is_zero() || expire_time_ns != 0;
        self.flags.terms() == has_terms && (has_offset || peg_offset.is_zero())
    }

    pub fn peg_offset(&self) -> Option<Ticks> {
        self.flags.peg_offset().then_some(self.terms.peg_offset)
    }

    /// Tell whether it asks for more than another quantity or price.
    pub fn asks_terms(&self) -> bool {
        self.flags.terms() || self.time_in_force.is_some()
    }

    pub fn target(&self) -> Target<'_> {
        let Self { ref orig_cl_ord_id, order_id, account_id, symbol_id, side, .. } = *self;
        Target { orig_cl_ord_id, order_id, account_id, symbol_id, side }
    }
}

impl CancelOrder<'_> {
    pub fn target(&self) -> Target<'_> {
        let Self { ref orig_cl_ord_id, order_id, account_id, symbol_id, side, .. } = *self;
        Target { orig_cl_ord_id, order_id, account_id, symbol_id, side }
    }
}

/// Which order a cancel or a replace means: by id, else by `ClOrdID`; what else it says must be so.
pub struct Target<'a> {
    pub orig_cl_ord_id: &'a [u8],
    pub order_id: OrderId,
    pub account_id: AccountId,
    pub symbol_id: SymbolId,
    pub side: Option<Side>,
}

/// Both commands that carry a listing make it in the same way.
macro_rules! listings {
    ($($name:ident)*) => {$(
        impl $name {
            pub fn listing(&self) -> Listing {
                Listing {
                    kind: self.kind,
                    matching: self.matching,
                    max_leverage: self.max_leverage,
                    pnl_account_id: self.terms.pnl_account_id,
                    base_asset_id: AssetId::from(self.base_asset_id),
                    quote_asset_id: AssetId::from(self.quote_asset_id),
                    tick: Step { mantissa: self.tick, decimals: self.tick_decimals },
                    lot: Step { mantissa: self.lot, decimals: self.lot_decimals },
                    min_qty: self.min_qty,
                    max_qty: self.max_qty,
                    min_notional: self.min_notional,
                    max_notional: self.max_notional,
                    maker_ppm: self.maker_ppm,
                    taker_ppm: self.taker_ppm,
                    band_ppm: self.band_ppm,
                    fee_account_id: self.fee_account_id,
                }
            }
        }
    )*};
}

listings! { ListInstrument ChangeInstrument }

/// What a command of an order will look up besides its `ClOrdID`; 0 for what it does not name.
#[derive(Clone, Copy, Default)]
pub struct Glance {
    pub source: SessionId,
    pub order_id: OrderId,
    pub account_id: AccountId,
    pub symbol_id: SymbolId,
    pub price: Ticks,
    pub is_cancel: bool,
}

/// Find what a new order, a replace or a cancel will look up, and its `ClOrdID`, without checking anything.
pub fn glance(raw: &[u8]) -> Option<(Glance, &[u8])> {
    let kind = CommandType::of(*raw.first()?)?;
    if kind == CommandType::NewOrder {
        let fixed = raw.get(..NewOrder::FIXED)?;
        let start = NewOrder::FIXED + if OrderFlags(fixed[5]).terms() { NewTerms::BYTES } else { 0 };
        let (account_id, symbol_id) = (AccountId::new(u32_at(fixed, 8)), SymbolId::new(u32_at(fixed, 12)));
        let price = Ticks::new(i64_at(fixed, 24));
        let glance = Glance { account_id, symbol_id, price, ..Glance::default() };
        return Some((glance, raw.get(start..start + fixed[6] as usize)?));
    }
    let is_cancel = kind == CommandType::CancelOrder;
    let (start, price) = if is_cancel {
        (CancelOrder::FIXED, Ticks::ZERO)
    } else if kind == CommandType::ReplaceOrder {
        let fixed = raw.get(..ReplaceOrder::FIXED)?;
        let terms = if ReplaceFlags(fixed[5]).terms() { ReplaceTerms::BYTES } else { 0 };
        (ReplaceOrder::FIXED + terms, Ticks::new(i64_at(fixed, 32)))
    } else {
        return None;
    };
    let fixed = raw.get(..CancelOrder::FIXED)?;
    let glance = Glance {
        source: SessionId::OPERATIONS,
        order_id: OrderId::new(u64_at(fixed, 8)),
        account_id: AccountId::new(u32_at(fixed, 20)),
        symbol_id: SymbolId::new(u32_at(fixed, 16)),
        price,
        is_cancel,
    };
    Some((glance, raw.get(start..start + fixed[2] as usize)?))
}
