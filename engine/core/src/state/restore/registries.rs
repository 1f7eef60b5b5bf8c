//! Reading assets, firms, accounts with their balances and positions, and sessions.

use crate::accounts::account::{Account, Asset, Balance};
use crate::accounts::position::Position;
use crate::language::codes::{AccountKind, AccountStatus, MarginState, SessionKind};
use crate::language::limits::{ASSET_DECIMALS_MAX, LEVERAGE_MAX, POSITION_LOTS_MAX, WEIGHT_PPM_MAX};
use crate::language::units::Minor;
use crate::state::exchange::{Blocked, Exchange, Firm, Session};
use crate::state::restore::reader::{Reader, Restored, UNSOUND};

impl Exchange {
    pub(super) fn read_registries(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (id, name) = (input.id()?, input.text()?);
            self.assets.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            let asset = Asset {
                decimals: input.u8()?,
                deposited: input.amount()?,
                weight_ppm: input.u32()?,
                lending_account_id: input.id()?,
                lent: input.amount()?,
            };
            if asset.decimals > ASSET_DECIMALS_MAX || asset.weight_ppm > WEIGHT_PPM_MAX {
                return Err(UNSOUND);
            }
            self.assets.insert(id, name, asset);
        }
        for _ in 0..input.u64()? {
            let (id, name) = (input.id()?, input.text()?);
            self.firms.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            self.firms.insert(id, name, Firm::default());
        }
        for _ in 0..input.u64()? {
            let (id, name) = (input.id()?, input.text()?);
            self.accounts.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            let account = self.read_account(input)?;
            if account.kind.is_member() {
                let firm = self.firms.get_mut(account.firm_id).ok_or(UNSOUND)?;
                firm.accounts.push(id);
                for (asset_id, balance) in account.balances() {
                    let owed = firm.loans.entry(asset_id).or_default();
                    *owed = owed.checked_add(balance.loan).ok_or(UNSOUND)?;
                }
            } else if !account.firm_id.is_none() {
                return Err(UNSOUND);
            }
            self.accounts.insert(id, name, account);
        }
        for _ in 0..input.u64()? {
            let (id, comp_id) = (input.id()?, input.text()?);
            self.sessions.check_vacant(id, &comp_id).map_err(|_| UNSOUND)?;
            let firm_id = input.id()?;
            self.firms.get(firm_id).ok_or(UNSOUND)?;
            let kind = SessionKind::of(input.u8()?).ok_or(UNSOUND)?;
            let blocked = match input.u8()? {
                0 => Blocked::No,
                1 => Blocked::BySession,
                2 => Blocked::ByOperations,
                _ => return Err(UNSOUND),
            };
            self.sessions.insert(id, comp_id, Session { firm_id, kind, blocked });
        }
        Ok(())
    }

    fn read_account(&self, input: &mut Reader<'_>) -> Restored<Account> {
        let firm_id = input.id()?;
        let mut account = Account::new(firm_id, AccountKind::of(input.u8()?).ok_or(UNSOUND)?);
        account.status = AccountStatus::of(input.u8()?).ok_or(UNSOUND)?;
        account.margin_state = MarginState::of(input.u8()?).ok_or(UNSOUND)?;
        (account.tier, account.leverage_max) = (input.u8()?, input.u8()?);
        account.position_notional_max = input.amount()?;
        if !(1..=4).contains(&account.tier) || account.leverage_max > LEVERAGE_MAX {
            return Err(UNSOUND);
        }
        for _ in 0..input.u64()? {
            let asset_id = input.id()?;
            self.assets.get(asset_id).ok_or(UNSOUND)?;
            let balance = Balance { available: input.amount()?, locked: input.amount()?, loan: input.amount()? };
            account.put(asset_id, balance);
        }
        for _ in 0..input.u64()? {
            account.positions.push(read_position(input)?);
        }
        let is_sorted = account.positions.windows(2).all(|pair| pair[0].symbol_id < pair[1].symbol_id);
        if !is_sorted {
            return Err(UNSOUND);
        }
        Ok(account)
    }
}

fn read_position(input: &mut Reader<'_>) -> Restored<Position> {
    let symbol_id = input.id()?;
    let leverage = input.u8()?;
    let is_isolated = input.flag()?;
    let size = input.lots()?;
    let (cost, margin, extra, debt) = (input.amount()?, input.amount()?, input.amount()?, input.amount()?);
    let is_bounded = (1..=LEVERAGE_MAX).contains(&leverage)
        && size.wide().abs() <= POSITION_LOTS_MAX
        && cost.signum() == i128::from(size.signum())
        && margin >= Minor::ZERO
        && extra >= Minor::ZERO
        && debt >= Minor::ZERO;
    if !is_bounded {
        return Err(UNSOUND);
    }
    let position = Position::new(symbol_id, leverage);
    Ok(Position { is_isolated, size, cost, margin, extra, debt, ..position })
}
