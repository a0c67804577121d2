//! From arguments and environment to what the engine takes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::args::{Choice, DurabilityChoice, Limits, RemoteOptions, VaultOptions};
use crate::digest::MaskKey;
use crate::engine::{PATIENCE, SourceRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::connect::ConnectInfo;
use crate::pg::errors::Side;
use crate::plan;
use crate::profile::Profile;
use crate::vault::{self, Durability, Location, RemoteSettings, StoreSettings};

/// A moment and the id made of it.
#[derive(Clone, Debug)]
pub(super) struct RunId {
    /// Sorts by time, unique by its random end.
    pub(super) id: String,
    /// ISO 8601, to the second.
    pub(super) started_at: String,
}

impl RunId {
    pub(super) fn new() -> Self {
        Self::at(Timestamp::now(), &uuid::Uuid::new_v4().simple().to_string())
    }

    /// Two runs of one second sort by their milliseconds: a rollback asks which of two runs was the later one.
    fn at(now: Timestamp, random: &str) -> Self {
        let begin = now.strftime("%Y%m%dT%H%M%SZ");
        let id = format!("{begin}-{:03x}{random:.3}", now.subsec_millisecond());
        Self { id, started_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }
}

/// Parses a connection text.
pub(super) fn connect_info(text: &str, side: Side) -> Result<ConnectInfo> {
    ConnectInfo::parse(text, side, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Finds and reads a profile: a file, else `sampling-profiles/NAME.toml` here.
pub(super) fn profile(written: &str) -> Result<Profile> {
    Profile::read(&profile_path(written)?)
}

/// Finds a profile's file.
pub(super) fn profile_path(written: &str) -> Result<PathBuf> {
    let direct = PathBuf::from(written);
    let named = Path::new("sampling-profiles").join(format!("{written}.toml"));
    let looks_like_name = !written.contains(['/', '\\', '.']);
    if direct.is_file() || !looks_like_name {
        return Ok(direct);
    }
    if named.is_file() {
        return Ok(named);
    }
    Err(Error::new(
        ErrorKind::Profile,
        format!("find profile {written:?}: neither a file of that name nor {} is there", named.display()),
    )
    .with_remedy("give --profile a file, or write one with `tithe init`"))
}

/// What a command needs of the source.
pub(super) fn source_request(from: &str, choice: &Choice, limits: &Limits, run: &RunId) -> Result<SourceRequest> {
    let run_time = match &choice.as_of {
        None => run.started_at.clone(),
        Some(text) => text.parse::<Timestamp>().map(|time| time.to_string()).map_err(|cause| {
            Error::new(ErrorKind::Usage, format!("--as-of {text:?} is not a time"))
                .with_cause(cause)
                .with_remedy("write it like 2026-06-01T00:00:00Z")
        })?,
    };
    if let Some(percent) = choice.percent
        && !(percent > 0.0 && percent <= 100.0)
    {
        return Err(Error::new(ErrorKind::Usage, format!("--percent {percent} is outside 0 to 100"))
            .with_remedy("give a share above 0 and up to 100"));
    }
    Ok(SourceRequest {
        from: connect_info(from, Side::Source)?,
        profile: profile(&choice.profile)?,
        options: plan::Options { percent: choice.percent, rows: choice.rows, seed: choice.seed.clone(), run_time },
        jobs: usize::from(limits.jobs),
        literal_keys_max: limits.literal_keys_max,
        run_id: run.id.clone(),
        lock_timeout: Duration::from_secs_f64(limits.lock_timeout),
        patience: PATIENCE,
    })
}

/// For a look at the source by way of a profile: no run, no rows.
pub(super) fn look_request(from: &str, profile_name: &str, run: &RunId) -> Result<SourceRequest> {
    Ok(SourceRequest {
        from: connect_info(from, Side::Source)?,
        profile: profile(profile_name)?,
        options: plan::Options { percent: None, rows: None, seed: None, run_time: run.started_at.clone() },
        jobs: 1,
        literal_keys_max: crate::closure::LITERAL_KEYS_MAX,
        run_id: run.id.clone(),
        lock_timeout: Duration::from_secs(10),
        patience: PATIENCE,
    })
}

/// How other machines are reached.
pub(super) fn remote(options: &RemoteOptions) -> Result<RemoteSettings> {
    let silence_max = Duration::from_secs_f64(options.peer_timeout.max(1.0));
    RemoteSettings::new(&options.ssh, &options.remote_tithe, silence_max)
}

/// How files are to be moved; `None` where no folders are named.
pub(super) fn vault_settings(
    options: &VaultOptions,
    missing_percent: f64,
    run: &RunId,
) -> Result<Option<vault::Settings>> {
    let (source, target) = match (&options.vault_from, &options.vault_to) {
        (None, None) => return Ok(None),
        (Some(source), Some(target)) => (source.parse::<Location>()?, target.parse::<Location>()?),
        _ => {
            return Err(Error::new(ErrorKind::Usage, "--vault-from and --vault-to go together")
                .with_remedy("name both folders, or say --no-vault"));
        }
    };
    Ok(Some(vault::Settings {
        source,
        target,
        remote: remote(&options.remote)?,
        store: store(),
        state: state_of_vaults(),
        run_id: run.id.clone(),
        jobs: usize::from(options.vault_jobs),
        bytes_per_second: options.bwlimit,
        durability: match options.durability {
            DurabilityChoice::Batch => Durability::Batch,
            DurabilityChoice::Each => Durability::Each,
            DurabilityChoice::Readback => Durability::Readback,
            DurabilityChoice::Off => Durability::Off,
        },
        adopt: options.adopt,
        overwrite: options.overwrite_local,
        paranoid: options.paranoid,
        missing_percent,
        keep_trash: Duration::from_secs(u64::from(options.keep_trash) * 86_400),
    }))
}

/// What the environment says of object stores.
pub(super) fn store() -> StoreSettings {
    StoreSettings::of(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Where it is remembered what folders hold, if there is such a place.
pub(super) fn state_of_vaults() -> Option<std::path::PathBuf> {
    super::state::vaults().ok()
}

/// The masking secret, from the environment only.
pub(super) fn mask_key() -> Result<Option<MaskKey>> {
    match std::env::var("TITHE_KEY") {
        Ok(secret) if !secret.is_empty() => MaskKey::from_secret(&secret).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_second_sort_by_time() {
        let at = |text: &str, random| RunId::at(text.parse().unwrap(), random);
        let (one, other) = (at("2026-11-21T07:42:10.007Z", "ffffff"), at("2026-11-21T07:42:10.700Z", "000000"));
        let next = at("2026-11-21T07:42:11Z", "000000");
        assert_eq!(other.id, "20261121T074210Z-2bc000");
        assert!(one.id < other.id && other.id < next.id);
        assert_eq!(other.started_at, "2026-11-21T07:42:10Z");
    }
}
