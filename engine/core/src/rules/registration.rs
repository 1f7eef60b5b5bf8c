//! What exists: assets, firms, accounts, sessions (section 10).

use crate::accounts::account::{Account, Asset};
use crate::language::codes::Code;
use crate::language::command::{OpenAccount, RegisterAsset, RegisterFirm, RegisterSession};
use crate::language::event::{AccountOpened, AssetRegistered, FirmRegistered, SessionRegistered};
use crate::language::ids::AccountId;
use crate::language::limits::{ASSET_DECIMALS_MAX, WEIGHT_PPM_MAX};
use crate::language::units::Minor;
use crate::state::exchange::{Blocked, Decision, Exchange, Firm, Session};

impl Exchange {
    pub(crate) fn register_asset(&mut self, asked: &RegisterAsset) -> Decision {
        let RegisterAsset { name, decimals, .. } = *asked;
        let asset_id = asked.asset_id;
        if decimals > ASSET_DECIMALS_MAX {
            return Err(Code::BoundExceeded);
        }
        self.assets.check_vacant(asset_id, &name)?;
        let asset = Asset {
            decimals,
            deposited: Minor::ZERO,
            weight_ppm: WEIGHT_PPM_MAX,
            lending_account_id: AccountId::NONE,
            lent: Minor::ZERO,
        };
        self.assets.insert(asset_id, name, asset);
        self.records.tell(&AssetRegistered {});
        Ok(())
    }

    pub(crate) fn register_firm(&mut self, asked: &RegisterFirm) -> Decision {
        let RegisterFirm { firm_id, name } = *asked;
        self.firms.check_vacant(firm_id, &name)?;
        self.firms.insert(firm_id, name, Firm::default());
        self.records.tell(&FirmRegistered {});
        Ok(())
    }

    pub(crate) fn open_account(&mut self, asked: &OpenAccount) -> Decision {
        let OpenAccount { account_id, firm_id, kind, name } = *asked;
        self.accounts.check_vacant(account_id, &name)?;
        if kind.is_member() {
            let firm = self.firms.get_mut(firm_id).ok_or(Code::UnknownReference)?;
            let at = firm.accounts.partition_point(|other| *other < account_id);
            firm.accounts.insert(at, account_id);
        } else if !firm_id.is_none() {
            return Err(Code::UnknownReference);
        }
        self.accounts.insert(account_id, name, Account::new(firm_id, kind));
        self.records.tell(&AccountOpened {});
        Ok(())
    }

    pub(crate) fn register_session(&mut self, asked: &RegisterSession) -> Decision {
        let RegisterSession { session_id, firm_id, kind, comp_id } = *asked;
        self.sessions.check_vacant(session_id, &comp_id)?;
        self.firms.get(firm_id).ok_or(Code::UnknownReference)?;
        self.sessions.insert(session_id, comp_id, Session { firm_id, kind, blocked: Blocked::No });
        self.records.tell(&SessionRegistered {});
        Ok(())
    }
}
