//! Leverage and brackets, and what an account's positions are worth (MAR, RES-24).

use crate::accounts::account::Account;
use crate::accounts::position::Position;
use crate::language::amount::ceil_div;
use crate::language::codes::{AccountKind, Parameter, Side};
use crate::language::ids::{AccountId, AssetId, SymbolId};
use crate::language::units::{Minor, Ticks};
use crate::market::instrument::{Priced, MILLION};
use crate::market::Market;
use crate::state::exchange::Exchange;

const TIER_LEVERAGE: [Parameter; 4] = [
    Parameter::Tier1LeverageMax,
    Parameter::Tier2LeverageMax,
    Parameter::Tier3LeverageMax,
    Parameter::Tier4LeverageMax,
];

const TIER_POSITION: [Parameter; 4] = [
    Parameter::Tier1PositionMax,
    Parameter::Tier2PositionMax,
    Parameter::Tier3PositionMax,
    Parameter::Tier4PositionMax,
];

/// What stands behind positions, and what they need to stay open.
struct Standing {
    equity: Minor,
    maintenance: Minor,
}

impl Standing {
    /// Tell whether the equity is at least twice the maintenance margin (MAR-23).
    fn is_healthy(&self) -> bool {
        self.equity >= self.maintenance + self.maintenance
    }
}

impl Exchange {
    /// Highest leverage the tier of an account and its own cap allow in a symbol (MAR-03).
    fn leverage_cap(&self, account: &Account, symbol_cap: u8) -> u8 {
        let own = if account.leverage_max == 0 { u8::MAX } else { account.leverage_max };
        let of_tier = self.ruleset.venue(TIER_LEVERAGE[usize::from(account.tier - 1)]) as u8;
        of_tier.min(own).min(symbol_cap)
    }

    /// Minor units in one whole unit of the asset a symbol is quoted in.
    fn quote_unit(&self, symbol_id: SymbolId) -> i128 {
        let quote = self.markets[symbol_id].instrument.listing.quote_asset_id;
        10_i128.pow(u32::from(self.assets[quote].decimals))
    }

    /// The leverage of an account in a symbol: as set, else the default or a lower cap.
    pub(crate) fn leverage(&self, account_id: AccountId, symbol_id: SymbolId) -> u8 {
        let account = &self.accounts[account_id];
        if let Some(position) = account.position(symbol_id) {
            return position.leverage;
        }
        let default = self.ruleset.venue(Parameter::LeverageDefault) as u8;
        default.min(self.leverage_cap(account, self.markets[symbol_id].instrument.listing.max_leverage))
    }

    /// Tell whether a leverage is within the caps of account, symbol and the bracket of a notional (MAR-03, MAR-04).
    pub(crate) fn is_leverage_allowed(
        &self,
        account_id: AccountId,
        symbol_id: SymbolId,
        leverage: u8,
        notional: Minor,
    ) -> bool {
        let symbol_cap = self.markets[symbol_id].instrument.listing.max_leverage;
        let bracket_cap =
            self.ruleset.brackets_of(symbol_id).of(notional.number(), self.quote_unit(symbol_id)).leverage_max;
        leverage <= self.leverage_cap(&self.accounts[account_id], symbol_cap).min(bracket_cap)
    }

    /// Tell whether a position's notional is within the limits of the account's tier and its own.
    pub(crate) fn is_position_allowed(&self, account_id: AccountId, symbol_id: SymbolId, notional: Minor) -> bool {
        let account = &self.accounts[account_id];
        let unit = self.quote_unit(symbol_id);
        let own_max = account.position_notional_max;
        let of_tier = i128::from(self.ruleset.venue(TIER_POSITION[usize::from(account.tier - 1)])) * unit;
        [of_tier, own_max.number()].into_iter().all(|most| most == 0 || notional.number() <= most)
    }

    /// Profit of a position at the mark, 0 without one.
    fn unrealized(&self, position: &Position) -> Minor {
        let market = &self.markets[position.symbol_id];
        if market.mark.is_zero() {
            return Minor::ZERO;
        }
        market.instrument.notional(market.mark, position.size) - position.cost
    }

    /// Positions of an account that are settled in an asset.
    fn positions_in(&self, account_id: AccountId, asset_id: AssetId) -> impl Iterator<Item = &Position> {
        let positions = self.accounts[account_id].positions.iter();
        positions.filter(move |position| self.markets[position.symbol_id].instrument.listing.quote_asset_id == asset_id)
    }

    /// What the cross positions of an account have lost and not realized, net; never negative (ADR 10).
    pub(crate) fn unrealized_loss(&self, account_id: AccountId, asset_id: AssetId) -> Minor {
        let cross = self.positions_in(account_id, asset_id).filter(|position| !position.is_isolated);
        let sum: Minor = cross.map(|position| self.unrealized(position)).sum();
        (-sum).max(Minor::ZERO)
    }

    /// What may leave the cross margin of an account: available, in a FUTURES account less the loss of its cross positions.
    pub(crate) fn free_cash(&self, account_id: AccountId, asset_id: AssetId) -> Minor {
        let account = &self.accounts[account_id];
        let available = account.balance(asset_id).available;
        if account.kind == AccountKind::Futures {
            available - self.unrealized_loss(account_id, asset_id)
        } else {
            available
        }
    }

    /// What stands behind the cross positions of an account in an asset: all its cash there, but for isolated margins.
    fn cross_standing(&self, account_id: AccountId, asset_id: AssetId) -> Standing {
        let balance = self.accounts[account_id].balance(asset_id);
        let mut standing = Standing { equity: balance.available + balance.locked, maintenance: Minor::ZERO };
        for position in self.positions_in(account_id, asset_id) {
            if position.is_isolated {
                standing.equity -= position.margin;
            } else {
                standing.equity += self.unrealized(position) - position.debt;
                standing.maintenance += self.maintenance(position);
            }
        }
        standing
    }

    /// What stands behind an account's position in a symbol, be it open or not, and the maintenance margin of the others
    /// that share it.
    pub(crate) fn pocket(&self, account_id: AccountId, symbol_id: SymbolId) -> (Minor, Minor) {
        let position = self.accounts[account_id].position(symbol_id);
        if let Some(isolated) = position.filter(|position| position.is_isolated) {
            return (self.isolated_standing(isolated).equity, Minor::ZERO);
        }
        let quote = self.markets[symbol_id].instrument.listing.quote_asset_id;
        let Standing { equity, maintenance } = self.cross_standing(account_id, quote);
        (equity, maintenance - position.map_or(Minor::ZERO, |own| self.maintenance(own)))
    }

    /// What stands behind an isolated position: its own margin.
    fn isolated_standing(&self, position: &Position) -> Standing {
        let equity = position.margin + self.unrealized(position) - position.debt;
        Standing { equity, maintenance: self.maintenance(position) }
    }

    /// Tell whether a position may have its leverage raised to what it is here: its collateral is at least twice its
    /// maintenance margin (MAR-23), and an isolated one still covers its initial margin at the mark (RES-95).
    pub(crate) fn may_raise_leverage(&self, account_id: AccountId, raised: &Position) -> bool {
        if raised.is_isolated {
            let standing = self.isolated_standing(raised);
            return standing.is_healthy() && standing.equity >= self.initial_margin(raised);
        }
        let quote = self.markets[raised.symbol_id].instrument.listing.quote_asset_id;
        self.cross_standing(account_id, quote).is_healthy()
    }

    /// Most that may be taken out of the margin of an isolated position: of what was added to it, what leaves the
    /// maintenance margin, and, with its loss or profit at the mark, the initial margin there (RES-95).
    pub(crate) fn removable_margin(&self, position: &Position) -> Minor {
        let spare = position.margin - self.maintenance(position);
        let spare_at_mark = position.margin + self.unrealized(position) - self.initial_margin(position);
        position.extra.min(spare).min(spare_at_mark)
    }

    /// Initial margin of a position at the mark.
    fn initial_margin(&self, position: &Position) -> Minor {
        self.worth(position).divided_up(i128::from(position.leverage))
    }

    /// Notional of a position at the mark, or its cost without one.
    fn worth(&self, position: &Position) -> Minor {
        let market = &self.markets[position.symbol_id];
        if market.mark.is_zero() {
            position.cost.abs()
        } else {
            market.instrument.notional(market.mark, position.size.abs())
        }
    }

    /// Maintenance margin of a position at the mark, or at cost without one (MAR-02).
    pub(crate) fn maintenance(&self, position: &Position) -> Minor {
        let notional = self.worth(position);
        let unit = self.quote_unit(position.symbol_id);
        let ppm = i128::from(self.ruleset.brackets_of(position.symbol_id).of(notional.number(), unit).maintenance_ppm);
        // In two parts, so that no notional overflows.
        let notional = notional.number();
        Minor::new(notional / MILLION * ppm + ceil_div(notional % MILLION * ppm, MILLION))
    }
}

impl Market {
    /// The prices an order is reserved at (section 4); `stop_px` of a stop that waits.
    pub fn priced(&self, side: Side, worst: Ticks, stop_px: Ticks, meets_book: bool) -> Priced {
        if !self.instrument.is_perpetual() {
            return Priced { worst, margin: worst, loss: Ticks::ZERO };
        }
        let margin = match side {
            Side::Buy => worst,
            // It may trade above its limit.
            Side::Sell if meets_book => worst.max(self.book.best_price(Side::Buy).unwrap_or_default()),
            Side::Sell => self.instrument.moved_by_band(Side::Buy, worst.max(stop_px).max(self.mark)),
        };
        let reference = match side {
            Side::Buy => self.mark.max(stop_px),
            Side::Sell if stop_px.is_zero() => self.mark,
            Side::Sell => self.mark.min(stop_px),
        };
        Priced { worst, margin, loss: (worst - reference).on(side).max(Ticks::ZERO) }
    }
}
