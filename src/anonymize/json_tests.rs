//! What rules do to values inside documents.

use super::rule_tests::{binary, percent, permute, printed};
use super::tests::{compile, mask, rule};
use super::*;
use crate::copyfmt::Format;
use crate::profile::{BytesFill, DatePart, MaskSpec};
use crate::schema::TypeClass;

use MaskSpec as S;
use TypeClass as C;

pub(super) fn json(paths: &[(&str, S)], default: S) -> S {
    let paths = paths.iter().map(|(path, spec)| ((*path).to_owned(), rule(spec.clone()))).collect();
    S::Json { paths, default: Box::new(rule(default)) }
}

#[test]
fn documents_are_masked_by_path() {
    let email = mask(S::Email { host: "example.com".into() }, "ann@home.org");
    let spec = json(
        &[
            ("user.email", S::Email { host: "example.com".into() }),
            ("items[].ip", S::Null),
            ("all", S::Constant("x".into())),
            ("*.id", S::Token),
            ("all.kept", S::Keep),
        ],
        S::Keep,
    );
    for (value, expected) in [
        ("{}", "{}".to_owned()),
        (
            r#" { "user" : {"email": "ann@home.org", "n": 1.50} } "#,
            format!(r#" {{ "user" : {{"email": "{email}", "n": 1.50}} }} "#),
        ),
        (r#"{"\u0075ser":{"email":"ann\u0040home.org"}}"#, format!(r#"{{"\u0075ser":{{"email":"{email}"}}}}"#)),
        (
            r#"{"items":[{"ip":"::1","x":[{"ip":1}]},{"ip":2}]}"#,
            r#"{"items":[{"ip":null,"x":[{"ip":1}]},{"ip":null}]}"#.into(),
        ),
        (
            r#"{"all":[1,"a",true,null,{"b":{"c":"d","kept":1}}]}"#,
            r#"{"all":["x","x",false,null,{"b":{"c":"x","kept":"x"}}]}"#.into(),
        ),
        (r#"{"all":{"kept":1,"k":1}}"#, r#"{"all":{"kept":1,"k":"x"}}"#.into()),
        ("7", "7".into()),
    ] {
        assert_eq!(mask(spec.clone(), value), expected);
        let wire = [b"\x01", value.as_bytes()].concat();
        assert_eq!(binary(spec.clone(), C::Jsonb, &wire), [b"\x01", expected.as_bytes()].concat());
    }
    for text in ["{", "[1,]", "{\"a\"}", "{\"a\":1 2}", "nul", "\"a", "1 2", "{\"a\":}", "[1}", "}", "\"\\"] {
        let mask = compile(json(&[], S::Username), C::Text, None).expect("compiles");
        let mut out = Vec::new();
        assert_eq!(mask.apply(text.as_bytes(), Format::Text, &mut out), Err(Fault("the text is not JSON")), "{text}");
    }
    let deep = "[".repeat(5_000) + "\"ann\"" + &"]".repeat(5_000);
    assert!(!mask(json(&[], S::Username), &deep).contains("ann"));
    let all = mask(json(&[], S::Token), r#"{"phone": 4930123, "b": "é\n\"𝄞"}"#);
    let value: serde_json::Value = serde_json::from_str(&all).expect("still JSON");
    assert!(value["phone"] != 4930123 && value["b"].as_str().expect("a text").ends_with("\n\"𝄞"), "{all}");
    for (path, why) in [("a..b", "a part without a name"), ("", "a part without a name")] {
        let error = compile(json(&[(path, S::Keep)], S::Keep), C::Json, None).expect_err("refused");
        assert!(error.action().contains(why), "{}", error.action());
    }
    let error = compile(json(&[("a", S::Template("x".into()))], S::Keep), C::Json, None).expect_err("refused");
    assert!(error.action().contains("cannot stand inside another rule"), "{}", error.action());
    let bytes = S::Bytes { fill: BytesFill::Empty };
    let error = compile(json(&[("a", bytes)], S::Keep), C::Json, None).expect_err("refused");
    assert!(error.action().contains("a: documents have texts, numbers and dates"), "{}", error.action());
}

/// Of the paths that name a value, the one whose first keys are names decides.
#[test]
fn a_star_is_every_key_even_where_others_are_named() {
    let constant = |text: &str| S::Constant(text.to_owned());
    let spec = json(
        &[
            ("*.email", constant("any")),
            ("user.name", constant("own")),
            ("*", constant("top")),
            ("*.*.x[].y", constant("deep")),
            ("user.list.z", constant("z")),
            ("*.list", constant("list")),
        ],
        S::Keep,
    );
    for (value, expected) in [
        (r#"{"user":{"email":"a","name":"b","c":1}}"#, r#"{"user":{"email":"any","name":"own","c":"top"}}"#),
        (r#"{"other":{"email":"a","name":"b"}}"#, r#"{"other":{"email":"any","name":"top"}}"#),
        (
            r#"{"user":{"list":{"z":1,"x":[{"y":2,"w":3}],"v":4}}}"#,
            r#"{"user":{"list":{"z":"z","x":[{"y":"deep","w":"list"}],"v":"list"}}}"#,
        ),
        (r#"{"user":{"email":{"x":[{"y":1}]}}}"#, r#"{"user":{"email":{"x":[{"y":"deep"}]}}}"#),
    ] {
        assert_eq!(mask(spec.clone(), value), expected);
    }
}

#[test]
fn numbers_in_documents_are_those_of_columns() {
    let one = |spec: S, value: &str| mask(json(&[], spec), value);
    for (number, column) in [("1e5", "100000"), ("-1.5E2", "-150"), ("37", "37"), ("0.5", "0.5")] {
        assert_eq!(one(percent(10.0), number), printed(percent(10.0), C::Numeric, column));
        assert_eq!(one(S::Bucket { size: 0.25 }, number), printed(S::Bucket { size: 0.25 }, C::Numeric, column));
    }
    assert_eq!(one(permute(), "1234"), printed(permute(), C::Int8, "1234"));
    assert_eq!(one(permute(), "1e3"), printed(permute(), C::Int8, "1000"));
    for other in ["1.5", "1e400", "\"ann\"", "99999999999999999999"] {
        assert_eq!(one(permute(), other), "null", "{other}");
    }
    for number in 10..400 {
        for spec in [S::Token, S::Phone, S::Scramble { keep_first: 0, keep_last: 1 }] {
            let masked: serde_json::Value = serde_json::from_str(&one(spec, &number.to_string())).expect("JSON");
            assert!(masked.as_u64().is_some_and(|masked| (10..1_000).contains(&masked)), "{number} {masked}");
        }
    }
}

#[test]
fn dates_in_documents_are_those_of_columns() {
    let shift = || S::DateShift { days: 30, subject: None };
    let month = || S::DateTruncate { to: DatePart::Month };
    let one = |spec: S, text: &str| mask(json(&[], spec), &format!("\"{text}\"")).trim_matches('"').to_owned();
    assert_eq!(one(shift(), "1984-05-06"), printed(shift(), C::Date, "1984-05-06"));
    let local = printed(shift(), C::Timestamp, "1984-05-06 07:08:09.25");
    assert_eq!(one(shift(), "1984-05-06 07:08:09.25"), local.trim_end_matches('0'));
    let moved = printed(shift(), C::Timestamptz, "1984-05-06 05:08:09+00");
    assert_eq!(one(shift(), "1984-05-06T07:08:09+02:00"), moved.replace(' ', "T").replace("+00", "+00:00"));
    assert_eq!(one(shift(), "1984-05-06T05:08:09Z"), moved.replace(' ', "T").replace("+00", "Z"));
    assert_eq!(one(month(), "1984-05-06T07:08:09.123Z"), "1984-05-01T00:00:00Z");
    assert_eq!(one(month(), "1984-05-06T07:08"), "1984-05-01T00:00:00");
    assert_eq!(one(S::DateTruncate { to: DatePart::Day }, "1984-05-06"), "1984-05-06");
    for other in ["1984-02-30", "ann", "1984-05-06Tann", "", "06.05.1984"] {
        assert_eq!(one(shift(), other), "null", "{other}");
    }
    assert_eq!(mask(json(&[], shift()), "453456789"), "null");
}

#[test]
fn keys_with_dots_can_be_named() {
    let gone = || S::Constant("x".to_owned());
    for (path, value) in [
        ("user\\.email", r#"{"user.email":"x","user":{"email":1}}"#),
        ("\\*", r#"{"*":"x","a":1}"#),
        ("a\\[]", r#"{"a[]":"x","a":[1]}"#),
        ("a[]b[].c", r#"{"a[]b":[{"c":"x"}]}"#),
        ("a\\\\", r#"{"a\\":"x","a":1}"#),
        ("[][].a", r#"[[{"a":"x"}]]"#),
    ] {
        let unmasked = value.replace("\"x\"", "\"ann\"");
        assert_eq!(mask(json(&[(path, gone())], S::Keep), &unmasked), value, "{path}");
    }
    for path in ["a\\", "a..b", ".a", "a.", "a.[].b", "a[]..b", ""] {
        assert!(compile(json(&[(path, S::Keep)], S::Keep), C::Json, None).is_err(), "{path}");
    }
}
