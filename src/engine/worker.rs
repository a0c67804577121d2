//! The rows' way through this process: split, NULL where a parent was not chosen, masked, counted.

use crate::anonymize::{RowTransform, Tally};
use crate::copyfmt::{Fields, Format, RowReader};
use crate::digest::{RowChecksum, short_hash};
use crate::error::{Error, ErrorKind, Result};
use crate::leaks::{Few, Intake};
use crate::plan::Plan;
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Table, TypeClass};
use crate::types::{ColumnId, TableId};

use super::transfer::{Moved, Transfer};
use super::units::{RowRules, TableCopy};
use super::{blame, leaks};

/// Turns chunks of one COPY into rows of the other.
pub(super) struct Worker<'a> {
    rules: &'a RowRules,
    format: Format,
    reader: RowReader,
    transform: RowTransform,
    relays: bool,
    fields: Fields,
    written: Fields,
    marks: Vec<bool>,
    /// Columns that count in the checksum, by position.
    compared: Vec<usize>,
    checksum: RowChecksum,
    tally: Tally,
    nulled: u64,
    /// Masked columns whose values are looked for later: where each was, and where its mask is.
    gathered: Vec<(usize, usize, Intake)>,
    /// Kept columns that may hold few different texts.
    kept: Vec<(usize, ColumnId, Few)>,
    table: TableId,
    /// What watched fields hold is kept for later.
    remembers: bool,
    /// For messages.
    relation: String,
    /// Where reading began, likewise.
    first_page: u64,
}

impl<'a> Worker<'a> {
    pub(super) fn new(transfer: &Transfer, copy: &TableCopy, rules: &'a RowRules) -> Result<Self> {
        let table = transfer.catalog.table(copy.table);
        let masks = &transfer.plan.table(copy.table).masks;
        let column_rules: Vec<Option<&MaskRule>> = copy
            .columns
            .iter()
            .map(|column| {
                let masks = masks[column.index()].as_ref()?;
                let rule = if rules.support { &masks.support } else { &masks.member };
                (rule.spec != MaskSpec::Keep).then_some(rule)
            })
            .collect();
        let source = |at: usize| rules.sources.iter().find(|(column, _)| *column == at).map_or(at, |(_, own)| *own);
        let gathered = leaks::watched(&transfer.plan, table, &copy.columns, rules.support);
        let is_looked_at = transfer.secrets.is_some() && copy.format == Format::Binary;
        let kept = leaks::may_be_few(&transfer.catalog, &transfer.plan, table, &copy.columns).filter(|_| is_looked_at);
        let masked = (0..column_rules.len()).filter(|at| column_rules[*at].is_some());
        let transform = RowTransform::compile(table, &copy.columns, &column_rules, copy.format, transfer.key.as_ref())?
            .with_trailing_fields(rules.hidden)
            .with_conditions(&rules.conditions);
        Ok(Self {
            relays: transform.is_identity(),
            rules,
            format: copy.format,
            reader: RowReader::new(copy.format),
            transform,
            fields: Fields::default(),
            written: Fields::default(),
            marks: vec![false; copy.columns.len()],
            compared: compared_columns(table, &copy.columns, &restated_columns(table, &transfer.plan)),
            checksum: RowChecksum::default(),
            tally: Tally::new(masked.map(|at| (at, source(at)))),
            nulled: 0,
            gathered: gathered.into_iter().map(|(at, watched)| (source(at), at, Intake::new(watched))).collect(),
            kept: kept.map(|(at, id)| (at, id, Few::default())).collect(),
            table: copy.table,
            remembers: true,
            relation: copy.relation.name.to_string(),
            first_page: 0,
        })
    }

    /// For rows that will come again: what they hold is not gathered.
    pub(super) fn on_trial(mut self) -> Self {
        self.gathered.clear();
        self.remembers = false;
        self
    }

    /// For rows that are read from this page on.
    pub(super) fn starting_at(mut self, page: u64) -> Self {
        self.first_page = page;
        self
    }

    /// Turns a chunk of the source's stream into rows at the end of `out`.
    pub(super) fn take(&mut self, chunk: bytes::Bytes, out: &mut Vec<u8>, transfer: &Transfer) -> Result<()> {
        let Self {
            rules,
            format,
            reader,
            transform,
            relays,
            fields,
            written,
            marks,
            compared,
            checksum,
            tally,
            nulled,
            gathered,
            kept,
            table,
            remembers,
            relation,
            first_page,
        } = self;
        let damaged =
            |cause| Error::new(ErrorKind::Source, format!("read rows of {relation}: not COPY data")).with_cause(cause);
        reader.push(chunk);
        while let Some(row) = reader.next_row().map_err(damaged)? {
            if row.len() as u64 > transfer.row_bytes_max {
                return Err(too_large(relation, checksum.rows() + 1, row.len() as u64, transfer.row_bytes_max));
            }
            fields.split(row.clone(), *format).map_err(damaged)?;
            if let Some(at) = rules.watched.filter(|_| *remembers) {
                transfer.source_values.remember(*table, relation, at, fields)?;
            }
            let mut any = false;
            if !rules.checks.is_empty() {
                marks.fill(false);
                for check in &rules.checks {
                    any |= check.mark(fields, *format, &transfer.chosen, marks);
                }
                *nulled += marks.iter().filter(|mark| **mark).count() as u64;
            }
            if *relays && !any {
                out.extend_from_slice(&row);
                if *format == Format::Text {
                    out.push(b'\n');
                }
                checksum.add(compared.iter().map(|at| fields.get(*at)));
                kept.iter_mut().for_each(|(at, _, few)| fields.get(*at).into_iter().for_each(|text| few.add(text)));
                continue;
            }
            let start = out.len();
            let place = || match *first_page {
                0 => format!("mask row {} of {relation}, in the order read", checksum.rows() + 1),
                page => {
                    format!("mask row {} of {relation}, in the order read from page {page} on", checksum.rows() + 1)
                }
            };
            let applied = transform.apply(fields, if any { marks } else { &[] }, out);
            applied.map_err(|cause| {
                Error::new(ErrorKind::Plan, place()).with_cause(cause).with_remedy(blame::OTHER_RULE)
            })?;
            let end = if *format == Format::Text { out.len() - 1 } else { out.len() };
            written.split(bytes::Bytes::copy_from_slice(&out[start..end]), *format).map_err(damaged)?;
            checksum.add(compared.iter().map(|at| written.get(*at)));
            tally.add(fields, if any { marks } else { &[] }, written);
            kept.iter_mut().for_each(|(at, _, few)| written.get(*at).into_iter().for_each(|text| few.add(text)));
            if let Some(secrets) = &transfer.secrets {
                for (before, after, intake) in gathered.iter_mut() {
                    if let Some(field) = fields.get(*before) {
                        secrets.take(intake, *format, field, written.get(*after));
                    }
                }
            }
        }
        Ok(())
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.checksum.rows()
    }

    /// Tells the leak check what landed in kept columns of few different texts.
    pub(super) fn tell(&self, transfer: &Transfer) {
        let Some(secrets) = &transfer.secrets else { return };
        let table = transfer.catalog.table(self.table);
        self.kept.iter().for_each(|(_, id, few)| secrets.take_kept(leaks::number(table, *id), few));
    }

    /// What was moved, once the stream has ended as it should; bytes are counted where they are sent.
    pub(super) fn finish(self) -> Result<Moved> {
        self.reader.finish().map_err(|cause| {
            let action = format!("read rows of {}: the stream broke off", self.relation);
            Error::new(ErrorKind::Source, action).with_cause(cause)
        })?;
        let rows = self.checksum.rows();
        let (checksum, nulled) = (self.checksum, self.nulled);
        let moved = Moved { rows, checksum, nulled, ..Moved::default() };
        Ok(match self.rules.support {
            true => Moved { support: rows, masked_support: self.tally, ..moved },
            false => Moved { masked: self.tally, ..moved },
        })
    }
}

fn too_large(relation: &str, row: u64, bytes: u64, bytes_max: u64) -> Error {
    let [bytes, bytes_max] = [bytes, bytes_max].map(|bytes| bytes.div_ceil(1 << 20));
    let what =
        format!("read row {row} of {relation}, in the order read: it takes {bytes} MB, the limit is {bytes_max} MB");
    Error::new(ErrorKind::Plan, what)
        .with_remedy("raise --memory (a row may take half of it), or leave such rows out with `where` or `never`")
}

/// Positions that count in the checksum, by column name, so that another order of columns gives the same sum. Left out
/// are columns whose bytes are not the same in every database because they carry its type oids, and those of
/// [`restated_columns`].
pub(super) fn compared_columns(table: &Table, columns: &[ColumnId], restated: &[String]) -> Vec<usize> {
    let name = |at: usize| &table.column(columns[at]).name;
    let mut compared: Vec<usize> = (0..columns.len())
        .filter(|at| !table.column(columns[*at]).data_type.carries_type_oids && !restated.contains(name(*at)))
        .collect();
    compared.sort_by(|a, b| name(*a).cmp(name(*b)));
    compared
}

/// Stands for the names of a table's columns, whatever their order.
pub(super) fn columns_hash(table: &Table) -> String {
    let mut names: Vec<&str> = table.copied_columns().map(|(_, column)| column.name.as_str()).collect();
    names.sort_unstable();
    short_hash(&names)
}

/// Masked columns whose type may store a value in another form than it was written in: padded, rounded, normalized;
/// and those that the leak check may scrub.
pub(super) fn restated_columns(table: &Table, plan: &Plan) -> Vec<String> {
    use TypeClass as C;
    let masks = &plan.table(table.id).masks;
    let exact = |class: TypeClass| {
        class.is_integer()
            || matches!(class, C::Text | C::Varchar | C::Citext | C::Uuid | C::Bool | C::Enum | C::Json | C::Inet)
    };
    let restates = |rule: &MaskRule, class| match rule.spec {
        MaskSpec::Keep | MaskSpec::Null | MaskSpec::EmptyJson => false,
        _ => !exact(class),
    };
    table
        .copied_columns()
        .filter(|(id, column)| {
            let class = column.data_type.class;
            masks[id.index()].as_ref().is_some_and(|m| restates(&m.member, class) || restates(&m.support, class))
                || plan.leaks.may_scrub(table, *id)
        })
        .map(|(_, column)| column.name.clone())
        .collect()
}
