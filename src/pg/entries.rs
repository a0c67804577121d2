//! What `pg_dump` printed, cut into its entries.
//!
//! In verbose mode pg_dump heads each entry with its catalog and object identifiers, so entries are matched to tables by
//! oid, never by parsing names or SQL.

use std::collections::{BTreeMap, BTreeSet};

use super::quoting::Quoting;

/// One entry of the dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Number within the dump.
    pub id: u32,
    /// Entries it depends on; pg_dump names them for comments, grants and the like only.
    pub depends_on: Vec<u32>,
    /// Catalog that the object's oid belongs to (1259 `pg_class`, 2606 `pg_constraint`, …).
    pub class_oid: u32,
    /// The object's oid in the source; 0 for comments and the like.
    pub oid: u32,
    /// `TABLE`, `INDEX`, `FK CONSTRAINT`, …
    pub kind: String,
    /// `Name: …` as pg_dump prints it, for messages.
    pub name: String,
    /// Statements.
    pub sql: String,
}

/// Whom an object of the source belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The role.
    pub role: String,
    /// `ALTER … OWNER TO …`
    pub statement: String,
    /// A function that runs with its owner's rights: its name.
    pub security_definer: Option<String>,
}

/// The schema in pg_dump's order, which respects dependencies.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// Entries to run before any row arrives.
    pub before_rows: Vec<Entry>,
    /// Entries to run afterwards: indexes, constraints, triggers, policies.
    pub after_rows: Vec<Entry>,
    /// Owners of all of them.
    pub owners: Vec<Owner>,
}

/// Kinds that never travel: they carry passwords or act on other servers.
const NEVER: &[&str] = &[
    "SERVER",
    "USER MAPPING",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "DATABASE",
    "DATABASE PROPERTIES",
];

/// Kinds that say something of another entry, and go with it.
pub(super) const OF_ANOTHER: &[&str] = &["COMMENT", "ACL", "SECURITY LABEL"];

/// The first entry of one of these kinds is where the rows belong.
const AFTER_ROWS: &[&str] = &[
    "INDEX",
    "CONSTRAINT",
    "FK CONSTRAINT",
    "CHECK CONSTRAINT",
    "TRIGGER",
    "RULE",
    "POLICY",
    "ROW SECURITY",
    "EVENT TRIGGER",
    "INDEX ATTACH",
    "STATISTICS",
    "MATERIALIZED VIEW DATA",
];

/// Kinds that may keep the role that fills the database from what it made.
const GUARDS: &[&str] = &["POLICY", "ROW SECURITY", "EVENT TRIGGER", "ACL", "DEFAULT ACL"];

/// Tells entries that may get in the way of refreshing views, and what is said of them, from the others.
pub fn guards_apart(entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let is_guard = |entry: &Entry| GUARDS.contains(&entry.kind.as_str());
    let ids: BTreeSet<u32> = entries.iter().filter(|entry| is_guard(entry)).map(|entry| entry.id).collect();
    entries.into_iter().partition(|entry| is_guard(entry) || entry.depends_on.iter().any(|id| ids.contains(id)))
}

/// An entry as it is read.
#[derive(Default)]
struct Raw {
    entry: Entry,
    /// What follows `-- Name: `.
    head: String,
}

/// What is known while the dump is read.
#[derive(Default)]
struct Cutter {
    dump: Dump,
    after: bool,
    /// Entries that do not travel.
    dropped: BTreeSet<u32>,
    /// `SET default_…` that hold now. pg_dump prints them before the head of the first entry that needs them.
    defaults: BTreeMap<String, String>,
}

/// Cuts pg_dump's verbose output into entries. Texts and bodies of functions may hold lines that look like a head.
pub fn cut(text: &str) -> Dump {
    let mut cutter = Cutter::default();
    let mut lines = text.split('\n').peekable();
    let mut current: Option<Raw> = None;
    let mut quoting = Quoting::default();
    while let Some(line) = lines.next() {
        let outside = quoting == Quoting::Outside;
        if outside
            && line == "--"
            && let Some((id, class_oid, oid)) = lines.peek().and_then(|next| parse_head(next))
        {
            cutter.finish(current.take());
            lines.next();
            let mut raw = Raw { entry: Entry { id, class_oid, oid, ..Entry::default() }, ..Raw::default() };
            for line in lines.by_ref().take_while(|line| *line != "--") {
                if let Some(rest) = line.strip_prefix("-- Name: ") {
                    rest.clone_into(&mut raw.head);
                } else if let Some(ids) = line.strip_prefix("-- Dependencies: ") {
                    raw.entry.depends_on = ids.split(' ').filter_map(|id| id.parse().ok()).collect();
                }
            }
            current = Some(raw);
            continue;
        }
        if outside && (is_frame(line) || cutter.takes_default(line)) {
            continue;
        }
        if let Some(raw) = current.as_mut() {
            raw.entry.sql.push_str(line);
            raw.entry.sql.push('\n');
            quoting.read(line);
            quoting.read("\n");
        }
    }
    cutter.finish(current.take());
    cutter.dump
}

/// `-- TOC entry 214 (class 1259 OID 58503)`
fn parse_head(line: &str) -> Option<(u32, u32, u32)> {
    let rest = line.strip_prefix("-- TOC entry ")?;
    let (id, rest) = rest.split_once(" (class ")?;
    let (class, rest) = rest.split_once(" OID ")?;
    Some((id.parse().ok()?, class.parse().ok()?, rest.strip_suffix(')')?.parse().ok()?))
}

fn is_frame(line: &str) -> bool {
    line.starts_with("-- Completed on ")
        || line == "-- PostgreSQL database dump complete"
        || line.starts_with("\\unrestrict")
}

impl Cutter {
    fn takes_default(&mut self, line: &str) -> bool {
        let setting = line.strip_suffix(';').and_then(|line| line.strip_prefix("SET default_")?.split_once(" = "));
        if let Some((name, _)) = setting {
            self.defaults.insert(name.to_owned(), line.to_owned());
        }
        setting.is_some()
    }

    fn finish(&mut self, raw: Option<Raw>) {
        let Some(Raw { mut entry, head }) = raw else { return };
        entry.sql = entry.sql.trim().to_owned();
        (entry.name, entry.kind) = named(&head, &entry.sql);
        let kind = entry.kind.as_str();
        let of_dropped = OF_ANOTHER.contains(&kind) && entry.depends_on.iter().any(|id| self.dropped.contains(id));
        if NEVER.contains(&kind) || of_dropped || entry.sql.starts_with("ALTER FOREIGN TABLE ") {
            self.dropped.insert(entry.id);
            return;
        }
        self.after |= AFTER_ROWS.contains(&kind);
        if let Some((at, owner)) = owner(&entry) {
            entry.sql.truncate(at);
            entry.sql.truncate(entry.sql.trim_end().len());
            self.dump.owners.push(owner);
        }
        if ["TABLE", "MATERIALIZED VIEW"].contains(&entry.kind.as_str()) {
            let set: String = self.defaults.values().map(|line| format!("{line}\n")).collect();
            entry.sql.insert_str(0, &set);
        }
        if self.after { self.dump.after_rows.push(entry) } else { self.dump.before_rows.push(entry) }
    }
}

/// Name and kind from an entry's head. Names may hold what looks like a kind: then it is the one that the statement
/// fits.
fn named(head: &str, sql: &str) -> (String, String) {
    const TYPE: &str = "; Type: ";
    let kind_at = |at: usize| {
        let kind = head[at + TYPE.len()..].split("; ").next().unwrap_or_default();
        let rest = &head[at + TYPE.len() + kind.len()..];
        let is_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ');
        (is_kind && (rest.is_empty() || rest.starts_with("; Schema: "))).then(|| (&head[..at], kind))
    };
    let possible: Vec<(&str, &str)> = head.match_indices(TYPE).filter_map(|(at, _)| kind_at(at)).collect();
    let fitting = possible.iter().find(|(_, kind)| possible.len() == 1 || begins_as(sql, kind)).or(possible.last());
    fitting.map_or_else(|| (head.to_owned(), String::new()), |(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
}

/// Whether an entry of this kind begins so.
fn begins_as(sql: &str, kind: &str) -> bool {
    let sql = sql.trim_start();
    match kind {
        "COMMENT" => sql.starts_with("COMMENT ON "),
        "SECURITY LABEL" => sql.starts_with("SECURITY LABEL "),
        "ACL" => sql.starts_with("GRANT ") || sql.starts_with("REVOKE "),
        "DEFAULT ACL" => sql.starts_with("ALTER DEFAULT PRIVILEGES "),
        "SEQUENCE OWNED BY" => sql.starts_with("ALTER SEQUENCE "),
        "INDEX ATTACH" => sql.starts_with("ALTER INDEX "),
        "FK CONSTRAINT" => sql.starts_with("ALTER TABLE ") && sql.contains(" FOREIGN KEY "),
        "CONSTRAINT" | "CHECK CONSTRAINT" | "DEFAULT" | "TABLE ATTACH" | "ROW SECURITY" => sql.starts_with("ALTER "),
        "SCHEMA" if sql.starts_with("--") => true,
        _ => {
            let Some(mut made) = sql.strip_prefix("CREATE ") else { return false };
            for word in ["OR REPLACE ", "UNLOGGED ", "UNIQUE ", "CONSTRAINT "] {
                made = made.strip_prefix(word).unwrap_or(made);
            }
            made.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' '))
        }
    }
}

/// The statement that ends an entry's and gives the object to its owner, and where it begins.
fn owner(entry: &Entry) -> Option<(usize, Owner)> {
    let ends = Quoting::default().read(&entry.sql);
    let end = *ends.last()?;
    let at = ends.iter().rev().nth(1).map_or(0, |end| end + 1);
    let statement = entry.sql[at..end].trim();
    // A schema that is there already has a comment in place of its statement.
    let statement = statement.lines().skip_while(|line| line.starts_with("--") || line.is_empty());
    let statement = statement.collect::<Vec<_>>().join("\n");
    let role = statement.starts_with("ALTER ").then(|| role_at_end(&statement))??;
    let security_definer = runs_as_owner(entry).then(|| entry.name.clone());
    Some((at, Owner { role, statement, security_definer }))
}

/// Of `ALTER … OWNER TO role`.
fn role_at_end(statement: &str) -> Option<String> {
    const OWNER_TO: &str = " OWNER TO ";
    statement.rmatch_indices(OWNER_TO).find_map(|(at, _)| {
        let name = &statement[at + OWNER_TO.len()..];
        match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => (!inner.replace("\"\"", "").contains('"')).then(|| inner.replace("\"\"", "\"")),
            None => (!name.is_empty() && !name.contains(['"', '\'', ' ', ')', '\n'])).then(|| name.to_owned()),
        }
    })
}

/// pg_dump names the language, and what else holds for the function, in a line before its body.
fn runs_as_owner(entry: &Entry) -> bool {
    let mut quoting = Quoting::default();
    ["FUNCTION", "PROCEDURE"].contains(&entry.kind.as_str())
        && entry.sql.lines().any(|line| {
            let outside = quoting == Quoting::Outside;
            quoting.read(line);
            quoting.read("\n");
            outside && line.starts_with("    LANGUAGE ") && line.contains(" SECURITY DEFINER")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_cut_by_their_heads() {
        let text = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET x = 1;\n\n--\n-- TOC entry 3 (class 1259 OID 7)\n-- Name: a; Type: TABLE; Schema: public; Owner: -\n--\n\nCREATE TABLE a ();\n\n\n--\n-- TOC entry 9 (class 0 OID 0)\n-- Dependencies: 3\n-- Name: TABLE a; Type: COMMENT; Schema: public; Owner: -\n--\n\nCOMMENT ON TABLE a IS '--\n-- x';\n\n--\n-- TOC entry 4 (class 1259 OID 8)\n-- Name: i; Type: INDEX; Schema: public; Owner: -\n--\n\nCREATE INDEX i ON a ((1));\n\n-- Completed on today\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n";
        let dump = cut(text);
        assert_eq!(dump.before_rows.len(), 2);
        assert_eq!(dump.before_rows[0].sql, "CREATE TABLE a ();");
        assert_eq!(dump.before_rows[1].sql, "COMMENT ON TABLE a IS '--\n-- x';");
        assert_eq!((dump.after_rows[0].oid, dump.after_rows[0].kind.as_str()), (8, "INDEX"));
        assert!(dump.after_rows[0].sql.starts_with("CREATE INDEX i ON a ((1));"));
    }

    #[test]
    fn what_looks_like_a_head_within_a_text_or_name_is_none() {
        let head = "--\n-- TOC entry 9 (class 0 OID 0)\n-- Name: a; Type: SERVER; b; Type: TABLE; Schema: public\n--\n";
        for (open, close) in [("COMMENT ON TABLE a IS 'it''s\n", "';"), ("AS $_$\n", "-- Completed on\n$_$;")] {
            let sql = format!("{open}{head}CREATE TABLE c ();{close}");
            let dump = cut(&format!("{head}{sql}\n\n{head}CREATE TABLE b ();\n"));
            let found: Vec<_> =
                dump.before_rows.iter().map(|entry| (entry.kind.as_str(), entry.sql.as_str())).collect();
            assert_eq!(found, [("TABLE", sql.as_str()), ("TABLE", "CREATE TABLE b ();")]);
        }
    }

    fn head(id: u32, class: u32, name: &str, kind: &str, schema: &str) -> String {
        format!(
            "--\n-- TOC entry {id} (class {class} OID {id})\n-- Name: {name}; Type: {kind}; Schema: {schema}; Owner: o\n--\n\n"
        )
    }

    #[test]
    fn a_kind_within_a_schemas_name_is_none() {
        let schema = "x; Type: SERVER; Schema: y; Type: SERVER; z";
        let text = format!(
            "{}CREATE TABLE \"{schema}\".t ();\n\n{}ALTER TABLE ONLY \"{schema}\".t\n    ADD CONSTRAINT k PRIMARY KEY (a);\n",
            head(1, 1259, "t", "TABLE", schema),
            head(2, 2606, "t; Type: FK CONSTRAINT; Schema: k", "CONSTRAINT", schema)
        );
        let dump = cut(&text);
        let kinds: Vec<_> = dump.before_rows.iter().chain(&dump.after_rows).map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["TABLE", "CONSTRAINT"]);
    }

    #[test]
    fn a_table_keeps_its_access_method_wherever_the_entry_before_it_goes() {
        let text = format!(
            "{}CREATE FOREIGN TABLE f ();\n\n\nSET default_table_access_method = columnar;\n\n{}CREATE TABLE t ();\n\n{}COMMENT ON TABLE t IS '\nSET default_x = 1;';\n",
            head(1, 1259, "f", "FOREIGN TABLE", "public"),
            head(2, 1259, "t", "TABLE", "public"),
            head(3, 0, "TABLE t", "COMMENT", "public"),
        );
        let sql: Vec<_> = cut(&text).before_rows.into_iter().map(|entry| entry.sql).collect();
        let wanted = [
            "SET default_table_access_method = columnar;\nCREATE TABLE t ();",
            "COMMENT ON TABLE t IS '\nSET default_x = 1;';",
        ];
        assert_eq!(sql, wanted);
    }

    #[test]
    fn what_is_said_of_an_object_that_does_not_travel_stays_behind_too() {
        let of_server = head(3, 0, "SERVER s", "COMMENT", "-").replace("-- Name", "-- Dependencies: 1\n-- Name");
        let text = format!(
            "{}CREATE SERVER s;\n\n{of_server}COMMENT ON SERVER s IS 'x';\n",
            head(1, 1417, "s", "SERVER", "-")
        );
        assert_eq!(cut(&text).before_rows, []);
    }

    #[test]
    fn owners_are_told_from_what_they_own() {
        let function =
            "CREATE FUNCTION f() RETURNS int\n    LANGUAGE sql SECURITY DEFINER\n    AS $$\n    LANGUAGE x;$$;";
        let text = format!(
            "{}{function}\n\n\nALTER FUNCTION f() OWNER TO \"a \"\"b\";\n\n{}-- *not* creating schema\n\n\nALTER SCHEMA public OWNER TO c;\n\n{}ALTER TABLE ONLY t ALTER COLUMN a SET DEFAULT ' OWNER TO y'::text;\n",
            head(1, 1255, "f()", "FUNCTION", "public"),
            head(2, 2615, "public", "SCHEMA", "-"),
            head(3, 2604, "t a", "DEFAULT", "public"),
        );
        let dump = cut(&text);
        let owners: Vec<_> = dump.owners.iter().map(|o| (o.role.as_str(), o.security_definer.as_deref())).collect();
        assert_eq!(owners, [("a \"b", Some("f()")), ("c", None)]);
        assert_eq!(dump.before_rows[0].sql, function);
        assert_eq!(dump.owners[1].statement, "ALTER SCHEMA public OWNER TO c");
    }

    #[test]
    fn guards_go_with_what_is_said_of_them() {
        let entry = |id, kind: &str, depends_on| Entry { id, kind: kind.to_owned(), depends_on, ..Entry::default() };
        let entries = vec![entry(1, "POLICY", vec![]), entry(2, "COMMENT", vec![1]), entry(3, "COMMENT", vec![9])];
        let (guards, rest) = guards_apart(entries);
        assert_eq!(guards.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(rest[0].id, 3);
    }
}
