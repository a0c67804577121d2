//! What an object store answers when it does not do as asked, in our words.
//!
//! The client's own texts are not passed on: they quote the server's, which may hold key ids and signatures.

use std::io;

use crate::error::{Error, ErrorKind};

/// The class of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// No such object.
    Missing,
    /// No such bucket.
    NoBucket,
    /// The key, the secret or the signature is not accepted.
    Credentials,
    /// Known, but not allowed.
    Denied,
    /// Something else stands there than what the request was made for.
    Changed,
    /// The store cannot be reached, or went on failing.
    Failing,
    /// What came is not what the store said it would be.
    Broken,
    /// This machine failed to read or write.
    Local,
    /// The user asked to stop.
    Stopped,
}

/// A fault and what to say of it.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    text: String,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn stopped() -> Self {
        Self::new(FaultKind::Stopped, "stopped")
    }

    /// It would be the same for the next object.
    pub(super) fn is_the_stores(&self) -> bool {
        matches!(self.kind, FaultKind::Failing | FaultKind::NoBucket | FaultKind::Credentials | FaultKind::Stopped)
    }

    /// What a user is told, doing `what` at the vault `place`.
    pub(super) fn error(&self, what: &str, place: &str) -> Error {
        let error = Error::new(ErrorKind::Vault, format!("{what} the vault {place}: {}", self.text));
        match self.kind {
            FaultKind::NoBucket => error.with_remedy("make the bucket, or correct its name or AWS_ENDPOINT_URL"),
            FaultKind::Credentials => {
                error.with_remedy("check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and the clock")
            }
            FaultKind::Denied => {
                error.with_remedy("allow the key GetObject, and PutObject and DeleteObject at a target")
            }
            FaultKind::Stopped => Error::new(ErrorKind::Interrupted, "bring files: stopped")
                .with_remedy("run again: what is in place stays, and nothing is half there"),
            FaultKind::Failing => error.with_remedy("run again later: what is in place stays"),
            _ => error,
        }
    }
}

impl From<object_store::Error> for Fault {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let told = error.to_string();
        let code = code(&told);
        match (code, &error) {
            (Some("NoSuchBucket"), _) => Self::new(FaultKind::NoBucket, "there is no such bucket"),
            (
                Some(
                    code @ ("InvalidAccessKeyId"
                    | "SignatureDoesNotMatch"
                    | "ExpiredToken"
                    | "InvalidToken"
                    | "NotSignedUp"
                    | "RequestTimeTooSkewed"
                    | "TokenRefreshRequired"),
                ),
                _,
            ) => Self::new(FaultKind::Credentials, format!("the store does not accept the credentials ({code})")),
            (Some("NoSuchUpload"), _) => Self::new(FaultKind::Failing, "an upload was given up by the store"),
            (_, E::NotFound { .. }) => Self::new(FaultKind::Missing, "there is no such object"),
            (_, E::Unauthenticated { .. }) => {
                Self::new(FaultKind::Credentials, "the store does not accept the credentials")
            }
            (_, E::PermissionDenied { .. }) => Self::new(FaultKind::Denied, "the store denies it"),
            (_, E::Precondition { .. } | E::AlreadyExists { .. } | E::NotModified { .. }) => {
                Self::new(FaultKind::Changed, "another object stands there")
            }
            (_, E::InvalidPath { .. }) => Self::new(FaultKind::Broken, "a name there cannot be a path"),
            // Listings and parts of uploads bring the status in their text only.
            _ => match status(&told) {
                Some("401") => Self::new(FaultKind::Credentials, "the store does not accept the credentials"),
                Some("403") => Self::new(FaultKind::Denied, "the store denies it"),
                status => Self::new(FaultKind::Failing, failing(&told, status, code)),
            },
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Missing | FaultKind::NoBucket => io::ErrorKind::NotFound,
            FaultKind::Credentials | FaultKind::Denied => io::ErrorKind::PermissionDenied,
            FaultKind::Changed => io::ErrorKind::AlreadyExists,
            FaultKind::Broken => io::ErrorKind::InvalidData,
            FaultKind::Failing | FaultKind::Local | FaultKind::Stopped => io::ErrorKind::Other,
        };
        Self::new(kind, fault.text)
    }
}

/// A fault of this machine's disk.
pub(super) fn local(error: &io::Error) -> Fault {
    Fault::new(FaultKind::Local, error.to_string())
}

/// `<Code>…</Code>` of an S3 answer, if it is a plain word.
fn code(told: &str) -> Option<&str> {
    let (_, rest) = told.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (code.len() <= 64 && code.chars().all(|letter| letter.is_ascii_alphanumeric())).then_some(code)
}

/// The three digits of an HTTP answer.
fn status(told: &str) -> Option<&str> {
    let status = told.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    status.filter(|status| status.bytes().all(|digit| digit.is_ascii_digit()))
}

/// One of a few sentences: nothing of the server's text but a code of it.
fn failing(told: &str, status: Option<&str>, code: Option<&str>) -> String {
    match (status, code) {
        (Some(status), Some(code)) => format!("the store answers {status} ({code})"),
        (Some(status), None) => format!("the store answers {status}"),
        (None, Some(code)) => format!("the store answers {code}"),
        (None, None) if told.contains("non-partial") || told.contains("Content-Range") => {
            "the store answers a range with something else".to_owned()
        }
        (None, None) => "the store cannot be reached, or the connection broke".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_is_not_passed_on() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>\
            <AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId><StringToSign>AWS4…</StringToSign></Error>";
        let source = body.into();
        let fault = Fault::from(object_store::Error::PermissionDenied { path: "x".to_owned(), source });
        let text = fault.error("open", "s3://bucket").chain();
        assert_eq!(fault.kind, FaultKind::Credentials);
        assert!(!text.contains("AKIA") && !text.contains("AWS4"), "{text}");
        assert!(text.contains("SignatureDoesNotMatch"), "{text}");
    }

    #[test]
    fn codes_are_plain_words() {
        assert_eq!(code("<Code>SlowDown</Code>"), Some("SlowDown"));
        assert_eq!(code("<Code>a\u{1b}[31m</Code>"), None);
        assert_eq!(code("<Code>"), None);
    }
}
