//! Matching in proportion to what the makers at a price show (TRD-31; docs/MATCHING.md, section 5).

use crate::language::codes::SelfTrade;
use crate::market::open_orders::OpenOrder;
use crate::rules::matching::Stop;
use crate::state::exchange::Exchange;

impl Exchange {
    pub(crate) fn take_pro_rata(&mut self, slot: u32) -> Stop {
        let OpenOrder { symbol_id, side, price, .. } = self.open[slot];
        let makers = side.opposite();
        while self.open[slot].leaves > 0 {
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
    fn play_round(&mut self, slot: u32, price: i64) -> Option<Stop> {
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
        self.share_out(slot, price, &makers);
        None
    }

    /// End a maker that is out, and clip a reduce-only one; tells whether it is still there.
    fn stays_after_clearing(&mut self, maker: u32) -> bool {
        if self.is_out(maker) {
            self.now.steps -= 1;
            self.dismiss(maker);
            return false;
        }
        let order_id = self.open[maker].order_id;
        if self.open[maker].is_reduce_only() {
            self.clip_maker(maker);
        }
        self.open[maker].order_id == order_id
    }

    /// Share the order's leaves out among makers at the best price, one round.
    fn share_out(&mut self, slot: u32, price: i64, makers: &[u32]) {
        let displays: Vec<i64> = makers.iter().map(|maker| self.open[*maker].display).collect();
        let mut traded: Vec<u32> = Vec::new();
        for (maker, share) in makers.iter().zip(allot(self.open[slot].leaves, &displays)) {
            let account_id = self.open[*maker].account_id;
            let is_stale = self.open[*maker].is_reduce_only() && traded.contains(&account_id);
            if share > 0 && !is_stale {
                self.trade(slot, *maker, price, share, false);
                self.settle_maker(*maker);
                traded.push(account_id);
            }
        }
    }
}

/// Split `leaves` in proportion to what is shown, rounded down, and give the rest to the earliest.
fn allot(leaves: i64, displays: &[i64]) -> Vec<i64> {
    let total: i128 = displays.iter().map(|display| i128::from(*display)).sum();
    let lots = i128::from(leaves).min(total);
    let mut shares: Vec<i64> = displays.iter().map(|display| (lots * i128::from(*display) / total) as i64).collect();
    let mut rest = (lots - shares.iter().map(|share| i128::from(*share)).sum::<i128>()) as i64;
    for (share, display) in shares.iter_mut().zip(displays) {
        let more = rest.min(display - *share);
        *share += more;
        rest -= more;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::allot;

    #[test]
    fn shares_follow_what_is_shown_and_the_rest_goes_to_the_earliest() {
        assert_eq!(allot(10, &[10, 20, 30]), [2, 3, 5]);
        assert_eq!(allot(2, &[1, 1, 1]), [1, 1, 0]);
        assert_eq!(allot(100, &[10, 20, 30]), [10, 20, 30]);
        assert_eq!(allot(5, &[1, 1, 9]), [1, 0, 4]);
    }
}
