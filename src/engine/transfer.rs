//! Moves one table's rows: COPY out of the source, masks, COPY into the staging database.

use std::sync::Arc;

use futures_util::TryStreamExt;

use crate::anonymize::RowTransform;
use crate::closure::Chosen;
use crate::copyfmt::{Fields, Format, RowReader, RowWriter};
use crate::digest::{MaskKey, RowChecksum};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Progress;
use crate::pg::connect::Client;
use crate::pg::load::{Freeze, Loader};
use crate::pg::source::Source;
use crate::pg::target::Target;
use crate::plan::{ColumnMasks, Plan};
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Catalog, Table, TableKind, TypeClass};
use crate::types::ColumnId;

use super::units::{Part, TableCopy};
use crate::rate::RateLimit;

/// What every table's transfer shares.
pub(super) struct Transfer {
    pub(super) source: Arc<Source>,
    pub(super) target: Arc<Target>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) plan: Arc<Plan>,
    pub(super) chosen: Arc<Chosen>,
    pub(super) key: Option<MaskKey>,
    pub(super) rate: RateLimit,
}

/// What was moved.
#[derive(Clone, Debug, Default)]
pub(super) struct Moved {
    pub(super) rows: u64,
    pub(super) support: u64,
    pub(super) bytes: u64,
    pub(super) checksum: RowChecksum,
    /// References that became NULL.
    pub(super) nulled: u64,
}

impl Transfer {
    /// Copies the table in one transaction of `target`; nothing remains of it on failure.
    ///
    /// # Errors
    /// `Source`, `Target`, or `Plan` where a value cannot be masked.
    pub(super) async fn table(
        &self,
        mut copy: TableCopy,
        source: &Client,
        target: &Client,
        progress: &Arc<Progress>,
    ) -> Result<Moved> {
        let table = self.catalog.table(copy.table);
        let freeze = if table.kind == TableKind::Partitioned { Freeze::No } else { Freeze::Yes };
        let mut begin = "BEGIN".to_owned();
        if copy.format == Format::Text {
            begin.push_str(&format!("; SET LOCAL search_path = {}", self.source.search_path));
        }
        if freeze == Freeze::Yes {
            // FREEZE wants the table emptied in its own transaction.
            begin.push_str(&format!("; TRUNCATE ONLY {}", crate::pg::quote::qualified(&table.name)));
        }
        target
            .batch_execute(&begin)
            .await
            .map_err(|e| self.target.fail(format!("prepare to load {}", table.name), e))?;
        let mut moved = Moved::default();
        for mut part in std::mem::take(&mut copy.parts) {
            self.part(&copy, &mut part, source, target, freeze, progress, &mut moved).await?;
        }
        target
            .batch_execute("COMMIT")
            .await
            .map_err(|e| self.target.fail(format!("commit the load of {}", table.name), e))?;
        Ok(moved)
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
    async fn part(
        &self,
        copy: &TableCopy,
        part: &mut Part,
        source: &Client,
        target: &Client,
        freeze: Freeze,
        progress: &Arc<Progress>,
        moved: &mut Moved,
    ) -> Result<()> {
        let table = self.catalog.table(copy.table);
        let read = |e| self.source.fail(format!("read rows of {}", table.name), e);
        let load = |e| self.target.fail(format!("load rows into {}", table.name), e);
        let names: Vec<&str> = copy.columns.iter().map(|c| table.column(*c).name.as_str()).collect();
        // The statement may list a million keys: it is let go as soon as it is sent.
        let statement = std::mem::take(&mut part.statement);
        let stream = source.copy_out(&statement).await.map_err(read)?;
        drop(statement);
        let mut stream = std::pin::pin!(stream);
        let mut loader = Loader::open(target, &table.name, &names, copy.format, freeze).await.map_err(load)?;
        let mut worker = Worker::new(self, copy, part, table)?;
        let frame = RowWriter::new(copy.format);
        frame.header(loader.batch());
        let mut sent = 0;
        while let Some(chunk) = stream.try_next().await.map_err(read)? {
            self.rate.take(chunk.len()).await;
            worker.take(chunk, loader.batch(), &self.chosen)?;
            let rows = worker.checksum.rows();
            if loader.is_full() {
                progress.add(rows - sent, loader.batch().len() as u64);
                moved.bytes += loader.batch().len() as u64;
                sent = rows;
            }
            loader.flush_full().await.map_err(load)?;
        }
        worker.finish_reading(table)?;
        frame.trailer(loader.batch());
        let rows = worker.checksum.rows();
        progress.add(rows - sent, loader.batch().len() as u64);
        moved.bytes += loader.batch().len() as u64;
        let counted = loader.finish().await.map_err(load)?;
        if counted != rows {
            return Err(Error::new(
                ErrorKind::Target,
                format!("load rows into {}: sent {rows} rows, the server counted {counted}", table.name),
            ));
        }
        moved.rows += rows;
        moved.support += if part.support { rows } else { 0 };
        moved.nulled += worker.nulled;
        moved.checksum.merge(&worker.checksum);
        Ok(())
    }
}

/// Turns chunks of one COPY into rows of the other.
struct Worker<'a> {
    part: &'a Part,
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
    nulled: u64,
    table: String,
}

impl<'a> Worker<'a> {
    fn new(transfer: &Transfer, copy: &TableCopy, part: &'a Part, table: &Table) -> Result<Self> {
        let masks = &transfer.plan.table(copy.table).masks;
        let rules: Vec<Option<&MaskRule>> = copy
            .columns
            .iter()
            .map(|column| {
                let masks = masks[column.index()].as_ref()?;
                let rule = if part.support { &masks.support } else { &masks.member };
                (rule.spec != MaskSpec::Keep).then_some(rule)
            })
            .collect();
        let transform = RowTransform::compile(table, &copy.columns, &rules, copy.format, transfer.key.as_ref())?
            .with_trailing_fields(part.hidden);
        Ok(Self {
            relays: transform.is_identity(),
            part,
            format: copy.format,
            reader: RowReader::new(copy.format),
            transform,
            fields: Fields::default(),
            written: Fields::default(),
            marks: vec![false; copy.columns.len()],
            compared: compared_columns(table, &copy.columns, &restated_columns(table, masks)),
            checksum: RowChecksum::default(),
            nulled: 0,
            table: table.name.to_string(),
        })
    }

    fn take(&mut self, chunk: bytes::Bytes, out: &mut Vec<u8>, chosen: &Chosen) -> Result<()> {
        let Self { part, format, reader, transform, relays, fields, written, marks, compared, checksum, nulled, table } =
            self;
        let damaged =
            |cause| Error::new(ErrorKind::Source, format!("read rows of {table}: not COPY data")).with_cause(cause);
        reader.push(chunk);
        while let Some(row) = reader.next_row().map_err(damaged)? {
            fields.split(row.clone(), *format).map_err(damaged)?;
            let mut any = false;
            if !part.checks.is_empty() {
                marks.fill(false);
                for check in &part.checks {
                    any |= check.mark(fields, *format, chosen, marks);
                }
                *nulled += marks.iter().filter(|mark| **mark).count() as u64;
            }
            if *relays && !any {
                out.extend_from_slice(&row);
                if *format == Format::Text {
                    out.push(b'\n');
                }
                checksum.add(compared.iter().map(|at| fields.get(*at)));
                continue;
            }
            let start = out.len();
            transform
                .apply(fields, if any { marks } else { &[] }, out)
                .map_err(|cause| Error::new(ErrorKind::Plan, format!("mask a row of {table}")).with_cause(cause))?;
            let end = if *format == Format::Text { out.len() - 1 } else { out.len() };
            written.split(bytes::Bytes::copy_from_slice(&out[start..end]), *format).map_err(damaged)?;
            checksum.add(compared.iter().map(|at| written.get(*at)));
        }
        Ok(())
    }

    fn finish_reading(&mut self, table: &Table) -> Result<()> {
        let reader = std::mem::replace(&mut self.reader, RowReader::new(self.format));
        reader.finish().map_err(|cause| {
            Error::new(ErrorKind::Source, format!("read rows of {}: the stream broke off", table.name))
                .with_cause(cause)
        })
    }
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

/// Masked columns whose type may store a value in another form than it was written in: padded, rounded, normalized.
pub(super) fn restated_columns(table: &Table, masks: &[Option<ColumnMasks>]) -> Vec<String> {
    use TypeClass as C;
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
        })
        .map(|(_, column)| column.name.clone())
        .collect()
}
