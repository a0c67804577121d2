//! One small case that most tests of failures start from: a source with secrets in it, a target with old content.

use tithe::demo::Throwaway;

use super::{Home, Ran, TestDb, profile, servers};

/// Texts that no output may hold: a password of the tests' URLs, a cell of the source, the masking key.
pub(crate) const SECRETS: [&str; 4] = ["pw-Secret-77", "cell-Secret-88", "a key for tests", "33445566"];

/// A profile that fits [`SCHEMA`].
pub(crate) const PROFILE: &str = r#"
[sample]
root = "users"
percent = 50
seed = "scene"

[columns.users]
id = "keep"
email = "email"
name = "keep"

[columns.posts]
id = "keep"
user_id = "keep"
body = "keep"
"#;

const SCHEMA: &str = "
    CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, body text);
    INSERT INTO users SELECT n, 'cell-Secret-88-' || n || '@prod.test', 'cell-Secret-88' FROM generate_series(1, 200) n;
    INSERT INTO posts SELECT n, 1 + n % 200, 'cell-Secret-88' FROM generate_series(1, 1000) n;";

/// A source, a target, and a profile for them.
pub(crate) struct Scene {
    pub(crate) source: TestDb,
    pub(crate) target: TestDb,
    pub(crate) home: Home,
}

impl Scene {
    /// On the shared servers.
    pub(crate) fn new() -> Self {
        Self::on(&servers().source, &servers().target)
    }

    pub(crate) fn on(source: &'static Throwaway, target: &'static Throwaway) -> Self {
        let source = TestDb::on(source, "scene");
        source.execute(SCHEMA);
        let target = TestDb::on(target, "scene");
        target.execute("CREATE TABLE old AS SELECT 'old content' AS text");
        Self { source, target, home: Home::new() }
    }

    /// About 8 MB of posts, which `--max-rate` can stretch over any time.
    pub(crate) fn grow(&self) {
        self.source.execute(
            "INSERT INTO posts SELECT n, 1 + n % 200, repeat('cell-Secret-88 ', 130) FROM generate_series(1001, 5000) n",
        );
    }

    /// `tithe sample` with the profile's text and more arguments; `--from` and `--to` among them beat the scene's.
    pub(crate) fn sample_with(&self, text: &str, more: &[&str]) -> Ran {
        let file = profile(text);
        self.home
            .tithe(&self.arguments(&file.path().to_string_lossy(), more).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// `tithe sample` with more arguments.
    pub(crate) fn sample(&self, more: &[&str]) -> Ran {
        self.sample_with(PROFILE, more)
    }

    /// The whole command line.
    pub(crate) fn arguments(&self, profile: &str, more: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = ["sample", "--yes", "--profile", profile].map(str::to_owned).to_vec();
        for (option, url) in [("--from", self.source.url()), ("--to", self.target.url())] {
            if !more.contains(&option) {
                all.extend([option.to_owned(), url]);
            }
        }
        all.extend(more.iter().map(|text| (*text).to_owned()));
        all
    }

    /// A run that must fail like this, with these words in what it says, and leave everything as it was.
    #[track_caller]
    pub(crate) fn refused(&self, ran: Ran, code: i32, words: &[&str]) -> String {
        let said = ran.failed(code, words);
        self.assert_old();
        said
    }

    /// The target is as it was, and nothing of the run is left beside it.
    #[track_caller]
    pub(crate) fn assert_old(&self) {
        self.assert_readable();
        let name = self.target.name();
        let question = format!(
            "SELECT count(*) FROM pg_database WHERE datname LIKE '{name}\\_\\_%' AND shobj_description(oid, 'pg_database') LIKE 'tithe run%'"
        );
        assert_eq!(self.target.query_one_text(&question), "0", "a database of the run is left");
    }

    /// The target's old content can be read.
    #[track_caller]
    pub(crate) fn assert_readable(&self) {
        assert_eq!(self.target.query_one_text("SELECT text FROM old"), "old content");
    }

    /// The target is a sample.
    #[track_caller]
    pub(crate) fn assert_sampled(&self) {
        let target = &self.target;
        assert_eq!(target.query_one_text("SELECT to_regclass('old') IS NULL"), "t");
        assert_eq!(target.query_one_text("SELECT count(*) BETWEEN 50 AND 150 FROM users"), "t");
        assert_eq!(
            target.query_one_text("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"),
            "1"
        );
    }
}

impl Ran {
    /// It failed like this, with all these words in its output and no secret.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &[&str]) -> String {
        let said = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{said}");
        assert_eq!(self.stderr.matches("tithe: ").count(), 1, "one error, once: {said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is missing in: {said}");
        }
        for secret in SECRETS {
            assert!(!said.contains(secret), "{secret:?} is shown: {said}");
        }
        said
    }
}
