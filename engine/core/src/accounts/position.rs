//! A position in a perpetual at exact cost, and what a fill makes of it (DRV-11, MAR).

use crate::accounts::account::Balance;
use crate::language::codes::Side;
use crate::language::ids::SymbolId;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::instrument::Instrument;

/// An account's position in a perpetual; flat once it has been closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    pub symbol_id: SymbolId,
    pub leverage: u8,
    pub is_isolated: bool,
    /// Signed lots.
    pub size: Lots,
    /// Signed quote minor units paid for the lots.
    pub cost: Minor,
    /// Locked for it; `extra` of it was added by command, or came with an order to bear a loss at the mark.
    pub margin: Minor,
    pub extra: Minor,
    /// Losses beyond its collateral, owed to the clearing `PnL` account.
    pub debt: Minor,
    /// Leaves of open orders that are not reduce-only.
    pub open_buy: Lots,
    pub open_sell: Lots,
    /// Leaves of reduce-only orders in the book.
    pub reducing: Lots,
}

/// What a fill did to a position besides its new state.
pub struct Filled {
    pub position: Position,
    pub realized: Minor,
    pub balance: Balance,
}

impl Position {
    pub fn new(symbol_id: SymbolId, leverage: u8) -> Self {
        Self {
            symbol_id,
            leverage,
            is_isolated: false,
            size: Lots::ZERO,
            cost: Minor::ZERO,
            margin: Minor::ZERO,
            extra: Minor::ZERO,
            debt: Minor::ZERO,
            open_buy: Lots::ZERO,
            open_sell: Lots::ZERO,
            reducing: Lots::ZERO,
        }
    }

    pub fn open_lots(&mut self, side: Side) -> &mut Lots {
        match side {
            Side::Buy => &mut self.open_buy,
            Side::Sell => &mut self.open_sell,
        }
    }

    /// Lots an order of this side could close.
    pub fn reducible(&self, side: Side) -> Lots {
        (-self.size.on(side)).max(Lots::ZERO)
    }

    /// Tell whether it has a size or a debt, or may get one from an open order.
    pub fn is_held(&self) -> bool {
        !self.is_empty() || !self.open_buy.is_zero() || !self.open_sell.is_zero()
    }

    pub fn is_empty(&self) -> bool {
        self.size.is_zero() && self.debt.is_zero()
    }

    /// Margin the cost demands at a leverage, added margin included (MAR-01, MAR-06).
    pub fn margin_at(&self, leverage: u8) -> Minor {
        self.cost.abs().divided_up(i128::from(leverage)) + self.extra
    }

    /// Cost of the lots that `closing` of them take away, half-up.
    fn closed_cost(&self, closing: Lots) -> Minor {
        if closing.is_zero() {
            return Minor::ZERO;
        }
        let (size, closing) = (self.size.abs().wide(), closing.wide());
        let cost = self.cost.abs().number();
        // Quotient and rest apart, so that no cost times lots overflows.
        let closed = cost / size * closing + (2 * (cost % size) * closing + size) / (2 * size);
        Minor::new(closed * self.cost.signum())
    }

    /// What it has lost by a mark, if anything.
    fn loss_at(&self, instrument: &Instrument, mark: Ticks) -> Minor {
        (self.cost - instrument.notional(mark, self.size)).max(Minor::ZERO)
    }

    /// Fill an order's lots: docs/MATCHING.md, section 8.
    pub fn fill(&self, instrument: &Instrument, deal: Deal, paid: Paid, balance: Balance) -> Filled {
        let Deal { side, price, qty, mark } = deal;
        let closing = qty.min(self.reducible(side));
        let closed = self.closed_cost(closing);
        let mut realized = -instrument.notional(price, closing).on(side) - closed;
        let mut position = *self;
        position.cost += instrument.notional(price, qty - closing).on(side) - closed;
        position.size += qty.on(side);
        if position.size.signum() != self.size.signum() {
            position.extra = Minor::ZERO;
        }
        let freed = paid.released + self.margin + realized - paid.fee;
        let (pool, aside) =
            if self.is_isolated { (freed, balance.available) } else { (freed + balance.available, Minor::ZERO) };
        let missing = (-pool).max(Minor::ZERO);
        if self.is_isolated && closing < self.size.abs() {
            // What is left of the position bears what its margin cannot pay: nobody else does, before it is closed.
            position.cost += missing;
            realized += missing;
        } else {
            position.debt += missing;
        }
        let funds = pool.max(Minor::ZERO);
        if self.is_isolated {
            // What its order brought to bear its loss stays with it.
            let spare = funds - position.cost.abs().divided_up(i128::from(self.leverage));
            position.extra = position.extra.max(spare.min(position.loss_at(instrument, mark)));
        }
        position.margin = position.margin_at(self.leverage).min(funds);
        let balance = Balance {
            available: aside + funds - position.margin,
            locked: balance.locked - paid.released - self.margin + position.margin,
            ..balance
        };
        Filled { position, realized, balance }
    }
}

/// A fill, and the mark at which it happens.
#[derive(Clone, Copy)]
pub struct Deal {
    pub side: Side,
    pub price: Ticks,
    pub qty: Lots,
    pub mark: Ticks,
}

/// What a fill frees of its order's reservation, and what it costs.
#[derive(Clone, Copy)]
pub struct Paid {
    pub released: Minor,
    pub fee: Minor,
}
