//! A database for one test.

use std::sync::atomic::{AtomicU32, Ordering};

use tithe::demo::Throwaway;

/// A database with a name of its own, dropped with the value (and with it `<name>__next` and `<name>__prev`).
pub(crate) struct TestDb {
    server: &'static Throwaway,
    name: String,
}

impl TestDb {
    /// Makes an empty database `<name>_<number>`.
    pub(crate) fn on(server: &'static Throwaway, name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{name}_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        server.query_text("postgres", &format!("CREATE DATABASE {} TEMPLATE template0", quoted(&name))).unwrap();
        super::note_server_used(&server.query_text("postgres", "SHOW server_version").unwrap().unwrap());
        Self { server, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For `--from` and `--to`.
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Runs a batch of statements; several statements are one transaction unless they say otherwise.
    pub(crate) fn execute(&self, sql: &str) {
        self.query_text(sql);
    }

    /// The first column of the first row, as text.
    pub(crate) fn query_text(&self, sql: &str) -> Option<String> {
        self.try_query_text(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// As [`query_text`](Self::query_text), where the server may refuse.
    pub(crate) fn try_query_text(&self, sql: &str) -> tithe::error::Result<Option<String>> {
        self.server.query_text(&self.name, sql)
    }

    /// As [`query_text`](Self::query_text), where neither no row nor NULL is an answer.
    pub(crate) fn query_one_text(&self, sql: &str) -> String {
        self.query_text(sql).unwrap_or_else(|| panic!("no answer to: {sql}"))
    }

    /// A session, for tests that need a transaction or a lock of their own; it ends with the runtime or the client.
    pub(crate) async fn connect(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        for suffix in ["", "__next", "__prev"] {
            let name = quoted(&format!("{}{suffix}", self.name));
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            // A panic while another is under way would abort the process.
            let _ = self.server.query_text("postgres", &statement);
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
