//! The built program, run as a user would, in an environment that holds nothing of ours.

use std::process::{Command, Stdio};

use super::servers;

/// Long enough for any test's run on a slow machine; a hang must end as a failure.
const LIMIT_SECONDS: &str = "300";

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; -1 after a signal.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The same, when the code is this; otherwise a panic with all that was printed.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A home folder: runs made in the same home find each other's reports.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        // Inside a server's folder, which is removed even after kill -9.
        let dir = tempfile::Builder::new().prefix("home-").tempdir_in(servers().source.socket_dir()).unwrap();
        Self { dir }
    }

    /// The program with these arguments, not yet started; nothing of our environment but `PATH` reaches it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tithe"));
        command.args(arguments).env_clear().current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).env("XDG_STATE_HOME", self.dir.path().join("state"));
        // What a killed run leaves in it goes with the home.
        command.env("TMPDIR", self.dir.path());
        command.env("TITHE_KEY", "a key for tests, 32 bytes at least");
        command
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Runs the program to its end.
    pub(crate) fn tithe(&self, arguments: &[&str]) -> Ran {
        Self::run(self.command(arguments))
    }

    /// Runs a prepared command to its end.
    pub(crate) fn run(command: Command) -> Ran {
        let mut limited = Command::new("timeout");
        limited.args(["--kill-after=10", LIMIT_SECONDS]).arg(command.get_program()).args(command.get_args());
        limited.env_clear().stdin(Stdio::null());
        limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(dir) = command.get_current_dir() {
            limited.current_dir(dir);
        }
        let output = limited.output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The prepared command at a terminal of its own, which passes on what is typed; it ends after a minute.
pub(crate) fn at_a_terminal(inner: &Command, home: &Home) -> Command {
    let words: Vec<String> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\\''")))
        .collect();
    let mut command = Command::new("timeout");
    command.args(["60", "script", "-qec", &words.join(" "), "/dev/null"]).env_clear().current_dir(home.path());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Runs the program to its end in a home that goes with it: for commands that leave nothing to find again.
pub(crate) fn tithe(arguments: &[&str]) -> Ran {
    Home::new().tithe(arguments)
}
