//! What the masks of a table did, counted row by row: evidence for the report.
//!
//! Values are compared and counted as bytes, in the form in which they travel. Only numbers leave here.

use std::collections::BTreeMap;

use super::distinct::Distinct;
use crate::copyfmt::Fields;
use crate::report::MaskCounts;

/// Counts of some columns of a table.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    columns: Vec<ColumnTally>,
}

/// One column.
#[derive(Clone, Debug, Default)]
struct ColumnTally {
    /// Position in the row.
    at: usize,
    /// Position of what it was.
    source: usize,
    values: u64,
    nulls: u64,
    emptied: u64,
    unchanged: u64,
    before: Distinct,
    after: Distinct,
}

impl Tally {
    /// Standard error, in percent, of numbers of different values that are not exact.
    pub const ERROR_PERCENT: f64 = Distinct::ERROR_PERCENT;

    /// Of the columns at these positions, each with that of its source's value.
    pub fn new(positions: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let column = |(at, source)| ColumnTally { at, source, ..ColumnTally::default() };
        Self { columns: positions.into_iter().map(column).collect() }
    }

    /// Counts a row: as it came, which columns were forced to NULL, and as it goes on.
    pub fn add(&mut self, before: &Fields, nulled: &[bool], after: &Fields) {
        for column in &mut self.columns {
            let source = before.get(column.source).filter(|_| nulled.get(column.at) != Some(&true));
            match (source, after.get(column.at)) {
                (None, _) => column.nulls += 1,
                (Some(source), masked) => {
                    column.values += 1;
                    column.before.add(source);
                    match masked {
                        None => column.emptied += 1,
                        Some(masked) => {
                            column.unchanged += u64::from(masked == source);
                            column.after.add(masked);
                        }
                    }
                }
            }
        }
    }

    /// Adds another reader's rows of the same columns.
    pub fn merge(&mut self, other: &Self) {
        if self.columns.is_empty() {
            self.columns.clone_from(&other.columns);
            return;
        }
        for (own, other) in self.columns.iter_mut().zip(&other.columns) {
            own.values += other.values;
            own.nulls += other.nulls;
            own.emptied += other.emptied;
            own.unchanged += other.unchanged;
            own.before.merge(&other.before);
            own.after.merge(&other.after);
        }
    }

    /// The numbers by the column's position in the row.
    pub fn counts(&self) -> BTreeMap<usize, MaskCounts> {
        self.columns.iter().map(|column| (column.at, column.counts())).collect()
    }
}

impl ColumnTally {
    fn counts(&self) -> MaskCounts {
        let ((distinct_before, exact_before), (distinct_after, exact_after)) =
            (self.before.count(), self.after.count());
        MaskCounts {
            values: self.values,
            nulls: self.nulls,
            emptied: self.emptied,
            unchanged: self.unchanged,
            // An estimate may be off, but there are never more different values than values.
            distinct_before: distinct_before.min(self.values),
            distinct_after: distinct_after.min(self.values - self.emptied),
            estimated_before: !exact_before,
            estimated_after: !exact_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::copyfmt::Format;

    fn row(text: &'static str) -> Fields {
        let mut fields = Fields::default();
        fields.split(Bytes::from_static(text.as_bytes()), Format::Text).unwrap();
        fields
    }

    #[test]
    fn every_fate_of_a_value_counts_once() {
        let mut tally = Tally::new([(1, 1)]);
        tally.add(&row("1\ta"), &[], &row("1\tx"));
        tally.add(&row("2\tb"), &[], &row("2\tx"));
        tally.add(&row("3\tb"), &[], &row("3\t\\N"));
        tally.add(&row("4\tx"), &[false, false], &row("4\tx"));
        tally.add(&row("5\t\\N"), &[], &row("5\t\\N"));
        let mut other = Tally::new([(1, 1)]);
        other.add(&row("6\tc"), &[false, true], &row("6\t\\N"));
        other.add(&row("7\td"), &[], &row("7\ty"));
        let mut merged = Tally::default();
        merged.merge(&tally);
        merged.merge(&other);
        let expected = MaskCounts {
            values: 5,
            nulls: 2,
            emptied: 1,
            unchanged: 1,
            distinct_before: 4,
            distinct_after: 2,
            estimated_before: false,
            estimated_after: false,
        };
        assert_eq!(merged.counts(), [(1, expected)].into());
    }
}
