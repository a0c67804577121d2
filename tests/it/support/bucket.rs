//! A real S3 server of this machine, and a proxy in front of it that counts requests and breaks answers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

pub(crate) const KEY: &str = "AKIATITHETESTKEY";
pub(crate) const SECRET: &str = "a-secret-that-nobody-may-print";
pub(crate) const BUCKET: &str = "vault-tests";

/// One request, as the proxy saw it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Lower-case names.
    pub(crate) head: String,
}

/// What the proxy does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breakage {
    /// Passes it on.
    None,
    /// Answers 503 in the store's place.
    Unavailable,
    /// Answers 403 in the store's place.
    Deny,
    /// Closes the connection after so many bytes of the answer's body.
    CutAfter(usize),
    /// Takes the range out, so that the store sends the whole object.
    IgnoreRange,
    /// Says and sends so many bytes less than there are.
    Shorten(usize),
    /// Flips a bit of the body's first byte.
    Flip,
    /// Passes it on, and closes the connection instead of answering.
    LoseAnswer,
}

type Rule = Box<dyn FnMut(&Request) -> Breakage + Send>;

/// A server with one bucket, whose files lie in a folder that goes with it.
pub(crate) struct Store {
    dir: tempfile::TempDir,
    endpoint: String,
    seen: Arc<Mutex<Vec<Request>>>,
    rule: Arc<Mutex<Rule>>,
    under_way: Arc<AtomicU32>,
}

impl Store {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(BUCKET)).unwrap();
        let upstream = serve(dir.path());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_| Breakage::None)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let under_way = Arc::new(AtomicU32::new(0));
        let (all, how, count) = (Arc::clone(&seen), Arc::clone(&rule), Arc::clone(&under_way));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (all, how, count) = (Arc::clone(&all), Arc::clone(&how), Arc::clone(&count));
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    pass(client, upstream, &all, &how);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { dir, endpoint, seen, rule, under_way }
    }

    /// The environment that leads to it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
    }

    /// The folder of all that the server keeps.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Where an object's bytes lie.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.dir.path().join(BUCKET).join(key)
    }

    /// Puts an object that knows nothing of Tithe.
    pub(crate) fn lay(&self, key: &str, bytes: &[u8]) {
        let file = self.file(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
        let _ = std::fs::remove_file(self.note(key, "internal"));
        let _ = std::fs::remove_file(self.note(key, "metadata"));
    }

    /// What the store keeps of an object's metadata.
    pub(crate) fn metadata(&self, key: &str) -> serde_json::Value {
        let text = std::fs::read_to_string(self.note(key, "metadata")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["user_metadata"].clone()
    }

    fn note(&self, key: &str, kind: &str) -> PathBuf {
        let name = |text: &str| base64url(text.as_bytes());
        self.dir.path().join(format!(".bucket-{}.object-{}.{kind}.json", name(BUCKET), name(key)))
    }

    /// Keys in the bucket, without Tithe's own.
    pub(crate) fn keys(&self) -> Vec<String> {
        let root = self.dir.path().join(BUCKET);
        let mut keys: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
            .filter(|key| !key.contains(".tithe/"))
            .collect();
        keys.sort();
        keys
    }

    /// From now on, this decides.
    pub(crate) fn breaks(&self, rule: impl FnMut(&Request) -> Breakage + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// Waits for requests that a killed program left under way.
    pub(crate) fn settle(&self) {
        while self.under_way.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Requests since this was asked last.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Starts the server; its address.
fn serve(root: &Path) -> std::net::SocketAddr {
    let files = s3s_fs::FileSystem::new(root).unwrap();
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let Ok((socket, _)) = listener.accept().await else { continue };
                let service = service.clone();
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
    });
    told.recv().unwrap()
}

/// One request of one connection: told to be the last, so that whatever follows is its body and its answer.
fn pass(mut client: TcpStream, upstream: std::net::SocketAddr, seen: &Mutex<Vec<Request>>, rule: &Mutex<Rule>) {
    let Ok((head, early)) = read_head(&mut client) else { return };
    let mut words = head.lines().next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let request = Request { method, target, head: head.to_lowercase() };
    let breakage = (rule.lock().unwrap())(&request);
    seen.lock().unwrap().push(request);
    let _ = exchange(&mut client, upstream, &head, &early, breakage);
    let _ = client.shutdown(Shutdown::Write);
}

fn exchange(
    client: &mut TcpStream,
    upstream: std::net::SocketAddr,
    head: &str,
    early: &[u8],
    breakage: Breakage,
) -> io::Result<()> {
    let length = number(head, "content-length").unwrap_or_default();
    let mut body = early.to_vec();
    client.take(length.saturating_sub(early.len()) as u64).read_to_end(&mut body)?;
    if breakage == Breakage::Unavailable {
        return client.write_all(b"HTTP/1.1 503 Slow\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    if breakage == Breakage::Deny {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let mut server = TcpStream::connect(upstream)?;
    let kept = head.lines().filter(|line| {
        let line = line.to_lowercase();
        let ranged = breakage == Breakage::IgnoreRange && line.starts_with("range:");
        !line.is_empty() && !line.starts_with("connection:") && !ranged
    });
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    let (mut head, early) = read_head(&mut server)?;
    let mut answer = early;
    server.read_to_end(&mut answer)?;
    match breakage {
        Breakage::LoseAnswer => return Ok(()),
        Breakage::CutAfter(bytes) => answer.truncate(bytes),
        Breakage::Flip => answer.iter_mut().take(1).for_each(|byte| *byte ^= 1),
        Breakage::Shorten(bytes) => {
            let length = number(&head, "content-length").unwrap();
            answer.truncate(length - bytes);
            let lines = head.lines().filter(|line| !line.to_lowercase().starts_with("content-length:"));
            head = lines.map(|line| format!("{line}\r\n")).collect();
            head = format!(
                "{}Content-Length: {}\r\n\r\n",
                head.trim_end_matches("\r\n").to_owned() + "\r\n",
                answer.len()
            );
        }
        _ => {}
    }
    client.write_all(head.as_bytes())?;
    client.write_all(&answer)
}

/// Up to the empty line, which is part of it; and what came with it of the body.
fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn number(head: &str, name: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().parse().unwrap())
    })
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[(number >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}
