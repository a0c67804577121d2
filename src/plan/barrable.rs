//! Which tables may hold rows that cannot come.

use crate::schema::{Catalog, Reference};
use crate::types::TableId;

/// By table: `seed` says so, or some reference that `needs` its parent leads to such a table.
pub fn barrable(catalog: &Catalog, seed: impl Fn(TableId) -> bool, needs: impl Fn(&Reference) -> bool) -> Vec<bool> {
    let mut barrable: Vec<bool> = catalog.tables.iter().map(|table| seed(table.id)).collect();
    loop {
        let next = catalog.references.iter().find(|reference| {
            barrable[reference.parent.index()] && !barrable[reference.child.index()] && needs(reference)
        });
        let Some(next) = next else { return barrable };
        barrable[next.child.index()] = true;
    }
}
