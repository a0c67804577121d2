//! Single questions to a vault on another machine: does it hold what its rows name, what is in it, and would it put back
//! what a run replaced and removed?

use std::sync::atomic::AtomicBool;

use serde::de::DeserializeOwned;

use super::super::location::SshPlace;
use super::super::restore::Restored;
use super::super::settle::Version;
use super::super::verify::{VaultStatus, VaultVerified};
use super::super::wanted::WantedList;
use super::far::{broken, error};
use super::frame::kind;
use super::job::{Job, RestoreOrder, restored};
use super::message::Malformed;
use super::push::reach;
use super::ssh::{Connection, NoConnection, RemoteSettings};
use crate::error::Result;

/// Longest answer: counts, and the first paths of each finding.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Lets the far side read every wanted file and compare it with its record.
///
/// # Errors
/// `Vault`, or as the far side says.
pub(crate) fn verify(place: &SshPlace, settings: &RemoteSettings, wanted: &WantedList) -> Result<VaultVerified> {
    let connection = open(place, settings, false)?;
    let sent = Job::for_looking(wanted).send(&connection.link, wanted);
    sent.map_err(|fault| error(&place.to_string(), fault))?;
    let never = AtomicBool::new(false);
    let mut found: VaultVerified = ask(place, &connection, (kind::VERIFY, &[]), json, &never)?;
    found.make_plain();
    Ok(found)
}

/// Lets the far side walk through its folder.
///
/// # Errors
/// `Vault`, or as the far side says.
pub(crate) fn status(place: &SshPlace, settings: &RemoteSettings) -> Result<VaultStatus> {
    ask(place, &open(place, settings, false)?, (kind::STATUS, &[]), json, &AtomicBool::new(false))
}

/// Lets the far side put back what a run did to its files.
///
/// # Errors
/// `Vault`, `Refused` where it only reads, or as the far side says.
pub(crate) fn restore(
    place: &SshPlace,
    settings: &RemoteSettings,
    run_id: &str,
    to: Version,
    stop: &AtomicBool,
) -> Result<Restored> {
    let order = serde_json::to_vec(&RestoreOrder { run_id: run_id.to_owned(), to }).unwrap_or_default();
    ask(place, &open(place, settings, true)?, (kind::RESTORE, &order), restored, stop)
}

fn open(place: &SshPlace, settings: &RemoteSettings, writable: bool) -> Result<Connection> {
    reach(settings, place, writable).map_err(|error| match error {
        NoConnection::Lost(error) | NoConnection::Never(error) => error,
    })
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|_| Malformed)
}

fn ask<T>(
    place: &SshPlace,
    connection: &Connection,
    (question, payload): (u8, &[u8]),
    parse: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    stop: &AtomicBool,
) -> Result<T> {
    let answer = connection.link.ask(question, payload, ANSWER_BYTES_MAX);
    let answer = answer.and_then(|pending| pending.wait(stop));
    let parsed = answer.and_then(|(bytes, _)| parse(&bytes).map_err(|Malformed| broken()));
    parsed.map_err(|fault| error(&place.to_string(), fault))
}
