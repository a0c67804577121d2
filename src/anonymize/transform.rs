//! The masks of a whole table, applied to its rows.
//!
//! Columns without a rule are not decoded: neighbouring ones go over in one copy, length words and all.

use super::codec;
use super::template::{Piece, Template};
use super::{Fault, Mask, MaskError, TOO_LONG};
use crate::copyfmt::{Fields, Format, RowError, RowWriter};
use crate::digest::MaskKey;
use crate::error::{Error, ErrorKind, Result};
use crate::profile::MaskRule;
use crate::schema::{Table, TypeClass};
use crate::types::ColumnId;

/// A table's masks, compiled for the columns of its copy. Holds only scratch space between rows: the same row gives
/// the same bytes whatever came before it.
#[derive(Clone, Debug)]
pub struct RowTransform {
    table: String,
    format: Format,
    writer: RowWriter,
    steps: Vec<Step>,
    trailing: usize,
    /// Masked columns that templates insert: masked before the row is written.
    early: Vec<usize>,
    // Values of `early`, one after the other, and where each is.
    arena: Vec<u8>,
    ready: Vec<Option<Ready>>,
    value: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Step {
    column: String,
    class: TypeClass,
    action: Action,
    /// Hidden field that says whether the mask applies.
    when: Option<usize>,
}

#[derive(Clone, Debug)]
enum Action {
    Pass,
    /// With the positions of the columns it looks at.
    Mask(Box<Mask>, Vec<usize>),
    /// With the placeholders' positions in the row, and the most characters of a result.
    Template(Vec<Piece<usize>>, usize),
}

#[derive(Clone, Copy, Debug)]
enum Ready {
    Null,
    Range(usize, usize),
}

impl RowTransform {
    /// Compiles the rules of `table` for rows of `columns`, in that order; `rules` has one entry per column, `None`
    /// passing it unchanged.
    ///
    /// # Errors
    /// `ErrorKind::Profile` naming the column and the rule that cannot be.
    pub fn compile(
        table: &Table,
        columns: &[ColumnId],
        rules: &[Option<&MaskRule>],
        format: Format,
        key: Option<&MaskKey>,
    ) -> Result<Self> {
        if columns.len() != rules.len() {
            let what = format!("compile masks of {}: {} columns, {} rules", table.name, columns.len(), rules.len());
            return Err(Error::new(ErrorKind::Unexpected, what));
        }
        let masks: Vec<Option<Mask>> = columns
            .iter()
            .zip(rules)
            .map(|(column, rule)| rule.map(|rule| Mask::compile(rule, table, *column, key)).transpose())
            .collect::<Result<_>>()?;
        let mut early = Vec::new();
        let mut steps = Vec::with_capacity(columns.len());
        for (column, mask) in columns.iter().zip(&masks) {
            let action = match mask {
                None => Action::Pass,
                Some(mask) if mask.is_keep() => Action::Pass,
                Some(mask) => match mask.template() {
                    None => Action::Mask(Box::new(mask.clone()), beside(mask, *column, columns, table)?),
                    Some(template) => {
                        let pieces = place(template, columns, &masks, table).map_err(|what| {
                            let column = &table.column(*column).name;
                            Error::new(
                                ErrorKind::Profile,
                                format!("mask {}.{column} by rule template: {what}", table.name),
                            )
                        })?;
                        early.extend(pieces.iter().filter_map(|piece| match piece {
                            Piece::Placeholder(at) if masks[*at].as_ref().is_some_and(|mask| !mask.is_keep()) => {
                                Some(*at)
                            }
                            _ => None,
                        }));
                        Action::Template(pieces, mask.limit())
                    }
                },
            };
            let column = table.column(*column);
            steps.push(Step { column: column.name.clone(), class: column.data_type.class, action, when: None });
        }
        early.sort_unstable();
        early.dedup();
        Ok(Self {
            table: table.name.to_string(),
            format,
            writer: RowWriter::new(format),
            ready: vec![None; steps.len()],
            steps,
            trailing: 0,
            early,
            arena: Vec::new(),
            value: Vec::new(),
        })
    }

    /// Expects `count` more fields at the end of each row, which the copy query adds for its own use (a member flag)
    /// and which are not written.
    #[must_use]
    pub fn with_trailing_fields(mut self, count: usize) -> Self {
        self.trailing = count;
        self
    }

    /// Masks of these columns (positions in the row) apply only where the hidden field beside each is true.
    #[must_use]
    pub fn with_conditions(mut self, conditions: &[(usize, usize)]) -> Self {
        for (column, field) in conditions {
            if let Some(step) = self.steps.get_mut(*column) {
                step.when = Some(*field);
            }
        }
        self
    }

    /// Rows come out as they go in, as long as no column is forced to NULL: they need not be split at all.
    pub fn is_identity(&self) -> bool {
        self.trailing == 0 && self.steps.iter().all(|step| matches!(step.action, Action::Pass))
    }

    /// Appends the masked row to `out`. Columns whose `nulled` entry is true become NULL before anything else; the
    /// slice may be shorter than the row.
    ///
    /// # Errors
    /// The row cannot be masked; `out` is as it was.
    pub fn apply(&mut self, fields: &Fields, nulled: &[bool], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let start = out.len();
        let applied = self.write_row(fields, nulled, out);
        applied.map_err(|(at, fault)| {
            out.truncate(start);
            let step = self.steps.get(at);
            MaskError {
                table: self.table.clone(),
                column: step.map_or_else(|| "*".to_owned(), |step| step.column.clone()),
                rule: step.map_or("keep", Step::rule),
                what: fault.0,
            }
        })
    }

    /// On failure: the position of the column (or one beyond them all) and what is wrong.
    fn write_row(&mut self, fields: &Fields, nulled: &[bool], out: &mut Vec<u8>) -> Result<(), (usize, Fault)> {
        let count = self.steps.len();
        if fields.len() != count + self.trailing {
            return Err((count, Fault("the row does not have as many fields as the plan has columns")));
        }
        let row = Arriving { fields, nulled };
        self.mask_early(&row)?;
        let Self { format, writer, steps, arena, ready, value, .. } = self;
        writer.begin_row(count, out).map_err(|error| (count, refused(error)))?;
        let mut at = 0;
        while at < count {
            if row.passes(steps, at) {
                let end = (at + 1..count).find(|at| !row.passes(steps, *at)).unwrap_or(count);
                writer.raw_fields(fields.raw(at, end), out);
                at = end;
                continue;
            }
            value.clear();
            let masked = match (&steps[at].action, row.get(at)) {
                (_, None) | (Action::Pass, _) => None,
                (Action::Mask(mask, others), Some(source)) => match ready[at] {
                    Some(Ready::Null) => None,
                    Some(Ready::Range(from, to)) => Some(&arena[from..to]),
                    None => {
                        let some = row.mask(mask, others, source, *format, value).map_err(|fault| (at, fault))?;
                        some.then_some(value.as_slice())
                    }
                },
                (Action::Template(pieces, limit), Some(_)) => {
                    let inserted = |other: usize| match ready[other] {
                        Some(Ready::Null) => None,
                        Some(Ready::Range(from, to)) => Some(&arena[from..to]),
                        None => row.get(other),
                    };
                    render(pieces, steps, *format, inserted, value).map_err(|fault| (at, fault))?;
                    let is_name = steps[at].class == TypeClass::Name;
                    let length = if is_name { value.len() } else { codec::count_chars(value) };
                    if length > *limit {
                        return Err((at, TOO_LONG));
                    }
                    Some(value.as_slice())
                }
            };
            writer.field(masked, out).map_err(|error| (at, refused(error)))?;
            at += 1;
        }
        writer.end_row(out);
        Ok(())
    }

    fn mask_early(&mut self, row: &Arriving<'_>) -> Result<(), (usize, Fault)> {
        let Self { format, steps, early, arena, ready, .. } = self;
        arena.clear();
        for &at in early.iter() {
            let Action::Mask(mask, others) = &steps[at].action else { continue };
            if row.is_exempt(&steps[at]) {
                ready[at] = None;
                continue;
            }
            let from = arena.len();
            let some = match row.get(at) {
                Some(source) => row.mask(mask, others, source, *format, arena).map_err(|fault| (at, fault))?,
                None => false,
            };
            ready[at] = Some(if some { Ready::Range(from, arena.len()) } else { Ready::Null });
        }
        Ok(())
    }
}

/// A row after columns were forced to NULL and before masks.
struct Arriving<'a> {
    fields: &'a Fields,
    nulled: &'a [bool],
}

impl Arriving<'_> {
    fn is_nulled(&self, at: usize) -> bool {
        self.nulled.get(at) == Some(&true)
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        if self.is_nulled(at) { None } else { self.fields.get(at) }
    }

    fn mask(
        &self,
        mask: &Mask,
        others: &[usize],
        source: &[u8],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<bool, Fault> {
        if others.is_empty() {
            return mask.apply(source, format, out);
        }
        // As they are in the source, also where they become NULL: whose value it is does not change.
        let beside: Vec<Option<&[u8]>> = others.iter().map(|at| self.fields.get(*at)).collect();
        mask.apply_beside(source, &beside, format, out)
    }

    fn passes(&self, steps: &[Step], at: usize) -> bool {
        (matches!(steps[at].action, Action::Pass) || self.is_exempt(&steps[at])) && !self.is_nulled(at)
    }

    /// The rule's condition is false; whatever else the field holds, it is not.
    fn is_exempt(&self, step: &Step) -> bool {
        step.when.is_some_and(|at| matches!(self.fields.get(at), Some([0] | [b'f'])))
    }
}

/// Appends a template's text.
fn render<'a>(
    pieces: &[Piece<usize>],
    steps: &[Step],
    format: Format,
    inserted: impl Fn(usize) -> Option<&'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Placeholder(other) => {
                if let Some(value) = inserted(*other) {
                    codec::print(steps[*other].class, format, value, out)?;
                }
            }
        }
    }
    Ok(())
}

impl Step {
    fn rule(&self) -> &'static str {
        match &self.action {
            Action::Pass => "keep",
            Action::Mask(mask, _) => mask.rule(),
            Action::Template(..) => "template",
        }
    }
}

fn refused(error: RowError) -> Fault {
    match error {
        RowError::TooLong => Fault("the result is longer than a row can be"),
        _ => Fault("the row has more fields than PostgreSQL takes"),
    }
}

/// Positions of the columns that a mask looks at.
fn beside(mask: &Mask, column: ColumnId, columns: &[ColumnId], table: &Table) -> Result<Vec<usize>> {
    let position = |other: ColumnId| {
        columns.iter().position(|copied| *copied == other).ok_or_else(|| {
            let (name, other) = (&table.column(column).name, &table.column(other).name);
            let what = format!("mask {}.{name} by rule {}: {other} is not copied", table.name, mask.rule());
            Error::new(ErrorKind::Profile, what)
        })
    };
    mask.beside().map(position).collect()
}

/// Turns a template's columns into positions of the row.
fn place(
    template: &Template,
    columns: &[ColumnId],
    masks: &[Option<Mask>],
    table: &Table,
) -> Result<Vec<Piece<usize>>, String> {
    let position = |column: ColumnId| {
        let name = &table.column(column).name;
        let at =
            columns.iter().position(|other| *other == column).ok_or_else(|| format!("{{{name}}} is not copied"))?;
        if masks[at].as_ref().is_some_and(|mask| mask.template().is_some()) {
            return Err(format!("{{{name}}} has a template itself"));
        }
        Ok(at)
    };
    let place = |piece: &Piece<ColumnId>| match piece {
        Piece::Literal(text) => Ok(Piece::Literal(text.clone())),
        Piece::Placeholder(column) => position(*column).map(Piece::Placeholder),
    };
    template.pieces.iter().map(place).collect()
}
