//! A position in a perpetual at exact cost, and what a fill makes of it (DRV-11, MAR).

use crate::accounts::account::Balance;
use crate::language::amount::ceil_div;
use crate::language::codes::Side;
use crate::market::instrument::Instrument;

/// An account's position in a perpetual; flat once it has been closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    pub symbol_id: u32,
    pub leverage: u8,
    pub is_isolated: bool,
    /// Signed lots.
    pub size: i64,
    /// Signed quote minor units paid for the lots.
    pub cost: i128,
    /// Locked for it; `extra` of it was added by command.
    pub margin: i128,
    pub extra: i128,
    /// Losses beyond its collateral, owed to the clearing `PnL` account.
    pub debt: i128,
    /// Leaves of open orders that are not reduce-only.
    pub open_buy: i64,
    pub open_sell: i64,
}

/// What a fill did to a position besides its new state.
pub struct Filled {
    pub position: Position,
    pub realized: i128,
    pub balance: Balance,
}

impl Position {
    pub fn new(symbol_id: u32, leverage: u8) -> Self {
        Self {
            symbol_id,
            leverage,
            is_isolated: false,
            size: 0,
            cost: 0,
            margin: 0,
            extra: 0,
            debt: 0,
            open_buy: 0,
            open_sell: 0,
        }
    }

    pub fn open_lots(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::Buy => &mut self.open_buy,
            Side::Sell => &mut self.open_sell,
        }
    }

    /// Lots an order of this side could close.
    pub fn reducible(&self, side: Side) -> i64 {
        (-side.sign() * self.size).max(0)
    }

    pub fn is_empty(&self) -> bool {
        self.size == 0 && self.debt == 0
    }

    /// Margin the cost demands at a leverage, added margin included (MAR-01, MAR-06).
    pub fn margin_at(&self, leverage: u8) -> i128 {
        ceil_div(self.cost.abs(), i128::from(leverage)) + self.extra
    }

    /// Cost of the lots that `closing` of them take away, half-up.
    fn closed_cost(&self, closing: i64) -> i128 {
        if closing == 0 {
            return 0;
        }
        let (size, closing) = (i128::from(self.size.abs()), i128::from(closing));
        let cost = self.cost.abs();
        // Quotient and rest apart, so that no cost times lots overflows.
        let closed = cost / size * closing + (2 * (cost % size) * closing + size) / (2 * size);
        closed * self.cost.signum()
    }

    /// Fill `qty` lots at a price: docs/MATCHING.md, section 8.
    pub fn fill(
        &self,
        instrument: &Instrument,
        side: Side,
        price: i64,
        qty: i64,
        paid: Paid,
        balance: Balance,
    ) -> Filled {
        let sign = i128::from(side.sign());
        let closing = qty.min(self.reducible(side));
        let closed = self.closed_cost(closing);
        let realized = -sign * instrument.notional(price, closing) - closed;
        let mut position = *self;
        position.cost += sign * instrument.notional(price, qty - closing) - closed;
        position.size += side.sign() * qty;
        if position.size.signum() != self.size.signum() {
            position.extra = 0;
        }
        let freed = paid.released + self.margin + realized - paid.fee;
        let (pool, aside) = if self.is_isolated { (freed, balance.available) } else { (freed + balance.available, 0) };
        position.debt += (-pool).max(0);
        let funds = pool.max(0) + aside;
        position.margin = position.margin_at(self.leverage).min(funds);
        let balance = Balance {
            available: funds - position.margin,
            locked: balance.locked - paid.released - self.margin + position.margin,
            ..balance
        };
        Filled { position, realized, balance }
    }
}

/// What a fill frees of its order's reservation, and what it costs.
#[derive(Clone, Copy)]
pub struct Paid {
    pub released: i128,
    pub fee: i128,
}
