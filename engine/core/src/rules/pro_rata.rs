//! Matching in proportion to what the makers at a price show (TRD-31; docs/MATCHING.md, section 5).

use crate::language::codes::{Code, SelfTrade};
use crate::language::units::{Lots, Ticks};
use crate::market::open_orders::{OpenOrder, Slot};
use crate::rules::matching::Stop;
use crate::rules::solvency::Prior;
use crate::state::exchange::Exchange;

impl Exchange {
    pub(crate) fn take_pro_rata(&mut self, slot: Slot) -> Stop {
        let OpenOrder { symbol_id, side, price, .. } = self.open[slot];
        let makers = side.opposite();
        while self.open[slot].leaves > Lots::ZERO {
            if !self.settle_excess(symbol_id) {
                return Stop::StepsUsedUp;
            }
            let Some((price, _)) = self.markets[symbol_id].book.front_within(makers, price) else {
                return Stop::NothingCrosses;
            };
            if let Some(stop) = self.play_round(slot, price) {
                return stop;
            }
        }
        Stop::Filled
    }

    /// Clear the head of the best price of what must not trade, or trade one round there.
    fn play_round(&mut self, slot: Slot, price: Ticks) -> Option<Stop> {
        let OpenOrder { symbol_id, side, stp, .. } = self.open[slot];
        let most = self.pro_rata_makers_max();
        let mut makers = self.markets[symbol_id].book.front_queue(&self.open, side.opposite(), most);
        if (self.now.steps as usize) < makers.len() {
            return Some(Stop::StepsUsedUp);
        }
        makers.retain(|maker| self.stays_after_clearing(*maker));
        let first_own = makers.iter().copied().find(|maker| self.is_self_trade(slot, *maker));
        makers.retain(|maker| !self.is_self_trade(slot, *maker));
        if let Some(own) = first_own.filter(|_| stp != SelfTrade::Aggressive || makers.is_empty()) {
            if self.now.steps == 0 {
                return Some(Stop::StepsUsedUp);
            }
            return self.prevent_self_trade(slot, own);
        }
        if (self.now.steps as usize) < makers.len() {
            return Some(Stop::StepsUsedUp);
        }
        let leaves = self.open[slot].leaves;
        makers.retain(|maker| self.stays_able(*maker, price, leaves));
        if makers.is_empty() {
            return None;
        }
        if (self.now.steps as usize) < makers.len() {
            return Some(Stop::StepsUsedUp);
        }
        self.share_out(slot, price, &makers)
    }

    /// Cancel a maker that cannot bear what it may have to trade in this round; tells whether it is still there.
    fn stays_able(&mut self, maker: Slot, price: Ticks, leaves: Lots) -> bool {
        let qty = leaves.min(self.open[maker].display);
        let is_able = self.bears(maker, price, qty, &mut Prior::default());
        if !is_able {
            self.now.steps -= 1;
            self.cancel(maker, Code::InsufficientBalance);
        }
        is_able
    }

    /// End a maker that is out; tells whether it is still there.
    fn stays_after_clearing(&mut self, maker: Slot) -> bool {
        let is_out = self.is_out(maker);
        if is_out {
            self.now.steps -= 1;
            self.dismiss(maker);
        }
        !is_out
    }

    /// Share the order's leaves out among makers at the best price, one round.
    fn share_out(&mut self, slot: Slot, price: Ticks, makers: &[Slot]) -> Option<Stop> {
        let displays: Vec<Lots> = makers.iter().map(|maker| self.open[*maker].display).collect();
        for (maker, share) in makers.iter().zip(allot(self.open[slot].leaves, &displays)) {
            // Another order of its account may have closed part of what it could have closed, or have cost it too much.
            let is_reduce_only = self.open[*maker].is_reduce_only();
            let share = if is_reduce_only { share.min(self.reducible(*maker)) } else { share };
            let unable = self.unable(*maker, slot, price, share);
            if share.is_zero() || unable == Some(*maker) {
                continue;
            }
            if unable.is_some() {
                return Some(Stop::CannotPay);
            }
            self.trade(slot, *maker, price, share, false);
            self.settle_maker(*maker);
        }
        None
    }
}

/// Split `leaves` in proportion to what is shown, rounded down, and give the rest to the earliest.
fn allot(leaves: Lots, displays: &[Lots]) -> Vec<Lots> {
    let total: i128 = displays.iter().map(|display| display.wide()).sum();
    let lots = leaves.wide().min(total);
    let mut shares: Vec<Lots> = displays.iter().map(|display| Lots::of_wide(lots * display.wide() / total)).collect();
    let mut rest = Lots::of_wide(lots - shares.iter().map(|share| share.wide()).sum::<i128>());
    for (share, display) in shares.iter_mut().zip(displays) {
        let more = rest.min(*display - *share);
        *share += more;
        rest -= more;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::allot;
    use crate::language::units::Lots;

    #[test]
    fn shares_follow_what_is_shown_and_the_rest_goes_to_the_earliest() {
        let allot = |leaves: i64, displays: &[i64]| -> Vec<i64> {
            let displays: Vec<Lots> = displays.iter().copied().map(Lots::new).collect();
            allot(Lots::new(leaves), &displays).into_iter().map(Lots::number).collect()
        };
        assert_eq!(allot(10, &[10, 20, 30]), [2, 3, 5]);
        assert_eq!(allot(2, &[1, 1, 1]), [1, 1, 0]);
        assert_eq!(allot(100, &[10, 20, 30]), [10, 20, 30]);
        assert_eq!(allot(5, &[1, 1, 9]), [1, 0, 4]);
    }
}
