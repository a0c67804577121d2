//! Each mask on text values in binary rows, and a whole table's masks, without a server.

use std::fmt;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tithe::anonymize::{RowTransform, Tally};
use tithe::copyfmt::{Fields, Format, RowWriter};
use tithe::digest::{MaskKey, RowChecksum};
use tithe::profile::facts::RULES;
use tithe::profile::{AddressPart, BytesFill, DatePart, MaskRule, MaskSpec};
use tithe::schema::{Column, ColumnType, Table, TypeClass};
use tithe::types::{ColumnId, QualifiedName, TableId};

const ROWS: usize = 10_000;

fn main() {
    let measured: Vec<_> =
        cases().iter().map(|case| case.spec.name()).chain(typed_cases().iter().map(|case| case.spec.name())).collect();
    for rule in RULES {
        assert!(measured.contains(&rule.name), "no case measures the rule {}", rule.name);
    }
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
    let prose = |row| format!("She told me to write to ann{row}@home.example or to call +49 30 1234567 tomorrow.");
    let document = |row| format!("{{\"user\": {{\"email\": \"ann{row}@home.org\"}}, \"n\": {row}, \"ok\": true}}");
    vec![
        case(MaskSpec::Keep, name),
        case(MaskSpec::Null, name),
        // The source's server evaluates the expression: this is what is left to do here.
        case(MaskSpec::Sql("left(name, 1)".into()), name),
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
        case(MaskSpec::PostalCode { keep_first: 2 }, |row| format!("{:05}", row % 100_000)),
        case(MaskSpec::Mac, |row| format!("08:00:2b:{:02x}:{:02x}:03", row / 256 % 256, row % 256)),
        case(MaskSpec::UserAgent, name),
        case(MaskSpec::Url { keep_host: false }, |row| format!("https://home.example/pictures/{row}.jpg")),
        case(MaskSpec::FileName, |row| format!("scans/{row}.pdf")),
        case(MaskSpec::JobTitle, name),
        case(MaskSpec::Iban, |row| format!("DE89370400440{row:09}")),
        case(MaskSpec::Card, |row| format!("4111 1111 {:04} {:04}", row / 10_000, row % 10_000)),
        case(MaskSpec::PasswordHash, |row| format!("$2b$12$of.somebody.{row}")),
        case(MaskSpec::Pem, |row| format!("-----BEGIN PUBLIC KEY-----\n{row}\n-----END PUBLIC KEY-----\n")),
        case(MaskSpec::Regex { pattern: "[A-Z]{2}-[0-9]{4}".into() }, name),
        case(MaskSpec::Scramble { keep_first: 2, keep_last: 2 }, |row| format!("ABCD-{row:08}")),
        case(MaskSpec::Pick { from: vec!["red".into(), "green".into()], weights: vec![1.0, 9.0] }, name),
        case(MaskSpec::Address { part: AddressPart::Full, country: None }, name),
        case(MaskSpec::Redact { subject: vec![] }, prose),
        case(json(), document),
    ]
}

fn column(name: &str, class: TypeClass) -> Column {
    Column::bare(name, ColumnType::plain(class, name))
}

fn transform(texts: &[Option<MaskSpec>]) -> RowTransform {
    let mut columns = vec![column("id", TypeClass::Int4)];
    columns.extend((0..texts.len()).map(|at| column(&format!("text{at}"), TypeClass::Text)));
    let table = table(columns);
    let rules: Vec<_> = texts.iter().map(|spec| spec.clone().map(|spec| MaskRule { spec, domain: None })).collect();
    let rules: Vec<_> = std::iter::once(None).chain(rules.iter().map(Option::as_ref)).collect();
    let ids: Vec<_> = (0..rules.len()).map(ColumnId::from_index).collect();
    RowTransform::compile(&table, &ids, &rules, Format::Binary, Some(&key())).expect("compiles")
}

fn table(columns: Vec<Column>) -> Table {
    Table { columns, ..Table::bare(TableId(0), 0, QualifiedName::new("public", "people")) }
}

fn rule(spec: MaskSpec) -> MaskRule {
    MaskRule { spec, domain: None }
}

fn email() -> MaskSpec {
    MaskSpec::Email { host: "example.com".into() }
}

/// One value of a document is masked, the others stay.
fn json() -> MaskSpec {
    MaskSpec::Json { paths: vec![("user.email".into(), rule(email()))], default: Box::new(rule(MaskSpec::Keep)) }
}

/// A rule on values of another type than text, in binary.
struct TypedCase {
    spec: MaskSpec,
    class: TypeClass,
    value: fn(usize) -> Vec<u8>,
}

impl fmt::Display for TypedCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}", self.spec.name(), self.class)
    }
}

fn typed_cases() -> Vec<TypedCase> {
    let case = |spec, class, value| TypedCase { spec, class, value };
    let int4 = |row: usize| (row as i32 * 7 + 1).to_be_bytes().to_vec();
    let float8 = |row: usize| (row as f64 / 7.0).to_be_bytes().to_vec();
    let keep = || Box::new(rule(MaskSpec::Keep));
    let email_of = || vec![("email".to_owned(), rule(email()))];
    let noise = || MaskSpec::Noise { percent: Some(10.0), amount: None };
    // `row.34`
    let numeric = |row: usize| [&[0, 2, 0, 0, 0, 0, 0, 2], &(row as u16 % 9_999).to_be_bytes()[..], &[13, 72]].concat();
    vec![
        case(MaskSpec::Permute { min: None, max: None }, TypeClass::Int4, int4),
        case(MaskSpec::Permute { min: Some(1), max: Some(100_000) }, TypeClass::Int4, int4),
        case(noise(), TypeClass::Int4, int4),
        case(noise(), TypeClass::Numeric, numeric),
        case(MaskSpec::Bucket { size: 10.0 }, TypeClass::Int4, int4),
        case(MaskSpec::DateShift { days: 30, subject: None }, TypeClass::Date, int4),
        case(MaskSpec::DateTruncate { to: DatePart::Month }, TypeClass::Date, int4),
        case(MaskSpec::GeoJitter { km: 5.0 }, TypeClass::Float8, float8),
        case(MaskSpec::Bytes { fill: BytesFill::Random }, TypeClass::Bytea, |row| vec![row as u8; 32]),
        case(MaskSpec::Mac, TypeClass::Macaddr, |row| vec![8, 0, 0x2b, 1, (row / 256) as u8, row as u8]),
        case(MaskSpec::Hstore { keys: email_of(), default: keep() }, TypeClass::Other, |row| {
            let pairs = counted("email") + &counted(&format!("ann{row}@home.org"));
            [&1_i32.to_be_bytes()[..], pairs.as_bytes()].concat()
        }),
        case(MaskSpec::Composite { fields: email_of(), default: keep() }, TypeClass::Composite, |row| {
            // One field, of the type text (oid 25).
            [&[0, 0, 0, 1, 0, 0, 0, 25][..], counted(&format!("ann{row}@home.org")).as_bytes()].concat()
        }),
    ]
}

/// A text behind its length, which is short enough to be one in UTF-8, too.
fn counted(text: &str) -> String {
    format!("\0\0\0{}{text}", char::from(text.len() as u8))
}

/// Values a second, one masked value a row.
#[divan::bench(args = typed_cases())]
fn typed_value(bencher: Bencher, case: &TypedCase) {
    let mut own = column("c", case.class);
    match case.class {
        TypeClass::Other => own.data_type.base_sql_name = "public.hstore".into(),
        TypeClass::Composite => {
            own.data_type.inside = vec![("email".into(), ColumnType::plain(TypeClass::Text, "text"))]
        }
        _ => {}
    }
    let table = table(vec![own]);
    let rule = rule(case.spec.clone());
    let mut transform =
        RowTransform::compile(&table, &[ColumnId(0)], &[Some(&rule)], Format::Binary, Some(&key())).expect("compiles");
    let rows: Vec<Fields> = (0..ROWS).map(|row| fields(&[case.value(row)])).collect();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        rows.iter().for_each(|fields| {
            out.clear();
            transform.apply(fields, &[], &mut out).expect("masks");
        });
    });
}

impl TypedCase {
    fn value(&self, row: usize) -> Vec<u8> {
        (self.value)(row)
    }
}

/// Bytes a second of prose and of documents: a value to mask in each KB, or what stands in prose twice in 180 bytes.
#[divan::bench(args = ["redact", "redact, dense", "json"])]
fn bytes(bencher: Bencher, rule: &str) {
    let (spec, value) = if rule.starts_with("redact") {
        let contact = "We met in the old town, near the river, and she told me to write to ann@home.example or to call \
                       +49 30 1234567 before the weekend; after that nobody would be there, she said. ";
        let other = "Nothing of this was in the letter. It was about the garden, the two cats, a film from 1987 that \
                     they had seen in town, and whether it would ever stop raining; they hoped for the weekend. ";
        let prose = if rule == "redact" { contact.to_owned() + &other.repeat(5) } else { contact.repeat(6) };
        (MaskSpec::Redact { subject: vec![] }, prose)
    } else {
        let item = "{\"id\": 17, \"title\": \"an entry like any other, with some words in it\", \"tags\": [\"a\", \"b\", 3], \"ok\": true}";
        let document = format!("{{\"user\": {{\"email\": \"ann@home.org\"}}, \"items\": [{}]}}", [item; 9].join(", "));
        (json(), document)
    };
    let rows: Vec<Fields> =
        (0..ROWS / 10).map(|row| fields(&[(row as i32).to_be_bytes().into(), value.clone().into()])).collect();
    let (mut transform, mut out) = (transform(&[Some(spec)]), Vec::new());
    bencher.counter(BytesCount::new(value.len() * rows.len())).bench_local(|| {
        rows.iter().for_each(|fields| {
            out.clear();
            transform.apply(fields, &[], &mut out).expect("masks");
        });
    });
}

fn fields(values: &[Vec<u8>]) -> Fields {
    let (mut writer, mut out, mut fields) = (RowWriter::new(Format::Binary), Vec::new(), Fields::default());
    writer.begin_row(values.len(), &mut out).expect("few fields");
    values.iter().for_each(|value| writer.field(Some(value), &mut out).expect("short"));
    writer.end_row(&mut out);
    fields.split(Bytes::from(out), Format::Binary).expect("well formed");
    fields
}

fn key() -> MaskKey {
    MaskKey::from_secret("a secret that only benches know").expect("long enough")
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
    as_a_run_does(bencher, Tally::new([2, 3, 8, 10].map(|at| (at, at))));
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
