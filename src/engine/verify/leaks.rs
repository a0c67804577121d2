//! No masked e-mail address of the source stands anywhere in the target.
//!
//! Asked of whole values, upper and lower case alike, in every text column of the target but free text: a column of
//! type text or varchar that takes more than 255 characters and whose values are longer than 60 bytes on average.
//! Addresses are held as 64-bit hashes under a key made for this process: nothing of them can be read back, and with
//! millions on either side a false alarm is less likely than one in ten thousand. Left out are addresses in a mask's
//! own domain, which the masks themselves make, and constants.
//!
//! The leak check asks more of prose and of other values, and less here: it takes no values from columns whose rule may
//! leave some of them (a template, SQL, kept ends), and looks through neither masked columns nor tables and columns
//! that the profile does not bring, or allows.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::some;
use crate::copyfmt::Format;
use crate::engine::lanes;
use crate::engine::prepare::Prepared;
use crate::error::Result;
use crate::leaks::Watched;
use crate::pg::landed::Landed;
use crate::pg::members::plain_source;
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::plan::ColumnMasks;
use crate::profile::MaskSpec;
use crate::report::CheckReport;
use crate::schema::{Catalog, Column, Table, TableKind, TypeClass};
use crate::types::{ColumnId, QualifiedName, TableId};
use crate::wording::plural;

pub(super) const NAME: &str = "masked e-mail addresses";

/// Memory for the hashes of the source's addresses: eight million of them.
const HASHES_MAX_BYTES: usize = 64 << 20;
/// Shorter values with an @ are no addresses.
const ADDRESS_MIN_BYTES: usize = 6;
/// Columns that take no more characters hold names, codes and addresses, not prose.
const FREE_TEXT_MIN_CHARS: u32 = 256;
/// Values of wide columns that are shorter on average are no prose either.
const FREE_TEXT_MIN_WIDTH: i64 = 60;

pub(super) async fn check(prepared: &Prepared, landed: &Arc<Landed>) -> Result<CheckReport> {
    let columns = masked_columns(prepared);
    if columns.is_empty() {
        return Ok(CheckReport::not_asked(NAME, "the profile masks no e-mail column"));
    }
    let Some(addresses) = collect(prepared, &columns).await? else {
        let limit = HASHES_MAX_BYTES >> 20;
        return Ok(CheckReport::not_asked(
            NAME,
            format!("the source has more addresses than {limit} MB of hashes hold; look for them table by table"),
        ));
    };
    let (searched, jobs) = searched_columns(landed).await?;
    let shared = Arc::new((Arc::clone(landed), addresses));
    let count = shared.1.hashes.len() as u64;
    let hits = lanes::run(landed.jobs(), jobs, move |(table, columns)| {
        let shared = Arc::clone(&shared);
        async move { search(&shared.0, &shared.1, table, &columns).await }
    })
    .await?;
    let mut hits: Vec<String> = hits.into_iter().flatten().collect();
    hits.sort();
    let addresses = if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") };
    if hits.is_empty() {
        let from = plural(columns.values().map(|list| list.len() as u64).sum(), "masked column");
        return Ok(CheckReport::asked(
            NAME,
            true,
            format!("none of {addresses} of {from} stands in {}", plural(searched, "column")),
        ));
    }
    Ok(CheckReport::asked(NAME, false, format!("addresses of the source stand in {}", some(&hits))))
}

/// Masked for members and support rows alike, and an e-mail column by its rule or name.
fn masked_columns(prepared: &Prepared) -> HashMap<TableId, Vec<ColumnId>> {
    let mut found: HashMap<TableId, Vec<ColumnId>> = HashMap::new();
    for table in prepared.catalog.tables.iter().filter(|table| prepared.plan.brings_rows(table.id)) {
        for (id, column) in table.copied_columns() {
            let Some(masks) = &prepared.plan.table(table.id).masks[id.index()] else { continue };
            if column.data_type.class.is_text() && is_masked_email(column, masks) {
                found.entry(table.id).or_default().push(id);
            }
        }
    }
    found
}

fn is_masked_email(column: &Column, masks: &ColumnMasks) -> bool {
    let name = column.name.to_lowercase();
    let named = name.contains("email") || name.contains("e_mail") || name.contains("e-mail") || name == "mail";
    let rules = [&masks.member.spec, &masks.support.spec];
    let by_rule = rules.iter().any(|spec| matches!(spec.plain(), MaskSpec::Email { .. }));
    // Under a condition some addresses are kept.
    (named || by_rule) && rules.iter().all(|spec| *spec.plain() != MaskSpec::Keep && spec.condition().is_none())
}

struct Addresses {
    /// Sorted.
    hashes: Vec<u64>,
    hasher: RandomState,
}

impl Addresses {
    fn hash(&self, value: &[u8]) -> Option<u64> {
        Some(self.hasher.hash_one(address(value)?))
    }

    /// Makes room by dropping doubles; false when too little is won.
    fn compact(&mut self) -> bool {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.len() < HASHES_MAX_BYTES / size_of::<u64>() / 10 * 9
    }
}

/// What counts as an address, folded.
fn address(value: &[u8]) -> Option<String> {
    if value.len() < ADDRESS_MIN_BYTES || !value.contains(&b'@') {
        return None;
    }
    Some(String::from_utf8_lossy(value).trim().to_lowercase())
}

/// Hashes of all values of the columns in the source; `None` when they pass the limit.
async fn collect(prepared: &Prepared, columns: &HashMap<TableId, Vec<ColumnId>>) -> Result<Option<Addresses>> {
    let watched = watched(prepared, columns);
    let mut addresses = Addresses { hashes: Vec::new(), hasher: RandomState::new() };
    for (table, columns) in columns {
        let table = prepared.catalog.table(*table);
        let select = select(&prepared.catalog, table, columns);
        let session = prepared.source.session().await?;
        let action = format!("read e-mail addresses of {}", table.name);
        let connector = prepared.source.connector();
        let mut rows = RowStream::open(&session, connector, &select, Format::Binary, action).await?;
        while let Some(fields) = rows.next().await? {
            for value in (0..columns.len()).filter_map(|at| fields.get(at)) {
                if !watched.iter().any(|column| column.is_made_by_mask(value)) {
                    addresses.hashes.extend(addresses.hash(value));
                }
            }
            if addresses.hashes.len() * size_of::<u64>() >= HASHES_MAX_BYTES && !addresses.compact() {
                return Ok(None);
            }
        }
    }
    addresses.compact();
    Ok(Some(addresses))
}

/// What tells addresses that the masks of these columns give.
fn watched(prepared: &Prepared, columns: &HashMap<TableId, Vec<ColumnId>>) -> Vec<Watched> {
    let of_column = |(table, id): (TableId, &ColumnId)| {
        let column = prepared.catalog.table(table).column(*id);
        let masks = prepared.plan.table(table).masks[id.index()].as_ref()?;
        Some([&masks.member, &masks.support].map(|rule| Watched::of(column, rule, 0)))
    };
    let all = columns.iter().flat_map(|(table, list)| list.iter().map(|id| (*table, id)));
    all.filter_map(of_column).flatten().flatten().collect()
}

fn select(catalog: &Catalog, table: &Table, columns: &[ColumnId]) -> String {
    let list: Vec<String> = columns.iter().map(|column| quote::column(catalog, table.id, *column, "t")).collect();
    format!("SELECT {} FROM {}", list.join(", "), plain_source(table, "t"))
}

type Search = (TableId, Vec<ColumnId>);

/// The target's text columns that are not free text, by table, and how many they are.
async fn searched_columns(landed: &Landed) -> Result<(u64, Vec<Search>)> {
    let widths: HashMap<(QualifiedName, String), i64> = landed
        .column_widths()
        .await?
        .into_iter()
        .map(|width| ((QualifiedName::new(width.schema, width.table), width.column), width.bytes))
        .collect();
    let mut jobs: Vec<Search> = Vec::new();
    for table in landed.catalog.tables.iter().filter(|table| table.kind != TableKind::Foreign) {
        let columns: Vec<ColumnId> = (0..table.columns.len())
            .map(ColumnId::from_index)
            .filter(|id| {
                let column = table.column(*id);
                let width = widths.get(&(table.name.clone(), column.name.clone())).copied().unwrap_or_default();
                column.data_type.class.is_text() && !is_free_text(column, width)
            })
            .collect();
        if !columns.is_empty() {
            jobs.push((table.id, columns));
        }
    }
    jobs.sort_by_key(|(table, _)| std::cmp::Reverse(landed.catalog.table(*table).heap_bytes));
    Ok((jobs.iter().map(|(_, columns)| columns.len() as u64).sum(), jobs))
}

/// See the module's header. A column without statistics is not taken for free text.
fn is_free_text(column: &Column, average_bytes: i64) -> bool {
    let wide = match column.data_type.class {
        TypeClass::Varchar | TypeClass::Bpchar => {
            column.data_type.max_chars.is_none_or(|chars| chars >= FREE_TEXT_MIN_CHARS)
        }
        class => class == TypeClass::Text || class == TypeClass::Citext,
    };
    wide && average_bytes > FREE_TEXT_MIN_WIDTH
}

/// Columns of a table in which addresses stand, with how many.
async fn search(landed: &Landed, addresses: &Addresses, table: TableId, columns: &[ColumnId]) -> Result<Vec<String>> {
    let table = landed.catalog.table(table);
    let session = landed.session().await?;
    let action = format!("read text columns of {}", table.name);
    let select = select(&landed.catalog, table, columns);
    let mut rows = RowStream::open(&session, landed.connector(), &select, Format::Binary, action).await?;
    let mut hits = vec![0_u64; columns.len()];
    while let Some(fields) = rows.next().await? {
        for (at, hits) in hits.iter_mut().enumerate() {
            let hash = fields.get(at).and_then(|value| addresses.hash(value));
            *hits += u64::from(hash.is_some_and(|hash| addresses.hashes.binary_search(&hash).is_ok()));
        }
    }
    Ok(columns
        .iter()
        .zip(hits)
        .filter(|(_, hits)| *hits > 0)
        .map(|(column, hits)| format!("{}.{} ({})", table.name, table.column(*column).name, plural(hits, "row")))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_and_nothing_else_is_one() {
        assert_eq!(address(b" Ann@Home.example "), Some("ann@home.example".to_owned()));
        for other in [&b""[..], b"a@b.c", b"no address at all", b"\xff\xfe"] {
            assert_eq!(address(other), None);
        }
    }
}
