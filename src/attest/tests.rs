//! Attestations hold, and every way to forge one is found.

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;

use super::*;
use crate::report::{CheckReport, LeakCheck, LeakFinding, MaskCounts, RuleReport, TableReport};

/// RFC 8410, section 10.3: a key that everybody knows.
const KNOWN_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const KNOWN_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

fn report() -> RunReport {
    let column = crate::report::ColumnReport {
        column: "e<mail \"ü".to_owned(),
        rule: RuleReport { name: "email".to_owned(), ..RuleReport::default() },
        members: Some(MaskCounts { values: 7, ..MaskCounts::default() }),
        ..Default::default()
    };
    let table = TableReport { table: "users".to_owned(), columns: vec![column], ..TableReport::default() };
    RunReport { run_id: "20260101T000000Z-a".to_owned(), percent: Some(0.1), tables: vec![table], ..Default::default() }
}

fn signed() -> (Attestation, PublicKey) {
    let signer = Signer::from_pem(KNOWN_KEY.as_bytes()).expect("holds");
    (attest(&report(), Some(&signer)), PublicKey::from_pem(KNOWN_PUBLIC.as_bytes()).expect("holds"))
}

#[test]
fn a_signed_attestation_holds() {
    let (attestation, key) = signed();
    let read = Attestation::from_text(&attestation.to_text()).expect("holds");
    assert_eq!(read, attestation);
    read.check_signature(&key).expect("holds");
    read.check_report(&report()).expect("holds");
    assert_eq!(read.digest, digest_of(&report()));
    // The report as it is kept says the same.
    let kept: RunReport = serde_json::from_slice(&serde_json::to_vec(&report()).expect("holds")).expect("holds");
    read.check_report(&kept).expect("holds");
}

#[test]
fn every_changed_byte_is_found() {
    let (attestation, key) = signed();
    let text = attestation.to_text();
    for at in 0..text.len() {
        for flipped in [0x01, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= flipped;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let checked = Attestation::from_text(&changed).and_then(|read| read.check_signature(&key));
            assert!(checked.is_err(), "byte {at} of\n{changed}");
        }
    }
}

/// Whoever checks without a key of their own must not be told that a broken signature is one.
#[test]
fn a_signature_that_does_not_fit_is_refused_without_a_key_too() {
    let (signed, _) = signed();
    let refused = |attestation: &Attestation, why: &str| {
        let error = Attestation::from_text(&attestation.to_text()).unwrap_err();
        assert!(error.chain().contains(why) && error.exit_code() == 9, "{error:?}");
    };
    let mut stated_anew = signed.clone();
    stated_anew.statement.run_id = "20260101T000000Z-b".to_owned();
    stated_anew.digest = digest(&stated_anew.statement);
    refused(&stated_anew, "signature does not fit");

    let with = |change: &dyn Fn(&mut Signature)| {
        let mut other = signed.clone();
        other.signature.as_mut().into_iter().for_each(change);
        other
    };
    let of_nobody = with(&|signature| signature.public_key = "no key \u{1b}[31m".to_owned());
    refused(&of_nobody, "no Ed25519 key");
    let shouted = with(&|signature| signature.public_key = signature.public_key.to_uppercase());
    refused(&shouted, "no Ed25519 key");
    let short = with(&|signature| signature.public_key.truncate(62));
    refused(&short, "no Ed25519 key");
    let of_another = with(&|signature| signature.public_key = "11".repeat(32));
    refused(&of_another, "signature does not fit");
    let empty = with(&|signature| signature.value.clear());
    refused(&empty, "signature does not fit");
    let mut of_no_run = attest(&report(), None);
    of_no_run.statement.run_id.push_str("\u{1b}[31m");
    of_no_run.digest = digest(&of_no_run.statement);
    refused(&of_no_run, "of no run");
    let of_another_kind = with(&|signature| signature.algorithm = "none".to_owned());
    refused(&of_another_kind, "kind");
}

/// What the leak check told of, and whether commands ran afterwards, belongs to what is stated.
#[test]
fn findings_commands_and_checks_that_were_not_made_are_stated() {
    let attestation = attest(&report(), None);
    let refused = |change: &dyn Fn(&mut RunReport)| {
        let mut other = report();
        change(&mut other);
        assert!(attestation.check_report(&other).unwrap_err().chain().contains("does not state"));
    };
    let finding = || LeakFinding { place: "a comment (TABLE posts)".to_owned(), ..LeakFinding::default() };
    refused(&|report| report.leaks.findings.push(finding()));
    refused(&|report| report.schema.after_load = 1);
    refused(&|report| report.checks.push(CheckReport::not_asked("leak check", "switched off")));
    refused(&|report| report.tables[0].columns[0].leak_check = Some(LeakCheck::Searched));
    let mut told = report();
    told.checks.push(CheckReport::not_asked("leak check", "switched off"));
    let text = attest(&told, None).to_text();
    assert!(text.contains("\"ok\": null"), "{text}");
    Attestation::from_text(&text).expect("holds").check_report(&told).expect("holds");
}

#[test]
fn another_run_another_key_and_no_signature_are_told_apart() {
    let (attestation, key) = signed();
    let other = RunReport { run_id: "20260102T000000Z-b".to_owned(), ..report() };
    let error = attestation.check_report(&other).unwrap_err();
    assert!(error.chain().contains("20260101T000000Z-a") && error.exit_code() == 9, "{error:?}");
    let mut forged = report();
    forged.tables[0].columns[0].rule.name = "keep".to_owned();
    assert!(attestation.check_report(&forged).unwrap_err().chain().contains("does not state"));

    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("holds");
    let stranger = Signer(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("holds"));
    let error = attest(&report(), Some(&stranger)).check_signature(&key).unwrap_err();
    assert!(error.chain().contains("another key"), "{error:?}");
    let error = attest(&report(), None).check_signature(&key).unwrap_err();
    assert!(error.chain().contains("not signed"), "{error:?}");
}

#[test]
fn keys_are_ed25519_or_refused() {
    assert_eq!(format!("{:?}", Signer::from_pem(KNOWN_KEY.as_bytes()).expect("holds")), "Signer(redacted)");
    assert_eq!(Signer::from_pem(KNOWN_PUBLIC.as_bytes()).unwrap_err().exit_code(), 10);
    assert_eq!(Signer::from_pem(b"nonsense").unwrap_err().exit_code(), 10);
    assert_eq!(PublicKey::from_pem(KNOWN_KEY.as_bytes()).unwrap_err().exit_code(), 2);
}

/// Others may check attestations with programs of their own: the canonical form must never move.
#[test]
fn the_canonical_form_is_golden() {
    let value = serde_json::json!({"b": [1, null, true], "a": {"z": "ü\n\"", "y": 2}});
    let mut text = String::new();
    canonical(&value, &mut text);
    assert_eq!(text, r#"{"a":{"y":2,"z":"ü\n\""},"b":[1,null,true]}"#);
}
