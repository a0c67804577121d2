//! From connection text to open sessions: what libpq does before the first query, done here so that `psql` and Tithe
//! understand the same URLs, environment variables, password files and certificates.
//!
//! Owns: reading and redacting connection text ([`ConnectInfo`]), opening one session ([`Connector`]), and a capped
//! pool ([`Pool`]). Does not: decide what a session may do (the caller's session settings), retry a run, or look at any
//! catalog. Invariant: passwords are reachable through [`ConnectInfo::libpq_env`] and [`ConnectInfo::url_for_child`]
//! only, never through `Debug`, `Display` or an error.
//!
//! ```text
//! text ──parse──▶ parameters ─┐
//! service file, environment ──┼─info──▶ ConnectInfo ──connector──▶ one address, TLS or not ──▶ session
//! password file, OS user ─────┘                                      └──────pool──────▶ at most N of them
//! ```

mod connector;
mod info;
mod params;
mod parse;
mod passfile;
mod pool;
mod render;
mod tls;

#[cfg(test)]
mod tests;

pub use connector::{Connector, Session};
/// A session that goes back to its pool when it is dropped.
pub use deadpool_postgres::Object as PooledSession;
pub use info::{ConnectInfo, Host, HostEntry, SslMode};
pub use pool::Pool;
pub use render::LIBPQ_VARIABLES;
pub use tokio_postgres::Client;
