//! Instruments come, change and go (section 10).

use crate::language::codes::Code;
use crate::language::command::{ChangeInstrument, DelistInstrument, ListInstrument};
use crate::language::event::{InstrumentChanged, InstrumentDelisted, InstrumentListed};
use crate::language::ids::SymbolId;
use crate::market::Market;
use crate::state::exchange::{Decision, Exchange};

impl Exchange {
    pub(crate) fn list_instrument(&mut self, asked: &ListInstrument) -> Decision {
        let ListInstrument { symbol_id, symbol, .. } = *asked;
        self.markets.check_vacant(symbol_id, &symbol)?;
        let instrument = self.instrument(symbol_id, asked.listing())?;
        self.markets.insert(symbol_id, symbol, Market::new(instrument));
        self.records.tell(&InstrumentListed {});
        Ok(())
    }

    pub(crate) fn listed_mut(&mut self, symbol_id: SymbolId) -> Decision<&mut Market> {
        let market = self.markets.get_mut(symbol_id).filter(|market| !market.is_delisted);
        market.ok_or(Code::UnknownReference)
    }

    pub(crate) fn change_instrument(&mut self, asked: &ChangeInstrument) -> Decision {
        let (ChangeInstrument { symbol_id, ref symbol, .. }, listing) = (*asked, asked.listing());
        let old = self.listed_mut(symbol_id)?.instrument.listing;
        let keeps_identity = self.markets.is_named(symbol_id, symbol)
            && listing.kind == old.kind
            && listing.base_asset_id == old.base_asset_id
            && listing.quote_asset_id == old.quote_asset_id
            && listing.pnl_account_id == old.pnl_account_id;
        if !keeps_identity {
            return Err(Code::BoundExceeded);
        }
        let instrument = self.instrument(symbol_id, listing)?;
        let keeps_steps = listing.tick == old.tick && listing.lot == old.lot;
        if !keeps_steps && (self.markets[symbol_id].open_orders > 0 || self.markets[symbol_id].holders > 0) {
            return Err(Code::NotEmpty);
        }
        let market = &mut self.markets[symbol_id];
        market.instrument = instrument;
        if !keeps_steps {
            market.forget_prices();
            self.note_mark(symbol_id);
        }
        self.records.tell(&InstrumentChanged {});
        Ok(())
    }

    pub(crate) fn delist(&mut self, asked: &DelistInstrument) -> Decision {
        let DelistInstrument { symbol_id } = *asked;
        let market = self.listed_mut(symbol_id)?;
        if market.holders > 0 {
            return Err(Code::NotEmpty);
        }
        (market.is_delisted, market.auction) = (true, None);
        self.note_mark(symbol_id);
        self.touch(symbol_id);
        self.delisted_with_orders += u32::from(self.markets[symbol_id].open_orders > 0);
        self.now.may_be_out |= self.delisted_with_orders > 0;
        self.clear_delisted(symbol_id);
        self.records.tell(&InstrumentDelisted {});
        Ok(())
    }
}
