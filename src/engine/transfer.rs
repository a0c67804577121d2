//! Moves the rows of one table, or of one of its leaves: COPY out of the source, masks, COPY into the staging database.

use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;

use crate::anonymize::Tally;
use crate::closure::Chosen;
use crate::copyfmt::{Format, RowWriter};
use crate::digest::{MaskKey, RowChecksum};
use crate::error::{Error, ErrorKind, Result};
use crate::leaks::Secrets;
use crate::monitor::Progress;
use crate::pg::connect::{Client, PooledSession};
use crate::pg::load::{Freeze, Loader};
use crate::pg::quote::qualified;
use crate::pg::scan::PageRange;
use crate::pg::source::Source;
use crate::pg::target::Target;
use crate::plan::Plan;
use crate::schema::{Catalog, Table};
use crate::types::{ColumnId, TableId};

use super::source_values::SourceValues;
use super::units::{self, Part, TableCopy};
use super::worker::Worker;
use super::{blame, pieces, readers};
use crate::rate::RateLimit;

/// What every table's transfer shares.
pub(super) struct Transfer {
    pub(super) source: Arc<Source>,
    pub(super) target: Arc<Target>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) plan: Arc<Plan>,
    pub(super) chosen: Arc<Chosen>,
    pub(super) key: Option<MaskKey>,
    /// What file paths need of the source.
    pub(super) source_values: SourceValues,
    /// What masked columns hold; `None` where none gives anything to look for.
    pub(super) secrets: Option<Arc<Secrets>>,
    pub(super) rate: RateLimit,
    /// Heap that one statement reads at most.
    pub(super) range_bytes: u64,
    /// A row is held several times on its way: as it came, as it goes on, and what a mask makes of a value.
    pub(super) row_bytes_max: u64,
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
    /// What masks did to members.
    pub(super) masked: Tally,
    /// What masks did to support rows.
    pub(super) masked_support: Tally,
}

impl Moved {
    pub(super) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.support += other.support;
        self.bytes += other.bytes;
        self.checksum.merge(&other.checksum);
        self.nulled += other.nulled;
        self.masked.merge(&other.masked);
        self.masked_support.merge(&other.masked_support);
    }
}

impl Transfer {
    /// The copy of a table, or of one of its leaves.
    pub(super) fn copy_of(&self, id: TableId, leaf: Option<usize>) -> TableCopy {
        let version = self.target.server.version_num;
        units::table_copy(&self.catalog, &self.plan, &self.chosen, version, id, leaf)
    }

    /// The form in which a table's rows are copied.
    pub(super) fn format_of(&self, table: &Table) -> Format {
        let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).collect();
        units::copy_format(table, &columns, self.target.server.version_num)
    }

    /// Copies it in one transaction of `target`; nothing remains of it on failure.
    ///
    /// # Errors
    /// `Source`, `Target`, or `Plan` where a value cannot be masked.
    pub(super) async fn copy(
        self: &Arc<Self>,
        mut copy: TableCopy,
        source: PooledSession,
        target: &Client,
        progress: &Progress,
    ) -> Result<Moved> {
        let name = copy.relation.name.clone();
        let mut begin = "BEGIN".to_owned();
        if copy.format == Format::Text {
            begin.push_str(&format!("; SET LOCAL search_path = {}", self.source.search_path));
        }
        if copy.relation.freeze() == Freeze::Yes {
            // FREEZE wants the table emptied in its own transaction.
            begin.push_str(&format!("; TRUNCATE ONLY {}", qualified(&name)));
        }
        target.batch_execute(&begin).await.map_err(|e| self.target.fail(format!("prepare to load {name}"), e))?;
        let parts = std::mem::take(&mut copy.parts);
        let (copy, source) = (Arc::new(copy), Arc::new(source));
        let mut moved = Moved::default();
        for part in parts {
            moved.merge(&self.part(&copy, part, &source, target, progress).await?);
        }
        let commit = target.batch_execute("COMMIT").await;
        commit.map_err(|e| self.target.fail(format!("commit the load of {name}"), e))?;
        Ok(moved)
    }

    async fn part(
        self: &Arc<Self>,
        copy: &Arc<TableCopy>,
        part: Part,
        source: &Arc<PooledSession>,
        target: &Client,
        progress: &Progress,
    ) -> Result<Moved> {
        let name = &copy.relation.name;
        let table = self.catalog.table(copy.table);
        let load = |e| {
            let told = blame::of_row(&self.plan, table, &e);
            let failed = self.target.fail(format!("load rows into {name}"), e);
            match told {
                Some(told) => failed.with_remedy(format!("{told}: choose other rules for them")),
                None => failed,
            }
        };
        let columns: Vec<&str> = copy.columns.iter().map(|c| table.column(*c).name.as_str()).collect();
        let ranges = pieces::ranges(self, copy, &part.query, source).await?;
        let freeze = copy.relation.freeze();
        let mut loader = Loader::open(target, name, &columns, copy.format, freeze).await.map_err(load)?;
        let frame = RowWriter::new(copy.format);
        frame.header(loader.batch());
        let mut moved = if ranges.len() > 1 {
            readers::run(self, copy, part, ranges, source, &mut loader, progress).await?
        } else {
            self.read_at_once(copy, part, source, &mut loader, progress).await?
        };
        frame.trailer(loader.batch());
        progress.add(0, loader.batch().len() as u64);
        let loaded = loader.finish().await.map_err(load)?;
        if loaded.rows != moved.rows {
            return Err(Error::new(
                ErrorKind::Target,
                format!("load rows into {name}: sent {} rows, the server counted {}", moved.rows, loaded.rows),
            ));
        }
        moved.bytes = loaded.bytes;
        Ok(moved)
    }

    async fn read_at_once(
        &self,
        copy: &TableCopy,
        part: Part,
        source: &Client,
        loader: &mut Loader,
        progress: &Progress,
    ) -> Result<Moved> {
        let name = &copy.relation.name;
        let read = |e| self.source.fail(format!("read rows of {name}"), e);
        let Part { query, rules } = part;
        let statement = query.copy(PageRange::default(), copy.format);
        drop(query);
        let mut stream = pin!(source.copy_out(&statement).await.map_err(read)?);
        drop(statement);
        let mut worker = Worker::new(self, copy, &rules)?;
        let mut shown = 0;
        while let Some(chunk) = stream.try_next().await.map_err(read)? {
            self.rate.take(chunk.len()).await;
            worker.take(chunk, loader.batch(), self)?;
            if loader.is_full() {
                progress.add(worker.rows() - shown, loader.batch().len() as u64);
                shown = worker.rows();
            }
            loader.flush_full().await.map_err(|e| self.target.fail(format!("load rows into {name}"), e))?;
        }
        progress.add(worker.rows() - shown, 0);
        worker.tell(self);
        worker.finish()
    }
}
