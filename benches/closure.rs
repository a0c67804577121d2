//! Closure without a server: the fixpoint over tables that refer to each other, key sets, groups of a large schema.

use divan::counter::ItemsCount;
use tithe::closure::{Group, GroupTable, Key, KeyKind, KeySet, Link, NULL_LINK, members};
use tithe::graph::FkGraph;
use tithe::schema::{Catalog, Reference, Table};
use tithe::types::{ColumnId, QualifiedName, RefId, TableId};

fn main() {
    divan::main();
}

/// A cheap deterministic sequence.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// 500 tables in a circle and across it, 2,000 rows each: a million rows in one group.
fn group() -> Group {
    const TABLES: usize = 500;
    const ROWS: u32 = 2_000;
    let mut state = 7;
    let tables = (0..TABLES)
        .map(|at| {
            let link = |parent: usize, within: bool, state: &mut u64| Link {
                parent,
                within,
                carries: !within,
                rows: (0..ROWS)
                    .map(|_| if next(state).is_multiple_of(4) { NULL_LINK } else { (next(state) as u32) % ROWS })
                    .collect(),
            };
            GroupTable {
                anchored: (0..ROWS).map(|row| at == 0 && row % 10 == 0).collect(),
                links: vec![
                    link((at + TABLES - 1) % TABLES, false, &mut state),
                    link((at + 17) % TABLES, true, &mut state),
                ],
            }
        })
        .collect();
    Group { tables }
}

#[divan::bench]
fn fixpoint_over_500_tables(bencher: divan::Bencher) {
    let group = group();
    let rows: usize = group.tables.iter().map(|table| table.anchored.len()).sum();
    bencher.counter(ItemsCount::new(rows)).bench(|| members(&group));
}

fn catalog() -> Catalog {
    let table =
        |at: usize| Table::bare(TableId::from_index(at), at as u32, QualifiedName::new("public", format!("t{at}")));
    let mut state = 11;
    let references = (0..2_000)
        .map(|at| Reference {
            id: RefId::from_index(at),
            name: format!("r{at}"),
            child: TableId::from_index(next(&mut state) as usize % 500),
            child_columns: vec![ColumnId(0)],
            parent: TableId::from_index(next(&mut state) as usize % 500),
            parent_columns: vec![ColumnId(0)],
            validated: true,
            match_full: false,
            temporal: false,
            array: false,
            condition: None,
            foreign_key: None,
        })
        .collect();
    Catalog { tables: (0..500).map(table).collect(), references, ..Catalog::default() }
}

#[divan::bench]
fn groups_of_500_tables(bencher: divan::Bencher) {
    let catalog = catalog();
    bencher.counter(ItemsCount::new(500_usize)).bench(|| FkGraph::new(&catalog, |_| true).groups());
}

/// What the root draw costs here: keys as they come off the wire, into a set.
#[divan::bench(args = [KeyKind::Int, KeyKind::Uuid])]
fn draw_a_million_keys(bencher: divan::Bencher, kind: KeyKind) {
    const KEYS: u64 = 1_000_000;
    let fields: Vec<[u8; 16]> =
        (0..KEYS).map(|key| (u128::from(key * 10) << 64 | u128::from(key)).to_be_bytes()).collect();
    let width = if kind == KeyKind::Int { 8 } else { 16 };
    bencher.counter(ItemsCount::new(KEYS)).bench(|| {
        let mut set = KeySet::new(kind);
        for field in &fields {
            if let Some(key) = Key::from_fields(kind, &[Some(&field[..width])]) {
                set.insert(key);
            }
        }
        set.len()
    });
}
