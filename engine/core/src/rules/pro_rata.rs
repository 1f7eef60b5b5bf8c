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
            if let Some(stop) = self.clear_front(slot, price) {
                return stop;
            }
            if self.markets[symbol_id].book.best_price(makers) != Some(price) {
                continue;
            }
            if let Some(stop) = self.share_out(slot, price) {
                return stop;
            }
        }
        Stop::Filled
    }

    fn front_queue(&self, slot: u32) -> Vec<u32> {
        let OpenOrder { symbol_id, side, .. } = self.open[slot];
        self.markets[symbol_id].book.front_queue(&self.open, side.opposite())
    }

    /// Clip the reduce-only makers at the best price, then deal with the order's own ones.
    fn clear_front(&mut self, slot: u32, price: i64) -> Option<Stop> {
        for maker in self.front_queue(slot) {
            if self.open[maker].is_reduce_only() {
                if self.now.steps == 0 {
                    return Some(Stop::StepsUsedUp);
                }
                self.clip_maker(maker);
            }
        }
        let OpenOrder { symbol_id, side, stp, .. } = self.open[slot];
        let is_cleared = self.markets[symbol_id].book.best_price(side.opposite()) != Some(price);
        if is_cleared || stp == SelfTrade::Aggressive {
            return None;
        }
        for maker in self.front_queue(slot) {
            if self.is_self_trade(slot, maker) {
                if self.now.steps == 0 {
                    return Some(Stop::StepsUsedUp);
                }
                if let Some(stop) = self.prevent_self_trade(slot, maker) {
                    return Some(stop);
                }
            }
        }
        None
    }

    /// Share the order's leaves out among the makers at the best price, one round.
    fn share_out(&mut self, slot: u32, price: i64) -> Option<Stop> {
        let mut makers = self.front_queue(slot);
        makers.retain(|maker| !self.is_self_trade(slot, *maker));
        if makers.is_empty() {
            return Some(Stop::OwnOrder);
        }
        let displays: Vec<i64> = makers.iter().map(|maker| self.open[*maker].display).collect();
        let shares = allot(self.open[slot].leaves, &displays);
        let mut traded: Vec<u32> = Vec::new();
        for (maker, share) in makers.into_iter().zip(shares) {
            let account_id = self.open[maker].account_id;
            let is_stale = self.open[maker].is_reduce_only() && traded.contains(&account_id);
            if share == 0 || is_stale {
                continue;
            }
            if self.now.steps == 0 {
                return Some(Stop::StepsUsedUp);
            }
            self.trade(slot, maker, price, share, false);
            self.settle_maker(maker);
            traded.push(account_id);
        }
        None
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
