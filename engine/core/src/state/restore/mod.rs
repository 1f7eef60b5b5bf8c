//! Reading a snapshot: strictly, so that nothing is restored that could not have been written.

mod markets;
mod open_orders;
mod reader;
mod registries;
mod rules;

use crate::language::codes::{AccountKind, Code, ExecInst, Side, VenueStatus};
use crate::language::frame::TS_NS_MAX;
use crate::language::ids::{AccountId, SymbolId};
use crate::language::limits::{ACCOUNTS_MAX, STEPS_PER_COMMAND_MAX, STEPS_PER_COMMAND_MIN, SYMBOLS_MAX};
use crate::language::processor::Processor;
use crate::market::open_orders::Slot;
use crate::state::exchange::{Exchange, LogEnd, Move, Withdrawal};
use crate::state::restore::reader::{Reader, Restored, SHORT, UNSOUND};
use crate::state::snapshot::{MAGIC, VERSION};

/// Largest record number an identifier carries (`engine.api.ids`).
const SEQ_MAX: u64 = (1 << 50) - 1;

impl Exchange {
    /// Read a state that `snapshot` wrote. The error says why it is none.
    pub fn restore(snapshot: &[u8], seed: u64, processor: Processor) -> Restored<Self> {
        let (body, crc) = snapshot.split_last_chunk::<4>().ok_or(SHORT)?;
        if u32::from_le_bytes(*crc) != (processor.checksum)(&[], &[body]) {
            return Err("the checksum of the snapshot does not match");
        }
        let mut input = Reader { rest: body };
        if input.raw::<8>()? != *MAGIC || input.u32()? != VERSION {
            return Err("not a snapshot of this version");
        }
        let mut exchange = Self::new(seed, processor);
        exchange.log_end = LogEnd { seq: input.u64()?, event_ts_ns: input.u64()?, crc: input.u32()? };
        exchange.orders.set_forgotten_ns(input.u64()?);
        if exchange.log_end.seq > SEQ_MAX || exchange.log_end.event_ts_ns > TS_NS_MAX {
            return Err(UNSOUND);
        }
        exchange.venue_status = VenueStatus::of(input.u8()?).ok_or(UNSOUND)?;
        exchange.read_work(&mut input)?;
        exchange.read_moves(&mut input)?;
        exchange.read_registries(&mut input)?;
        exchange.read_instruments(&mut input)?;
        exchange.check_references()?;
        exchange.read_rules(&mut input)?;
        exchange.read_orders(&mut input)?;
        exchange.read_open_orders(&mut input)?;
        exchange.find_places()?;
        exchange.check()?;
        if exchange.snapshot() == snapshot {
            Ok(exchange)
        } else {
            Err("the snapshot does not restore to its own bytes")
        }
    }

    /// Read what is left to do of mass cancels, and the steps of a record.
    fn read_work(&mut self, input: &mut Reader<'_>) -> Restored {
        (self.steps_max, self.turn) = (input.u32()?, input.id()?);
        if !(STEPS_PER_COMMAND_MIN..=STEPS_PER_COMMAND_MAX).contains(&self.steps_max)
            || self.turn.number() > SYMBOLS_MAX + 1
        {
            return Err(UNSOUND);
        }
        for _ in 0..input.u64()? {
            let seq = input.u64()?;
            let (firm_id, account_id) = (input.id()?, input.id()?);
            let (symbol_id, session_id) = (input.id()?, input.id()?);
            let (side, is_operations) = (input.u8()?, input.flag()?);
            let keeps = ExecInst::of(input.u8()?).ok_or(UNSOUND)?;
            let side = if side == 0 { None } else { Some(Side::of(side).ok_or(UNSOUND)?) };
            let code = Code::of(input.raw().map(u16::from_le_bytes)?).ok_or(UNSOUND)?;
            let (canceled, at_account, at_order) = (input.u32()?, input.id::<AccountId>()?, input.order_id()?);
            let last = self.withdrawals.last().map_or(0, |withdrawal| withdrawal.seq);
            if seq <= last || seq > self.log_end.seq || at_account.number() > ACCOUNTS_MAX + 1 {
                return Err(UNSOUND);
            }
            self.withdrawals.push(Withdrawal {
                seq,
                firm_id,
                account_id,
                symbol_id,
                session_id,
                side,
                keeps,
                code,
                is_operations,
                canceled,
                at_account,
                at_order,
                next: Slot::NIL,
            });
        }
        Ok(())
    }

    /// Read which suspensions, or their ends, are not complete.
    fn read_moves(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (account_id, at_order) = (input.id()?, input.order_id()?);
            if self.moves.last_key_value().is_some_and(|(last, _)| *last >= account_id) {
                return Err(UNSOUND);
            }
            self.moves.insert(account_id, Move { at_order, next: Slot::NIL });
        }
        Ok(())
    }

    /// Find again where mass cancels and suspensions have come to, and who has positions.
    fn find_places(&mut self) -> Restored {
        for withdrawal in &mut self.withdrawals {
            let account = self.accounts.get(withdrawal.at_account);
            if !withdrawal.at_order.is_none() {
                let mut slot = account.ok_or(UNSOUND)?.first_open;
                while slot != Slot::NIL && self.open[slot].order_id <= withdrawal.at_order {
                    slot = self.open[slot].account_previous;
                }
                withdrawal.next = slot;
            }
        }
        for (account_id, way) in &mut self.moves {
            let account = self.accounts.get(*account_id).ok_or(UNSOUND)?;
            way.next = account.first_open;
            while way.next != Slot::NIL && self.open[way.next].order_id <= way.at_order {
                way.next = self.open[way.next].account_previous;
            }
        }
        for (_, entry) in self.accounts.iter() {
            for position in entry.value.positions.iter().filter(|position| !position.is_empty()) {
                self.markets[position.symbol_id].holders += 1;
            }
        }
        for symbol_id in self.markets.ids() {
            let mut accounts: Vec<AccountId> =
                self.markets[symbol_id].reducers.keys().map(|(account_id, ..)| *account_id).collect();
            accounts.dedup();
            for account_id in accounts {
                self.note_excess(account_id, symbol_id);
            }
        }
        for symbol_id in self.markets.ids() {
            self.note_mark(symbol_id);
            self.gather_again(symbol_id);
            let market = &mut self.markets[symbol_id];
            self.delisted_with_orders += u32::from(market.is_delisted && market.open_orders > 0);
            market.book.is_as_walked = market.auction.is_some_and(|auction| auction.walk.is_some());
        }
        Ok(())
    }

    /// Check that lending accounts and positions name what exists.
    fn check_references(&self) -> Restored {
        let is_lender =
            |id: AccountId| id.is_none() || self.accounts.get(id).is_some_and(|a| a.kind == AccountKind::System);
        let lenders = self.assets.iter().all(|(_, entry)| is_lender(entry.value.lending_account_id));
        let is_perpetual = |id: SymbolId| self.markets.get(id).is_some_and(|market| market.instrument.is_perpetual());
        let mut positions = self.accounts.iter().flat_map(|(_, entry)| &entry.value.positions);
        let known = positions.all(|position| is_perpetual(position.symbol_id));
        (lenders && known).then_some(()).ok_or(UNSOUND)
    }
}
