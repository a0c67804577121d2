//! Starting the other side through the system's ssh.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::location::SshPlace;
use super::frame::{HELLO_BYTES, Hello, HelloFault};
use super::link::{Inbox, Link, LinkFault};
use super::message::{plain, sentence};
use crate::error::{Error, ErrorKind as Kind, Result};

/// What ssh says is kept up to here.
const WORDS_BYTES_MAX: u64 = 4096;
/// How long the other side may take to end by itself: it writes down what it learned.
const FAREWELL: Duration = Duration::from_secs(3);

/// How to reach other machines.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// The ssh program and options of its own.
    pub ssh: Vec<String>,
    /// The program on the other machine, as its shell is to read it.
    pub remote_tithe: String,
    /// A connection on which nothing is heard for so long is given up.
    pub silence_max: Duration,
}

impl RemoteSettings {
    /// Out of a command as one types it: words, with quotes where a word has spaces.
    ///
    /// # Errors
    /// `Usage` for an open quote or nothing at all.
    pub fn new(ssh: &str, remote_tithe: &str, silence_max: Duration) -> Result<Self> {
        let ssh = words(ssh).filter(|words| !words.is_empty()).ok_or_else(|| {
            Error::new(Kind::Usage, "--ssh is no command").with_remedy("write it like --ssh 'ssh -i KEY'")
        })?;
        Ok(Self { ssh, remote_tithe: remote_tithe.to_owned(), silence_max })
    }
}

fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// What the other machine's shell is to run. Nothing but the root comes from the command line; no row has a say.
fn remote_command(remote_tithe: &str, root: &str, writable: bool) -> String {
    let root = format!("'{}'", root.replace('\'', r"'\''"));
    let writable = if writable { " --writable" } else { "" };
    format!("{remote_tithe} vault serve --stdio{writable} --root={root}")
}

/// The process, ended with its connection.
struct Process(Mutex<Child>);

impl Process {
    fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Lets it end by itself first, its input being closed.
    fn part(&self) {
        let until = Instant::now() + FAREWELL;
        while Instant::now() < until {
            let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            if !matches!(ended, Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }
}

/// A connection to another machine and the process that carries it.
pub(crate) struct Connection {
    pub(crate) link: Arc<Link>,
    /// What the other side asks of this one; taken by who serves it.
    pub(crate) inbox: Option<Inbox>,
    pub(crate) hello: Hello,
    process: Arc<Process>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.close();
        self.process.part();
        self.link.end(LinkFault::Lost("closed".to_owned()));
    }
}

/// Why there is no connection.
pub(crate) enum NoConnection {
    /// Another try may do.
    Lost(Error),
    /// It will not.
    Never(Error),
}

/// Connects and exchanges hellos.
pub(crate) fn connect(settings: &RemoteSettings, place: &SshPlace, writable: bool) -> Result<Connection, NoConnection> {
    let failed = |text: String| Error::new(Kind::Vault, format!("reach the vault {place}: {text}"));
    let [program, options @ ..] = settings.ssh.as_slice() else {
        return Err(NoConnection::Never(failed("no ssh command".to_owned())));
    };
    let mut command = Command::new(program);
    command.args(options);
    if program == "ssh" || program.ends_with("/ssh") {
        // Images do not get smaller, and the other side needs neither terminal nor agent.
        command.args(["-T", "-a", "-x", "-o", "Compression=no"]);
    }
    if let Some(port) = place.port {
        command.arg("-p").arg(port.to_string());
    }
    command.arg(&place.host).arg(remote_command(&settings.remote_tithe, &place.path, writable));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|cause| {
        NoConnection::Never(
            failed(format!("start {program:?}"))
                .with_cause(cause)
                .with_remedy("install an ssh client, or name one with --ssh"),
        )
    })?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let said = listen(child.stderr.take());
    let process = Arc::new(Process(Mutex::new(child)));
    let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
        process.kill();
        return Err(NoConnection::Never(failed("no pipes".to_owned())));
    };
    match greet(stdin, stdout, settings.silence_max, writable) {
        Ok((stdin, stdout, hello)) => {
            let killed = Arc::clone(&process);
            let (link, inbox) = Link::start(stdout, stdin, settings.silence_max, Box::new(move || killed.kill()));
            Ok(Connection { link, inbox: Some(inbox), hello, process })
        }
        Err((text, again)) => {
            process.kill();
            let said = said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
            let error = match refusal(&said).filter(|_| again) {
                // Both ssh and tithe work there: what is wrong is what that one says.
                Some((what, remedy)) => {
                    failed(format!("the tithe there says: {}", sentence(what))).with_remedy(sentence(remedy))
                }
                None => {
                    let said = sentence(&said);
                    failed(if said.is_empty() { text } else { format!("{text}: {said}") }).with_remedy(format!(
                        "try `{program} {} true`; there must be a tithe of this version there (--remote-tithe PATH)",
                        place.host
                    ))
                }
            };
            Err(if again { NoConnection::Lost(error) } else { NoConnection::Never(error) })
        }
    }
}

/// Exchanges hellos; otherwise tells why not, and whether another try may do.
pub(super) fn greet<W: Write + Send + 'static, R: Read + Send + 'static>(
    mut stdin: W,
    mut stdout: R,
    silence_max: Duration,
    writable: bool,
) -> Result<(W, R, Hello), (String, bool)> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; HELLO_BYTES];
        let greeted = stdin
            .write_all(&Hello { writable }.bytes())
            .and_then(|()| stdin.flush())
            .and_then(|()| stdout.read_exact(&mut bytes));
        let _ = tell.send(greeted.map(|()| (stdin, stdout, bytes)));
    });
    match told.recv_timeout(silence_max) {
        Ok(Ok((stdin, stdout, bytes))) => match Hello::parse(&bytes) {
            Ok(hello) => Ok((stdin, stdout, hello)),
            Err(HelloFault::Version(version)) => {
                Err((format!("it speaks version {version} of the protocol, this side another"), false))
            }
            Err(HelloFault::Frames) => Err(("its frames are too small".to_owned(), false)),
            Err(HelloFault::Stranger) => {
                let start = plain(&String::from_utf8_lossy(&bytes));
                Err((format!("something else than tithe answered (\"{start}\"): does a login script print?"), false))
            }
        },
        Ok(Err(error)) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => {
            Err(("it ended before it said hello".to_owned(), true))
        }
        Ok(Err(error)) => Err((error.to_string(), true)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err((format!("the other side said nothing for {} s", silence_max.as_secs()), true))
        }
    }
}

/// What a tithe says when it ends with an error, and what to do about it. A shell that finds no tithe may begin its
/// line like this one, but has no second one.
fn refusal(said: &str) -> Option<(&str, &str)> {
    let start = if said.starts_with("tithe: ") { 0 } else { said.find("\ntithe: ")? + 1 };
    said[start..].strip_prefix("tithe: ")?.split_once("\n       ")
}

/// What ssh or the other side say beside the protocol, as it is.
fn listen(stderr: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut stderr) = stderr else { return };
        let mut bytes = Vec::new();
        let _ = stderr.by_ref().take(WORDS_BYTES_MAX).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = tell.send(text.trim().to_owned());
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_comes_apart_as_typed() {
        assert_eq!(
            words("ssh -i 'my key'  -o \"A=b c\""),
            Some(["ssh", "-i", "my key", "-o", "A=b c"].map(str::to_owned).to_vec())
        );
        assert_eq!(words("ssh 'open"), None);
        assert!(RemoteSettings::new(" ", "tithe", Duration::from_secs(1)).is_err());
    }

    #[test]
    fn a_tithe_that_refuses_is_no_shell_that_finds_none() {
        let said = "Welcome!\ntithe: open /x: No such file or directory (os error 2)\n       check the path";
        assert_eq!(refusal(said), Some(("open /x: No such file or directory (os error 2)", "check the path")));
        assert_eq!(refusal(&said[9..]), refusal(said));
        for other in ["", "tithe: Command not found.", "sh: 1: tithe: not found\n       x", "error: no such option"] {
            assert_eq!(refusal(other), None, "{other}");
        }
    }

    #[test]
    fn the_root_is_one_word_for_any_shell() {
        assert_eq!(
            remote_command("tithe", "/srv/a b'; rm -rf $HOME", true),
            r"tithe vault serve --stdio --writable --root='/srv/a b'\''; rm -rf $HOME'"
        );
    }
}
