//! Attestations: what a run promises, as one document that others can check without trusting whoever sends it.
//!
//! A [`Statement`] is made of the run's report. Its digest is BLAKE3 over canonical JSON: keys sorted, no white space,
//! no number with a fraction. A signature (Ed25519) covers the digest's 32 bytes behind a fixed prefix, so that it can
//! be nothing else. The file has exactly one form: any other byte in it is a difference.
//!
//! ```text
//! RunReport ──▶ Statement ──canonical JSON──▶ BLAKE3 ──prefix──▶ Ed25519
//! ```

mod keys;
mod statement;

use serde::{Deserialize, Serialize};

pub use keys::{PublicKey, Signer};
pub use statement::{Statement, statement};

use crate::digest::text_digest;
use crate::error::{Error, ErrorKind, Result};
use crate::report::RunReport;

/// Name and version of the format.
const FORMAT: &str = "tithe attestation 1";
const ALGORITHM: &str = "Ed25519";

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    format: String,
    /// What is attested.
    pub statement: Statement,
    /// BLAKE3 of the statement's canonical JSON, hexadecimal.
    pub digest: String,
    /// Absent where no key was given.
    pub signature: Option<Signature>,
}

/// Who stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    algorithm: String,
    /// 32 bytes, hexadecimal.
    pub public_key: String,
    /// 64 bytes, hexadecimal.
    value: String,
}

impl Signature {
    /// Made over this digest with the secret half of the key that it names.
    fn check(&self, digest: &str) -> Result<()> {
        if self.algorithm != ALGORITHM {
            return Err(changed("its signature is of a kind that this version does not know"));
        }
        let key = PublicKey::from_hex(&self.public_key)
            .ok_or_else(|| changed("the public key of its signature is no Ed25519 key"))?;
        match key.verifies(&message(digest), &self.value) {
            true => Ok(()),
            false => Err(changed("its signature does not fit")),
        }
    }
}

/// The attestation of a run.
pub fn attest(report: &RunReport, signer: Option<&Signer>) -> Attestation {
    let statement = statement(report);
    let digest = digest(&statement);
    let signature = signer.map(|signer| Signature {
        algorithm: ALGORITHM.to_owned(),
        public_key: signer.public_key(),
        value: signer.sign(&message(&digest)),
    });
    Attestation { format: FORMAT.to_owned(), statement, digest, signature }
}

/// The digest that an attestation of this run has.
pub fn digest_of(report: &RunReport) -> String {
    digest(&statement(report))
}

impl Attestation {
    /// The file's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a file's text; it must be exactly what [`Self::to_text`] writes, the digest must fit, and so must the
    /// signature, if there is one, to the key that it names. Whose key that is, [`Self::check_signature`] tells.
    ///
    /// # Errors
    /// `Verification`: it is no attestation, or was changed.
    pub fn from_text(text: &str) -> Result<Self> {
        let found: Self = serde_json::from_str(text)
            .map_err(|cause| changed("it is not the JSON of an attestation").with_cause(cause))?;
        if found.format != FORMAT {
            return Err(changed("its format is not one that this version knows"));
        }
        if found.to_text() != text {
            return Err(changed("it is not byte for byte in the form in which tithe writes it"));
        }
        // It is told to people, in whose terminals other characters might do something.
        if !found.statement.run_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(changed("it is of no run: what it names is not a run's id"));
        }
        if digest(&found.statement) != found.digest {
            return Err(changed("its digest does not fit what it states"));
        }
        if let Some(signature) = &found.signature {
            signature.check(&found.digest)?;
        }
        Ok(found)
    }

    /// The signature is that of this key.
    ///
    /// # Errors
    /// `Verification`: there is none, it is of another key, or it does not fit.
    pub fn check_signature(&self, key: &PublicKey) -> Result<()> {
        let signature = self.signature.as_ref().ok_or_else(|| changed("it is not signed"))?;
        if signature.public_key != key.hex() {
            return Err(changed("it is signed with another key than the one given"));
        }
        signature.check(&self.digest)
    }

    /// It states what this report says.
    ///
    /// # Errors
    /// `Verification`: it is of another run, or the report was changed.
    pub fn check_report(&self, report: &RunReport) -> Result<()> {
        let (attested, kept) = (&self.statement.run_id, &report.run_id);
        if attested != kept {
            return Err(changed(&format!("it is of run {attested}, not of {kept}")));
        }
        if statement(report) != self.statement {
            return Err(changed(&format!("it does not state what the kept report of run {kept} says")));
        }
        Ok(())
    }
}

fn digest(statement: &Statement) -> String {
    let value = serde_json::to_value(statement).unwrap_or_default();
    let mut text = String::new();
    canonical(&value, &mut text);
    text_digest(&text)
}

/// What is signed.
fn message(digest: &str) -> Vec<u8> {
    format!("{FORMAT}\n{digest}\n").into_bytes()
}

/// Keys sorted by their bytes, whatever order the map at hand keeps.
fn canonical(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                canonical(value, out);
            }
            out.push(']');
        }
        simple => out.push_str(&simple.to_string()),
    }
}

fn changed(what: &str) -> Error {
    Error::new(ErrorKind::Verification, format!("check the attestation: {what}"))
        .with_remedy("do not rely on it; ask whoever made it for another")
}

#[cfg(test)]
mod tests;
