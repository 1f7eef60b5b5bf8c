//! Leverage and brackets, and what an account's positions are worth (MAR, RES-24).

use crate::accounts::account::Account;
use crate::accounts::position::Position;
use crate::language::amount::ceil_div;
use crate::language::codes::{Parameter, Side};
use crate::language::ids::{AccountId, AssetId, SymbolId};
use crate::language::units::{Minor, Ticks};
use crate::market::instrument::MILLION;
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

    /// Tell whether an account's equity is at least twice its maintenance margin (MAR-23).
    pub(crate) fn is_healthy(&self, account_id: AccountId, asset_id: AssetId) -> bool {
        let balance = self.accounts[account_id].balance(asset_id);
        let (mut equity, mut maintenance) = (balance.available + balance.locked, Minor::ZERO);
        for position in self.positions_in(account_id, asset_id) {
            equity += self.unrealized(position) - position.debt;
            maintenance += self.maintenance(position);
        }
        equity >= maintenance + maintenance
    }

    /// Maintenance margin of a position at the mark, or at cost without one (MAR-02).
    fn maintenance(&self, position: &Position) -> Minor {
        let market = &self.markets[position.symbol_id];
        let notional = if market.mark.is_zero() {
            position.cost.abs()
        } else {
            market.instrument.notional(market.mark, position.size.abs())
        };
        let unit = self.quote_unit(position.symbol_id);
        let ppm = i128::from(self.ruleset.brackets_of(position.symbol_id).of(notional.number(), unit).maintenance_ppm);
        // In two parts, so that no notional overflows.
        let notional = notional.number();
        Minor::new(notional / MILLION * ppm + ceil_div(notional % MILLION * ppm, MILLION))
    }
}

impl Market {
    /// The price an order is reserved at: its worst, or what a perpetual's sell may come to instead (section 4).
    pub fn margin_price(&self, side: Side, worst: Ticks, stop_px: Ticks, meets_book: bool) -> Ticks {
        match side {
            _ if !self.instrument.is_perpetual() => worst,
            Side::Buy => worst,
            Side::Sell if meets_book => worst.max(self.book.best_price(Side::Buy).unwrap_or_default()),
            Side::Sell => self.instrument.moved_by_band(Side::Buy, worst.max(stop_px).max(self.mark)),
        }
    }
}
