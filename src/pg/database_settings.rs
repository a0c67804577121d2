//! The source database's own settings, as SQL for another one.

use tokio_postgres::Client;

use super::connect::Connector;
use super::quote::{ident, literal};
use crate::error::Result;

/// Settings of lists of names, which are stored as `SET` prints them (`GUC_LIST_QUOTE` in PostgreSQL's source).
const LIST_SETTINGS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Settings on which it depends what a query gives.
const OF_RESULTS: &[&str] = &[
    "bytea_output",
    "datestyle",
    "default_text_search_config",
    "extra_float_digits",
    "intervalstyle",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "search_path",
    "timezone",
    "xmlbinary",
    "xmloption",
];

/// A setting of the source database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSetting {
    /// Its name.
    pub name: String,
    /// Its value as SQL. `None`: it stays behind, since settings of applications and extensions (`app.key`) are a usual
    /// place for secrets.
    pub value: Option<String>,
}

impl DatabaseSetting {
    fn new(stored: &str) -> Option<Self> {
        let (name, value) = stored.split_once('=')?;
        let value = (!name.contains('.')).then(|| value_sql(name, value));
        Some(Self { name: name.to_owned(), value })
    }

    /// The statement that gives it to a database.
    pub fn for_database(&self, database: &str) -> Option<String> {
        let value = self.value.as_ref()?;
        Some(format!("ALTER DATABASE {} SET {} TO {value}", ident(database), ident(&self.name)))
    }

    /// The statement that lets it hold within a transaction, where it has a say in what queries give.
    pub fn for_transaction(&self) -> Option<String> {
        let value = self.value.as_ref()?;
        let has_say = OF_RESULTS.contains(&self.name.to_lowercase().as_str());
        has_say.then(|| format!("SET LOCAL {} TO {value}", ident(&self.name)))
    }
}

/// The source database's own settings.
///
/// # Errors
/// The source's.
pub async fn database_settings(client: &Client, connector: &Connector) -> Result<Vec<DatabaseSetting>> {
    let sql = "SELECT unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
               WHERE d.datname = current_database() AND s.setrole = 0";
    let rows = client.query(sql, &[]).await.map_err(|e| connector.fail("read the database's settings", e))?;
    Ok(rows.iter().filter_map(|row| DatabaseSetting::new(row.get(0))).collect())
}

/// Every part becomes a literal: `SET … FROM CURRENT` stores any text, so what is stored is no SQL.
fn value_sql(name: &str, stored: &str) -> String {
    if !LIST_SETTINGS.contains(&name.to_lowercase().as_str()) {
        return literal(stored);
    }
    match split_list(stored) {
        Some(parts) if parts.is_empty() => literal(""),
        Some(parts) => parts.iter().map(|part| literal(part)).collect::<Vec<_>>().join(", "),
        None => literal(stored),
    }
}

/// The parts of a list as pg_dump reads them (`SplitGUCList`): quoted or not, commas and white space between.
fn split_list(text: &str) -> Option<Vec<String>> {
    const SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(SPACE);
    while !rest.is_empty() || !parts.is_empty() {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            (part, rest) = split_quoted(quoted)?;
        } else {
            let end = rest.find(|c| c == ',' || SPACE.contains(&c)).unwrap_or(rest.len());
            part = rest[..end].to_owned();
            rest = &rest[end..];
            if part.is_empty() {
                return None;
            }
        }
        parts.push(part);
        rest = rest.trim_start_matches(SPACE);
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(SPACE);
    }
    Some(parts)
}

/// The text up to the closing quote, doubled ones being one, and what follows.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        part.push_str(before);
        let Some(more) = after.strip_prefix('"') else { return Some((part, after)) };
        part.push('"');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_and_quoted_anew() {
        for (stored, wanted) in [
            ("search_path=app, \"$user\", \"Odd \"\"name\"\", so\"", "'app', '$user', 'Odd \"name\", so'"),
            ("search_path=\"\"", "''"),
            ("search_path=", "''"),
            (
                "search_path=public;ALTER/**/ROLE/**/app/**/CREATEROLE;--",
                "'public;ALTER/**/ROLE/**/app/**/CREATEROLE;--'",
            ),
            ("search_path=a; DROP TABLE b", "'a; DROP TABLE b'"),
            ("search_path=it's,\"b", "'it''s,\"b'"),
            ("search_path=a,", "'a,'"),
            ("DateStyle=ISO, DMY", "'ISO, DMY'"),
        ] {
            assert_eq!(DatabaseSetting::new(stored).unwrap().value.as_deref(), Some(wanted), "{stored}");
        }
    }

    #[test]
    fn settings_of_applications_stay_behind() {
        assert_eq!(DatabaseSetting::new("app.key=secret").unwrap().value, None);
    }
}
