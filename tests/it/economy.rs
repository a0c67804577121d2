//! How much a run reads of the source, counted by the server and not timed.

use crate::support::{self, Home};

/// Rows read in a run, by any way, at most this many times the rows of all tables; and of a table that nothing refers
/// to, of its own.
const READ_AT_MOST: f64 = 2.5;
const READ_ALONE_AT_MOST: f64 = 1.1;

#[test]
fn a_run_reads_little_more_than_it_must() {
    let source = support::source_database("economy");
    source.execute(&format!("ALTER DATABASE {} SET art.scale = '0.05'", source.name()));
    let files = [
        "01-schema",
        "02-helpers",
        "03-data-a",
        "03-data-b",
        "04-keys-a",
        "04-keys-b",
        "04-references",
        "05-indexes",
        "06-finish",
    ];
    for file in files {
        source.execute(&support::repository_text(&format!("fixtures/art-site/{file}.sql")));
    }
    source.execute("VACUUM (FREEZE, ANALYZE)");
    // The schema is the one that these profiles are for.
    for name in ["art-site", "art-site-pull"] {
        let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/sampling-profiles/{}.toml"), name);
        let checked = Home::new().tithe(&["profile", "check", "--profile", &path, "--from", &source.url()]);
        assert!(checked.expect_code(0).stdout.contains("all decided"), "{name}");
    }
    source.execute(
        "CREATE FUNCTION public.rows_of(relation oid) RETURNS bigint LANGUAGE plpgsql AS $$
         DECLARE n bigint; BEGIN EXECUTE format('SELECT count(*) FROM %s', relation::regclass) INTO n; RETURN n; END $$",
    );
    let counted = "CREATE TABLE public.counted AS SELECT relid, rows_of(relid) AS n FROM pg_stat_user_tables";
    source.execute(counted);
    // A session reports what it read when it ends, which may be a moment after its client is gone.
    let idle = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        source.name()
    );
    let wait_for_reports = || {
        while source.query_one_text(&idle) != "0" {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    wait_for_reports();
    source.execute("SELECT pg_stat_reset()");
    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/sampling-profiles/art-site-strict.toml");
    let text = std::fs::read_to_string(profile).unwrap();
    // Where the leak check suspects something it reads masked columns once more: that is counted by nobody here.
    let calm = "[leaks]\ndefault = \"allow\"\nprose = \"allow\"\ndefinitions = \"allow\"\n";
    let profile = support::profile(&format!("{text}\n[tables.counted]\nrows = \"none\"\n{calm}"));
    let target = support::target_database("economy");
    let (from, to, path) = (source.url(), target.url(), profile.path().to_string_lossy().into_owned());
    Home::new()
        .tithe(&["sample", "--percent", "10", "--yes", "--json", "--from", &from, "--to", &to, "--profile", &path])
        .expect_code(0);
    let reads = "SELECT relid, seq_tup_read + coalesce(idx_tup_fetch, 0) AS reads FROM pg_stat_user_tables";
    wait_for_reports();
    let number = |sql: &str| source.query_one_text(sql).parse::<f64>().unwrap();
    let share = number(&format!(
        "SELECT sum(reads) / (SELECT sum(n) FROM counted) FROM ({reads}) r JOIN counted USING (relid)"
    ));
    assert!(share > 0.1 && share <= READ_AT_MOST, "{share} times all rows were read");
    let much = source.query_text(&format!(
        "SELECT string_agg(format('%s: %s of %s rows', relid::regclass, reads, n), '; ') FROM ({reads}) r JOIN counted USING (relid)
         WHERE reads > {READ_ALONE_AT_MOST} * n + 10
         AND NOT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = relid)
         AND relid <> 'badge_definitions'::regclass" // the profile declares a reference to it
    ));
    assert_eq!(much, None);
    println!("{share:.2} times all rows were read");
}
