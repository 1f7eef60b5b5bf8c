//! The C ABI, and the one file with `unsafe`.
//!
//! The caller keeps to three rules: a core is used by one thread at a time, buffers are as long as they are said to
//! be, and bytes handed out are read before the next call on the same core.

#![allow(unsafe_code)]

use crate::language::codes::Fault;
use crate::language::crc32c::Checksum;
use crate::language::ids::OrderId;
use crate::language::processor::Processor;
use crate::language::{codes, command, crc32c, event, frame, limits, parameters};
use crate::rules::apply::Progress;
use crate::standing::fold::{Fold, Taken};
use crate::state::exchange::Exchange;

/// The fastest checksum this processor knows.
pub fn fastest_checksum() -> Checksum {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("sse4.2") {
        // SAFETY: the instruction was just found to be there.
        return |words, parts| unsafe { crc32c::by_instruction(words, parts) };
    }
    crc32c::by_table
}

/// What this processor does best.
pub fn this_processor() -> Processor {
    Processor { checksum: fastest_checksum(), prefetch }
}

fn prefetch(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: nothing is read, and every x86-64 has the instruction.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// An exchange with the last bytes it handed out.
pub struct Core {
    exchange: Exchange,
    handed_out: Vec<u8>,
}

/// Bytes owned by the core, valid until the next call on it.
#[repr(C)]
pub struct Bytes {
    pub data: *const u8,
    pub length: usize,
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), length: bytes.len() }
    }
}

/// What `exchange_core_apply` did; `fault` is 0 unless the frame at `consumed` is not sound.
#[repr(C)]
pub struct Applied {
    pub records: Bytes,
    pub consumed: usize,
    pub count: u32,
    pub fault: u32,
}

/// What `exchange_core_replay` did; `fault` is 0 unless the record at `consumed` does not follow.
#[repr(C)]
pub struct Replayed {
    pub consumed: usize,
    pub count: u32,
    pub fault: u32,
}

/// Where the log ends, and what follows.
#[repr(C)]
pub struct Summary {
    pub seq: u64,
    pub event_ts_ns: u64,
    pub open_orders: u64,
    /// When something is due next, 0 for never.
    pub next_due_ns: u64,
    pub crc: u32,
}

unsafe fn slice<'a>(data: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller says that there are so many bytes.
    unsafe { std::slice::from_raw_parts(data, length) }
}

fn number(fault: Option<Fault>) -> u32 {
    fault.map_or(0, |fault| fault as u32)
}

fn boxed(exchange: Exchange) -> *mut Core {
    Box::into_raw(Box::new(Core { exchange, handed_out: Vec::new() }))
}

#[no_mangle]
pub extern "C" fn exchange_core_new(seed: u64) -> *mut Core {
    boxed(Exchange::new(seed, this_processor()))
}

/// # Safety
/// `core` came from `exchange_core_new` or `exchange_core_restore`, and is not used again.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_free(core: *mut Core) {
    // SAFETY: as the caller promises; the same holds for every block below.
    drop(unsafe { Box::from_raw(core) });
}

/// # Safety
/// `core` is alive and used by this thread alone; `frames` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_apply(
    core: *mut Core,
    now_ns: u64,
    frames: *const u8,
    length: usize,
    batch_index: u32,
) -> Applied {
    let (exchange, frames) = unsafe { (&mut (*core).exchange, slice(frames, length)) };
    let Progress { consumed, count, fault } = exchange.apply(now_ns, frames, batch_index);
    Applied { records: Bytes::of(exchange.records()), consumed, count, fault: number(fault) }
}

/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_replay(core: *mut Core, records: *const u8, length: usize) -> Replayed {
    let (exchange, records) = unsafe { (&mut (*core).exchange, slice(records, length)) };
    let Progress { consumed, count, fault } = exchange.replay(records);
    Replayed { consumed, count, fault: number(fault) }
}

/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_summary(core: *const Core) -> Summary {
    let exchange = unsafe { &(*core).exchange };
    let end = exchange.log_end();
    Summary {
        seq: end.seq,
        event_ts_ns: end.event_ts_ns,
        open_orders: exchange.open_orders() as u64,
        next_due_ns: exchange.next_due_ns(),
        crc: end.crc,
    }
}

/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_snapshot(core: *mut Core) -> Bytes {
    let core = unsafe { &mut *core };
    core.handed_out = core.exchange.snapshot();
    Bytes::of(&core.handed_out)
}

/// Restore a core, or return null and say why in `refusal`, which is never freed.
///
/// # Safety
/// `snapshot` has `length` bytes; `refusal` can be written to.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_restore(
    snapshot: *const u8,
    length: usize,
    seed: u64,
    refusal: *mut Bytes,
) -> *mut Core {
    match Exchange::restore(unsafe { slice(snapshot, length) }, seed, this_processor()) {
        Ok(exchange) => boxed(exchange),
        Err(reason) => {
            unsafe { *refusal = Bytes::of(reason.as_bytes()) };
            std::ptr::null_mut()
        }
    }
}

/// Balances that are not zero, 40 bytes each: `account_id` u32, `asset_id` u32, available i128, locked i128.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_balances(core: *mut Core) -> Bytes {
    let Core { exchange, handed_out } = unsafe { &mut *core };
    handed_out.clear();
    for (account_id, asset_id, balance) in exchange.balances() {
        handed_out.extend_from_slice(&account_id.to_le_bytes());
        handed_out.extend_from_slice(&asset_id.to_le_bytes());
        handed_out.extend_from_slice(&balance.available.to_le_bytes());
        handed_out.extend_from_slice(&balance.locked.to_le_bytes());
    }
    Bytes::of(handed_out)
}

/// Positions that came into being, 96 bytes each: `account_id` u32, `symbol_id` u32, leverage u8,
/// `is_isolated` u8, zero u8[6], then size, cost, margin, extra and debt i128.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_positions(core: *mut Core) -> Bytes {
    let Core { exchange, handed_out } = unsafe { &mut *core };
    handed_out.clear();
    for (account_id, position) in exchange.positions() {
        handed_out.extend_from_slice(&account_id.to_le_bytes());
        handed_out.extend_from_slice(&position.symbol_id.to_le_bytes());
        handed_out.extend_from_slice(&[position.leverage, u8::from(position.is_isolated), 0, 0, 0, 0, 0, 0]);
        handed_out.extend_from_slice(&position.size.wide().to_le_bytes());
        for amount in [position.cost, position.margin, position.extra, position.debt] {
            handed_out.extend_from_slice(&amount.to_le_bytes());
        }
    }
    Bytes::of(handed_out)
}

/// Loans, 24 bytes each: `account_id` u32, `asset_id` u32, amount i128.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_loans(core: *mut Core) -> Bytes {
    let Core { exchange, handed_out } = unsafe { &mut *core };
    handed_out.clear();
    for (account_id, asset_id, balance) in exchange.balances().filter(|(_, _, balance)| !balance.loan.is_zero()) {
        handed_out.extend_from_slice(&account_id.to_le_bytes());
        handed_out.extend_from_slice(&asset_id.to_le_bytes());
        handed_out.extend_from_slice(&balance.loan.to_le_bytes());
    }
    Bytes::of(handed_out)
}

/// The first invariant that is broken, or no bytes.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_check(core: *const Core) -> Bytes {
    let exchange = unsafe { &(*core).exchange };
    Bytes::of(exchange.check().err().unwrap_or_default().as_bytes())
}

/// What `exchange_core_walk` did: how far the chain goes, and the last record that was sound.
#[repr(C)]
pub struct Walked {
    pub consumed: usize,
    pub seq: u64,
    pub crc: u32,
}

/// Follow the chain of records from the one that follows `(seq, crc)`, without executing them.
///
/// # Safety
/// `records` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_walk(records: *const u8, length: usize, seq: u64, crc: u32) -> Walked {
    let frame::Walked { consumed, seq, crc } =
        frame::walk(fastest_checksum(), unsafe { slice(records, length) }, seq, crc);
    Walked { consumed, seq, crc }
}

/// # Safety
/// `data` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_crc32c(data: *const u8, length: usize) -> u32 {
    fastest_checksum()(&[], &[unsafe { slice(data, length) }])
}

/// The rules that hold and those that will, as a snapshot has them.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_rules(core: *mut Core) -> Bytes {
    let core = unsafe { &mut *core };
    core.handed_out = core.exchange.rules();
    Bytes::of(&core.handed_out)
}

/// Every bound as lines `NAME=value`, handed out by `core`.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_limits(core: *mut Core) -> Bytes {
    let core = unsafe { &mut *core };
    core.handed_out = limits::listing().into_bytes();
    Bytes::of(&core.handed_out)
}

/// Every set, command and event as a line of the published table, handed out by `core`.
///
/// # Safety
/// As `exchange_core_apply`.
#[no_mangle]
pub unsafe extern "C" fn exchange_core_layouts(core: *mut Core) -> Bytes {
    let core = unsafe { &mut *core };
    core.handed_out =
        [codes::listing(), command::listing(), event::listing(), parameters::listing()].join("\n").into_bytes();
    Bytes::of(&core.handed_out)
}

/// A fold of the log with the last bytes it handed out.
pub struct Followed {
    fold: Fold,
    handed_out: Vec<u8>,
}

fn followed(fold: Fold) -> *mut Followed {
    Box::into_raw(Box::new(Followed { fold, handed_out: Vec::new() }))
}

#[no_mangle]
pub extern "C" fn exchange_standing_new(journal: u64) -> *mut Followed {
    followed(Fold::of(journal, fastest_checksum()))
}

/// # Safety
/// `standing` came from `exchange_standing_new` or `exchange_standing_restore`, and is not used again.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_free(standing: *mut Followed) {
    drop(unsafe { Box::from_raw(standing) });
}

/// Restore a fold, or return null and say why in `refusal`, which is never freed.
///
/// # Safety
/// `snapshot` has `length` bytes; `refusal` can be written to.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_restore(
    snapshot: *const u8,
    length: usize,
    refusal: *mut Bytes,
) -> *mut Followed {
    match Fold::restore(unsafe { slice(snapshot, length) }, fastest_checksum()) {
        Ok(fold) => followed(fold),
        Err(reason) => {
            unsafe { *refusal = Bytes::of(reason.as_bytes()) };
            std::ptr::null_mut()
        }
    }
}

/// # Safety
/// `standing` is alive and used by this thread alone; `records` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_take(
    standing: *mut Followed,
    records: *const u8,
    length: usize,
    to_seq: u64,
) -> Replayed {
    let (fold, records) = unsafe { (&mut (*standing).fold, slice(records, length)) };
    let Taken { consumed, count, fault } = fold.take(records, to_seq);
    Replayed { consumed, count, fault: number(fault) }
}

/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_end(standing: *const Followed) -> Summary {
    let fold = unsafe { &(*standing).fold };
    let open_orders = fold.open_orders() as u64;
    Summary { seq: fold.seq, event_ts_ns: fold.event_ts_ns, open_orders, next_due_ns: 0, crc: fold.crc }
}

/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_journal(standing: *const Followed) -> u64 {
    unsafe { (*standing).fold.journal }
}

/// Tell whether the last record taken is one of these: 1 if it is.
///
/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_is_of(standing: *const Followed, records: *const u8, length: usize) -> u32 {
    let (fold, records) = unsafe { (&(*standing).fold, slice(records, length)) };
    u32::from(fold.is_of(records))
}

/// Hand out what `write` appends.
///
/// # Safety
/// As `exchange_standing_take`.
unsafe fn hand_out(standing: *mut Followed, write: impl FnOnce(&Fold, &mut Vec<u8>)) -> Bytes {
    let Followed { fold, handed_out } = unsafe { &mut *standing };
    *handed_out = Vec::new();
    write(fold, handed_out);
    Bytes::of(handed_out)
}

/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_snapshot(standing: *mut Followed) -> Bytes {
    unsafe { hand_out(standing, |fold, out| *out = fold.snapshot()) }
}

/// The row of an order, open or closed; no bytes for one that is not known.
///
/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_find(standing: *mut Followed, order_id: u64) -> Bytes {
    unsafe { hand_out(standing, |fold, out| fold.find(OrderId::new(order_id), out)) }
}

/// The rows of all open orders, in the order in which they were accepted.
///
/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_open(standing: *mut Followed) -> Bytes {
    unsafe { hand_out(standing, Fold::write_open) }
}

/// The markets by symbol, as `|fold, out| fold.markets.write(out)` draws them.
///
/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_markets(standing: *mut Followed) -> Bytes {
    unsafe { hand_out(standing, |fold, out| fold.markets.write(out)) }
}

/// Records of operations that still say what is so, in the order of the log.
///
/// # Safety
/// As `exchange_standing_take`.
#[no_mangle]
pub unsafe extern "C" fn exchange_standing_kept(standing: *mut Followed) -> Bytes {
    unsafe { hand_out(standing, |fold, out| fold.kept.write(out)) }
}
