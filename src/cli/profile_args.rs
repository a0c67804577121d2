//! The command line of `tithe profile …`.

use clap::{Args, Subcommand};

use super::args::{From, LOOK_ROWS};
use super::help;

/// `tithe profile`
#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Tell everything that is wrong with a profile, by itself or against a database
    #[command(after_help = help::PROFILE_CHECK)]
    Check(ProfileCheckArgs),
    /// Write down what the database gained, mark what is gone
    #[command(after_help = help::PROFILE_UPDATE)]
    Update(ProfileUpdateArgs),
    /// Compare two profiles, or a profile and a database
    #[command(after_help = help::PROFILE_DIFF)]
    Diff(ProfileDiffArgs),
    /// Compare a profile's rules with what a few values of the source are; prints no value
    #[command(after_help = help::PROFILE_SCAN)]
    Scan(ProfileScanArgs),
    /// Print the JSON Schema of profiles, for editors
    #[command(after_help = help::PROFILE_SCHEMA)]
    Schema,
}

/// `tithe profile check`
#[derive(Args, Debug)]
pub(super) struct ProfileCheckArgs {
    /// Source; left out: what can be said without a server
    #[arg(long, value_name = "URL", env = "TITHE_FROM", hide_env_values = true)]
    pub(super) from: Option<String>,
    /// Profile: a file, or a name looked up as sampling-profiles/NAME.toml
    #[arg(long, value_name = "NAME|FILE", env = "TITHE_PROFILE")]
    pub(super) profile: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe profile update`
#[derive(Args, Debug)]
pub(super) struct ProfileUpdateArgs {
    #[command(flatten)]
    pub(super) source: From,
    /// Profile: a file, or a name looked up as sampling-profiles/NAME.toml
    #[arg(long, value_name = "NAME|FILE", env = "TITHE_PROFILE")]
    pub(super) profile: String,
    /// Print the difference and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// `tithe profile diff`
#[derive(Args, Debug)]
pub(super) struct ProfileDiffArgs {
    /// Source, to compare one profile with
    #[arg(long, value_name = "URL", env = "TITHE_FROM", hide_env_values = true)]
    pub(super) from: Option<String>,
    /// Two profiles, or one and --from: files, or names looked up as sampling-profiles/NAME.toml
    #[arg(value_name = "NAME|FILE", num_args = 1..=2, required = true)]
    pub(super) profiles: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe profile scan`
#[derive(Args, Debug)]
pub(super) struct ProfileScanArgs {
    #[command(flatten)]
    pub(super) source: From,
    /// Profile: a file, or a name looked up as sampling-profiles/NAME.toml
    #[arg(long, value_name = "NAME|FILE", env = "TITHE_PROFILE")]
    pub(super) profile: String,
    /// Rows of each table whose values are looked at; 0 reads none
    #[arg(long, value_name = "N", default_value_t = LOOK_ROWS, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(super) rows: u32,
    /// Column that may stay as it is, whatever it looks like
    #[arg(long, value_name = "TABLE.COLUMN")]
    pub(super) allow: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}
