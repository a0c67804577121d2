//! Which rows come where several rules meet: each test is named after what went wrong before, or nearly did.

use crate::closure::{Setting, with_users};

#[test]
fn an_excluded_schema_that_does_not_exist_is_told() {
    let schema = with_users("CREATE SCHEMA audit; CREATE SCHEMA empty; CREATE TABLE audit.events (id int);");
    let profile = |schemas: &str| format!("[source]\nexclude_schemas = {schemas}\n");
    let setting = Setting::new(&schema, &profile("[\"adit\", \"empty\"]"));
    let said = setting.run("plan", &[]).expect_code(4).stderr;
    assert!(said.contains("no schema \"adit\"; did you mean \"audit\"?"), "{said}");
    // One without tables exists all the same.
    let setting = setting.rewritten("\"adit\"", "\"audit\"");
    setting.brings(&[("id FROM users", "1 2")]);
    assert_eq!(setting.target.query_one_text("SELECT to_regclass('audit.events') IS NULL"), "t");
}
