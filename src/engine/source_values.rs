//! What masked columns held in the source, for the paths of files that are made of them.
//!
//! A landed row tells where its file goes; where it lies in the source only the row's way through the masks can tell.
//! So the few columns in question come along as hidden texts of the copy and are kept, by the row's key, in memory.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::{Arc, Mutex, PoisonError};

use crate::closure::Budget;
use crate::copyfmt::Fields;
use crate::error::Result;
use crate::types::{ColumnId, TableId};

/// A row's values, in the order of [`crate::plan::Watched::columns`].
type Values = Box<[Option<Box<str>>]>;
/// A table and the key of a row.
type RowKey = (TableId, Box<[u8]>);

/// The values, by table and key. They are personal data: they never leave this process, nor show in Debug.
pub(super) struct SourceValues {
    rows: Mutex<HashMap<RowKey, Values>>,
    budget: Arc<Budget>,
}

/// Where the hidden texts of a table stand in its rows: the key's, then the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct WatchedFields {
    pub(super) first: usize,
    pub(super) keys: usize,
    pub(super) values: usize,
}

impl SourceValues {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { rows: Mutex::default(), budget }
    }

    /// Remembers a row as it comes from the source.
    ///
    /// # Errors
    /// `Plan` when memory is used up.
    pub(super) fn remember(&self, table: TableId, name: &str, at: WatchedFields, fields: &Fields) -> Result<()> {
        let key = key(fields, at.first, at.keys);
        let text = |at| fields.get(at).and_then(|value| std::str::from_utf8(value).ok()).map(Box::<str>::from);
        let first = at.first + at.keys;
        let values: Values = (first..first + at.values).map(text).collect();
        let held = values.iter().flatten().map(|text| text.len()).sum::<usize>() + size_of::<Box<str>>() * at.values;
        // The entry, the key, and the table's free places.
        self.budget.replace(0, (2 * size_of::<(RowKey, Values)>() + key.len() + held) as u64, name)?;
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).insert((table, key), values);
        Ok(())
    }

    /// What a column held in the source; `None` for rows that did not come from there.
    pub(super) fn of_row(&self, table: TableId, key: Box<[u8]>, position: usize) -> Option<Option<Box<str>>> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(&(table, key)).and_then(|values| values.get(position)).cloned()
    }
}

/// A key of texts, none of which can hold a zero byte.
pub(super) fn key(fields: &Fields, first: usize, width: usize) -> Box<[u8]> {
    let mut key = Vec::new();
    for at in first..first + width {
        key.extend_from_slice(fields.get(at).unwrap_or_default());
        key.push(0);
    }
    key.into()
}

/// The place of a column among a table's values.
pub(super) fn position(columns: &[ColumnId], column: ColumnId) -> Option<usize> {
    columns.iter().position(|known| *known == column)
}
