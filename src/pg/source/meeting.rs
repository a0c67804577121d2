//! Whether a run's sessions are what they seem: each a session of its own, all of one server. Asked before anything is set,
//! since behind a pooler in transaction mode a setting would stay with whoever is served next.

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::{Error, ErrorKind, Result};
use crate::pg::connect::Connector;
use crate::pg::errors::SAME_SERVER;

/// Which server process answers, and since when its server runs.
#[derive(PartialEq)]
struct Answerer {
    pid: String,
    started: String,
}

/// Refuses a pooler in transaction mode, and an address that leads to several servers.
///
/// # Errors
/// `Source`
pub(super) async fn check(one: &Client, other: &Client, connector: &Connector) -> Result<()> {
    let refuse = |what: &str| {
        Err(Error::new(ErrorKind::Source, format!("{}: {what}", connector.info())).with_remedy(SAME_SERVER))
    };
    // Again, since somebody else may have come between.
    for _ in 0..2 {
        let before = ask(one, "", connector).await?;
        // A pooler lends the other one the process that has just become free, and keeps it there until the transaction ends.
        let meanwhile = ask(other, "BEGIN READ ONLY", connector).await?;
        let after = ask(one, "", connector).await?;
        other.batch_execute("ROLLBACK").await.map_err(|e| connector.fail("end a transaction", e))?;
        if before.started != meanwhile.started {
            return refuse("two sessions reached two servers");
        }
        if before == meanwhile || before != after {
            return refuse(
                "a pooler lends server processes for a transaction each, and settings of a run would stay in them",
            );
        }
    }
    Ok(())
}

/// By simple queries: a statement that is prepared may be unknown to the process that answers next.
async fn ask(client: &Client, first: &str, connector: &Connector) -> Result<Answerer> {
    // As a number: texts of times hang on settings, which are not made yet.
    let started = "(extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::int8";
    let sql = format!("{first}; SELECT pg_catalog.pg_backend_pid(), {started}");
    let answer = client.simple_query(sql.trim_start_matches("; ")).await;
    let rows = answer.map_err(|e| connector.fail("ask which server process answers", e))?;
    let row = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |at| row.and_then(|row| row.get(at)).unwrap_or_default().to_owned();
    Ok(Answerer { pid: text(0), started: text(1) })
}
