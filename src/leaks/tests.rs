//! What is found, what is not, and what is no finding.

use super::*;
use crate::copyfmt::Format;
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Column, ColumnType, TypeClass};

fn column(class: TypeClass) -> Column {
    let inside = if class == TypeClass::Array { vec![(String::new(), text())] } else { Vec::new() };
    of_type(ColumnType { class, inside, ..text() })
}

fn text() -> ColumnType {
    ColumnType::plain(TypeClass::Text, "text")
}

fn of_type(data_type: ColumnType) -> Column {
    Column::bare("secret", data_type)
}

fn watched(class: TypeClass, spec: MaskSpec) -> Watched {
    Watched::of(&column(class), &MaskRule { spec, domain: None }, 0).expect("watched")
}

/// Values of a masked column, each in as many rows.
struct Case {
    secrets: Secrets,
    watched: Watched,
    rows: Vec<Vec<u8>>,
}

impl Case {
    fn new(values: &[(&str, usize)], allow: &[&str]) -> Self {
        let rows = values.iter().flat_map(|(value, rows)| vec![value.as_bytes().to_vec(); *rows]).collect();
        Self::of(watched(TypeClass::Text, MaskSpec::Username), rows, allow)
    }

    fn of(watched: Watched, rows: Vec<Vec<u8>>, allow: &[&str]) -> Self {
        let allow: Vec<String> = allow.iter().map(|text| (*text).to_owned()).collect();
        Self::in_secrets(Secrets::new(&allow), watched, rows)
    }

    fn in_secrets(secrets: Secrets, watched: Watched, rows: Vec<Vec<u8>>) -> Self {
        let mut intake = Intake::new(watched.clone());
        rows.iter().for_each(|row| secrets.take(&mut intake, Format::Binary, row, None));
        Self { secrets, watched, rows }
    }

    fn find(&self, texts: &[&str]) -> Finding {
        let mut suspects = Suspects::new(&Room::default());
        let mut search = Search::new(&self.secrets);
        texts.iter().for_each(|text| suspects.add(text.as_bytes(), search.text(text.as_bytes(), Kind::Plain)));
        let verdict = Verdict::about([&suspects], &self.secrets, &[0]);
        if !self.secrets.is_exact() {
            let (mut rows, mut folded) = (RowCounts::new(), Folded::default());
            for row in &self.rows {
                verdict.see(&mut rows, (&self.secrets, &mut folded), &self.watched, Format::Binary, row);
            }
            verdict.end_table(&rows);
        }
        judge(&suspects, &verdict, false)
    }

    #[track_caller]
    fn assert(&self, text: &str, found: bool) {
        assert_eq!(self.find(&[text]).values > 0, found, "{text}");
    }
}

#[test]
fn a_value_is_found_whatever_stands_around_and_within_it() {
    let case = Case::new(
        &[
            ("Ann.Lee@Home.example", 1),
            ("+49 170/1234567", 1),
            ("Wilhelmina Kowalczyk", 1),
            ("0f8fad5b-d9cb-469f-a165-70867728950e", 1),
            ("crazy_cat_77", 1),
            ("Grüße-Straße 5", 1),
            ("84.12.5.3", 1),
            ("555-0113", 1),
            ("jo@x.io", 1),
            ("山田太郎", 1),
        ],
        &[],
    );
    for text in [
        "ann.lee@home.example",
        "write to <ANN.LEE@HOME.EXAMPLE>, please",
        r#"{"mail":"Ann.Lee@home.example"}"#,
        r#"{"text":"dear\nann.lee@home.example"}"#,
        r#"{"text":"\u0061nn.lee@home.example"}"#,
        "call 491701234567 now",
        "call +49-170-123 45 67",
        "von WILHELMINA  KOWALCZYK,",
        "id=0F8FAD5BD9CB469FA16570867728950E",
        "@crazy_cat_77!",
        "in der GRÜSSE straße 5",
        "Grüße-Straße 5",
        "<p>ann.lee&#64;home.example</p>",
        r#"{"\x616e6e2e6c656540686f6d652e6578616d706c65"}"#,
        "请联系ann.lee@home.example谢谢",
        "see https://x.example/?e=ann.lee%40home.example&n=1",
        "from 84.12.5.3, port 80",
        "call 555-0113",
        r#"{"to": "Jo@x.io"}"#,
        "これは山田太郎さんです",
        r#"12:07 INFO {"t":"hi\nann.lee@home.example"}"#,
        r#"{"inner":"{\"t\":\"hi\\nann.lee@home.example\"}"}"#,
    ] {
        case.assert(text, true);
    }
    for text in [
        "joann.lee@home.example",
        "ann.lee@home.examples",
        "4917012345678",
        "Wilhelmina",
        "Wilhelmina and Kowalczyk",
        "crazy_cat_7",
        "184.12.5.3",
        "84.12.53",
        "5550113",
        "jo@x.iot",
        "山田太",
        "",
    ] {
        case.assert(text, false);
    }
}

#[test]
fn short_values_short_numbers_and_phrases_of_prose_are_left_out() {
    let case = Case::new(&[("ab@c", 1), ("Berl", 1), ("1234567", 1), ("   ", 1), ("1  -  2", 1)], &[]);
    assert_eq!(case.secrets.distinct(), 0);
    let prose = watched(TypeClass::Text, MaskSpec::Lorem);
    let rows = [&b"I love it"[..], b"Thank you so much, dear neighbour of mine in the valley of the elves"];
    let case = Case::of(prose, rows.map(<[u8]>::to_vec).into(), &[]);
    case.assert("what I love it for", false);
    case.assert("it said: thank you so much, dear neighbour of mine in another place", true);
}

#[test]
fn common_words_are_no_finding_and_single_words_are_weak_ones() {
    let case = Case::new(&[("unknown", 50), ("New York", 50), ("marigold", 1), ("shadow@home.example", 50)], &[]);
    case.assert("the owner is unknown in New York", false);
    case.assert("from shadow@home.example", true);
    let weak = case.find(&["a marigold in the garden"; 30]);
    assert_eq!((weak.values, weak.weak_values, weak.weak_times), (0, 1, 30));
    case.assert("ask @marigold", true);
    let handles: Vec<&str> = ["marigold"; 3].into_iter().chain(["something"; 50]).collect();
    assert_eq!(case.find(&handles).times, 3, "one value in twenty");
    let titles: Vec<&str> = ["marigold"; 3].into_iter().chain(["something"; 60]).collect();
    assert_eq!(case.find(&titles).times, 0);
}

#[test]
fn what_the_profile_allows_and_what_masks_make_is_no_finding() {
    let case = Case::new(
        &[("press@home.example", 1), ("bot@robots.example", 1), ("ann@home.example", 1)],
        &["Press@Home.Example", "@robots.example"],
    );
    case.assert("press@home.example and bot@robots.example", false);
    case.assert("ann@home.example", true);
    let made = watched(TypeClass::Text, MaskSpec::Email { host: "dev.example".to_owned() });
    let case = Case::of(made, vec![b"user7@dev.example".to_vec()], &[]);
    case.assert("user7@dev.example", false);
}

#[test]
fn values_are_found_in_every_type_that_can_hold_one() {
    let mut array = Vec::new();
    array.extend([1_i32, 0, 25, 2, 1].iter().flat_map(|n| n.to_be_bytes()));
    for element in ["first-secret-1", "second-secret-2"] {
        array.extend((element.len() as i32).to_be_bytes());
        array.extend(element.as_bytes());
    }
    let json = br#"{"key-not-secret-9": ["deep-secret-1", {"n": 4917012345678}], "e": "sm\u00fcl-secret-8"}"#;
    let jsonb: Vec<u8> = [1].iter().chain(json).copied().collect();
    let uuid = uuid::uuid!("0f8fad5b-d9cb-469f-a165-70867728950e").into_bytes().to_vec();
    let numeric: Vec<u8> = [4_u16, 3, 0, 0, 4, 9170, 1234, 5678].iter().flat_map(|n| n.to_be_bytes()).collect();
    let cases = [
        (TypeClass::Array, array, &["first-secret-1", "second-secret-2"][..], "secret-1 first"),
        (TypeClass::Jsonb, jsonb, &["deep-secret-1", "4917012345678", "smül-secret-8"], "key-not-secret-9"),
        (TypeClass::Json, json.to_vec(), &["deep-secret-1"], "key-not-secret-9"),
        (TypeClass::Uuid, uuid, &["0f8fad5b-d9cb-469f-a165-70867728950e"], "0f8fad5b"),
        (TypeClass::Inet, vec![2, 32, 0, 4, 203, 10, 113, 77], &["203.10.113.77"], "203.10.113.7"),
        (TypeClass::Int8, 4_917_012_345_678_i64.to_be_bytes().to_vec(), &["+49 170 12345678"], "4917012"),
        (TypeClass::Numeric, numeric, &["4917012345678"], "491701234567"),
        (
            TypeClass::Xml,
            b"<a mail='x'>xml-secret-1<b c=\"att-secret-2\"/></a>".to_vec(),
            &["xml-secret-1", "att-secret-2"],
            "a mail x",
        ),
    ];
    for (class, field, found, other) in cases {
        let case = Case::of(watched(class, MaskSpec::Null), vec![field], &[]);
        found.iter().for_each(|text| case.assert(&format!("it is {text}."), true));
        case.assert(other, false);
    }
}

#[test]
fn constants_of_sql_are_found() {
    let sql = "CREATE FUNCTION \"it's\"() AS $b$ SELECT 'in''ner' $b$; COMMENT ON x IS 'it''s ann'; SELECT $1, E'a\\'";
    assert_eq!(literals(sql), [" SELECT 'in''ner' ", "it's ann", "a\\"]);
}

#[test]
fn crossing_out_keeps_length_and_form() {
    let text = r#"{"a":"ann\u00e9e@home\n7","n":12345678}"#;
    let (from, to) = (text.find("ann").expect("there"), text.find("\",").expect("there"));
    let number = text.find("1234").expect("there");
    assert_eq!(scrubbed(text, &[(from, to), (number, number + 8)]), r#"{"a":"xxxxx@xxxx\n9","n":99999999}"#);
    assert_eq!(scrubbed("Müller", &[(0, 7)]), "xxxxxx");
    let link = "?e=%61nn%40h%C3%BC7.example%3";
    assert_eq!(scrubbed(link, &[(3, link.len())]), "?e=%78xx%40x%78%789.xxxxxxx%9");
}

#[test]
fn places_of_hits_are_those_of_the_text_with_its_escapes() {
    let case = Case::new(&[("ann@home.example", 1)], &[]);
    let text = r#"["\t\u0061nn@home.example!"]"#;
    let mut search = Search::new(&case.secrets);
    let hits = search.text(text.as_bytes(), Kind::Plain);
    assert_eq!(hits.iter().map(|hit| &text[hit.start..hit.end]).collect::<Vec<_>>(), [r"\u0061nn@home.example"]);
}

/// Beyond their room fingerprints are no longer known exactly, and nothing else changes.
#[test]
fn what_only_a_filter_knows_is_judged_by_a_second_look() {
    let values = [("unknown", 50), ("marigold", 1), ("ann@home.example", 50), ("Wilhelmina Kowalczyk", 2)];
    let rows = || values.iter().flat_map(|(value, rows)| vec![value.as_bytes().to_vec(); *rows]).collect();
    let cases = [Secrets::default(), Secrets::with_room(2)]
        .map(|secrets| Case::in_secrets(secrets, watched(TypeClass::Text, MaskSpec::Username), rows()));
    assert!(cases[0].secrets.is_exact() && !cases[1].secrets.is_exact());
    let texts = ["an unknown marigold", "ann@home.example", "from wilhelmina kowalczyk", "@marigold", "no one"];
    for text in texts {
        assert_eq!(cases[0].find(&[text]), cases[1].find(&[text]), "{text}");
    }
    assert_eq!(cases[1].find(&texts).values, 3);
}

#[test]
fn a_value_is_found_across_the_parts_of_a_long_text() {
    let case = Case::new(&[("Ann Bea Cleo Dora Edda Fay Gil Hal", 1)], &[]);
    for words in 4080..4100 {
        let text = format!("{} ann bea cleo dora edda fay gil hal. {}", "x ".repeat(words), "y ".repeat(9000));
        let mut search = Search::new(&case.secrets);
        let hits = search.text(text.as_bytes(), Kind::Plain);
        assert_eq!(hits.iter().map(|hit| hit.start).collect::<Vec<_>>(), [2 * words + 1]);
    }
}

#[test]
fn uuids_in_their_binary_form_are_found() {
    let uuid = uuid::uuid!("0f8fad5b-d9cb-469f-a165-70867728950e");
    let case = Case::of(watched(TypeClass::Uuid, MaskSpec::Uuid), vec![uuid.into_bytes().to_vec()], &[]);
    let mut search = Search::new(&case.secrets);
    assert!(search.text(uuid.as_bytes(), Kind::Uuid)[0].is_whole);
    assert!(search.text(&[7; 16], Kind::Uuid).is_empty());
}

#[test]
fn a_text_that_is_a_uuid_makes_columns_of_uuids_worth_reading() {
    for (text, is_one) in [
        ("0F8FAD5B-d9cb-469f-a165-70867728950e", true),
        ("{0f8fad5bd9cb469fa16570867728950e}", true),
        ("0f8fad5b-d9cb-469f-a165-70867728950x", false),
        ("0f8fad5b-d9cb-469f-a165-70867728950", false),
    ] {
        let case = Case::new(&[("ann@home.example", 1), (text, 1)], &[]);
        assert_eq!(case.secrets.has_uuids(), is_one, "{text}");
    }
    let document = watched(TypeClass::Jsonb, MaskSpec::EmptyJson);
    let rows = vec![b"\x01{\"sub\": \"0f8fad5b-d9cb-469f-a165-70867728950e\"}".to_vec()];
    assert!(!Case::of(document, rows, &[]).secrets.has_uuids(), "the key of a row that a document names");
}

/// What a mask left as it was is no secret, and what it took out of a part of a value is one.
#[test]
fn only_what_a_mask_took_out_is_looked_for() {
    let keep = MaskRule { spec: MaskSpec::Keep, domain: None };
    let json = MaskSpec::Json { paths: Vec::new(), default: Box::new(keep) };
    let cases = [
        (MaskSpec::Username, "same_handle_1", "same_handle_1", &[][..], &["same_handle_1"][..]),
        (
            json,
            r#"{"mail":"ann@home.example","theme":"dark-mode-7"}"#,
            r#"{"mail":"x@dev.example","theme":"dark-mode-7"}"#,
            &["ann@home.example"],
            &["dark-mode-7"],
        ),
        (
            MaskSpec::Redact { subject: Vec::new() },
            "Dear all, write to Ann.Lee@home.example or call +49 170 1234567 until 7 o'clock",
            "Dear all, write to x@example.com or call +49 555 9876543 until 7 o'clock",
            &["ann.lee@home.example", "170 1234567"],
            &["dear all write to", "until 7 o'clock"],
        ),
    ];
    for (spec, before, after, found, others) in cases {
        let secrets = Secrets::default();
        let mut intake = Intake::new(watched(TypeClass::Text, spec));
        secrets.take(&mut intake, Format::Binary, before.as_bytes(), Some(after.as_bytes()));
        let mut search = Search::new(&secrets);
        for text in found {
            assert!(!search.text(text.as_bytes(), Kind::Plain).is_empty(), "{text}");
        }
        for text in others {
            assert_eq!(search.text(text.as_bytes(), Kind::Plain), [], "{text}");
        }
    }
}

#[test]
fn escapes_in_long_texts_are_undone_part_by_part() {
    let case = Case::new(&[("ann@home.example", 1)], &[]);
    for filler in [(1 << 20) - 20, (1 << 20) - 5, 1 << 20] {
        let text = format!("{}\\u0061nn@home.example{}", " ".repeat(filler), " \\n".repeat(10));
        let mut search = Search::new(&case.secrets);
        let hits = search.text(text.as_bytes(), Kind::Plain);
        assert_eq!(hits.iter().map(|hit| hit.start).collect::<Vec<_>>(), [filler], "{filler}");
    }
}

#[test]
fn values_inside_composites_and_their_arrays_are_found() {
    let mail = b"deep-secret-1".to_vec();
    let mut row = Vec::new();
    row.extend(1_i32.to_be_bytes());
    row.extend(25_i32.to_be_bytes());
    row.extend((mail.len() as i32).to_be_bytes());
    row.extend(&mail);
    let mut array = Vec::new();
    array.extend([1_i32, 0, 99_999, 1, 1, row.len() as i32].iter().flat_map(|n| n.to_be_bytes()));
    array.extend(&row);
    let composite =
        ColumnType { inside: vec![("mail".to_owned(), text())], ..ColumnType::plain(TypeClass::Composite, "contact") };
    let data_type =
        ColumnType { inside: vec![(String::new(), composite)], ..ColumnType::plain(TypeClass::Array, "contact[]") };
    let rule = MaskRule { spec: MaskSpec::Null, domain: None };
    let watched = Watched::of(&of_type(data_type), &rule, 0).expect("watched");
    let case = Case::of(watched, vec![array], &[]);
    case.assert("it is deep-secret-1", true);
}
