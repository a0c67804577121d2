//! Questions about a vault on another machine that change nothing: does it hold what its rows name, and what is in it?

use std::sync::atomic::AtomicBool;

use serde::de::DeserializeOwned;

use super::super::location::SshPlace;
use super::super::verify::{VaultStatus, VaultVerified};
use super::super::wanted::WantedList;
use super::far::{broken, error};
use super::frame::kind;
use super::job::Job;
use super::link::{Link, LinkFault};
use super::ssh::{NoConnection, RemoteSettings, connect};
use crate::error::Result;

/// Longest answer: counts, and the first paths of each finding.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Lets the far side read every wanted file and compare it with its record.
///
/// # Errors
/// `Vault`, or as the far side says.
pub(crate) fn verify(place: &SshPlace, settings: &RemoteSettings, wanted: &WantedList) -> Result<VaultVerified> {
    let mut found: VaultVerified =
        ask(place, settings, kind::VERIFY, |link| Job::for_looking(wanted).send(link, wanted))?;
    found.make_plain();
    Ok(found)
}

/// Lets the far side walk through its folder.
///
/// # Errors
/// `Vault`, or as the far side says.
pub(crate) fn status(place: &SshPlace, settings: &RemoteSettings) -> Result<VaultStatus> {
    ask(place, settings, kind::STATUS, |_| Ok(()))
}

fn ask<T: DeserializeOwned>(
    place: &SshPlace,
    settings: &RemoteSettings,
    question: u8,
    first: impl FnOnce(&Link) -> Result<(), LinkFault>,
) -> Result<T> {
    let connection = connect(settings, place, false).map_err(|error| match error {
        NoConnection::Lost(error) | NoConnection::Never(error) => error,
    })?;
    let link = &connection.link;
    let answer = first(link)
        .and_then(|()| link.ask(question, &[], ANSWER_BYTES_MAX))
        .and_then(|pending| pending.wait(&AtomicBool::new(false)))
        .and_then(|(bytes, _)| serde_json::from_slice(&bytes).map_err(|_| broken()));
    answer.map_err(|fault| error(&place.to_string(), fault))
}
