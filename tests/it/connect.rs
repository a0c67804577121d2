//! Connections to a real server: every sslmode, password and certificate login, and what is said when it fails.
//!
//! One server with TLS serves all tests of this file. Its certificate is for `localhost` alone, so that `127.0.0.1` is a
//! wrong name; `pg_hba.conf` has a database for each kind of admission.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tithe::demo::{Options, Throwaway};
use tithe::error::{Error, ErrorKind};
use tithe::pg::connect::{ConnectInfo, Connector, LIBPQ_VARIABLES, Pool};
use tithe::pg::errors::Side;
use tokio_postgres::SimpleQueryMessage;

use crate::support;

const PASSWORD: &str = "s3cret: \\ 'p@ss'";

/// The throw-away server of these tests.
struct TlsServer {
    /// Holds `ca.crt`, `other-ca.crt`, `client.crt` and `client.key`.
    directory: tempfile::TempDir,
    port: u16,
    server: Throwaway,
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("write");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let pem = params.self_signed(&key).expect("a certificate").pem();
    (pem, Issuer::new(params, key))
}

/// Certificate and key of `name`.
fn leaf(name: &str, issuer: &Issuer<'static, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
    params.distinguished_name.push(DnType::CommonName, name);
    (params.signed_by(&key, issuer).expect("a certificate").pem(), key.serialize_pem())
}

fn start_tls_server() -> TlsServer {
    let directory = tempfile::Builder::new().prefix("tithe-tls-").tempdir().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let (ca, issuer) = authority("tithe test authority");
    let (server_crt, server_key) = leaf("localhost", &issuer);
    let (client_crt, client_key) = leaf("reader", &issuer);
    let file = |name: &str| directory.path().join(name);
    write(&file("ca.crt"), &ca, 0o644);
    write(&file("other-ca.crt"), &authority("another").0, 0o644);
    write(&file("client.crt"), &client_crt, 0o644);
    write(&file("client.key"), &client_key, 0o600);
    let hba = "local all all trust\n\
               hostssl certonly all 127.0.0.1/32 cert\n\
               hostssl tlsonly all 127.0.0.1/32 scram-sha-256\n\
               hostnossl plainonly all 127.0.0.1/32 scram-sha-256\n\
               host prod,nosuch all 127.0.0.1/32 scram-sha-256\n";
    let port = support::free_port();
    let options = Options { port: Some(port), hba: Some(hba.to_owned()), ..Options::default() };
    let server = Throwaway::start(options.setting("listen_addresses", "127.0.0.1")).expect("a server");
    server.write_file("server.crt", &server_crt).expect("write");
    server.write_file("server.key", &server_key).expect("write");
    server.write_file("ca.crt", &ca).expect("write");
    server.set("ssl_ca_file", "ca.crt").expect("set");
    server.set("ssl", "on").expect("set");
    server.restart().expect("a server with TLS");
    let literal = PASSWORD.replace('\'', "''");
    for sql in [
        "CREATE DATABASE prod".to_owned(),
        "CREATE DATABASE certonly".to_owned(),
        "CREATE DATABASE tlsonly".to_owned(),
        "CREATE DATABASE plainonly".to_owned(),
        format!("CREATE ROLE reader LOGIN PASSWORD '{literal}'"),
        format!("CREATE ROLE few LOGIN CONNECTION LIMIT 1 PASSWORD '{literal}'"),
        format!("CREATE ROLE nologin PASSWORD '{literal}'"),
    ] {
        server.query_text("postgres", &sql).expect("set up");
    }
    TlsServer { directory, port, server }
}

/// The server, shared by the tests that run now; the last of them stops it.
fn server() -> Arc<TlsServer> {
    static SERVER: Mutex<Weak<TlsServer>> = Mutex::new(Weak::new());
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(start_tls_server());
        *shared = Arc::downgrade(&server);
        server
    })
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl TlsServer {
    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// A URL of `reader`, with the right password. `extra` may name files as `{ca.crt}`.
    fn url(&self, host: &str, dbname: &str, extra: &str) -> String {
        let extra = extra.replace('{', &format!("{}/", self.directory.path().display())).replace('}', "");
        format!("postgresql://reader:{}@{host}:{}/{dbname}?{extra}", encode(PASSWORD), self.port)
    }

    fn connector(&self, text: &str, home: Option<&str>) -> Result<Connector, Error> {
        let env = |name: &str| if name == "HOME" { home.map(str::to_owned) } else { None };
        ConnectInfo::parse(text, Side::Source, &env).and_then(Connector::new)
    }

    /// Whether the session that `text` opens uses TLS.
    async fn uses_tls(&self, text: &str, home: Option<&str>) -> Result<bool, Error> {
        let connector = self.connector(text, home)?;
        let session = connector.connect().await?;
        let question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let row = session.client.query_one(question, &[]).await;
        row.map(|row| row.get(0)).map_err(|error| connector.fail("look", error))
    }
}

fn check(outcome: Result<bool, Error>, wanted: Result<bool, &str>, case: &str) {
    match (outcome, wanted) {
        (Ok(tls), Ok(wanted)) => assert_eq!(tls, wanted, "{case}"),
        (Err(error), Err(words)) => {
            let text = format!("{} | {}", error.chain(), error.remedy());
            assert!(text.contains(words), "{case}: {text}");
            assert!(!text.contains("s3cret") && !format!("{error:?}").contains("s3cret"), "{case}: {text}");
            assert_eq!(error.kind(), ErrorKind::Source, "{case}");
        }
        (outcome, wanted) => panic!("{case}: {outcome:?}, wanted {wanted:?}"),
    }
}

#[tokio::test]
async fn sslmodes() {
    let server = server();
    let unknown = Err("name the authority that signed");
    for (host, dbname, extra, wanted) in [
        ("127.0.0.1", "prod", "", Ok(true)),
        ("127.0.0.1", "prod", "sslmode=disable", Ok(false)),
        ("127.0.0.1", "prod", "sslmode=allow", Ok(false)),
        ("127.0.0.1", "prod", "sslmode=prefer", Ok(true)),
        ("127.0.0.1", "prod", "sslmode=require", Ok(true)),
        ("127.0.0.1", "prod", "sslmode=require&channel_binding=require", Ok(true)),
        ("127.0.0.1", "prod", "sslmode=require&ssl_min_protocol_version=TLSv1.3&sslsni=0", Ok(true)),
        // Which side of encryption pg_hba.conf admits.
        ("127.0.0.1", "tlsonly", "sslmode=allow", Ok(true)),
        ("127.0.0.1", "plainonly", "sslmode=prefer", Ok(false)),
        ("127.0.0.1", "tlsonly", "sslmode=disable", Err("sslmode=require if it admits us by TLS only")),
        ("127.0.0.1", "plainonly", "sslmode=require", Err("pg_hba.conf")),
        // Whose certificate it is.
        ("127.0.0.1", "prod", "sslmode=verify-ca&sslrootcert={ca.crt}", Ok(true)),
        ("localhost", "prod", "sslmode=verify-full&sslrootcert={ca.crt}", Ok(true)),
        (
            "127.0.0.1",
            "prod",
            "sslmode=verify-full&sslrootcert={ca.crt}",
            Err("a name that the server's certificate holds"),
        ),
        ("127.0.0.1", "prod", "sslmode=verify-ca&sslrootcert={other-ca.crt}", unknown),
        ("localhost", "prod", "sslmode=verify-full&sslrootcert={other-ca.crt}", unknown),
        ("127.0.0.1", "prod", "sslmode=require&sslrootcert={other-ca.crt}", unknown),
        ("127.0.0.1", "prod", "sslmode=prefer&sslrootcert={other-ca.crt}", Ok(false)),
        ("localhost", "prod", "sslrootcert=system", unknown),
        ("127.0.0.1", "prod", "sslmode=verify-ca", Err("needs a root certificate")),
        ("127.0.0.1", "prod", "sslmode=require&sslrootcert={none}", Err("read the root certificates")),
        ("127.0.0.1", "prod", "sslmode=require&sslrootcert={client.key}", Err("no certificate in PEM form")),
        // Our own certificate.
        ("127.0.0.1", "certonly", "sslmode=require&sslcert={client.crt}&sslkey={client.key}", Ok(true)),
        ("127.0.0.1", "certonly", "sslmode=require", Err("SQLSTATE 28000")),
        ("127.0.0.1", "certonly", "sslmode=require&sslcert={client.crt}", Err("there is no key")),
        ("127.0.0.1", "certonly", "sslmode=require&sslcert={client.crt}&sslkey={ca.crt}", Err("others may read")),
    ] {
        let case = format!("{host} {dbname} {extra}");
        check(server.uses_tls(&server.url(host, dbname, extra), None).await, wanted, &case);
    }
}

/// What `openssl x509 -req` made until lately: X.509 v1, which says nothing of what it is for.
const OLD_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBJDCBywIUXIJdr9Vd61I6R3sBybipZP+Tgn8wCgYIKoZIzj0EAwIwFDESMBAG\n\
A1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjAyMDU1MFoYDzIxMjYxMDI5MDIwNTUw\n\
WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n\
AATmy34U8I5+HaTOGMni4FwQi8bQXtujvGilUknEIWYA9F3cguehBKo4NbYPiJNh\n\
Vj2HBJoPEA8yy+ZNPwJLpOn7MAoGCCqGSM49BAMCA0gAMEUCIC8oQHsU67+PN+XG\n\
Uvzbkp1zhIvDeQvjt8GQfCafi+wEAiEA19hvMrldgKA1yjXTAgcbcFtHMq8Flv8M\n\
E4TFj/mZ5N8=\n\
-----END CERTIFICATE-----\n\n";
const OLD_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYaXEuu6msT328V6U\n\
t9rwTPn0OTmQQzyNo+XkptvICRGhRANCAATmy34U8I5+HaTOGMni4FwQi8bQXtuj\n\
vGilUknEIWYA9F3cguehBKo4NbYPiJNhVj2HBJoPEA8yy+ZNPwJLpOn7\n\
-----END PRIVATE KEY-----\n\n";

#[tokio::test]
async fn a_certificate_of_an_old_form_encrypts_where_nothing_is_verified() {
    let port = support::free_port();
    let hba = "local all all trust\nhostssl all all 127.0.0.1/32 trust\nhostnossl all all 127.0.0.1/32 trust\n";
    let options = Options { port: Some(port), hba: Some(hba.to_owned()), ..Options::default() };
    let server = Throwaway::start(options.setting("listen_addresses", "127.0.0.1")).expect("a server");
    server.write_file("server.crt", OLD_CERTIFICATE).expect("write");
    server.write_file("server.key", OLD_KEY).expect("write");
    server.set("ssl", "on").expect("set");
    for (protocol, extra) in [("TLSv1.3", ""), ("TLSv1.3", "sslmode=require"), ("TLSv1.2", "sslmode=require")] {
        server.set("ssl_max_protocol_version", protocol).expect("set");
        server.restart().expect("a server with TLS");
        let text = format!("postgresql://postgres@127.0.0.1:{port}/postgres?{extra}");
        let connector = ConnectInfo::parse(&text, Side::Source, &|_| None).and_then(Connector::new).expect("a text");
        let session = connector.connect().await.unwrap_or_else(|error| panic!("{extra}: {}", error.chain()));
        let question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let row = session.client.query_one(question, &[]).await.expect("an answer");
        assert!(row.get::<_, bool>(0), "{extra}");
    }
    // Nothing can be bound to a certificate that is not read.
    let text = format!("postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=require&channel_binding=require");
    let connector = ConnectInfo::parse(&text, Side::Source, &|_| None).and_then(Connector::new).expect("a text");
    assert!(connector.connect().await.is_err());
}

/// libpq: with a root certificate in its place, `require` verifies.
#[tokio::test]
async fn files_in_the_home_directory() {
    let server = server();
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join(".postgresql");
    fs::create_dir(&directory).expect("a directory");
    let at = home.path().to_str();
    let url = server.url("127.0.0.1", "prod", "sslmode=require");
    fs::copy(server.file("other-ca.crt"), directory.join("root.crt")).expect("copy");
    check(server.uses_tls(&url, at).await, Err("name the authority"), "another root.crt");
    fs::copy(server.file("ca.crt"), directory.join("root.crt")).expect("copy");
    check(server.uses_tls(&url, at).await, Ok(true), "the right root.crt");
    let full = server.url("localhost", "prod", "sslmode=verify-full");
    check(server.uses_tls(&full, at).await, Ok(true), "verify-full with root.crt");
    fs::copy(server.file("client.crt"), directory.join("postgresql.crt")).expect("copy");
    fs::copy(server.file("client.key"), directory.join("postgresql.key")).expect("copy");
    check(server.uses_tls(&server.url("127.0.0.1", "certonly", ""), at).await, Ok(true), "postgresql.crt");

    let lines =
        format!("127.0.0.1:{}:prod:reader:{}\n", server.port, PASSWORD.replace('\\', "\\\\").replace(':', "\\:"));
    write(&home.path().join(".pgpass"), &lines, 0o600);
    let bare = format!("postgresql://reader@127.0.0.1:{}/prod", server.port);
    check(server.uses_tls(&bare, at).await, Ok(true), ".pgpass");
    write(&home.path().join(".pgpass"), &lines, 0o644);
    check(server.uses_tls(&bare, at).await, Err("asks for a password"), ".pgpass for all to read");
}

#[tokio::test]
async fn refusals() {
    let server = server();
    let port = server.port;
    let socket = server.server.socket_dir().display().to_string();
    for (text, words) in [
        (format!("postgresql://reader:wrong-s3cret@127.0.0.1:{port}/prod"), "wrong password for reader"),
        (format!("postgresql://reader@127.0.0.1:{port}/prod"), "the server asks for a password and none is given"),
        (server.url("127.0.0.1", "nosuch", ""), "check the name of the database"),
        (server.url("127.0.0.1", "postgres", ""), "let the server's pg_hba.conf admit reader"),
        (format!("host={socket} port={port} user=nobody dbname=prod"), "create the role"),
        (format!("host={socket} port={port} user=nologin dbname=prod"), "ALTER ROLE nologin LOGIN"),
        (format!("host={socket} port=1 user=reader dbname=prod"), "no server listens at that socket"),
        ("host=127.0.0.1 port=1 user=reader dbname=prod".to_owned(), "check host and port"),
        ("host=no-such-host.invalid user=reader dbname=prod".to_owned(), "look up the address of no-such-host.invalid"),
        (
            "host=127.0.0.1 port=1,2".replace(' ', " user=reader ").replace("127.0.0.1", "127.0.0.1,127.0.0.2"),
            "none of 2",
        ),
    ] {
        check(server.uses_tls(&text, None).await, Err(words), &text);
    }
}

#[tokio::test]
async fn a_silent_server_is_passed_over() {
    let server = server();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("its address").port();
    let extra = "connect_timeout=1&sslmode=disable";
    let alone = format!("postgresql://reader@127.0.0.1:{silent_port}/prod?{extra}");
    check(server.uses_tls(&alone, None).await, Err("no answer within 1 seconds"), "silent");
    let both = server.url(&format!("127.0.0.1:{silent_port},127.0.0.1"), "prod", extra);
    let connector = server.connector(&both, None).expect("a valid URL");
    connector.connect().await.expect("the second server");
    let reached = connector.reached().expect("a server was reached");
    assert_eq!(reached.to_string(), format!("prod on 127.0.0.1:{} as reader", server.port));
    for (attrs, wanted) in [
        ("primary", Ok(false)),
        ("read-write", Ok(false)),
        ("prefer-standby", Ok(false)),
        ("standby", Err("target_session_attrs=standby")),
        ("read-only", Err("target_session_attrs")),
    ] {
        let url = server.url("127.0.0.1", "prod", &format!("sslmode=disable&target_session_attrs={attrs}"));
        check(server.uses_tls(&url, None).await, wanted, attrs);
    }
}

#[tokio::test]
async fn errors_of_a_session() {
    let server = server();
    let socket = server.server.socket_dir().display().to_string();
    let admin = server.connector(&format!("host={socket} port={} user=postgres dbname=prod", server.port), None);
    let admin = admin.expect("a valid text").connect().await.expect("the administrator's session");
    let setup = "CREATE TABLE IF NOT EXISTS secrets (a int); CREATE TABLE IF NOT EXISTS open_to_all (a int UNIQUE);
                 GRANT ALL ON open_to_all TO PUBLIC; TRUNCATE open_to_all; INSERT INTO open_to_all VALUES (424242)";
    admin.client.batch_execute(setup).await.expect("set up");
    let connector = server.connector(&server.url("127.0.0.1", "prod", ""), None).expect("a valid URL");
    let session = connector.connect().await.expect("a session");
    for (sql, words) in [
        ("TABLE secrets", "GRANT SELECT ON TABLE secrets TO reader"),
        ("SELECT '424242x'::int", "invalid text representation"),
        (
            "INSERT INTO open_to_all VALUES (424242)",
            "duplicate key value violates unique constraint \"open_to_all_a_key\"",
        ),
        ("DO $$ BEGIN RAISE 'value 424242'; END $$", "exception raised by a function"),
        ("SET statement_timeout = 20; SELECT pg_sleep(5)", "SET statement_timeout = 0"),
        (
            "SET statement_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '0-0-1'",
            "pooler",
        ),
        ("ROLLBACK; BEGIN READ ONLY; INSERT INTO open_to_all VALUES (1)", "name its primary"),
        (
            "ROLLBACK; SELECT pg_terminate_backend(pg_backend_pid())",
            "the server ended the connection; if it was restarted",
        ),
        ("SELECT 1", "the server ended the connection"),
    ] {
        let error = session.client.batch_execute(sql).await.expect_err(sql);
        let error = connector.fail("ask", error);
        let text = format!("{} | {}", error.chain(), error.remedy());
        assert!(text.contains(words), "{sql}: {text}");
        assert!(!text.contains("424242"), "{sql}: {text}");
    }
    // Ended from outside while idle: only the connection's task sees why.
    let session = connector.connect().await.expect("a session");
    // Asked the simple way: closing a prepared statement would be a request still under way, which gets the reason.
    let pid = match session.client.simple_query("SELECT pg_backend_pid()").await.expect("its number").as_slice() {
        [_, SimpleQueryMessage::Row(row), ..] => row.get(0).expect("a number").to_owned(),
        other => panic!("no row: {other:?}"),
    };
    admin.client.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).await.expect("terminate");
    session.task.await.expect("the task ends by itself");
    let error = session.client.batch_execute("SELECT 1").await.expect_err("the session is gone");
    let error = connector.fail("ask", error);
    assert!(error.chain().contains("SQLSTATE 57P01"), "{error:?}");
    // A cancelled statement.
    let session = connector.connect().await.expect("a session");
    let token = session.client.cancel_token();
    let (slept, cancelled) = tokio::join!(session.client.batch_execute("SELECT pg_sleep(30)"), async {
        admin.client.batch_execute("SELECT pg_sleep(0.2)").await.expect("wait");
        connector.cancel(&token).await
    });
    cancelled.expect("cancelled");
    assert!(connector.fail("ask", slept.expect_err("cancelled")).chain().contains("SQLSTATE 57014"));
}

#[tokio::test]
async fn pool_keeps_to_its_cap_and_sets_sessions_up() {
    let server = server();
    let connector = server.connector(&server.url("localhost", "prod", ""), None).expect("a valid URL");
    let pool = Pool::new(connector, 2, "SET statement_timeout = '77s'").expect("a pool");
    let first = pool.get().await.expect("a session");
    let row = first.query_one("SELECT current_setting('statement_timeout'), current_setting('application_name')", &[]);
    let row = row.await.expect("an answer");
    assert_eq!((row.get::<_, String>(0), row.get::<_, String>(1)), ("77s".to_owned(), "tithe".to_owned()));
    let second = pool.get().await.expect("a second session");
    {
        let mut third = std::pin::pin!(pool.get());
        tokio::select! {
            biased;
            _ = third.as_mut() => panic!("a third session beyond the cap"),
            () = std::future::ready(()) => {}
        }
        drop(second);
        drop(third.await.expect("the one given back"));
    }
    let other = Pool::new(pool.connector().with_dbname("tlsonly"), 1, "SET no_such_setting = 1").expect("a pool");
    let error = other.get().await.expect_err("no such setting");
    assert!(error.chain().starts_with("set up a session in tlsonly on localhost"), "{error:?}");
    let url = server.url("127.0.0.1", "prod", "").replace("reader", "few");
    let pool = Pool::new(server.connector(&url, None).expect("a valid URL"), 2, "").expect("a pool");
    let _first = pool.get().await.expect("a session");
    let error = pool.get().await.expect_err("one session only");
    assert!(error.remedy().contains("lower the number of connections"), "{error:?} {}", error.remedy());
}

/// A child process reaches the same place with nothing on its command line.
#[tokio::test]
async fn children_connect_alike() {
    let server = server();
    let extra = "sslmode=verify-full&sslrootcert={ca.crt}&options=-c%20work_mem%3D7MB";
    let connector = server.connector(&server.url("localhost", "prod", extra), None).expect("a valid URL");
    connector.connect().await.expect("a session");
    let reached = connector.reached().expect("a server was reached");
    let question = "SELECT current_user, current_database(), ssl, current_setting('work_mem'), inet_server_addr() \
                    FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for url in [None, Some(reached.url_for_child())] {
        let mut psql = Command::new("psql");
        psql.args(["-AtXw", "-c", question]);
        LIBPQ_VARIABLES.iter().for_each(|name| _ = psql.env_remove(name));
        match url {
            Some(url) => psql.arg(url),
            None => psql.envs(reached.libpq_env()),
        };
        assert_eq!(run(&mut psql).trim(), "reader|prod|t|7MB|127.0.0.1");
    }
}
