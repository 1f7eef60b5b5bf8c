//! Marks, breakers, and what symbols and the venue are open for (sections 2 and 10).

use crate::language::codes::{BreakerReason, Code, Parameter, SymbolStatus};
use crate::language::command::{AdvanceTime, SetMark, SetSymbolStatus, SetVenueStatus, TriggerBreaker};
use crate::language::event::{BreakerTriggered, MarkSet, SymbolStatusSet, TimeAdvanced, VenueStatusSet};
use crate::language::ids::SymbolId;
use crate::market::mark_window::MarkSeen;
use crate::market::own_orders::OwnOrders;
use crate::state::exchange::{Decision, Exchange};

const NS_PER_SECOND: u64 = 1_000_000_000;

impl Exchange {
    pub(crate) fn set_mark(&mut self, asked: &SetMark) -> Decision {
        let SetMark { symbol_id, price } = *asked;
        let ts_ns = self.now.ts_ns;
        let window_ns = self.ruleset.of(Parameter::BreakerWindowS, symbol_id.number()) as u64 * NS_PER_SECOND;
        let move_ppm = i128::from(self.ruleset.of(Parameter::BreakerMovePpm, symbol_id.number()));
        let market = self.listed_mut(symbol_id)?;
        if !price.is_price() {
            return Err(Code::BoundExceeded);
        }
        let is_first = market.mark.is_zero();
        market.mark = price;
        market.window.forget_before(ts_ns.saturating_sub(window_ns));
        let breaking_move = market.window.breaking_move(price, move_ppm).filter(|_| market.breaker_until_ns == 0);
        if breaking_move.is_some() {
            market.window.clear();
        }
        market.window.add(MarkSeen { ts_ns, price });
        if is_first {
            self.note_mark(symbol_id);
        }
        self.touch(symbol_id);
        self.records.tell(&MarkSet {});
        if let Some(change_ppm) = breaking_move {
            self.activate_breaker(symbol_id, BreakerReason::MarkMove, change_ppm, self.breaker_end_ns(symbol_id));
        }
        Ok(())
    }

    pub(crate) fn trigger_breaker(&mut self, asked: &TriggerBreaker) -> Decision {
        let TriggerBreaker { symbol_id, reason } = *asked;
        let until_ns = self.breaker_end_ns(symbol_id);
        let until_ns = until_ns.max(self.listed_mut(symbol_id)?.breaker_until_ns);
        self.activate_breaker(symbol_id, reason, 0, until_ns);
        Ok(())
    }

    /// When a breaker that is triggered now will end.
    fn breaker_end_ns(&self, symbol_id: SymbolId) -> u64 {
        self.now.ts_ns + self.ruleset.of(Parameter::BreakerNs, symbol_id.number()) as u64
    }

    fn activate_breaker(&mut self, symbol_id: SymbolId, reason: BreakerReason, change_ppm: i64, until_ns: u64) {
        let before = std::mem::replace(&mut self.markets[symbol_id].breaker_until_ns, until_ns);
        self.breakers.remove(&(before, symbol_id));
        self.breakers.insert((until_ns, symbol_id));
        self.records.tell(&BreakerTriggered { symbol_id, until_ns, change_ppm, reason });
    }

    pub(crate) fn set_symbol_status(&mut self, asked: &SetSymbolStatus) -> Decision {
        let SetSymbolStatus { symbol_id, status } = *asked;
        let before = self.listed_mut(symbol_id)?.status;
        let opens = matches!(status, SymbolStatus::Open | SymbolStatus::PostOnly) && status != before;
        let market = &mut self.markets[symbol_id];
        if let Some(auction) = market.auction.as_mut().filter(|auction| !auction.price.is_zero()) {
            // Its trades are decided: the status follows when they are told.
            auction.target = status;
            self.records.tell(&SymbolStatusSet { symbol_id, status: before });
            return Ok(());
        }
        (market.auction, market.own_orders) = (None, OwnOrders::default());
        let mut reached = status;
        if opens && (market.is_crossed() || !market.in_hand.is_empty()) {
            if self.open_by_auction(symbol_id, status) {
                return Ok(());
            }
            reached = SymbolStatus::PreOpen;
        }
        self.markets[symbol_id].status = reached;
        self.touch(symbol_id);
        self.records.tell(&SymbolStatusSet { symbol_id, status: reached });
        Ok(())
    }

    /// Time has passed, and what was due has been done before.
    pub(crate) fn advance_time(&mut self, _: &AdvanceTime) -> Decision {
        self.records.tell(&TimeAdvanced {});
        Ok(())
    }

    pub(crate) fn set_venue_status(&mut self, asked: &SetVenueStatus) -> Decision {
        self.venue_status = asked.status;
        for symbol_id in self.markets.ids() {
            self.touch(symbol_id);
        }
        self.records.tell(&VenueStatusSet {});
        Ok(())
    }
}
