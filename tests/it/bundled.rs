//! The starting profiles of `sampling-profiles/` against the schemas that they are for (`fixtures/profiles`): everything
//! is decided, and nothing of a person and no secret comes through.

use crate::support::{self, Home, TestDb};

/// In the fixtures, every value of a person and every secret holds one of these; nothing else does.
/// The last is how bytes are shown.
const PLANTED: &str = "planted|81\\.2\\.69\\.|15177001|706c616e746564";

/// Columns of the database that hold something planted, as `table.column`.
fn planted_columns(database: &TestDb) -> Vec<String> {
    let columns = "SELECT string_agg(format('%s|%I', attrelid::regclass, attname), E'\\n' ORDER BY attrelid::regclass::text, attnum)
        FROM pg_attribute JOIN pg_class t ON t.oid = attrelid
        WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND relnamespace::regnamespace::text IN ('public', 'auth')";
    let columns = database.query_one_text(columns);
    let columns = columns.lines().map(|line| line.split_once('|').unwrap());
    let planted = columns.filter(|(table, column)| {
        let asked = format!("SELECT EXISTS (SELECT FROM {table} WHERE {column}::text ~* '{PLANTED}')");
        database.query_one_text(&asked) == "t"
    });
    planted.map(|(table, column)| format!("{table}.{column}")).collect()
}

fn holds(name: &str, least_columns: usize, arrived: &str) {
    let source = support::source_database("bundled");
    source.execute(&support::repository_text(&format!("fixtures/profiles/{name}.sql")));
    source.execute("ANALYZE");
    let target = support::target_database("bundled");
    let (from, to, home) = (source.url(), target.url(), Home::new());
    // Found by its name, as a user of a checkout finds it.
    let folder = home.path().join("sampling-profiles");
    std::fs::create_dir(&folder).unwrap();
    let text = support::repository_text(&format!("sampling-profiles/{name}.toml"));
    std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    home.tithe(&["profile", "check", "--profile", name]).expect_code(0);
    let checked = home.tithe(&["profile", "check", "--profile", name, "--from", &from]).expect_code(0);
    assert!(checked.stdout.contains("all decided"), "{checked:?}");
    let same = home.tithe(&["profile", "update", "--dry-run", "--profile", name, "--from", &from]).expect_code(0);
    assert_eq!(same.stdout, "", "the profile lists all that there is, and no more");
    home.tithe(&["plan", "--profile", name, "--from", &from]).expect_code(0);
    let arguments = ["sample", "--yes", "--json", "--percent", "100", "--profile", name, "--from", &from, "--to", &to];
    home.tithe(&arguments).expect_code(0);
    assert_eq!(target.query_one_text(arrived), "t", "{arrived}");
    let before = planted_columns(&source);
    assert!(before.len() >= least_columns, "{} columns hold something planted: {before:?}", before.len());
    assert_eq!(planted_columns(&target), Vec::<String>::new(), "came through");
}

#[test]
fn django_auth() {
    holds(
        "django-auth",
        9,
        "SELECT count(*) = 40 AND count(DISTINCT email) = 40 FROM auth_user JOIN auth_user_groups g ON g.user_id = auth_user.id",
    );
}

#[test]
fn rails_devise() {
    holds(
        "rails-devise",
        10,
        "SELECT count(*) = 40 FROM users u JOIN active_storage_attachments a ON a.record_id = u.id JOIN active_storage_blobs b ON b.id = a.blob_id",
    );
}

#[test]
fn supabase_auth() {
    holds(
        "supabase-auth",
        25,
        "SELECT count(*) = 40 AND count(DISTINCT u.phone) = 40 AND count(i.email) = 0 FROM auth.users u JOIN auth.identities i ON i.user_id = u.id",
    );
}

#[test]
fn keycloak() {
    holds(
        "keycloak",
        20,
        "SELECT count(*) = 40 AND bool_and(email = email_constraint)
             AND (SELECT string_agg(name, ' ' ORDER BY name COLLATE \"C\") FROM client_attributes) = 'post.logout.redirect.uris use.refresh.tokens'
             AND (SELECT string_agg(name, ' ') FROM identity_provider_config) = 'useJwksUrl'
             FROM user_entity JOIN user_role_mapping m ON m.user_id = user_entity.id",
    );
}

#[test]
fn wordpress() {
    holds(
        "wordpress",
        15,
        "SELECT count(*) > 100 AND bool_and(user_id = 0 OR u.\"ID\" IS NOT NULL)
             AND (SELECT count(*) = 77 AND count(*) FILTER (WHERE post_type = 'attachment') = 1 FROM wp_posts)
             FROM wp_comments c LEFT JOIN wp_users u ON u.\"ID\" = c.user_id",
    );
}
