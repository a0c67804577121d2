//! Each mask on text values in binary rows, and a whole table's masks, without a server.

use std::fmt;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use tithe::anonymize::{RowTransform, Tally};
use tithe::copyfmt::{Fields, Format, RowWriter};
use tithe::digest::{MaskKey, RowChecksum};
use tithe::profile::{MaskRule, MaskSpec};
use tithe::schema::{Column, ColumnType, Table, TableKind, TypeClass};
use tithe::types::{ColumnId, QualifiedName, TableId};

const ROWS: usize = 10_000;

fn main() {
    divan::main();
}

struct Case {
    spec: MaskSpec,
    value: fn(usize) -> String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec.name())
    }
}

fn cases() -> Vec<Case> {
    let email = |row| format!("person{row}@home.example");
    let name = |row| format!("Ann Nobody {row}");
    let case = |spec, value| Case { spec, value };
    vec![
        case(MaskSpec::Constant("!".into()), name),
        case(MaskSpec::Template("user{id}@dev.example".into()), email),
        case(MaskSpec::Hash { length: 32 }, name),
        case(MaskSpec::Token, |row| format!("ABCD-{row:012}")),
        case(MaskSpec::Uuid, name),
        case(MaskSpec::Email { host: "example.com".into() }, email),
        case(MaskSpec::Username, name),
        case(MaskSpec::FirstName, name),
        case(MaskSpec::LastName, name),
        case(MaskSpec::FullName, name),
        case(MaskSpec::Phone, |row| format!("+49 30 {row:07}")),
        case(MaskSpec::Street, name),
        case(MaskSpec::City, name),
        case(MaskSpec::Company, name),
        case(MaskSpec::Ip, |row| format!("192.0.{}.{}", row / 256 % 256, row % 256)),
        case(MaskSpec::Lorem, |row| format!("A sentence of {row} words, more or less, that somebody wrote.")),
        case(MaskSpec::EmptyJson, |row| format!("{{\"row\": {row}}}")),
    ]
}

fn column(name: &str, class: TypeClass) -> Column {
    Column {
        name: name.into(),
        attnum: 0,
        data_type: ColumnType {
            oid: 0,
            sql_name: name.into(),
            base_sql_name: name.into(),
            class,
            max_chars: None,
            enum_labels: vec![],
            domain: false,
            domain_checks: vec![],
            has_binary: true,
            sends_oids: false,
            carries_type_oids: false,
        },
        not_null: false,
        generated: false,
        identity: false,
        loose_collation: None,
        comment: None,
    }
}

fn transform(texts: &[Option<MaskSpec>]) -> RowTransform {
    let mut columns = vec![column("id", TypeClass::Int4)];
    columns.extend((0..texts.len()).map(|at| column(&format!("text{at}"), TypeClass::Text)));
    let table = Table {
        id: TableId(0),
        oid: 0,
        name: QualifiedName::new("public", "people"),
        kind: TableKind::Ordinary,
        leaves: vec![],
        inherits: vec![],
        build_oids: vec![],
        columns,
        unique_keys: vec![],
        indexes: vec![],
        checks: vec![],
        partition_key: vec![],
        leaves_apart: false,
        rows_estimate: 0.0,
        heap_bytes: 0,
        rls_applies: false,
        readable: true,
        comment: None,
    };
    let rules: Vec<_> = texts.iter().map(|spec| spec.clone().map(|spec| MaskRule { spec, domain: None })).collect();
    let rules: Vec<_> = std::iter::once(None).chain(rules.iter().map(Option::as_ref)).collect();
    let ids: Vec<_> = (0..rules.len()).map(ColumnId::from_index).collect();
    let key = MaskKey::from_secret("a secret that only benches know").expect("long enough");
    RowTransform::compile(&table, &ids, &rules, Format::Binary, Some(&key)).expect("compiles")
}

fn rows(texts: &[fn(usize) -> String]) -> Vec<Fields> {
    let mut writer = RowWriter::new(Format::Binary);
    (0..ROWS)
        .map(|row| {
            let mut out = Vec::new();
            writer.begin_row(texts.len() + 1, &mut out).expect("few fields");
            writer.field(Some(&(row as i32).to_be_bytes()), &mut out).expect("short");
            texts.iter().for_each(|text| writer.field(Some(text(row).as_bytes()), &mut out).expect("short"));
            writer.end_row(&mut out);
            let mut fields = Fields::default();
            fields.split(Bytes::from(out), Format::Binary).expect("well formed");
            fields
        })
        .collect()
}

fn run(bencher: Bencher, texts: &[fn(usize) -> String], specs: &[Option<MaskSpec>]) {
    let (rows, mut transform, mut out) = (rows(texts), transform(specs), Vec::new());
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut bytes = 0;
        for fields in &rows {
            out.clear();
            transform.apply(fields, &[], &mut out).expect("masks");
            bytes += out.len();
        }
        bytes
    });
}

/// Values a second, one masked value a row.
#[divan::bench(args = cases())]
fn value(bencher: Bencher, case: &Case) {
    run(bencher, &[case.value], &[Some(case.spec.clone())]);
}

type People = ([fn(usize) -> String; 11], [Option<MaskSpec>; 11]);

/// Twelve columns, of which four are masked.
fn people() -> People {
    let texts: [fn(usize) -> String; 11] = [|row| format!("somebody {row}"); 11];
    let mut specs: [Option<MaskSpec>; 11] = [const { None }; 11];
    specs[1] = Some(MaskSpec::Email { host: "example.com".into() });
    specs[2] = Some(MaskSpec::FullName);
    specs[7] = Some(MaskSpec::Phone);
    specs[9] = Some(MaskSpec::Lorem);
    (texts, specs)
}

/// Rows a second of a table of people.
#[divan::bench]
fn row_of_people(bencher: Bencher) {
    let (texts, specs) = people();
    run(bencher, &texts, &specs);
}

/// The same with all that a run does to a row: split, mask, split what was made, sum it up.
#[divan::bench]
fn row_of_people_summed(bencher: Bencher) {
    as_a_run_does(bencher, Tally::default());
}

/// And with counts of the four masked columns.
#[divan::bench]
fn row_of_people_summed_and_counted(bencher: Bencher) {
    as_a_run_does(bencher, Tally::new([2, 3, 8, 10]));
}

fn as_a_run_does(bencher: Bencher, mut tally: Tally) {
    let (texts, specs) = people();
    let (rows, mut transform, mut out) = (rows(&texts), transform(&specs), Vec::new());
    let (mut written, mut checksum) = (Fields::default(), RowChecksum::default());
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        for fields in &rows {
            out.clear();
            transform.apply(fields, &[], &mut out).expect("masks");
            written.split(Bytes::copy_from_slice(&out), Format::Binary).expect("well formed");
            checksum.add(written.iter());
            tally.add(fields, &[], &written);
        }
        (checksum.rows(), tally.counts().len())
    });
}
