//! The command line as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::help;
use super::profile_args::ProfileCommand;

/// A small, consistent, anonymized share of a production PostgreSQL database, landed safely where developers work.
#[derive(Debug, Parser)]
#[command(name = "tithe", version, max_term_width = 110, arg_required_else_help = true, after_help = help::PROGRAM)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// Everywhere.
    #[command(flatten)]
    pub(super) global: Global,
}

/// Options of every command.
#[derive(Args, Debug)]
pub(super) struct Global {
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Append what happens to this file, a line each with time and run
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) log: Option<PathBuf>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start two throw-away servers, fill a production, sample 10 %, show the report
    #[command(after_help = help::DEMO)]
    Demo(DemoArgs),
    /// Write a commented profile for a database
    #[command(after_help = help::INIT)]
    Init(InitArgs),
    /// Check a profile, bring it up to date, compare it, look for what it misses
    #[command(after_help = help::PROFILE)]
    Profile {
        /// What to do
        #[command(subcommand)]
        command: ProfileCommand,
    },
    /// Show what a run would do, with exact numbers; moves nothing
    #[command(after_help = help::PLAN)]
    Plan(PlanArgs),
    /// Take the sample: choose, copy, mask, prove, swap
    #[command(after_help = help::SAMPLE)]
    Sample(Box<SampleArgs>),
    /// Check a target against its run's report, and against the source where it still has the rows
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Show a past run's report: as text, as a page for the browser, as a signed attestation
    #[command(after_help = help::REPORT)]
    Report(ReportArgs),
    /// Swap the previous database back
    #[command(after_help = help::ROLLBACK)]
    Rollback(RollbackArgs),
    /// Draw the graph of references, tables coloured by mode
    #[command(after_help = help::GRAPH)]
    Graph(GraphArgs),
    /// Tell which references brought a row into the sample
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Move the files that rows name, without the rows
    #[command(after_help = help::VAULT)]
    Vault {
        /// What to do
        #[command(subcommand)]
        command: VaultCommand,
    },
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    #[command(after_help = help::MAN)]
    Man,
}

/// The source.
#[derive(Args, Debug)]
pub(super) struct From {
    /// Source: URL, keywords (host=... dbname=...) or database name; PG* variables and .pgpass apply
    #[arg(long, value_name = "URL", env = "TITHE_FROM", hide_env_values = true)]
    pub(super) from: String,
}

/// The target.
#[derive(Args, Debug)]
pub(super) struct To {
    /// Target: URL, keywords or database name; the database is replaced as a whole
    #[arg(long, value_name = "URL", env = "TITHE_TO", hide_env_values = true)]
    pub(super) to: String,
}

/// The profile and what overrides it.
#[derive(Args, Debug)]
pub(super) struct Choice {
    /// Profile: a file, or a name looked up as sampling-profiles/NAME.toml
    #[arg(long, value_name = "NAME|FILE", env = "TITHE_PROFILE")]
    pub(super) profile: String,
    /// Share of the root rows, above 0 to 100
    #[arg(long, value_name = "P", conflicts_with = "rows")]
    pub(super) percent: Option<f64>,
    /// Number of root rows
    #[arg(long, value_name = "N")]
    pub(super) rows: Option<u64>,
    /// Seed of the draw; the same seed draws the same rows
    #[arg(long, value_name = "TEXT")]
    pub(super) seed: Option<String>,
    /// Time that stands for {run_time} in predicates (ISO 8601; default: now)
    #[arg(long, value_name = "TIME")]
    pub(super) as_of: Option<String>,
}

/// How hard to work.
#[derive(Args, Debug)]
pub(super) struct Limits {
    /// Tables, partitions and parts of large tables read at the same time; limits the sessions on either side
    #[arg(long, short, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: u16,
    /// Memory for key sets; a single row may take half of it
    #[arg(long, value_name = "SIZE", default_value = "512MB", value_parser = bytes)]
    pub(super) memory: u64,
    /// Largest key list written into a query; larger sets are asked for by predicate
    #[arg(long, value_name = "N", hide = true, default_value_t = crate::closure::LITERAL_KEYS_MAX)]
    pub(super) literal_keys_max: u64,
    /// Longest wait for a table's lock on the source
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub(super) lock_timeout: f64,
}

/// One lane per core up to four: a production server has other things to do.
fn default_jobs() -> u16 {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4)) as u16
}

/// `tithe demo`
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Size of the production: 1 is about 200 MB
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub(super) scale: f64,
    /// Stop the servers and remove the data at the end
    #[arg(long)]
    pub(super) no_keep: bool,
}

/// `tithe init`
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    #[command(flatten)]
    pub(super) source: From,
    /// Root table; found by itself where not given
    #[arg(long, value_name = "TABLE")]
    pub(super) root: Option<String>,
    /// File to write; must not exist. Standard output where not given
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Rows of each table whose values are looked at; 0 reads none
    #[arg(long, value_name = "N", default_value_t = LOOK_ROWS, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(super) rows: u32,
}

/// Rows of a table that show what its columns hold.
pub(super) const LOOK_ROWS: u32 = 500;

/// `tithe plan`
#[derive(Args, Debug)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) source: From,
    #[command(flatten)]
    pub(super) choice: Choice,
    #[command(flatten)]
    pub(super) limits: Limits,
    /// Count rows (default); --no-exact only estimates and reads no table
    #[arg(long, overrides_with = "no_exact")]
    pub(super) exact: bool,
    /// Estimate from statistics instead of counting
    #[arg(long)]
    pub(super) no_exact: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe sample`
#[derive(Args, Debug)]
pub(super) struct SampleArgs {
    #[command(flatten)]
    pub(super) source: From,
    #[command(flatten)]
    pub(super) target: To,
    #[command(flatten)]
    pub(super) choice: Choice,
    #[command(flatten)]
    pub(super) limits: Limits,
    /// Read at most this many bytes of rows and keys per second
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(super) max_rate: Option<u64>,
    /// Largest heap read by one statement; larger tables are read in ranges of pages
    #[arg(long, value_name = "SIZE", hide = true, default_value_t = crate::engine::RANGE_BYTES, value_parser = bytes)]
    pub(super) range_bytes: u64,
    /// End when another session waited this long for a lock of ours on the source
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub(super) yield_to_ddl: f64,
    /// Do not ask before an existing target is replaced
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Leave the files where they are
    #[arg(long)]
    pub(super) no_vault: bool,
    #[command(flatten)]
    pub(super) vault: VaultOptions,
    /// Write the report as a page for the browser
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write an attestation, signed where TITHE_SIGN_KEY names an Ed25519 key in PEM
    #[arg(long, value_name = "FILE")]
    pub(super) attest: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Where files are, and how they are moved.
#[derive(Args, Debug)]
#[command(next_help_heading = "Files")]
pub(super) struct VaultOptions {
    /// Folder that the files come from, here, as [USER@]HOST:DIR or as s3://BUCKET/DIR; it is only read
    #[arg(long, value_name = "DIR|URL", env = "TITHE_VAULT_FROM")]
    pub(super) vault_from: Option<String>,
    /// Folder that the files go to, here, as [USER@]HOST:DIR or as s3://BUCKET/DIR
    #[arg(long, value_name = "DIR|URL", env = "TITHE_VAULT_TO")]
    pub(super) vault_to: Option<String>,
    #[command(flatten)]
    pub(super) remote: RemoteOptions,
    /// Threads that read and write files
    #[arg(long, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) vault_jobs: u16,
    /// Read at most this many bytes of files per second
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(super) bwlimit: Option<u64>,
    /// When files are forced to the disk: a batch at a time, each by itself, a batch and read back from it, never
    #[arg(long, value_enum, default_value_t = DurabilityChoice::Batch)]
    pub(super) durability: DurabilityChoice,
    /// Take a target folder that holds other files already; they are never touched
    #[arg(long)]
    pub(super) adopt: bool,
    /// Replace files of the target that differ and are not Tithe's
    #[arg(long)]
    pub(super) overwrite_local: bool,
    /// Read every file again instead of believing remembered hashes
    #[arg(long)]
    pub(super) paranoid: bool,
    /// Remove up to N files without being asked, and no more
    #[arg(long, value_name = "N")]
    pub(super) yes_remove: Option<u64>,
    /// Days for which replaced and removed files are kept
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub(super) keep_trash: u16,
}

/// How other machines are reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "Files")]
pub(super) struct RemoteOptions {
    /// Program and options that reach other machines
    #[arg(long, value_name = "COMMAND", env = "TITHE_SSH", default_value = "ssh")]
    pub(super) ssh: String,
    /// The tithe of the other machine, as its shell is to read it
    #[arg(long, value_name = "PATH", default_value = "tithe")]
    pub(super) remote_tithe: String,
    /// Give a connection up on which nothing was heard for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub(super) peer_timeout: f64,
}

/// When files are forced to the disk.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum DurabilityChoice {
    Batch,
    Each,
    Readback,
    Off,
}

/// `tithe vault`
#[derive(Debug, Subcommand)]
pub(super) enum VaultCommand {
    /// Show what a sync would bring and remove; touches nothing
    Plan(VaultMoveArgs),
    /// Bring what is missing, then remove what Tithe brought and nobody names any more
    Sync(VaultMoveArgs),
    /// Show what is in a vault
    Status(VaultStatusArgs),
    /// Check that rows and files agree, reading every file
    Verify(VaultVerifyArgs),
    /// Serve a folder to a tithe on another machine; started by ssh
    Serve(VaultServeArgs),
}

/// Which files.
#[derive(Args, Debug)]
pub(super) struct FileList {
    /// Landed database whose rows name the files
    #[arg(long, value_name = "URL", env = "TITHE_TO", hide_env_values = true)]
    pub(super) to: Option<String>,
    /// Profile with [[vault.files]]
    #[arg(long, value_name = "NAME|FILE", env = "TITHE_PROFILE")]
    pub(super) profile: Option<String>,
    /// Paths instead, one a line
    #[arg(long, value_name = "FILE")]
    pub(super) files_from: Option<PathBuf>,
}

/// `tithe vault plan` and `tithe vault sync`
#[derive(Args, Debug)]
pub(super) struct VaultMoveArgs {
    #[command(flatten)]
    pub(super) list: FileList,
    #[command(flatten)]
    pub(super) vault: VaultOptions,
    /// Share of the files of --files-from that may be missing, in percent [default: 0; a profile states its own]
    #[arg(long, value_name = "PERCENT", requires = "files_from", value_parser = percent)]
    pub(super) missing_percent: Option<f64>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe vault status`
#[derive(Args, Debug)]
pub(super) struct VaultStatusArgs {
    /// The vault: a folder here, as [USER@]HOST:DIR or as s3://BUCKET/DIR
    #[arg(long, value_name = "DIR|URL", env = "TITHE_VAULT_TO")]
    pub(super) vault_to: String,
    #[command(flatten)]
    pub(super) remote: RemoteOptions,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe vault verify`
#[derive(Args, Debug)]
pub(super) struct VaultVerifyArgs {
    #[command(flatten)]
    pub(super) list: FileList,
    /// The vault: a folder here, as [USER@]HOST:DIR or as s3://BUCKET/DIR
    #[arg(long, value_name = "DIR|URL", env = "TITHE_VAULT_TO")]
    pub(super) vault_to: String,
    #[command(flatten)]
    pub(super) remote: RemoteOptions,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe vault serve`
#[derive(Args, Debug)]
pub(super) struct VaultServeArgs {
    /// Speak over standard input and output; there is no other way yet
    #[arg(long, required = true)]
    pub(super) stdio: bool,
    /// The folder; nothing outside it is read or written
    #[arg(long, value_name = "DIR")]
    pub(super) root: PathBuf,
    /// Let the other side put files there
    #[arg(long)]
    pub(super) writable: bool,
    /// Threads that read and write files
    #[arg(long, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) vault_jobs: u16,
    /// Give a connection up on which nothing was heard for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub(super) peer_timeout: f64,
}

/// `tithe verify`
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) target: To,
    /// Source, to compare with; left out: the target is checked against its report only
    #[arg(long, value_name = "URL", env = "TITHE_FROM", hide_env_values = true)]
    pub(super) from: Option<String>,
    /// Profile, for the checks that need the source
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) profile: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `tithe report`
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// The run: its id, the beginning of it, or a report's file; left out: the latest run
    #[arg(value_name = "RUN")]
    pub(super) run: Option<String>,
    /// Write a page for the browser; - for standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(super) html: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write an attestation, signed where TITHE_SIGN_KEY names an Ed25519 key in PEM; - for standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["html", "json"])]
    pub(super) attest: Option<PathBuf>,
    /// Check an attestation: unchanged, signed with --public-key, and as the run's report says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["html", "json", "attest"])]
    pub(super) check: Option<PathBuf>,
    /// Public key in PEM that --check wants the signature of
    #[arg(long, value_name = "PEM", requires = "check")]
    pub(super) public_key: Option<PathBuf>,
}

/// `tithe rollback`
#[derive(Args, Debug)]
pub(super) struct RollbackArgs {
    #[command(flatten)]
    pub(super) target: To,
    /// Leave the files as they are
    #[arg(long)]
    pub(super) no_vault: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) remote: RemoteOptions,
}

/// `tithe graph`
#[derive(Args, Debug)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    pub(super) source: From,
    /// Profile; without one the tables are not coloured
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) profile: Option<String>,
    /// Graphviz, a picture, or Mermaid
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub(super) format: GraphFormat,
}

/// Languages of `tithe graph`: Graphviz, a picture, Mermaid.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum GraphFormat {
    Dot,
    Svg,
    Mermaid,
}

/// `tithe explain`
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    pub(super) source: From,
    #[command(flatten)]
    pub(super) choice: Choice,
    /// Table
    pub(super) table: String,
    /// Key; several columns separated by commas
    pub(super) key: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `512MB`, `1.5GB`, `100kB`, or a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err("a size is a number with kB, MB or GB".to_owned()),
    };
    let number: f64 = number.trim().parse().map_err(|_| "a size is a number with kB, MB or GB".to_owned())?;
    if number.is_finite() && number > 0.0 && number * factor < 1e15 {
        Ok((number * factor) as u64)
    } else {
        Err("outside the range of sizes".to_owned())
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..=86_400.0).contains(&value) => Ok(value),
        _ => Err("a number of seconds, 0 to 86400".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 100".to_owned()),
    }
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=100.0).contains(&value) => Ok(value),
        _ => Err("a number from 0.01 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("512MB"), Ok(512 << 20));
        assert_eq!(bytes("1.5 GB"), Ok(3 << 29));
        assert_eq!(bytes("100"), Ok(100));
        assert!(bytes("-1MB").is_err() && bytes("1TB").is_err() && bytes("").is_err());
    }
}
