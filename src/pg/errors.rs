//! What PostgreSQL says, as errors of this crate: cause, SQLSTATE and remedy, without any row's values.
//!
//! Owns the one way from `tokio_postgres::Error` to [`Error`]. PostgreSQL's DETAIL, HINT and CONTEXT are dropped, since
//! they quote rows (`Key (email)=(…) already exists`, `COPY users, line 7, column age: "…"`), and of a class whose very
//! message quotes them only the condition's name is kept. Chosen by SQLSTATE, which no server translates; where one
//! code means several things, by the English words, with a remedy that fits all of them when those do not match.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use tokio_postgres::error::DbError;

use crate::error::{Error, ErrorKind};

/// What a session's calls fail with, before `server_error` makes it printable.
pub type ServerError = tokio_postgres::Error;

/// The server found a row whose parent is missing.
pub fn is_foreign_key_violation(error: &ServerError) -> bool {
    error.code() == Some(&tokio_postgres::error::SqlState::FOREIGN_KEY_VIOLATION)
}

/// Something about a value that the server would not store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation<'e> {
    /// SQLSTATE.
    pub code: &'e str,
    /// The constraint, of a table or a domain.
    pub constraint: Option<&'e str>,
    /// The column, where the server names it.
    pub column: Option<&'e str>,
}

impl Violation<'_> {
    /// A CHECK, or no partition takes the row.
    pub fn is_check(self) -> bool {
        self.code == "23514"
    }
}

/// What of a row the server refused, where that is what it complains of.
pub fn violation(error: &ServerError) -> Option<Violation<'_>> {
    let db = error.as_db_error()?;
    let code = db.code().code();
    let is_of_values = matches!(code.get(..2), Some("22" | "23")) || code == "P0001";
    is_of_values.then_some(Violation { code, constraint: db.constraint(), column: db.column() })
}

/// Which of the two servers is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The server that is read.
    Source,
    /// The server that is written.
    Target,
}

impl Side {
    /// The class of this side's failures.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Source => ErrorKind::Source,
            Self::Target => ErrorKind::Target,
        }
    }

    /// The connection text, by the words of the command line.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Source => "source URL (--from)",
            Self::Target => "target URL (--to)",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// A server's complaint that is safe to print: message or condition, SQLSTATE, and the place in a COPY stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    code: String,
    text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.text, self.code)
    }
}

impl StdError for Complaint {}

const RAISED: &str = "exception raised by a function (its text is in the server's log)";

/// The SQLSTATE of a server's complaint beneath an error.
pub(crate) fn sqlstate(error: &Error) -> Option<&str> {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.into_iter().find_map(|cause| cause.downcast_ref::<Complaint>()).map(|complaint| complaint.code.as_str())
}

impl Complaint {
    fn new(error: &DbError) -> Self {
        // RAISE, under whatever code: the text is the function's author's, and may quote a value.
        let is_raised = error.routine().is_some_and(|routine| {
            routine == "exec_stmt_raise" || routine.starts_with("PLy_") || routine.starts_with("plperl_")
        });
        if is_raised {
            let raised = Self::from_fields("P0001", error.message(), error.where_());
            return Self { code: error.code().code().to_owned(), ..raised };
        }
        Self::from_fields(error.code().code(), error.message(), error.where_())
    }

    fn from_fields(code: &str, message: &str, context: Option<&str>) -> Self {
        let text = match quoting_condition(code, message) {
            Some(condition) => match context.and_then(copy_place) {
                Some(place) => format!("{condition} in {place}"),
                None => condition.to_owned(),
            },
            // The messages of these do not name the row, of those that came.
            None => match context.and_then(copy_place).filter(|_| matches!(code, "23502" | "23514")) {
                Some(place) => format!("{message} in {place}"),
                None => message.to_owned(),
            },
        };
        Self { code: code.to_owned(), text }
    }
}

/// The name of the condition, where the message may quote a value. The names are those of the manual's appendix A.
fn quoting_condition(code: &str, message: &str) -> Option<&'static str> {
    let quotes = match code.get(..2) {
        Some("22") => !message.starts_with("invalid snapshot identifier"),
        // Of a value that was to become one, not of a statement.
        Some("42") if message.contains("tsquery: ") || message.contains("jsonpath ") => true,
        // Errors raised by functions, whose text is the author's.
        Some("P0" | "38" | "39" | "HV") => true,
        _ => false,
    };
    quotes.then_some(match code {
        "22000" => "data exception",
        "22001" => "string data right truncation: a value is too long for its column",
        "22003" => "numeric value out of range",
        "22004" => "null value not allowed",
        "22007" => "invalid datetime format",
        "22008" => "datetime field overflow",
        "22012" => "division by zero",
        "22021" => "character not in repertoire: a text is not valid in the database's encoding",
        "22023" => "invalid parameter value",
        "22025" => "invalid escape sequence",
        "2201B" => "invalid regular expression",
        "2202E" => "array subscript error",
        "22030" => "duplicate JSON object key value",
        "22032" => "invalid JSON text",
        "22P01" => "floating-point exception",
        "22P02" => "invalid text representation: a value does not fit its column's type",
        "22P03" => "invalid binary representation: a value does not fit its column's type",
        "22P04" => "bad COPY file format",
        "22P05" => "untranslatable character: a text has no form in the database's encoding",
        "P0001" => RAISED,
        code if code.starts_with("22") => "data exception",
        code if code.starts_with("42") => "syntax error in a value",
        _ => "exception in a function or a foreign server (its text is in the server's log)",
    })
}

/// `COPY users, line 7, column age` out of `COPY users, line 7, column age: "…"`; nothing if it looks any different.
fn copy_place(context: &str) -> Option<&str> {
    let rest = context.strip_prefix("COPY ")?;
    let (table, after) = rest.split_once(", line ")?;
    if table.contains(['"', ',', ':', '\n']) {
        return None;
    }
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let after_line = &after[digits..];
    let end_of_line = context.len() - after_line.len();
    match after_line.strip_prefix(", column ") {
        Some(column) => {
            let end = column.find(": \"").or_else(|| column.find(": null input"))?;
            (!column[..end].contains(['"', '\n'])).then(|| &context[..context.len() - column.len() + end])
        }
        None => (digits > 0).then(|| &context[..end_of_line]),
    }
}

/// `error` met while doing `action`, on `side`, as `role` where that is known.
pub(crate) fn server_error(
    side: Side,
    role: Option<&str>,
    action: impl Into<String>,
    error: tokio_postgres::Error,
) -> Error {
    let base = Error::new(side.kind(), action);
    if let Some(db) = error.as_db_error() {
        let complaint = Complaint::new(db);
        let remedy = remedy(side, role.unwrap_or("ROLE"), db.code().code(), db.message());
        let base = base.with_cause(complaint);
        return match remedy {
            Some(remedy) => base.with_remedy(remedy),
            None => base,
        };
    }
    if error.is_closed() {
        let cause = Plain("the server ended the connection".to_owned());
        return base.with_cause(cause).with_remedy("if the server was restarted, run again; its log says why");
    }
    if let Some(io) = find_io(&error) {
        let remedy = transport_remedy(side, io);
        return base.with_remedy(remedy).with_cause(error);
    }
    let outline = error.to_string();
    let inner = error.source().map(ToString::to_string).unwrap_or_default();
    if inner == "password missing" {
        let remedy = format!("put it into the {side} URL, PGPASSWORD or ~/.pgpass");
        return base
            .with_cause(Plain("the server asks for a password and none is given".to_owned()))
            .with_remedy(remedy);
    }
    // Conversion errors can quote the value that did not convert.
    if outline.contains("serializing") || outline.contains("encoding message") {
        return base.with_cause(Plain(outline));
    }
    let tls = outline.contains("TLS");
    let base = base.with_cause(error);
    if tls && inner.contains("does not support TLS") {
        return base.with_remedy("let the server offer TLS (ssl = on), or ask for less with sslmode=prefer");
    }
    base
}

#[derive(Debug)]
pub(crate) struct Plain(pub(crate) String);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Plain {}

fn find_io(error: &tokio_postgres::Error) -> Option<&io::Error> {
    error.source().and_then(|cause| cause.downcast_ref::<io::Error>())
}

fn transport_remedy(side: Side, error: &io::Error) -> String {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_remedy(tls).to_owned();
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("check host and port of the {side}, and that its server runs"),
        io::ErrorKind::NotFound => {
            format!("no server listens at that socket; check host and port of the {side}, and that its server runs")
        }
        io::ErrorKind::TimedOut => format!("check that no firewall stands before the {side}, or set connect_timeout"),
        io::ErrorKind::PermissionDenied => "the system's rights forbid to open that socket".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the server ended the connection; if it was restarted, run again".to_owned()
        }
        _ => format!("check that the {side}'s host name can be resolved and reached from here"),
    }
}

fn tls_remedy(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "connect by a name that the server's certificate holds, or use sslmode=verify-ca"
        }
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "renew the server's certificate"
        }
        rustls::Error::InvalidCertificate(_) => {
            "name the authority that signed the server's certificate in sslrootcert"
        }
        rustls::Error::AlertReceived(_) => {
            "the server refused our side of the handshake; it may want a client certificate (sslcert, sslkey)"
        }
        _ => "check the server's TLS settings, and sslmode",
    }
}

/// What to do where sessions do not meet.
pub(crate) const SAME_SERVER: &str = "each session must reach the same server: a pooler in transaction mode or a reader \
    endpoint breaks this; give the server's own address, or a pool in session mode";

/// What to do about an SQLSTATE, where something better can be said than the kind's general remedy.
fn remedy(side: Side, role: &str, code: &str, message: &str) -> Option<String> {
    let role = role.replace(char::is_control, "?");
    let recovery = message.contains("conflict with recovery");
    Some(match code {
        "28P01" => format!("wrong password for {role}: correct it in the {side} URL, PGPASSWORD or ~/.pgpass"),
        "28000" if message.contains("does not exist") => {
            format!("create the role, or name another user in the {side} URL")
        }
        "28000" if message.contains("not permitted to log in") => format!("ALTER ROLE {role} LOGIN"),
        "28000" if message.contains("no encryption") || message.contains("SSL off") => {
            "add a line to the server's pg_hba.conf, or use sslmode=require if it admits us by TLS only".to_owned()
        }
        "28000" => format!("let the server's pg_hba.conf admit {role} from this host"),
        "3D000" => format!("check the name of the database in the {side} URL"),
        "42501" => lacking_right(side, &role, message),
        "53300" => "lower the number of connections, or raise max_connections or the role's limit".to_owned(),
        "53100" => format!("free disk space on the {side} server"),
        // Quotas and limits of a file's size have no code of their own.
        "XX000" | "58030" if ["could not extend", "could not write"].iter().any(|start| message.starts_with(start)) => {
            format!("free disk space on the {side} server, or raise its quota")
        }
        "53200" => format!("the {side} server is out of memory; lower the number of connections"),
        _ if recovery => {
            "the standby had to replay changes to rows being read: set hot_standby_feedback = on or raise \
                          max_standby_streaming_delay there, or read from the primary"
                .to_owned()
        }
        "57P01" | "57P02" | "08006" | "08003" => {
            "the server ended the connection; if it was restarted, run again".to_owned()
        }
        "57P03" => "the server is starting, stopping or recovering; run again when it accepts connections".to_owned(),
        "55P03" => "another session holds a conflicting lock; run again later".to_owned(),
        "25P03" | "57P05" => "a timeout of the server or role ended an idle session; raise it for this role".to_owned(),
        "57014" if message.contains("statement timeout") => {
            format!("ALTER ROLE {role} SET statement_timeout = 0, or run when the server is less busy")
        }
        "57014" => "the statement was cancelled by a timeout of the server or by its administrator".to_owned(),
        "40001" | "40P01" => "another session was in the way; run again".to_owned(),
        "08P01" if message.contains("pooling mode") => SAME_SERVER.to_owned(),
        "22023" | "42704" if message.contains("snapshot") => SAME_SERVER.to_owned(),
        "0A000" if message.contains("unlogged") => {
            "a standby has no rows of unlogged tables: say rows = \"none\" for them, or read from the primary"
                .to_owned()
        }
        "25006" => format!("the {side} is a standby or read-only; name its primary"),
        _ => return None,
    })
}

/// `permission denied for table orders` becomes `GRANT SELECT ON TABLE orders TO reader`.
fn lacking_right(side: Side, role: &str, message: &str) -> String {
    let (kind, name) = match message.strip_prefix("permission denied for ").and_then(|rest| rest.split_once(' ')) {
        Some(pair) => pair,
        None if message.contains("create database") => {
            return format!("ALTER ROLE {role} CREATEDB, or use another role");
        }
        None if message.contains("row-level security") => {
            return format!("a policy hides rows from {role}: connect as a role with BYPASSRLS, or as a superuser");
        }
        None => return format!("GRANT the missing right to {role}, or connect as the owner"),
    };
    match (side, kind) {
        (_, "schema") if side == Side::Source => format!("GRANT USAGE ON SCHEMA {name} TO {role}"),
        (_, "schema") => format!("GRANT USAGE, CREATE ON SCHEMA {name} TO {role}"),
        (_, "database") => format!("GRANT CONNECT ON DATABASE {name} TO {role}"),
        (_, "function") => format!("GRANT EXECUTE ON FUNCTION {name} TO {role}"),
        (Side::Source, "sequence") => format!("GRANT SELECT ON SEQUENCE {name} TO {role}"),
        (Side::Source, "table" | "view" | "relation") => format!("GRANT SELECT ON TABLE {name} TO {role}"),
        (Side::Source, _) => format!("GRANT SELECT ON … TO {role} for the {kind} {name}"),
        (Side::Target, _) => format!("make {role} the owner of {kind} {name}, or grant it the right"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_survive() {
        let cases = [
            (
                "22P02",
                "invalid input syntax for type integer: \"s3cret\"",
                Some("COPY t, line 7, column age: \"s3cret\""),
                "invalid text representation: a value does not fit its column's type in COPY t, line 7, column age (SQLSTATE 22P02)",
            ),
            (
                "22003",
                "value \"s3cret\" is out of range for type integer",
                None,
                "numeric value out of range (SQLSTATE 22003)",
            ),
            (
                "22023",
                "invalid snapshot identifier: \"00000003-1\"",
                None,
                "invalid snapshot identifier: \"00000003-1\" (SQLSTATE 22023)",
            ),
            (
                "23505",
                "duplicate key value violates unique constraint \"u\"",
                Some("COPY t, line 1: \"s3cret\""),
                "duplicate key value violates unique constraint \"u\" (SQLSTATE 23505)",
            ),
            (
                "P0001",
                "s3cret",
                None,
                "exception raised by a function (its text is in the server's log) (SQLSTATE P0001)",
            ),
            ("22999", "s3cret", None, "data exception (SQLSTATE 22999)"),
        ];
        for (code, message, context, wanted) in cases {
            assert_eq!(Complaint::from_fields(code, message, context).to_string(), wanted);
        }
    }

    #[test]
    fn place_in_a_copy_stream() {
        let cases = [
            ("COPY t, line 7, column age: \"s, line 3, column x\"", Some("COPY t, line 7, column age")),
            ("COPY t, line 7: \"s3cret\"", Some("COPY t, line 7")),
            ("COPY t, line 7, column a: null input", Some("COPY t, line 7, column a")),
            ("COPY t, line x", None),
            ("COPY t, ligne 1, colonne a : « , line 3, column s3cret: \"", None),
            ("SQL function f", None),
        ];
        for (context, wanted) in cases {
            assert_eq!(copy_place(context), wanted, "{context}");
        }
    }

    #[test]
    fn remedies_by_code() {
        let cases = [
            (Side::Source, "42501", "permission denied for table orders", "GRANT SELECT ON TABLE orders TO r"),
            (Side::Source, "42501", "permission denied for schema s", "GRANT USAGE ON SCHEMA s TO r"),
            (
                Side::Target,
                "42501",
                "permission denied to create database",
                "ALTER ROLE r CREATEDB, or use another role",
            ),
            (Side::Source, "42501", "droit refusé", "GRANT the missing right to r, or connect as the owner"),
            (Side::Target, "53100", "could not extend file", "free disk space on the target server"),
            (
                Side::Target,
                "XX000",
                "could not extend file \"base/1/2\": Disk quota exceeded",
                "free disk space on the target server, or raise its quota",
            ),
        ];
        for (side, code, message, wanted) in cases {
            assert_eq!(remedy(side, "r", code, message).as_deref(), Some(wanted));
        }
        for (code, message, word) in [
            ("40001", "canceling statement due to conflict with recovery", "hot_standby_feedback"),
            ("57014", "canceling statement due to statement timeout", "statement_timeout"),
            ("22023", "invalid snapshot identifier: \"x\"", "pooler"),
            ("42704", "snapshot \"x\" does not exist", "pooler"),
        ] {
            assert!(remedy(Side::Source, "r", code, message).is_some_and(|text| text.contains(word)), "{code}");
        }
        assert_eq!(remedy(Side::Source, "r", "42601", "syntax error"), None);
    }
}
