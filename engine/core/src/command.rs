//! Commands: their bytes, strictly read. Layouts are drawn in `engine/api/wire.py`.

use crate::bytes::{i128_at, i32_at, i64_at, u16_at, u32_at, u64_at};
use crate::codes::{code, command_type, AccountKind, Code, OrdType, SessionKind, Side, TimeInForce};
use crate::codes::{INSTRUMENT_SPOT, VERSION};
use crate::instrument::{Listing, Step};
use crate::limits::TEXT_LENGTH_MAX;
use crate::text::{is_printable, ClOrdId, DepositRef, Name, Text};

pub enum Command {
    RegisterAsset { asset_id: u32, decimals: u8, name: Name },
    RegisterFirm { firm_id: u32, name: Name },
    OpenAccount { account_id: u32, firm_id: u32, kind: AccountKind, name: Name },
    RegisterSession { session_id: u32, firm_id: u32, kind: SessionKind, comp_id: Name },
    ListInstrument { symbol_id: u32, symbol: Name, listing: Listing },
    Deposit { account_id: u32, asset_id: u32, amount: i128, deposit_ref: DepositRef },
    NewOrder(NewOrder),
    CancelOrder(CancelOrder),
    RequestOrderStatus { order_id: u64, cl_ord_id: ClOrdId },
    RefuseOrder { code: Code },
}

pub struct NewOrder {
    pub account_id: u32,
    pub symbol_id: u32,
    pub side: Side,
    pub ord_type: OrdType,
    pub time_in_force: TimeInForce,
    pub order_qty: i64,
    pub price: i64,
    pub cl_ord_id: ClOrdId,
    pub poss_resend: bool,
}

pub struct CancelOrder {
    pub cl_ord_id: ClOrdId,
    pub orig_cl_ord_id: ClOrdId,
    pub order_id: u64,
    pub account_id: u32,
    pub symbol_id: u32,
    pub side: Option<Side>,
    pub poss_resend: bool,
}

/// Read a command. The error is the code of its refusal.
pub fn parse(raw: &[u8]) -> Result<Command, Code> {
    let (Some(kind), Some(version)) = (raw.first(), raw.get(1)) else {
        return Err(code::MALFORMED_COMMAND);
    };
    let read: fn(&[u8]) -> Option<Command> = match *kind {
        command_type::REGISTER_ASSET => register_asset,
        command_type::REGISTER_FIRM => register_firm,
        command_type::OPEN_ACCOUNT => open_account,
        command_type::REGISTER_SESSION => register_session,
        command_type::LIST_INSTRUMENT => list_instrument,
        command_type::DEPOSIT => deposit,
        command_type::NEW_ORDER => new_order,
        command_type::CANCEL_ORDER => cancel_order,
        command_type::REQUEST_ORDER_STATUS => request_order_status,
        command_type::REFUSE_ORDER => refuse_order,
        _ => return Err(code::UNKNOWN_COMMAND),
    };
    if *version != VERSION {
        return Err(code::UNKNOWN_COMMAND);
    }
    read(raw).ok_or(code::MALFORMED_COMMAND)
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

/// Read the flags of an order or a cancel: bit 0 is `poss_resend`, no other is in use.
fn poss_resend(flags: u8) -> Option<bool> {
    (flags <= 1).then_some(flags == 1)
}

fn cl_ord_id(raw: &[u8]) -> Option<ClOrdId> {
    Text::new(raw).filter(|id| !id.is_empty())
}

fn register_asset(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..8)?;
    let name = text(raw, 8, fixed[3])?;
    let zero = u16_at(fixed, 6) == 0;
    zero.then_some(Command::RegisterAsset { asset_id: u16_at(fixed, 4) as u32, decimals: fixed[2], name })
}

fn register_firm(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..8)?;
    let name = text(raw, 8, fixed[2])?;
    (fixed[3] == 0).then_some(Command::RegisterFirm { firm_id: u32_at(fixed, 4), name })
}

fn open_account(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..12)?;
    Some(Command::OpenAccount {
        account_id: u32_at(fixed, 4),
        firm_id: u32_at(fixed, 8),
        kind: AccountKind::from_byte(fixed[2])?,
        name: text(raw, 12, fixed[3])?,
    })
}

fn register_session(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..12)?;
    Some(Command::RegisterSession {
        session_id: u32_at(fixed, 4),
        firm_id: u32_at(fixed, 8),
        kind: SessionKind::from_byte(fixed[2])?,
        comp_id: text(raw, 12, fixed[3])?,
    })
}

fn list_instrument(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..96)?;
    if fixed[2] != INSTRUMENT_SPOT || u16_at(fixed, 14) != 0 {
        return None;
    }
    let listing = Listing {
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
    Some(Command::ListInstrument { symbol_id: u32_at(fixed, 4), symbol: text(raw, 96, fixed[3])?, listing })
}

fn deposit(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..32)?;
    if fixed[3] != 0 || u16_at(fixed, 10) != 0 || u32_at(fixed, 12) != 0 {
        return None;
    }
    Some(Command::Deposit {
        account_id: u32_at(fixed, 4),
        asset_id: u16_at(fixed, 8) as u32,
        amount: i128_at(fixed, 16),
        deposit_ref: text(raw, 32, fixed[2])?,
    })
}

fn new_order(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..32)?;
    let [id, note] = texts(raw, 32, [fixed[6], fixed[7]])?;
    if note.len() > TEXT_LENGTH_MAX || !is_printable(note) {
        return None;
    }
    Some(Command::NewOrder(NewOrder {
        account_id: u32_at(fixed, 8),
        symbol_id: u32_at(fixed, 12),
        side: Side::from_byte(fixed[2])?,
        ord_type: OrdType::from_byte(fixed[3])?,
        time_in_force: TimeInForce::from_byte(fixed[4])?,
        order_qty: i64_at(fixed, 16),
        price: i64_at(fixed, 24),
        cl_ord_id: cl_ord_id(id)?,
        poss_resend: poss_resend(fixed[5])?,
    }))
}

fn cancel_order(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..24)?;
    let [id, orig] = texts(raw, 24, [fixed[2], fixed[3]])?;
    let side = match fixed[4] {
        0 => None,
        byte => Some(Side::from_byte(byte)?),
    };
    if u16_at(fixed, 6) != 0 {
        return None;
    }
    Some(Command::CancelOrder(CancelOrder {
        cl_ord_id: cl_ord_id(id)?,
        orig_cl_ord_id: Text::new(orig)?,
        order_id: u64_at(fixed, 8),
        account_id: u32_at(fixed, 20),
        symbol_id: u32_at(fixed, 16),
        side,
        poss_resend: poss_resend(fixed[5])?,
    }))
}

fn request_order_status(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..16)?;
    let [id, request] = texts(raw, 16, [fixed[2], fixed[3]])?;
    let sound = u32_at(fixed, 4) == 0 && request.len() <= TEXT_LENGTH_MAX && is_printable(request);
    let cl_ord_id = Text::new(id)?;
    sound.then_some(Command::RequestOrderStatus { order_id: u64_at(fixed, 8), cl_ord_id })
}

/// Symbol, quantity and price are kept as the member wrote them, as long as the layout carries them.
fn refuse_order(raw: &[u8]) -> Option<Command> {
    let fixed = raw.get(..20)?;
    let [id, symbol, order_qty, price, note] = texts(raw, 20, [fixed[5], fixed[6], fixed[7], fixed[8], fixed[9]])?;
    ClOrdId::new(id)?;
    let sound = note.len() <= TEXT_LENGTH_MAX && [symbol, order_qty, price, note].into_iter().all(is_printable);
    sound.then_some(Command::RefuseOrder { code: u16_at(fixed, 10) })
}
