//! Commands: their bytes, strictly read. Layouts are drawn in `engine/api/messages`.

use crate::language::bytes::{i128_at, i32_at, i64_at, u16_at, u32_at, u64_at};
use crate::language::codes::{
    command_type, exec_inst, AccountKind, AccountStatus, BreakerReason, Code, InstrumentKind, MarginState, Matching,
    OrdType, Peg, SelfTrade, SessionKind, Side, SymbolStatus, TimeInForce, Trigger, VenueStatus,
};
use crate::language::limits::{CL_ORD_ID_LENGTH_MAX, TEXT_LENGTH_MAX};
use crate::language::listing::{Listing, Step};
use crate::language::text::{is_printable, DepositRef, Name, Text};

/// What only operations may ask.
pub enum Operation {
    RegisterAsset { asset_id: u32, decimals: u8, name: Name },
    RegisterFirm { firm_id: u32, name: Name },
    OpenAccount { account_id: u32, firm_id: u32, kind: AccountKind, name: Name },
    RegisterSession { session_id: u32, firm_id: u32, kind: SessionKind, comp_id: Name },
    ListInstrument { symbol_id: u32, symbol: Name, listing: Listing },
    ChangeInstrument { symbol_id: u32, symbol: Name, listing: Listing },
    DelistInstrument { symbol_id: u32 },
    Deposit { account_id: u32, asset_id: u32, amount: i128, deposit_ref: DepositRef },
    SetMark { symbol_id: u32, price: i64 },
    SetSymbolStatus { symbol_id: u32, status: SymbolStatus },
    SetVenueStatus { status: VenueStatus },
    TriggerBreaker { symbol_id: u32, reason: BreakerReason },
    AdvanceTime,
    SetAccountStatus { account_id: u32, status: AccountStatus },
    SetAccountLimits { account_id: u32, tier: u8, leverage_max: u8, position_notional_max: i128 },
    SetMarginState { account_id: u32, state: MarginState },
    SetCollateral { asset_id: u32, weight_ppm: u32, lending_account_id: u32 },
    Transfer { from_account_id: u32, to_account_id: u32, asset_id: u32, amount: i128 },
    CoverDebt { payer_account_id: u32, account_id: u32, symbol_id: u32, amount: i128 },
}

pub struct NewOrder<'a> {
    pub account_id: u32,
    pub symbol_id: u32,
    pub side: Side,
    pub ord_type: OrdType,
    pub time_in_force: TimeInForce,
    pub order_qty: i64,
    pub price: i64,
    pub terms: NewTerms,
    pub cl_ord_id: &'a [u8],
    pub poss_resend: bool,
}

/// What few orders have.
#[derive(Clone, Copy)]
pub struct NewTerms {
    pub stop_px: i64,
    pub max_floor: i64,
    pub min_qty: i64,
    pub expire_time_ns: u64,
    pub peg_offset: i64,
    pub stp_group: u32,
    pub exec_inst: u8,
    pub trigger: Trigger,
    pub peg: Peg,
    pub stp: SelfTrade,
}

const NEW_TERMS_BYTES: usize = 48;
const REPLACE_TERMS_BYTES: usize = 32;
const NO_TERMS: NewTerms = NewTerms {
    stop_px: 0,
    max_floor: 0,
    min_qty: 0,
    expire_time_ns: 0,
    peg_offset: 0,
    stp_group: 0,
    exec_inst: 0,
    trigger: Trigger::None,
    peg: Peg::None,
    stp: SelfTrade::Default,
};

/// Which order a cancel or a replace means: by id, else by `ClOrdID`; what else it says must be so.
pub struct Target<'a> {
    pub orig_cl_ord_id: &'a [u8],
    pub order_id: u64,
    pub account_id: u32,
    pub symbol_id: u32,
    pub side: Option<Side>,
}

pub struct CancelOrder<'a> {
    pub cl_ord_id: &'a [u8],
    pub target: Target<'a>,
    pub poss_resend: bool,
}

pub struct ReplaceOrder<'a> {
    pub cl_ord_id: &'a [u8],
    pub target: Target<'a>,
    pub order_qty: i64,
    pub price: i64,
    pub time_in_force: Option<TimeInForce>,
    pub stop_px: i64,
    pub max_floor: i64,
    pub expire_time_ns: u64,
    pub peg_offset: Option<i64>,
    pub poss_resend: bool,
    /// It asks for more than another quantity or price.
    pub asks_terms: bool,
}

pub struct MassCancel {
    pub symbol_id: u32,
    pub account_id: u32,
    pub firm_id: u32,
    pub of_session: u32,
    pub side: Option<Side>,
    pub code: Code,
    pub kill: bool,
}

/// What a command of an order will look up besides its `ClOrdID`; 0 for what it does not name.
#[derive(Clone, Copy, Default)]
pub struct Glance {
    pub source: u32,
    pub order_id: u64,
    pub account_id: u32,
    pub symbol_id: u32,
    pub price: i64,
    pub is_cancel: bool,
}

/// Find what a new order, a replace or a cancel will look up, and its `ClOrdID`, without checking anything.
pub fn glance(raw: &[u8]) -> Option<(Glance, &[u8])> {
    let kind = *raw.first()?;
    if kind == command_type::NEW_ORDER {
        let fixed = raw.get(..32)?;
        let start = if fixed[5] & TERMS == 0 { 32 } else { 32 + NEW_TERMS_BYTES };
        let (account_id, symbol_id) = (u32_at(fixed, 8), u32_at(fixed, 12));
        let glance = Glance { account_id, symbol_id, price: i64_at(fixed, 24), ..Glance::default() };
        return Some((glance, raw.get(start..start + fixed[6] as usize)?));
    }
    let (start, price) = match kind {
        command_type::REPLACE_ORDER => {
            let fixed = raw.get(..40)?;
            (if fixed[5] & TERMS == 0 { 40 } else { 40 + REPLACE_TERMS_BYTES }, i64_at(fixed, 32))
        }
        command_type::CANCEL_ORDER => (24, 0),
        _ => return None,
    };
    let fixed = raw.get(..24)?;
    let (symbol_id, account_id) = (u32_at(fixed, 16), u32_at(fixed, 20));
    let is_cancel = kind == command_type::CANCEL_ORDER;
    let glance = Glance { source: 0, order_id: u64_at(fixed, 8), account_id, symbol_id, price, is_cancel };
    Some((glance, raw.get(start..start + fixed[2] as usize)?))
}

/// Read a command that only operations may send. Like all that read one here, it returns `None` for what is not to the letter.
pub fn operation(raw: &[u8]) -> Option<Operation> {
    match raw[0] {
        command_type::REGISTER_ASSET => register_asset(raw),
        command_type::REGISTER_FIRM => register_firm(raw),
        command_type::OPEN_ACCOUNT => open_account(raw),
        command_type::REGISTER_SESSION => register_session(raw),
        command_type::LIST_INSTRUMENT => {
            let (symbol_id, symbol, listing) = read_listing(raw)?;
            Some(Operation::ListInstrument { symbol_id, symbol, listing })
        }
        command_type::CHANGE_INSTRUMENT => {
            let (symbol_id, symbol, listing) = read_listing(raw)?;
            Some(Operation::ChangeInstrument { symbol_id, symbol, listing })
        }
        command_type::DEPOSIT => deposit(raw),
        _ => plain_operation(raw),
    }
}

/// Read an operation of numbers alone.
fn plain_operation(raw: &[u8]) -> Option<Operation> {
    let length = match raw[0] {
        command_type::ADVANCE_TIME | command_type::SET_VENUE_STATUS => 4,
        command_type::SET_MARK => 16,
        command_type::SET_ACCOUNT_LIMITS => 24,
        command_type::SET_COLLATERAL => 12,
        command_type::TRANSFER | command_type::COVER_DEBT => 32,
        _ => 8,
    };
    if raw.len() != length {
        return None;
    }
    let zero_u16 = || (u16_at(raw, 2) == 0).then_some(());
    let zero_u8 = || (raw[3] == 0).then_some(());
    Some(match raw[0] {
        command_type::DELIST_INSTRUMENT => {
            zero_u16()?;
            Operation::DelistInstrument { symbol_id: u32_at(raw, 4) }
        }
        command_type::SET_MARK => {
            zero_u16()?;
            Operation::SetMark { symbol_id: u32_at(raw, 4), price: i64_at(raw, 8) }
        }
        command_type::SET_SYMBOL_STATUS => {
            zero_u8()?;
            Operation::SetSymbolStatus { symbol_id: u32_at(raw, 4), status: SymbolStatus::from_byte(raw[2])? }
        }
        command_type::SET_VENUE_STATUS => {
            zero_u8()?;
            Operation::SetVenueStatus { status: VenueStatus::from_byte(raw[2])? }
        }
        command_type::TRIGGER_BREAKER => {
            zero_u8()?;
            Operation::TriggerBreaker { symbol_id: u32_at(raw, 4), reason: BreakerReason::from_byte(raw[2])? }
        }
        command_type::ADVANCE_TIME => {
            zero_u16()?;
            Operation::AdvanceTime
        }
        command_type::SET_ACCOUNT_STATUS => {
            zero_u8()?;
            Operation::SetAccountStatus { account_id: u32_at(raw, 4), status: AccountStatus::from_byte(raw[2])? }
        }
        command_type::SET_ACCOUNT_LIMITS => Operation::SetAccountLimits {
            account_id: u32_at(raw, 4),
            tier: raw[2],
            leverage_max: raw[3],
            position_notional_max: i128_at(raw, 8),
        },
        command_type::SET_MARGIN_STATE => {
            zero_u8()?;
            Operation::SetMarginState { account_id: u32_at(raw, 4), state: MarginState::from_byte(raw[2])? }
        }
        command_type::SET_COLLATERAL => Operation::SetCollateral {
            asset_id: u16_at(raw, 2) as u32,
            weight_ppm: u32_at(raw, 4),
            lending_account_id: u32_at(raw, 8),
        },
        command_type::TRANSFER => {
            (u32_at(raw, 12) == 0).then_some(())?;
            Operation::Transfer {
                from_account_id: u32_at(raw, 4),
                to_account_id: u32_at(raw, 8),
                asset_id: u16_at(raw, 2) as u32,
                amount: i128_at(raw, 16),
            }
        }
        command_type::COVER_DEBT => {
            zero_u16()?;
            Operation::CoverDebt {
                payer_account_id: u32_at(raw, 4),
                account_id: u32_at(raw, 8),
                symbol_id: u32_at(raw, 12),
                amount: i128_at(raw, 16),
            }
        }
        _ => return None,
    })
}

/// Cut the text after the fixed part into `lengths`, which must add up to exactly what is there.
fn texts<const N: usize>(raw: &[u8], fixed: usize, lengths: [u8; N]) -> Option<[&[u8]; N]> {
    let total: usize = lengths.iter().map(|length| *length as usize).sum();
    if raw.len() != fixed + total {
        return None;
    }
    let mut rest = &raw[fixed..];
    Some(lengths.map(|length| {
        let (text, after) = rest.split_at(length as usize);
        rest = after;
        text
    }))
}

fn text<const N: usize>(raw: &[u8], fixed: usize, length: u8) -> Option<Text<N>> {
    let [text] = texts(raw, fixed, [length])?;
    Text::new(text)
}

const POSS_RESEND: u8 = 1;
const TERMS: u8 = 2;
const KILL: u8 = 2;
const PEG_OFFSET: u8 = 4;

/// Check a `ClOrdID`, which may be empty where it is optional.
fn optional_cl_ord_id(raw: &[u8]) -> Option<&[u8]> {
    (raw.len() <= CL_ORD_ID_LENGTH_MAX && is_printable(raw)).then_some(raw)
}

fn cl_ord_id(raw: &[u8]) -> Option<&[u8]> {
    optional_cl_ord_id(raw).filter(|id| !id.is_empty())
}

/// Read the side of a target, which is 0 when none is given.
fn is_side(byte: u8) -> Option<()> {
    (byte == 0 || Side::from_byte(byte).is_some()).then_some(())
}

fn register_asset(raw: &[u8]) -> Option<Operation> {
    let fixed = raw.get(..8)?;
    let name = text(raw, 8, fixed[3])?;
    let zero = u16_at(fixed, 6) == 0;
    zero.then_some(Operation::RegisterAsset { asset_id: u16_at(fixed, 4) as u32, decimals: fixed[2], name })
}

fn register_firm(raw: &[u8]) -> Option<Operation> {
    let fixed = raw.get(..8)?;
    let name = text(raw, 8, fixed[2])?;
    (fixed[3] == 0).then_some(Operation::RegisterFirm { firm_id: u32_at(fixed, 4), name })
}

fn open_account(raw: &[u8]) -> Option<Operation> {
    let fixed = raw.get(..12)?;
    Some(Operation::OpenAccount {
        account_id: u32_at(fixed, 4),
        firm_id: u32_at(fixed, 8),
        kind: AccountKind::from_byte(fixed[2])?,
        name: text(raw, 12, fixed[3])?,
    })
}

fn register_session(raw: &[u8]) -> Option<Operation> {
    let fixed = raw.get(..12)?;
    Some(Operation::RegisterSession {
        session_id: u32_at(fixed, 4),
        firm_id: u32_at(fixed, 8),
        kind: SessionKind::from_byte(fixed[2])?,
        comp_id: text(raw, 12, fixed[3])?,
    })
}

fn read_listing(raw: &[u8]) -> Option<(u32, Name, Listing)> {
    let fixed = raw.get(..96)?;
    let kind = InstrumentKind::from_byte(fixed[2])?;
    let (pnl_account_id, text_at) = match kind {
        InstrumentKind::Spot => (0, 96),
        InstrumentKind::Perpetual => {
            let more = raw.get(96..104)?;
            (u32_at(more, 4) == 0).then_some(())?;
            (u32_at(more, 0), 104)
        }
    };
    let listing = Listing {
        kind,
        matching: Matching::from_byte(fixed[14])?,
        max_leverage: fixed[15],
        pnl_account_id,
        base_asset_id: u16_at(fixed, 8) as u32,
        quote_asset_id: u16_at(fixed, 10) as u32,
        tick: Step { mantissa: i64_at(fixed, 16), decimals: fixed[12] },
        lot: Step { mantissa: i64_at(fixed, 24), decimals: fixed[13] },
        min_qty: i64_at(fixed, 32),
        max_qty: i64_at(fixed, 40),
        min_notional: i128_at(fixed, 48),
        max_notional: i128_at(fixed, 64),
        maker_ppm: i32_at(fixed, 80),
        taker_ppm: i32_at(fixed, 84),
        band_ppm: u32_at(fixed, 88),
        fee_account_id: u32_at(fixed, 92),
    };
    Some((u32_at(fixed, 4), text(raw, text_at, fixed[3])?, listing))
}

fn deposit(raw: &[u8]) -> Option<Operation> {
    let fixed = raw.get(..32)?;
    if fixed[3] != 0 || u16_at(fixed, 10) != 0 || u32_at(fixed, 12) != 0 {
        return None;
    }
    Some(Operation::Deposit {
        account_id: u32_at(fixed, 4),
        asset_id: u16_at(fixed, 8) as u32,
        amount: i128_at(fixed, 16),
        deposit_ref: text(raw, 32, fixed[2])?,
    })
}

pub fn new_order(raw: &[u8]) -> Option<NewOrder<'_>> {
    let fixed = raw.get(..32)?;
    let flags = fixed[5];
    let (terms, text_at) = if flags & TERMS == 0 { (NO_TERMS, 32) } else { (new_terms(raw.get(32..80)?)?, 80) };
    let [id, note] = texts(raw, text_at, [fixed[6], fixed[7]])?;
    if flags & !(POSS_RESEND | TERMS) != 0 || note.len() > TEXT_LENGTH_MAX || !is_printable(note) {
        return None;
    }
    Some(NewOrder {
        account_id: u32_at(fixed, 8),
        symbol_id: u32_at(fixed, 12),
        side: Side::from_byte(fixed[2])?,
        ord_type: OrdType::from_byte(fixed[3])?,
        time_in_force: TimeInForce::from_byte(fixed[4])?,
        order_qty: i64_at(fixed, 16),
        price: i64_at(fixed, 24),
        terms,
        cl_ord_id: cl_ord_id(id)?,
        poss_resend: flags & POSS_RESEND != 0,
    })
}

/// Read the terms of a new order, which are only sent when one of them says something.
fn new_terms(raw: &[u8]) -> Option<NewTerms> {
    if raw.iter().all(|byte| *byte == 0) || raw.len() != NEW_TERMS_BYTES || raw[44] & !exec_inst::ALL != 0 {
        return None;
    }
    Some(NewTerms {
        stop_px: i64_at(raw, 0),
        max_floor: i64_at(raw, 8),
        min_qty: i64_at(raw, 16),
        expire_time_ns: u64_at(raw, 24),
        peg_offset: i64_at(raw, 32),
        stp_group: u32_at(raw, 40),
        exec_inst: raw[44],
        trigger: Trigger::from_byte(raw[45])?,
        peg: Peg::from_byte(raw[46])?,
        stp: SelfTrade::from_byte(raw[47])?,
    })
}

pub fn cancel_order(raw: &[u8]) -> Option<CancelOrder<'_>> {
    let fixed = raw.get(..24)?;
    let [id, orig] = texts(raw, 24, [fixed[2], fixed[3]])?;
    if u16_at(fixed, 6) != 0 || fixed[5] > POSS_RESEND {
        return None;
    }
    let target = target(fixed, orig)?;
    Some(CancelOrder { cl_ord_id: cl_ord_id(id)?, target, poss_resend: fixed[5] == POSS_RESEND })
}

/// Read what cancels and replaces have in common at the same places.
#[inline(always)]
fn target<'a>(fixed: &[u8], orig: &'a [u8]) -> Option<Target<'a>> {
    is_side(fixed[4])?;
    Some(Target {
        orig_cl_ord_id: optional_cl_ord_id(orig)?,
        order_id: u64_at(fixed, 8),
        symbol_id: u32_at(fixed, 16),
        account_id: u32_at(fixed, 20),
        side: Side::from_byte(fixed[4]),
    })
}

pub fn replace_order(raw: &[u8]) -> Option<ReplaceOrder<'_>> {
    let fixed = raw.get(..40)?;
    let flags = fixed[5];
    let (terms, text_at): (&[u8], usize) = if flags & TERMS == 0 { (&[0; 32], 40) } else { (raw.get(40..72)?, 72) };
    let [id, orig] = texts(raw, text_at, [fixed[2], fixed[3]])?;
    let (stop_px, max_floor, expire_time_ns) = (i64_at(terms, 0), i64_at(terms, 8), u64_at(terms, 16));
    let has_offset = flags & PEG_OFFSET != 0;
    let has_terms = has_offset || stop_px != 0 || max_floor != 0 || expire_time_ns != 0;
    let offset = i64_at(terms, 24);
    let is_canonical = (flags & TERMS != 0) == has_terms && (has_offset || offset == 0);
    if flags & !(POSS_RESEND | TERMS | PEG_OFFSET) != 0 || fixed[7] != 0 || !is_canonical {
        return None;
    }
    let time_in_force = match fixed[6] {
        0 => None,
        byte => Some(TimeInForce::from_byte(byte)?),
    };
    Some(ReplaceOrder {
        cl_ord_id: cl_ord_id(id)?,
        target: target(fixed, orig)?,
        order_qty: i64_at(fixed, 24),
        price: i64_at(fixed, 32),
        time_in_force,
        stop_px,
        max_floor,
        expire_time_ns,
        peg_offset: has_offset.then_some(offset),
        poss_resend: flags & POSS_RESEND != 0,
        asks_terms: has_terms || time_in_force.is_some(),
    })
}

pub fn mass_cancel(raw: &[u8]) -> Option<MassCancel> {
    let fixed = raw.get(..24)?;
    let [id] = texts(raw, 24, [fixed[2]])?;
    cl_ord_id(id)?;
    if fixed[4] & !(POSS_RESEND | KILL) != 0 || fixed[5] != 0 {
        return None;
    }
    is_side(fixed[3])?;
    Some(MassCancel {
        symbol_id: u32_at(fixed, 8),
        account_id: u32_at(fixed, 12),
        firm_id: u32_at(fixed, 16),
        of_session: u32_at(fixed, 20),
        side: Side::from_byte(fixed[3]),
        code: u16_at(fixed, 6),
        kill: fixed[4] & KILL != 0,
    })
}

/// The order id and `ClOrdID` of an order asked about.
pub fn request_order_status(raw: &[u8]) -> Option<(u64, &[u8])> {
    let fixed = raw.get(..16)?;
    let [id, request] = texts(raw, 16, [fixed[2], fixed[3]])?;
    let sound = u32_at(fixed, 4) == 0 && request.len() <= TEXT_LENGTH_MAX && is_printable(request);
    let cl_ord_id = optional_cl_ord_id(id)?;
    sound.then_some((u64_at(fixed, 8), cl_ord_id))
}

/// The code of a refusal. Symbol, quantity and price are kept as the member wrote them, as long as the layout carries them.
pub fn refuse_order(raw: &[u8]) -> Option<Code> {
    let fixed = raw.get(..20)?;
    let [id, symbol, order_qty, price, note] = texts(raw, 20, [fixed[5], fixed[6], fixed[7], fixed[8], fixed[9]])?;
    optional_cl_ord_id(id)?;
    let sound = note.len() <= TEXT_LENGTH_MAX && [symbol, order_qty, price, note].into_iter().all(is_printable);
    sound.then_some(u16_at(fixed, 10))
}

/// The session, and whether its kill switch is to be on.
pub fn set_kill_switch(raw: &[u8]) -> Option<(u32, bool)> {
    let sound = raw.len() == 8 && raw[2] <= 1 && raw[3] == 0;
    sound.then(|| (u32_at(raw, 4), raw[2] == 1))
}

pub struct SetLeverage {
    pub account_id: u32,
    pub symbol_id: u32,
    pub leverage: u8,
    pub is_isolated: bool,
}

pub fn set_leverage(raw: &[u8]) -> Option<SetLeverage> {
    let sound = raw.len() == 12 && raw[3] <= 1;
    sound.then(|| SetLeverage {
        account_id: u32_at(raw, 4),
        symbol_id: u32_at(raw, 8),
        leverage: raw[2],
        is_isolated: raw[3] == 1,
    })
}

/// Account, symbol and amount of margin to add, or to take away.
pub fn adjust_margin(raw: &[u8]) -> Option<(u32, u32, i128)> {
    let sound = raw.len() == 32 && u16_at(raw, 2) == 0 && u32_at(raw, 12) == 0;
    sound.then(|| (u32_at(raw, 4), u32_at(raw, 8), i128_at(raw, 16)))
}
