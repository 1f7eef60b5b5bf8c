//! Orders that closed lately, as rows.

use std::collections::VecDeque;

use crate::language::ids::OrderId;
use crate::language::limits::CLOSED_ORDERS_MAX;
use crate::standing::by_order::ByOrder;

/// Their rows, and their ids in the order of closing.
#[derive(Default)]
pub struct Closed {
    rows: ByOrder<Box<[u8]>>,
    closings: VecDeque<OrderId>,
}

impl Closed {
    /// Keep a closed order as its row, and forget the one closed first when there are too many.
    pub fn remember(&mut self, order_id: OrderId, row: Box<[u8]>) {
        self.rows.insert(order_id, row);
        self.closings.push_back(order_id);
        if self.closings.len() > CLOSED_ORDERS_MAX {
            let forgotten = self.closings.pop_front().expect("there are too many");
            self.rows.remove(&forgotten);
        }
    }

    pub fn find(&self, order_id: OrderId) -> Option<&[u8]> {
        self.rows.get(&order_id).map(|row| &row[..])
    }

    /// Append all rows, in the order of closing.
    pub fn write(&self, out: &mut Vec<u8>) {
        for order_id in &self.closings {
            out.extend_from_slice(&self.rows[order_id]);
        }
    }
}
