//! What the rules beyond plain texts do to values of the types they accept.

use proptest::prelude::*;

use super::json_tests::json;
use super::tests::{apply, column, compile, data_type, key, mask, mask_in, rule, table, transform};
use super::*;
use crate::copyfmt::Format;
use crate::profile::{BytesFill, DatePart, MaskSpec, facts};
use crate::schema::{ColumnType, TypeClass};
use crate::types::ColumnId;

use MaskSpec as S;
use TypeClass as C;

pub(super) fn binary(spec: S, class: C, value: &[u8]) -> Vec<u8> {
    mask_in(spec, class, None, Format::Binary, value)
}

pub(super) fn printed(spec: S, class: C, value: &str) -> String {
    String::from_utf8(mask_in(spec, class, None, Format::Text, value.as_bytes())).expect("UTF-8")
}

pub(super) fn percent(percent: f64) -> S {
    S::Noise { percent: Some(percent), amount: None }
}

pub(super) fn permute() -> S {
    S::Permute { min: None, max: None }
}

/// Every rule that masks texts alone, with parameters as its example has them.
fn text_rules() -> Vec<S> {
    vec![
        S::PostalCode { keep_first: 1 },
        S::Mac,
        S::UserAgent,
        S::Url { keep_host: false },
        S::FileName,
        S::JobTitle,
        S::Iban,
        S::Card,
        S::PasswordHash,
        S::Pem,
        S::Regex { pattern: "[a-z]{3,5}[0-9]*".into() },
        S::Scramble { keep_first: 1, keep_last: 2 },
        S::Redact { subject: vec![] },
    ]
}

#[test]
fn numbers_of_every_type_are_masked_alike() {
    for spec in [permute(), S::Permute { min: Some(1), max: Some(5_000) }] {
        let four = printed(spec.clone(), C::Int4, "1234");
        assert_ne!(four, "1234");
        assert_eq!(printed(spec.clone(), C::Int2, "1234"), four);
        assert_eq!(printed(spec.clone(), C::Int8, "1234"), four);
        let number: i64 = four.parse().expect("a number");
        assert_eq!(binary(spec.clone(), C::Int8, &1234_i64.to_be_bytes()), number.to_be_bytes());
        assert_eq!(binary(spec, C::Int2, &1234_i16.to_be_bytes()), (number as i16).to_be_bytes());
    }
    let noisy = |class, value: &str| printed(percent(50.0), class, value).parse::<f64>().expect("a number");
    let whole = noisy(C::Int4, "1000000");
    assert!((500_000.0..=1_500_000.0).contains(&whole) && whole != 1_000_000.0, "{whole}");
    assert_eq!(noisy(C::Numeric, "1000000"), whole);
    assert_eq!(noisy(C::Numeric, "1000000.00").round(), whole);
    assert_eq!(noisy(C::Float8, "1000000").round(), whole);
}

#[test]
fn numbers_outside_the_permuted_range_stay_in_every_type() {
    let spec = S::Permute { min: Some(1), max: Some(999) };
    for number in [i16::MIN, -1, 0, 1_000, i16::MAX] {
        let text = number.to_string();
        for class in [C::Int2, C::Int4, C::Int8] {
            assert_eq!(printed(spec.clone(), class, &text), text, "{class:?}");
        }
    }
    assert_eq!(printed(spec, C::Int8, &i64::MIN.to_string()), i64::MIN.to_string());
    let refused = |min, max, class| {
        let error = compile(S::Permute { min, max }, class, None).expect_err("refused");
        error.action().to_owned()
    };
    assert!(refused(Some(1), None, C::Int2).contains("min 1 and max 2147483647 are not both of type int2"));
    assert!(refused(None, Some(0), C::Int4).contains("min 1 is not below max 0"));
    assert!(refused(Some(1), Some(3_000_000_000), C::Int4).contains("not both of type int4"));
}

#[test]
fn buckets_may_have_more_digits_than_the_value() {
    for (size, value, expected) in [
        (2.5, "37", "35.0"),
        (2.5, "7", "5.0"),
        (2.5, "8", "7.5"),
        (2.5, "-7", "-7.5"),
        (2.5, "37.25", "35.00"),
        (0.001, "1.99", "1.990"),
        (0.000000001, "0.0000000019", "0.0000000010"),
        (100.0, "99999999999999999999999999999999999999", "99999999999999999999999999999999990000"),
        (1e15, "12345678901234567.5", "12000000000000000.0"),
    ] {
        assert_eq!(printed(S::Bucket { size }, C::Numeric, value), expected, "{size} {value}");
        let wire = binary(S::Bucket { size }, C::Numeric, &constant::numeric(value).expect("a number"));
        assert_eq!(Some(wire), constant::numeric(expected), "{size} {value}");
    }
    for (size, value, expected) in
        [(0.001, "1e308", 1e308), (0.1, "0.3", 0.3), (0.1, "0.35", 0.30000000000000004), (2.5, "-7", -7.5)]
    {
        let masked: f64 = printed(S::Bucket { size }, C::Float8, value).parse().expect("a number");
        assert_eq!(masked, expected, "{size} {value}");
    }
    assert_eq!(printed(S::Bucket { size: 0.1 }, C::Float4, "0.7"), "0.7");
    let mut money = data_type(C::Numeric, None);
    (money.sql_name, money.precision) = ("numeric(4,1)".into(), Some((4, 1)));
    let users = table(vec![crate::schema::Column { data_type: money, ..column("c", C::Numeric, None) }]);
    let of_size = |size| Mask::compile(&rule(S::Bucket { size }), &users, ColumnId(0), None).map(|_| ());
    assert!(of_size(0.5).is_ok());
    let error = of_size(0.25).expect_err("refused");
    assert!(error.action().contains("of type numeric(4,1), and 0.25 has more digits"), "{}", error.action());
}

#[test]
fn tiny_and_huge_numbers_move_without_overflow() {
    let tiny = format!("0.{}1", "0".repeat(75));
    for spec in [S::GeoJitter { km: 5.0 }, S::Noise { percent: None, amount: Some(1e6) }, percent(50.0)] {
        for value in [tiny.as_str(), "1e0", "0.5", &"9".repeat(60)] {
            let Some(wire) = constant::numeric(value) else { continue };
            let masked = binary(spec.clone(), C::Numeric, &wire);
            // Of so many digits only the first ones can be changed.
            if value.len() < 60 || (value == tiny && spec != percent(50.0)) {
                assert_ne!(masked, wire, "{spec:?} {value}");
            }
        }
    }
    let far = |value: &str| {
        let masked: f64 = printed(S::GeoJitter { km: 1.0 }, C::Numeric, value).parse().expect("a number");
        (masked - value.parse::<f64>().expect("a number")).abs() * 111.32
    };
    assert!(far("52.520008") <= 1.0 && far("52.52") <= 1.2, "a hundredth of a degree is more than a kilometre");
    for (class, value) in [(C::Float4, "16777216"), (C::Float8, "1e17"), (C::Float4, "3.4e38"), (C::Float8, "1.7e308")]
    {
        for spec in [S::Noise { percent: None, amount: Some(0.4) }, percent(100.0)] {
            let masked: f64 = printed(spec.clone(), class, value).parse().expect("a number");
            let value: f64 = value.parse().expect("a number");
            assert!(masked.is_finite() && masked as f32 != value as f32 || class == C::Float8 && masked != value);
        }
    }
}

#[test]
fn numbers_stay_within_their_type_and_never_stay_the_same() {
    for value in [i16::MIN, -7, -1, 1, 2, 99, i16::MAX] {
        for spec in [percent(100.0), S::Noise { percent: None, amount: Some(1e6) }, S::Bucket { size: 10.0 }, permute()]
        {
            let masked = binary(spec.clone(), C::Int2, &value.to_be_bytes());
            let number = i16::from_be_bytes(masked.try_into().expect("two bytes"));
            if spec == percent(100.0) {
                assert_ne!(number, value);
            }
        }
    }
    let mut money = data_type(C::Numeric, None);
    money.precision = Some((4, 2));
    let column = crate::schema::Column { data_type: money, ..column("c", C::Numeric, None) };
    let mask = Mask::compile(&rule(percent(100.0)), &table(vec![column]), ColumnId(0), Some(&key())).expect("compiles");
    for value in ["99.99", "-99.99", "0.01", "50.00", "0.00", "NaN"] {
        let mut out = Vec::new();
        mask.apply(value.as_bytes(), Format::Text, &mut out).expect("masks");
        let text = String::from_utf8(out).expect("ASCII");
        assert_eq!(text == value, matches!(value, "0.00" | "NaN"), "{value} {text}");
        if value != "NaN" {
            assert!(text.trim_start_matches('-').len() <= 5 && text.len() >= 4, "{text}");
        }
    }
    assert_eq!(printed(S::Bucket { size: 10.0 }, C::Int4, "37"), "30");
    assert_eq!(printed(S::Bucket { size: 10.0 }, C::Int4, "-37"), "-40");
    assert_eq!(printed(S::Bucket { size: 0.5 }, C::Numeric, "1.99"), "1.50");
    assert_eq!(printed(S::Bucket { size: 0.5 }, C::Float8, "1.99"), "1.5");
}

/// A numeric column of that precision and scale; the name is the domain's, where it is one.
fn numeric(name: &str, precision: Option<(i32, i32)>) -> crate::schema::Column {
    let own = ColumnType { sql_name: name.into(), precision, ..data_type(C::Numeric, None) };
    crate::schema::Column {
        data_type: ColumnType { domain: !name.contains('('), ..own },
        ..column("c", C::Numeric, None)
    }
}

#[test]
fn reach_beyond_the_room_ends_at_the_room() {
    let amount = |amount| S::Noise { percent: None, amount: Some(amount) };
    for (spec, column, scale, most) in [
        (amount(500.0), numeric("app.money", Some((12, 2))), 0.01, 1e10),
        (amount(5_000.0), numeric("numeric(4,1)", Some((4, 1))), 0.1, 1e3),
        (amount(1e15), numeric("numeric(3,3)", Some((3, 3))), 0.001, 1.0),
        (amount(5.0), numeric("numeric(2,4)", Some((2, 4))), 0.0001, 0.01),
        (amount(200_000.0), column("c", C::Int2, None), 32.0, 32_768.0),
        (amount(1e15), column("c", C::Float4, None), 1.0, f64::from(f32::MAX)),
        (S::GeoJitter { km: 3_000.0 }, numeric("app.degrees", None), 0.09, 90.0),
        (S::GeoJitter { km: 3_000.0 }, numeric("numeric(3,1)", Some((3, 1))), 0.1, 90.0),
        (S::GeoJitter { km: 5_000.0 }, numeric("numeric(2,1)", Some((2, 1))), 0.01, 10.0),
    ] {
        let (class, name) = (column.data_type.class, column.data_type.sql_name.clone());
        let decimals = format!("{scale}").split_once('.').map_or(0, |(_, places)| places.len());
        let mask = Mask::compile(&rule(spec), &table(vec![column]), ColumnId(0), Some(&key())).expect("compiles");
        let mut ends = std::collections::HashSet::new();
        for n in -999..1_000 {
            let value = format!("{:.decimals$}", f64::from(n) * scale);
            let number: f64 = value.parse().expect("a number");
            if number.abs() >= most {
                continue;
            }
            let mut out = Vec::new();
            mask.apply(value.as_bytes(), Format::Text, &mut out).expect("masks");
            let text = String::from_utf8(out).expect("ASCII");
            let masked: f64 = text.parse().expect("a number");
            assert!(masked != number && masked.abs() <= most, "{class:?} {name}: {value} {masked}");
            assert!(masked.abs() < most || most == 90.0, "{class:?} {name}: {value} {masked}");
            ends.insert(text);
        }
        assert!(ends.len() > 50, "{class:?} {name}: only {} results", ends.len());
    }
}

#[test]
fn digits_that_a_scale_below_zero_rounds_away_are_no_room() {
    let column = || numeric("numeric(8,-3)", Some((8, -3)));
    for spec in [
        S::Noise { percent: None, amount: Some(5_000.0) },
        S::Noise { percent: None, amount: Some(10.0) },
        percent(10.0),
    ] {
        let mask = Mask::compile(&rule(spec), &table(vec![column()]), ColumnId(0), Some(&key())).expect("compiles");
        for value in ["1000", "99999999000", "-5000", "12340000"] {
            let mut out = Vec::new();
            mask.apply(value.as_bytes(), Format::Text, &mut out).expect("masks");
            let number: i64 = String::from_utf8(out).expect("ASCII").parse().expect("whole");
            assert!(number.to_string() != value && number % 1_000 == 0 && number.abs() < 100_000_000_000, "{number}");
        }
    }
    let bucket = |size| Mask::compile(&rule(S::Bucket { size }), &table(vec![column()]), ColumnId(0), None).is_ok();
    assert!(bucket(10_000.0) && bucket(1_000.0) && !bucket(500.0) && !bucket(1_500.0));
}

#[test]
fn dates_shift_with_their_subject_and_keep_intervals() {
    let columns =
        || vec![column("user_id", C::Int8, None), column("born", C::Date, None), column("seen", C::Timestamptz, None)];
    let shift = || Some(rule(S::DateShift { days: 30, subject: Some("user_id".into()) }));
    let mut people = transform(columns(), &[None, shift(), shift()], Format::Binary).expect("compiles");
    let row = |user: i64, day: i32| {
        let micros = i64::from(day).saturating_mul(86_400_000_000).saturating_add(5);
        vec![Some(user.to_be_bytes().to_vec()), Some(day.to_be_bytes().to_vec()), Some(micros.to_be_bytes().to_vec())]
    };
    let mut run = |user, day, nulled: &[bool]| {
        let masked = apply(&mut people, &row(user, day), nulled, Format::Binary).expect("masks");
        let date = i32::from_be_bytes(masked[1].clone().expect("a date").try_into().expect("four bytes"));
        let seen = i64::from_be_bytes(masked[2].clone().expect("a time").try_into().expect("eight bytes"));
        (date, seen)
    };
    let (first, seen) = run(7, 1_000, &[]);
    assert!(first != 1_000 && (970..=1_030).contains(&first), "{first}");
    assert_eq!(seen, i64::from(first) * 86_400_000_000 + 5);
    assert_eq!(run(7, 1_010, &[]).0 - first, 10);
    // A reference that becomes NULL does not change whose date it is.
    assert_eq!(run(7, 1_000, &[true]).0, first);
    let others: std::collections::HashSet<i32> = (0..50).map(|user| run(user, 1_000, &[]).0).collect();
    assert!(others.len() > 20 && !others.contains(&1_000));
    assert_eq!(run(7, i32::MAX - 1, &[]).0, i32::MAX - 1, "beyond the calendar nothing can be shifted");

    let missing = S::DateShift { days: 1, subject: Some("usr_id".into()) };
    let error = transform(columns(), &[None, Some(rule(missing)), None], Format::Binary).expect_err("refused");
    assert!(error.action().contains("did you mean {user_id}?"), "{}", error.action());
    for value in ["infinity", "-infinity"] {
        assert_eq!(printed(S::DateShift { days: 9, subject: None }, C::Date, value), value);
    }
    let month = |class, value| printed(S::DateTruncate { to: DatePart::Month }, class, value);
    assert_eq!(month(C::Date, "1984-05-06"), "1984-05-01");
    assert_eq!(month(C::Timestamp, "1984-05-06 07:08:09.1"), "1984-05-01 00:00:00");
    assert_eq!(month(C::Timestamptz, "1984-05-06 07:08:09.1+00"), "1984-05-01 00:00:00+00");
}

#[test]
fn picks_follow_their_weights_in_every_type() {
    let pick = |from: &[&str], weights: &[f64]| S::Pick {
        from: from.iter().map(|s| (*s).into()).collect(),
        weights: weights.into(),
    };
    let red = (0..1_000).filter(|n| mask(pick(&["red", "green"], &[1.0, 9.0]), &n.to_string()) == "red").count();
    assert!((50..200).contains(&red), "{red}");
    assert!((0..100).all(|n| mask(pick(&["red", "green"], &[0.0, 1.0]), &n.to_string()) == "green"));
    assert_eq!(binary(pick(&["3"], &[]), C::Int2, &[0, 1]), [0, 3]);
    assert_eq!(printed(pick(&["sad"], &[]), C::Enum, "happy"), "sad");
    assert_eq!(mask(pick(&["red"], &[]), ""), "");
    let refused = compile(pick(&["happy", "glad"], &[]), C::Enum, None).expect_err("refused");
    assert!(refused.action().contains("value 2 of `from` is no enum"), "{}", refused.action());
    assert!(compile(pick(&["long"], &[]), C::Varchar, Some(3)).is_err());
}

#[test]
fn other_types_keep_their_form() {
    let device = binary(S::Mac, C::Macaddr, &[8, 0, 0x2b, 1, 2, 3]);
    assert_eq!((device.len(), device[0] & 3), (6, 2));
    assert_eq!(binary(S::Bytes { fill: BytesFill::Empty }, C::Bytea, b"Ann"), b"");
    let random = binary(S::Bytes { fill: BytesFill::Random }, C::Bytea, &[7; 1_000]);
    assert!(random.len() == 1_000 && random != [7; 1_000]);
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = format!("\\x{}", "07".repeat(1_000));
    assert_eq!(printed(S::Bytes { fill: BytesFill::Random }, C::Bytea, &value), format!("\\x{hex}"));
    assert!(binary(S::Bytes { fill: BytesFill::Image }, C::Bytea, b"").starts_with(b"\x89PNG\r\n\x1a\n"));
    let mut place = column("c", C::Other, None);
    place.data_type.base_sql_name = "point".into();
    let jitter = rule(S::GeoJitter { km: 5.0 });
    let mask = Mask::compile(&jitter, &table(vec![place]), ColumnId(0), Some(&key())).expect("compiles");
    let (mut text, mut wire) = (Vec::new(), Vec::new());
    mask.apply(b"(13.4,52.5)", Format::Text, &mut text).expect("masks");
    let value = [13.4_f64.to_be_bytes(), 52.5_f64.to_be_bytes()].concat();
    mask.apply(&value, Format::Binary, &mut wire).expect("masks");
    let x = f64::from_be_bytes(wire[..8].try_into().expect("eight bytes"));
    let y = f64::from_be_bytes(wire[8..].try_into().expect("eight bytes"));
    assert_eq!(String::from_utf8(text).expect("ASCII"), format!("({x},{y})"));
    let km = ((x - 13.4) * 52.5_f64.to_radians().cos()).hypot(y - 52.5) * 111.32;
    assert!((0.4..=5.1).contains(&km), "{km}");
    assert!(compile(S::GeoJitter { km: 5.0 }, C::Other, None).is_err(), "only points of the types without a class");
}

#[test]
fn texts_keep_what_their_rule_says() {
    let url = mask(S::Url { keep_host: true }, "https://ann:pw@home.example:8080/pictures/ann.jpg?s=1#x");
    assert!(url.starts_with("https://home.example:8080/") && url.ends_with(".jpg") && !url.contains("ann"), "{url}");
    let url = mask(S::Url { keep_host: false }, "postgres://ann:pw@db/prod");
    assert!(url.starts_with("postgres://example.com/") && !url.contains("pw") && !url.contains("db"), "{url}");
    assert!(!mask(S::Url { keep_host: true }, "mailto:ann@home.org").contains("ann"));
    let name = mask(S::FileName, "scans/ann.passport.pdf");
    assert!(name.ends_with(".pdf") && !name.contains("ann") && !name.contains('/'), "{name}");
    assert_eq!(mask(S::Mac, "08-00-2B-01-02-03").matches('-').count(), 5);
    assert_eq!(&mask(S::Scramble { keep_first: 2, keep_last: 2 }, "ABCDEF12")[..2], "AB");
    assert!(mask(S::Scramble { keep_first: 2, keep_last: 2 }, "ABCDEF12").ends_with("12"));
    assert_ne!(mask(S::Scramble { keep_first: 2, keep_last: 2 }, "ABC"), "ABC");
    let key = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n";
    let chain = format!("subject=Ann\n{key}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let masked = mask(S::Pem, &chain);
    assert!(masked.starts_with("-----BEGIN EC PRIVATE KEY-----") && masked.ends_with("-----END CERTIFICATE-----\n"));
    assert!(!masked.contains("MHcC\n") && !masked.contains("Ann"));
    assert!(mask(S::PasswordHash, "pbkdf2_sha256$1$x$y").starts_with("pbkdf2_sha256$600000$"));
}

/// A scheme or an ending that no list knows may be anything: it is part of the secret.
#[test]
fn links_and_file_names_keep_only_known_schemes_and_endings() {
    for (value, secret) in [
        ("home.example/ann-nobody-1970/https://x.y/z", "nobody"),
        ("password:hunter2://x", "hunter2"),
        ("hunter2://x/y.pdf", "hunter2"),
        ("https://x.example/in/jane.nobody", "nobody"),
        ("https://ann:hun/ter2@home.example/x", "ann"),
        ("https://Ann Nobody/x", "Nobody"),
        ("jdbc:ann:hunter2://x", "ann"),
    ] {
        for keep_host in [true, false] {
            let url = mask(S::Url { keep_host }, value);
            assert!(!url.contains(secret), "{value} -> {url}");
        }
    }
    let url = |value: &str| mask(S::Url { keep_host: true }, value);
    assert!(url("jdbc:postgresql://db.example:5432/prod").starts_with("jdbc:postgresql://db.example:5432/"));
    assert!(url("git+ssh://git@home.example/x.git").starts_with("git+ssh://home.example/"));
    assert!(url("http://[::1]:80/x").starts_with("http://[::1]:80/"));
    assert!(url("HTTPS://home.example/x.JPG").starts_with("https://home.example/"));
    assert!(url("HTTPS://home.example/x.JPG").ends_with(".JPG"));
    for (value, ending) in
        [("jane.nobody", ""), ("a.b.tar.gz", ".gz"), ("x.12345678", ""), ("C:\\ann\\x.Docx", ".Docx")]
    {
        let name = mask(S::FileName, value);
        assert_eq!(name.find('.').map_or("", |at| &name[at..]), ending, "{value} -> {name}");
    }
}

#[test]
fn arrays_are_masked_by_their_elements() {
    let mut tags = column("c", C::Array, None);
    tags.data_type.inside = vec![(String::new(), data_type(C::Varchar, Some(20)))];
    let users = table(vec![tags.clone()]);
    let mask_array = |spec: S, value: &str| {
        let mask =
            Mask::compile(&rule(spec), &users, ColumnId(0), Some(&key())).unwrap_or_else(|error| panic!("{error}"));
        let mut out = Vec::new();
        mask.apply(value.as_bytes(), Format::Text, &mut out).expect("masks");
        String::from_utf8(out).expect("UTF-8")
    };
    let one = mask_in(S::Username, C::Varchar, Some(20), Format::Binary, b"ann");
    let one = String::from_utf8(one).expect("UTF-8");
    assert_eq!(mask_array(S::Username, "{ann,NULL,{\"\"}}"), format!("{{\"{one}\",NULL,{{\"\"}}}}"));
    assert_eq!(mask_array(S::Constant("{}".into()), "{ann}"), "{}");
    // Only arrays of boxes are parted by semicolons, and no rule masks those.
    let token = mask(S::Token, "a;b");
    assert_eq!(mask_array(S::Token, "{a;b,NULL}"), format!("{{\"{token}\",NULL}}"));
    let template = Mask::compile(&rule(S::Template("u".into())), &users, ColumnId(0), None).expect_err("refused");
    assert!(
        template.action().contains("a template cannot stand for the elements of an array"),
        "{}",
        template.action()
    );
    assert_eq!(uniqueness(&S::Username, &tags.data_type).0, Uniqueness::Negligible);
    assert_eq!(uniqueness(&S::Token, &tags.data_type).0, Uniqueness::Preserved);
    let wrong = Mask::compile(&rule(S::Uuid), &table(vec![column("c", C::Array, None)]), ColumnId(0), Some(&key()));
    assert!(wrong.expect_err("unknown element").action().contains("the rule accepts uuid and text types"));
    let short = Mask::compile(&rule(S::Uuid), &users, ColumnId(0), Some(&key())).expect_err("too short");
    assert!(short.action().contains("needs 32 characters, the column takes 20"), "{}", short.action());
}

#[test]
fn parts_with_names_are_masked_by_name() {
    let keys = vec![("email".to_owned(), rule(S::Username)), ("gone".to_owned(), rule(S::Null))];
    let mut settings = column("c", C::Other, None);
    settings.data_type.base_sql_name = "public.hstore".into();
    let hstore = S::Hstore { keys, default: Box::new(rule(S::Keep)) };
    let mask = Mask::compile(&rule(hstore), &table(vec![settings]), ColumnId(0), Some(&key())).expect("compiles");
    let ann = super::tests::mask(S::Username, "ann");
    let mut out = Vec::new();
    let value = r#""email"=>"ann", "gone"=>"x", "a=>\"b"=>"1, 2", "n"=>NULL"#;
    mask.apply(value.as_bytes(), Format::Text, &mut out).expect("masks");
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        format!(r#""email"=>"{ann}", "gone"=>NULL, "a=>\"b"=>"1, 2", "n"=>NULL"#)
    );
    let pair = |key: &str, value: Option<&str>| {
        let counted = |text: &str| [&(text.len() as i32).to_be_bytes(), text.as_bytes()].concat();
        [counted(key), value.map_or((-1_i32).to_be_bytes().to_vec(), counted)].concat()
    };
    let head = 3_i32.to_be_bytes().to_vec();
    let value = [head.clone(), pair("email", Some("ann")), pair("gone", Some("x")), pair("n", None)].concat();
    let mut out = Vec::new();
    mask.apply(&value, Format::Binary, &mut out).expect("masks");
    assert_eq!(out, [head, pair("email", Some(&ann)), pair("gone", None), pair("n", None)].concat());

    let mut address = column("c", C::Composite, None);
    let text = || ColumnType::plain(C::Text, "text");
    address.data_type.inside = vec![("name".into(), text()), ("code".into(), data_type(C::Int4, None))];
    let composite = |fields: Vec<(String, MaskRule)>| S::Composite { fields, default: Box::new(rule(S::Keep)) };
    let users = table(vec![address]);
    let spec = composite(vec![("name".into(), rule(S::Username))]);
    let mask = Mask::compile(&rule(spec), &users, ColumnId(0), Some(&key())).expect("compiles");
    for (value, expected) in
        [("(ann,7)", format!("(\"{ann}\",\"7\")")), ("(,)", "(,)".into()), ("(\"\",7)", "(\"\",\"7\")".into())]
    {
        let mut out = Vec::new();
        mask.apply(value.as_bytes(), Format::Text, &mut out).expect("masks");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }
    let wrong = composite(vec![("nmae".into(), rule(S::Username))]);
    let error = Mask::compile(&rule(wrong), &users, ColumnId(0), Some(&key())).expect_err("refused");
    assert!(error.action().contains("has no field nmae"), "{}", error.action());
}

#[test]
fn prose_forgets_the_names_of_its_own_row() {
    let columns = vec![column("name", C::Text, None), column("bio", C::Varchar, Some(60))];
    let redact = Some(rule(S::Redact { subject: vec!["name".into()] }));
    let mut users = transform(columns, &[None, redact], Format::Text).expect("compiles");
    let row = |name: Option<&str>| {
        vec![name.map(Into::into), Some(b"I am Ann, mail ann@home.org or call 030 1234567".to_vec())]
    };
    let bio = |masked: Vec<Option<Vec<u8>>>| String::from_utf8(masked[1].clone().expect("a text")).expect("UTF-8");
    let masked = bio(apply(&mut users, &row(Some("Ann Nobody")), &[], Format::Text).expect("masks"));
    assert!(masked.starts_with("I am ") && !masked.contains("Ann") && !masked.contains("home"), "{masked}");
    assert!(masked.chars().count() <= 60);
    let masked = bio(apply(&mut users, &row(None), &[], Format::Text).expect("masks"));
    assert!(masked.starts_with("I am Ann, mail "), "{masked}");
    let elsewhere = MaskRule { spec: S::Redact { subject: vec![] }, domain: Some("people".into()) };
    let error = transform(vec![column("bio", C::Text, None)], &[Some(elsewhere)], Format::Text).expect_err("refused");
    assert!(error.action().contains("redact takes no domain"), "{}", error.action());
}

/// The plan relies on it: what the facts call injective is what `uniqueness` says, and the other way round.
#[test]
fn facts_and_judgements_agree() {
    for facts in facts::RULES.iter().filter(|facts| facts.is_word()) {
        let spec = (facts.build_default()).expect("a word");
        let class = [C::Text, C::Int4].into_iter().find(|class| facts.takes(&data_type(*class, None)));
        let Some(class) = class else { continue };
        let judged = uniqueness(&spec, &data_type(class, None)).0;
        assert_eq!(judged != Uniqueness::No, !facts.injective.is_empty(), "{}", facts.name);
        assert_eq!(judged == Uniqueness::Preserved, facts.injective.starts_with("always"), "{}", facts.name);
    }
}

#[test]
fn a_megabyte_of_everything_is_masked() {
    for value in ["Ж𝄞 a1".repeat(120_000), "1".repeat(1_000_000), "@".repeat(1_000_000), "a@b.c ".repeat(100_000)] {
        for spec in text_rules() {
            let masked = mask(spec.clone(), &value);
            assert!(!masked.is_empty(), "{}", spec.name());
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-zA-Z0-9 @.+:/-]{0,40}", "[א-ת\u{200f}𝄞😀e\u{301}İßﬁ٣\\\\\t\n]{0,20}"]
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any_text().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-c\\\\\"é]{1,2}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn texts_are_masked_deterministically_and_fit(value in any_text(), rule in 0..13_usize, limit in 30..90_u32) {
        let spec = text_rules().swap_remove(rule);
        let value: String = value.chars().take(limit as usize).collect();
        let masked = mask_in(spec.clone(), C::Varchar, Some(limit), Format::Binary, value.as_bytes());
        prop_assert_eq!(&masked, &mask_in(spec, C::Varchar, Some(limit), Format::Text, value.as_bytes()));
        let masked = String::from_utf8(masked).expect("UTF-8");
        prop_assert!(masked.chars().count() <= limit as usize);
        prop_assert!(!value.is_empty() || masked.is_empty());
    }

    #[test]
    fn what_is_called_injective_is(a in any_text(), b in any_text(), one in any::<i64>(), other in any::<i64>(), near in 0..9_i64) {
        prop_assume!(a != b);
        for spec in [
            S::Token, S::Phone, S::Scramble { keep_first: 1, keep_last: 2 }, S::PostalCode { keep_first: 2 }, S::FileName,
            S::Url { keep_host: true },
        ] {
            prop_assert_ne!(mask(spec.clone(), &a), mask(spec.clone(), &b), "{}", spec.name());
        }
        for (one, other) in [(one, other), (one, one.wrapping_add(1 + near)), (near, near + 1)] {
            let run = |number: i64| binary(permute(), C::Int8, &number.to_be_bytes());
            prop_assert_eq!(run(one) == run(other), one == other);
        }
    }

    #[test]
    fn numbers_of_both_formats_agree(value in any::<i64>(), scale in 0..9_usize, rule in 0..3_usize) {
        let spec = [percent(10.0), S::Bucket { size: 100.0 }, S::Noise { percent: None, amount: Some(3.5) }][rule].clone();
        let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if value < 0 { "-" } else { "" };
        let text = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
        let wire = constant::numeric(&text).expect("a number");
        let masked = printed(spec.clone(), C::Numeric, &text);
        prop_assert_eq!(constant::numeric(&masked), Some(binary(spec.clone(), C::Numeric, &wire)));
        prop_assert_eq!(masked.split_once('.').map_or(0, |(_, fraction)| fraction.len()), scale);
        let whole: i64 = printed(spec.clone(), C::Int8, &value.to_string()).parse().expect("a number");
        prop_assert_eq!(binary(spec, C::Int8, &value.to_be_bytes()), whole.to_be_bytes());
    }

    #[test]
    fn documents_stay_documents_and_lose_every_text(value in any_json()) {
        let text = value.to_string();
        let kept = mask(json(&[("a", S::Keep)], S::Keep), &text);
        prop_assert_eq!(&kept, &text);
        let masked = mask(json(&[], S::Constant("x".into())), &text);
        let masked: serde_json::Value = serde_json::from_str(&masked).expect("still JSON");
        fn texts(value: &serde_json::Value) -> bool {
            match value {
                serde_json::Value::String(text) => text == "x",
                serde_json::Value::Array(items) => items.iter().all(texts),
                serde_json::Value::Object(map) => map.values().all(texts),
                serde_json::Value::Number(_) => false,
                _ => true,
            }
        }
        prop_assert!(texts(&masked));
    }

    #[test]
    fn prose_without_secrets_stays(value in "([a-zé]{1,9}[ ,.\n]){0,20}") {
        prop_assert_eq!(mask(S::Redact { subject: vec![] }, &value), value);
    }

    #[test]
    fn wire_bytes_that_are_wrong_never_panic(value in prop::collection::vec(any::<u8>(), 0..60), at in 0..200_usize, text in any::<bool>()) {
        let classes = [C::Int2, C::Int4, C::Int8, C::Numeric, C::Float4, C::Float8, C::Date, C::Timestamp, C::Timestamptz, C::Bytea,
            C::Macaddr, C::Json, C::Jsonb, C::Text];
        let specs = [permute(), percent(10.0), S::Bucket { size: 3.0 }, S::DateShift { days: 9, subject: None },
            S::DateTruncate { to: DatePart::Decade }, S::Bytes { fill: BytesFill::Random }, S::Mac, json(&[], S::Token),
            S::GeoJitter { km: 1.0 }, S::Redact { subject: vec![] }];
        let format = if text { Format::Text } else { Format::Binary };
        if let Ok(mask) = compile(specs[at % specs.len()].clone(), classes[at % classes.len()], None) {
            let _ = mask.apply(&value, format, &mut Vec::new());
        }
    }
}

/// Five characters of a value stand in its masked text no more often than in that of an unrelated key.
#[test]
fn nothing_shines_through_more_than_by_chance() {
    let other = crate::digest::MaskKey::from_secret("another secret that tests know").expect("long enough");
    let users = table(vec![column("c", C::Text, None)]);
    let names = ["Keely", "Gusikowski", "Murphy", "Hegmann", "Parker", "Welch", "Anna", "Berg"];
    let values: Vec<String> = (0..1_000).map(|n| format!("{} {} {n}", names[n % 8], names[n / 8 % 8])).collect();
    let shares = |value: &str, masked: &[u8]| {
        let masked = masked.to_ascii_lowercase();
        value.to_ascii_lowercase().as_bytes().windows(5).any(|part| memchr::memmem::find(&masked, part).is_some())
    };
    for spec in [
        S::Token,
        S::Username,
        S::FirstName,
        S::LastName,
        S::FullName,
        S::Street,
        S::City,
        S::Company,
        S::JobTitle,
        S::FileName,
        S::Url { keep_host: false },
        S::UserAgent,
        S::Hash { length: 32 },
        S::Email { host: "example.com".into() },
        S::Pick { from: names.map(Into::into).into(), weights: vec![] },
    ] {
        let count = |key: &crate::digest::MaskKey| {
            let mask = Mask::compile(&rule(spec.clone()), &users, ColumnId(0), Some(key)).expect("compiles");
            let run = |value: &&String| {
                let mut out = Vec::new();
                mask.apply(value.as_bytes(), Format::Binary, &mut out).expect("masks");
                shares(value, &out)
            };
            values.iter().filter(run).count()
        };
        let (own, unrelated) = (count(&key()), count(&other));
        // Three standard deviations of a count, and a few.
        assert!(
            own as f64 <= unrelated as f64 + 5.0 + 3.0 * (unrelated as f64).sqrt() * 1.5,
            "{}: {own} {unrelated}",
            spec.name()
        );
    }
}

#[test]
fn conditions_decide_row_by_row() {
    for format in [Format::Binary, Format::Text] {
        let id = if format == Format::Binary { 7_i32.to_be_bytes().to_vec() } else { b"7".to_vec() };
        let columns = vec![column("id", C::Int4, None), column("name", C::Text, None), column("mail", C::Text, None)];
        let when = |spec| S::When { condition: "NOT staff".into(), rule: Box::new(spec) };
        let template = S::Template("{name}@x".into());
        let rules = [None, Some(rule(when(S::Username))), Some(rule(template))];
        let users = transform(columns, &rules, format).expect("compiles").with_trailing_fields(1);
        let mut users = users.with_conditions(&[(1, 3)]);
        let ann = mask(S::Username, "ann");
        let (yes, no): (&[u8], &[u8]) = if format == Format::Binary { (&[1], &[0]) } else { (b"t", b"f") };
        // Whatever is not plainly false masks. The row before leaves nothing behind.
        for (flag, name) in [(Some(no), "ann"), (Some(yes), ann.as_str()), (Some(no), "ann"), (None, ann.as_str())] {
            let row = vec![Some(id.clone()), Some(b"ann".to_vec()), Some(b"a".to_vec()), flag.map(<[u8]>::to_vec)];
            let masked = apply(&mut users, &row, &[], format).expect("masks");
            let text = |text: String| Some(text.into_bytes());
            assert_eq!(masked, vec![Some(id.clone()), text(name.to_owned()), text(format!("{name}@x"))]);
        }
    }
    let when = |spec| S::When { condition: "a".into(), rule: Box::new(spec) };
    for (spec, expected) in [
        (S::Token, Uniqueness::No),
        (S::Uuid, Uniqueness::Negligible),
        (S::Keep, Uniqueness::Preserved),
        (S::FullName, Uniqueness::No),
    ] {
        assert_eq!(uniqueness(&when(spec), &data_type(C::Text, None)).0, expected);
    }
}

#[test]
fn names_come_in_the_language_of_the_profile() {
    let count = |locale, part: &str| {
        let spec = S::In { locale, rule: Box::new(S::City) };
        (0..300).filter(|n| mask(spec.clone(), &n.to_string()).contains(part)).count()
    };
    for (_, locale) in crate::profile::Locale::ALL {
        let locale = *locale;
        for rule in [S::FirstName, S::LastName, S::FullName, S::Street, S::City, S::Company, S::JobTitle] {
            let spec = S::In { locale, rule: Box::new(rule.clone()) };
            let masked = mask(spec.clone(), "Ann");
            assert!(masked.chars().count() > 1, "{locale:?} {masked}");
            // The word lists know the professions of a few languages only.
            if rule != S::JobTitle {
                let is_english = locale == crate::profile::Locale::En;
                assert_eq!(mask(spec, "Ann") == mask(rule.clone(), "Ann"), is_english, "{rule:?} {locale:?}");
            }
        }
    }
    assert!(count(crate::profile::Locale::De, "burg") > 0);
}
