//! Connection text, password files and redaction, without a server.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::parse;
use super::passfile::PassFile;
use super::*;
use crate::error::{Error, ErrorKind};
use crate::pg::errors::Side;

/// An environment of these variables alone, which names a user so that no test depends on who runs it.
fn env(variables: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }
}

fn read(text: &str, variables: &'static [(&'static str, &'static str)]) -> Result<ConnectInfo, Error> {
    ConnectInfo::parse(text, Side::Source, &env(variables))
}

#[test]
fn text_to_parameters() {
    let cases = [
        ("shop", "dbname=shop"),
        ("postgresql://", ""),
        ("postgresql://db", "host=db"),
        ("postgres://db:5433/shop", "host=db port=5433 dbname=shop"),
        ("postgresql://me@db", "user=me host=db"),
        ("postgresql://me:p%40s%2Fs@db/shop", "user=me password=p@s/s host=db dbname=shop"),
        ("postgresql://me:a:b@db", "user=me password=a:b host=db"),
        ("postgresql://me:a?b@db", "user=me password=a?b host=db"),
        ("postgresql://me:@db", "user=me host=db"),
        ("postgresql://a:1,b,c:3/shop", "host=a,b,c port=1,,3 dbname=shop"),
        ("postgresql://[::1]:5433,[fe80::1]/shop", "host=::1,fe80::1 port=5433, dbname=shop"),
        ("postgresql://%2Frun%2Fpg/shop", "host=/run/pg dbname=shop"),
        ("postgresql:///shop?host=/run/pg&port=5433", "dbname=shop host=/run/pg port=5433"),
        ("postgresql://db?sslmode=require", "host=db sslmode=require"),
        ("postgresql://db/shop?ssl=true", "host=db dbname=shop sslmode=require"),
        ("postgresql://db/?user=me&application_name=a%20b", "host=db user=me application_name=a b"),
        ("postgresql://:5433/shop", "port=5433 dbname=shop"),
        ("postgresql://db/%C3%A9", "host=db dbname=é"),
        ("host=db port = 5433 dbname='a b'", "host=db port=5433 dbname=a b"),
        (r"password='it\'s' user=a\ b", "password=it's user=a b"),
        ("host=a host=b", "host=b"),
        ("options='-c a=b'", "options=-c a=b"),
        ("dbname=''", "dbname="),
    ];
    for (text, wanted) in cases {
        let params = parse::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let shown: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown.join(" "), wanted, "{text}");
    }
}

#[test]
fn text_to_description() {
    const ENV: &[(&str, &str)] =
        &[("PGUSER", "me"), ("PGHOST", "pg.example"), ("PGPORT", "5499"), ("PGDATABASE", "shop")];
    const USER: &[(&str, &str)] = &[("PGUSER", "me")];
    let cases = [
        ("prod", ENV, "prod on pg.example:5499 as me"),
        ("postgresql://reader@db/prod", ENV, "prod on db:5499 as reader"),
        ("postgresql://db:5432", ENV, "shop on db:5432 as me"),
        ("user=you", ENV, "shop on pg.example:5499 as you"),
        ("host=db", USER, "me on db:5432 as me"),
        ("host=/run/pg dbname=prod", USER, "prod on /run/pg as me"),
        ("host=/run/pg port=5433 dbname=prod", USER, "prod on /run/pg:5433 as me"),
        ("postgresql://a:1,b,c:3/prod", USER, "prod on a:1,b:5432,c:3 as me"),
        ("host=a,b port=7 dbname=p", USER, "p on a:7,b:7 as me"),
        ("postgresql://[::1]/prod", USER, "prod on [::1]:5432 as me"),
        ("hostaddr=127.0.0.1 dbname=p", USER, "p on 127.0.0.1:5432 as me"),
        ("host=db hostaddr=127.0.0.1 dbname=p", USER, "p on db:5432 as me"),
        ("host=db dbname='a\nb'", USER, "a?b on db:5432 as me"),
        ("host=db krbsrvname=x gssencmode=prefer keepalives=0 client_encoding=UTF8", USER, "me on db:5432 as me"),
    ];
    for (text, variables, wanted) in cases {
        let info = read(text, variables).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(info.to_string(), wanted, "{text}");
    }
}

#[test]
fn refused_text() {
    let cases = [
        ("", "the source URL (--from) is empty"),
        (" \n", "the source URL (--from) is empty"),
        ("postgresql://", "read the source URL (--from): it names neither host nor database nor user"),
        ("host='' dbname=''", "read the source URL (--from): it names neither host nor database nor user"),
        ("mysql://db/x", "begins with postgresql://"),
        ("jdbc:postgresql://db/x", "begins with postgresql://"),
        ("postgresql://me:s3cret@x@db/p", "write @ as %40"),
        ("postgresql://me:12/s3cret@db/p", "write @ as %40"),
        ("postgresql://db:s3cret/p", "parameter port is not a port number"),
        ("postgresql://db:0/p", "parameter port is not a port number"),
        ("postgresql://db:70000/p", "parameter port is not a port number"),
        ("postgresql://a,b:1,c:2/p?port=1,2", "does not name one port, or as many"),
        ("postgresql://[::1/p", "no closing ]"),
        ("postgresql://[::1]x/p", "after the ]"),
        ("postgresql://db/p%zz", "hexadecimal"),
        ("postgresql://db/p%00", "%00"),
        ("postgresql://db/p%ff", "UTF-8"),
        ("postgresql://db/p?sslmode", "has no ="),
        ("postgresql://db/p?options=-c a=b", "second ="),
        ("postgresql://db/p?sslmod=require", "unknown parameter sslmod"),
        ("host=db password=my s3cret", "a word has no ="),
        ("host=db password=my S3=cret", "an unknown parameter"),
        ("host=db password='s3cret", "no closing quote"),
        (
            "host=db sslmode=verify",
            "parameter sslmode is none of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        ("host=db sslrootcert=system sslmode=require", "too weak for sslrootcert=system"),
        ("host=db sslcrl=/x", "parameter sslcrl is not supported"),
        ("host=db require_auth=scram-sha-256", "parameter require_auth is not supported"),
        ("host=db gssencmode=require", "supported with the value disable or prefer only"),
        ("host=db connect_timeout=soon", "parameter connect_timeout is not a number of seconds"),
        ("host=db keepalives_idle=x", "parameter keepalives_idle is not a whole number"),
        ("host=db hostaddr=s3cret", "parameter hostaddr is not an IP address"),
        ("host=a,b hostaddr=127.0.0.1", "as many servers as there are hosts"),
        ("host=db@s3cret", "parameter host has a space or an @"),
        ("host=db sslnegotiation=direct", "needs sslmode=require"),
        ("host=db service=none_such", "is in no pg_service.conf"),
        ("a\0b", "NUL"),
    ];
    for (text, wanted) in cases {
        let error = read(text, &[("PGUSER", "me"), ("PGSYSCONFDIR", "/nonexistent")]).err();
        let error = error.unwrap_or_else(|| panic!("{text:?} was accepted"));
        assert_eq!(error.kind(), ErrorKind::Usage, "{text:?}");
        assert!(error.chain().contains(wanted), "{text:?}: {}", error.chain());
        assert!(!format!("{error:?} {}", error.remedy()).to_lowercase().contains("s3"), "{error:?}");
    }
    let error = read("host=db", &[("PGUSER", "me"), ("PGPORT", "x")]).err();
    assert!(error.is_some_and(|error| error.action().contains("environment variable PGPORT is not a port number")));
    let error = ConnectInfo::parse("host=h user=postgres", Side::Target, &env(&[])).err();
    assert!(error.is_some_and(|error| error.exit_code() == 2 && error.chain().contains("names no database")));
    let named = ConnectInfo::parse("host=h user=postgres", Side::Target, &env(&[("PGDATABASE", "dev")]));
    assert!(named.is_ok_and(|info| info.dbname() == "dev"));
    let error = ConnectInfo::parse("", Side::Target, &env(&[])).err();
    assert!(error.is_some_and(|error| error.action().contains("target URL (--to)")));
}

#[test]
fn precedence_of_text_service_and_environment() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("services");
    fs::write(&file, "# shared\n[other]\nhost=wrong\n\n[shop]\nhost=db\nuser=service\ndbname=prod\n[last]\nport=1\n")
        .expect("write");
    let environment = |name: &str| match name {
        "PGSERVICEFILE" => Some(file.display().to_string()),
        "PGHOST" => Some("never".to_owned()),
        "PGPORT" => Some("5499".to_owned()),
        _ => None,
    };
    let info = ConnectInfo::parse("service=shop user=text", Side::Source, &environment).expect("a valid text");
    assert_eq!(info.to_string(), "prod on db:5499 as text");
}

#[test]
fn password_file_lines() {
    let file = PassFile::parse(concat!(
        "# db:5432:prod:me:comment\n",
        "db:5432:prod:me:exact\n",
        "db:*:prod:*:any user\n",
        "a\\:b:5432:*:me:with\\:colon and \\\\ and : plain\n",
        "localhost:*:*:me:socket\r\n",
        "short:line\n",
        "empty:*:*:*:\n",
        "*:*:*:last:anything\n",
    ));
    let cases = [
        (["db", ""], 5432, "prod", "me", Some("exact")),
        (["db", ""], 5433, "prod", "me", Some("any user")),
        (["db", ""], 5432, "prod", "you", Some("any user")),
        (["db", ""], 5432, "stage", "me", None),
        (["a:b", ""], 5432, "x", "me", Some("with:colon and \\ and : plain")),
        (["/var/run/postgresql", "localhost"], 1, "x", "me", Some("socket")),
        (["empty", ""], 1, "x", "me", None),
        (["any", ""], 1, "x", "last", Some("anything")),
    ];
    for (hosts, port, dbname, user, wanted) in cases {
        let found = file.find(&hosts, port, dbname, user).map(|secret| secret.expose());
        assert_eq!(found, wanted, "{hosts:?} {port} {dbname} {user}");
    }
}

#[test]
fn password_file_that_others_may_read_is_ignored() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("pgpass");
    fs::write(&path, "*:*:prod:*:s3cret\n*:*:other:*:an0ther\n").expect("write");
    let text = format!("host=db user=me dbname=prod passfile={}", path.display());
    let password = |info: &ConnectInfo| info.libpq_env().into_iter().find(|(name, _)| name == "PGPASSWORD");
    for (mode, wanted, notes) in [(0o644, false, 1), (0o640, false, 1), (0o600, true, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        let info = read(&text, &[]).expect("a valid text");
        assert_eq!(password(&info).is_some(), wanted, "{mode:o}");
        assert_eq!(info.notes().len(), notes, "{mode:o}");
    }
    let info = read(&text, &[]).expect("a valid text");
    assert_eq!(password(&info.with_dbname("other")).map(|(_, value)| value).as_deref(), Some("an0ther"));
    assert!(!format!("{info:?} {info}").contains("s3cret"));
}

/// Whoever was given a line for the target alone still has to enter the server's own database.
#[test]
fn a_password_of_the_stated_database_serves_for_the_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("pgpass");
    fs::write(&path, "db:5432:dev:me:of dev\ndb:5432:template1:me:of template1\n").expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
    let info = read(&format!("host=db user=me dbname=dev passfile={}", path.display()), &[]).expect("a valid text");
    for (dbname, wanted) in
        [("dev", "of dev"), ("postgres", "of dev"), ("dev__next", "of dev"), ("template1", "of template1")]
    {
        let password = info.with_dbname("postgres").with_dbname(dbname).libpq_env();
        let password = password.into_iter().find(|(name, _)| name == "PGPASSWORD").map(|(_, value)| value);
        assert_eq!(password.as_deref(), Some(wanted), "{dbname}");
    }
}

#[tokio::test]
async fn no_password_in_any_printed_form() {
    let info = read("postgresql://me:s3cret@127.0.0.1:1/p?sslmode=disable", &[]).expect("a valid text");
    let connector = Connector::new(info.clone()).expect("no files are needed");
    let refused = connector.connect().await.err().expect("nothing listens at port 1");
    let pool = Pool::new(connector, 2, "SET x = 1").expect("a pool");
    let refused_too = pool.get().await.expect_err("nothing listens at port 1");
    for error in [&refused, &refused_too] {
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(error.chain().starts_with("connect to p on 127.0.0.1:1 as me: "), "{}", error.chain());
        assert!(error.remedy().starts_with("check host and port of the source"), "{}", error.remedy());
    }
    let printed = format!("{info} {info:?} {pool:?} {refused:?} {refused_too:?} {}", refused.remedy());
    assert!(!printed.contains("s3cret"), "{printed}");
    assert_eq!(info.url_for_child(), "postgresql://me:s3cret@127.0.0.1:1/p?sslmode=disable");
}

#[test]
fn what_children_get() {
    let text = "postgresql://me:p%40ss@a:1,b/my%20db?sslmode=verify-full&sslrootcert=/ca.pem&options=-c%20x%3D1";
    let info = read(text, &[]).expect("a valid text");
    let get = |name: &str| info.libpq_env().into_iter().find(|(known, _)| known == name).map(|(_, value)| value);
    for (name, wanted) in [
        ("PGHOST", Some("a,b")),
        ("PGPORT", Some("1,5432")),
        ("PGUSER", Some("me")),
        ("PGDATABASE", Some("my db")),
        ("PGPASSWORD", Some("p@ss")),
        ("PGSSLMODE", Some("verify-full")),
        ("PGSSLROOTCERT", Some("/ca.pem")),
        ("PGSSLCERT", None),
        ("PGOPTIONS", Some("-c x=1")),
        ("PGAPPNAME", Some("tithe")),
    ] {
        assert_eq!(get(name).as_deref(), wanted, "{name}");
    }
    assert!(info.libpq_env().iter().all(|(name, _)| LIBPQ_VARIABLES.contains(&name.as_str())));
    // What a child is given reads back as the same place.
    for text in [text, "host=/run/pg port=5433 user='a b' password=x:y/z dbname=é", "postgresql://me@[::1]:7/p"] {
        let info = read(text, &[]).expect("a valid text");
        let again = read(&info.url_for_child(), &[]).expect("our own URL");
        assert_eq!(again.to_string(), info.to_string());
        assert_eq!(again.libpq_env(), info.libpq_env());
    }
}
