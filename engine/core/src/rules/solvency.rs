//! Whether an account can bear a trade: nobody gives away what is not theirs (docs/MATCHING.md, section 5).

use crate::accounts::position::Position;
use crate::language::codes::{AccountKind, ExecInst};
use crate::language::ids::AccountId;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::open_orders::{OpenOrder, Slot};
use crate::rules::loans::Exchanged;
use crate::state::exchange::Exchange;

/// What an account has traded before on paper.
#[derive(Clone, Copy, Default)]
pub struct Prior {
    lots: Lots,
    /// What it has lost against the mark, fees included, less the margin that its orders brought.
    lost: Minor,
    base: Minor,
    quote: Minor,
}

impl Exchange {
    /// The one of maker and taker that cannot bear a trade, the maker first.
    #[inline(always)]
    pub(crate) fn unable(&self, maker: Slot, taker: Slot, price: Ticks, qty: Lots) -> Option<Slot> {
        [maker, taker].into_iter().find(|slot| !self.bears(*slot, price, qty, &mut Prior::default()))
    }

    /// Tell whether an order's account can bear a trade after others, which this one then belongs to.
    #[inline(always)]
    pub(crate) fn bears(&self, slot: Slot, price: Ticks, qty: Lots, prior: &mut Prior) -> bool {
        let order = &self.open[slot];
        match self.accounts[order.account_id].kind {
            AccountKind::Futures => self.bears_position(order, price, qty, prior),
            AccountKind::Margin => self.bears_loans(order, price, qty, prior),
            AccountKind::Spot | AccountKind::System | AccountKind::ClearingPnl => true,
        }
    }

    /// A trade that only closes, at the mark or better, is always borne. One that closes at a worse price is if all of the
    /// position could be closed there; one that opens, if the maintenance margin is there after it.
    fn bears_position(&self, order: &OpenOrder, price: Ticks, qty: Lots, prior: &mut Prior) -> bool {
        let OpenOrder { account_id, symbol_id, side, .. } = *order;
        let market = &self.markets[symbol_id];
        let instrument = &market.instrument;
        let worse = (price - market.mark).on(side);
        let notional = instrument.notional(price, qty);
        let fee = instrument.with_worst_fee(notional, order.rates) - notional;
        let known = self.accounts[account_id].position(symbol_id).copied();
        let mut position = known.unwrap_or(Position::new(symbol_id, 1));
        position.size += prior.lots;
        let closing = qty.min(position.reducible(side));
        let brought = if position.is_isolated { order.per_lot.times(qty) } else { Minor::ZERO };
        let before = *prior;
        prior.lots += qty.on(side);
        prior.lost += instrument.notional(worse, qty) + fee - brought;
        let opens = closing < qty;
        if order.exec_inst.has(ExecInst::LIQUIDATION) || !opens && worse <= Ticks::ZERO {
            return true;
        }
        let (equity, others) = self.pocket(account_id, symbol_id);
        let could_close =
            equity + brought - before.lost - instrument.notional(worse, position.size.abs()) - fee >= others;
        position.size += qty.on(side);
        let stays_open = equity - prior.lost >= others + self.maintenance(&position);
        (closing.is_zero() || worse <= Ticks::ZERO || could_close) && (!opens || stays_open)
    }

    /// A trade at the mark or better is always borne; a worse one if what is owned then covers what is owed.
    fn bears_loans(&self, order: &OpenOrder, price: Ticks, qty: Lots, prior: &mut Prior) -> bool {
        let OpenOrder { account_id, symbol_id, side, rates, .. } = *order;
        let market = &self.markets[symbol_id];
        let mut after: Exchanged = market.instrument.exchanged(side, price, qty, rates);
        (prior.base, prior.quote) = (prior.base + after.base.1, prior.quote + after.quote.1);
        let is_fair = !market.mark.is_zero() && (price - market.mark).on(side) <= Ticks::ZERO;
        if is_fair || !self.owes(account_id) {
            return true;
        }
        (after.base.1, after.quote.1) = (prior.base, prior.quote);
        let worth = self.net_worth(account_id, &after, (after.quote.0, Minor::ZERO));
        worth.is_some_and(|(equity, _)| equity >= Minor::ZERO)
    }

    fn owes(&self, account_id: AccountId) -> bool {
        self.accounts[account_id].balances().any(|(_, balance)| !balance.loan.is_zero())
    }
}
