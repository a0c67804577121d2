//! Entries of the dump that may fail, and what is known of those that did.

use std::collections::BTreeSet;

use super::entries::{Entry, OF_ANOTHER};
use super::errors::ServerError;
use super::quoting::statements;
use crate::schema::{Catalog, SchemaObject};

/// Kinds whose failure is reported but does not spoil the data: they name roles that may not exist on the target, or
/// things that the role may not own there.
const TOLERATED: &[&str] = &["COMMENT", "ACL", "DEFAULT ACL", "POLICY", "EVENT TRIGGER"];

/// To a table of an extension, whose rows in the target may be others; all other keys are proven apart.
const EXTENSION_KEY: &str = "FK CONSTRAINT";

/// Kinds that may stand on a relation that was left out.
const STANDING: &[&str] = &[
    "AGGREGATE",
    "CHECK CONSTRAINT",
    "DEFAULT",
    "FUNCTION",
    "INDEX",
    "MATERIALIZED VIEW",
    "PROCEDURE",
    "RULE",
    "SEQUENCE OWNED BY",
    "STATISTICS",
    "TABLE ATTACH",
    "TRIGGER",
    "VIEW",
];

/// Of these, kinds that are a part of a table and not told apart.
const PARTS: &[&str] = &["CHECK CONSTRAINT", "DEFAULT", "SEQUENCE OWNED BY", "TABLE ATTACH"];

/// Of these, kinds on which others may stand.
const STOOD_ON: &[&str] = &["AGGREGATE", "FUNCTION", "MATERIALIZED VIEW", "PROCEDURE", "VIEW"];

const CLASS_OF_RELATIONS: u32 = 1259;

/// What became of entries that were tolerated.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    /// Grants and the like whose role is missing: expected between environments.
    pub missing_roles: usize,
    /// The rest, each with its reason.
    pub problems: Vec<String>,
    /// What could not be otherwise, and is only told.
    pub notes: Vec<String>,
    /// Relations left out as the profile says, and what stood on them.
    excluded: Vec<String>,
    /// Foreign tables, and what stood on them.
    foreign: Vec<String>,
    /// Extensions that the role may not create.
    extensions: Vec<String>,
    /// By their number in the dump.
    entries: BTreeSet<u32>,
    /// By catalog and oid.
    objects: BTreeSet<(u32, u32)>,
}

impl Skipped {
    /// Nothing so far; of the catalog counts what stays behind knowingly.
    pub fn new(catalog: &Catalog) -> Self {
        let bare = |names: &[crate::types::QualifiedName]| names.iter().map(|name| name.name.clone()).collect();
        Self { excluded: bare(&catalog.left_out), foreign: bare(&catalog.foreign), ..Self::default() }
    }

    /// Extensions that the role may not create.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// An object of the source is not there, and that is known.
    pub fn has(&self, object: &SchemaObject) -> bool {
        let on = object.on_relation.map(|oid| (CLASS_OF_RELATIONS, oid));
        [Some((object.class_oid, object.oid)), on].into_iter().flatten().any(|key| self.objects.contains(&key))
    }

    pub(super) fn may_fail(&self, entry: &Entry) -> bool {
        let kind = entry.kind.as_str();
        let leaves_out = !(self.excluded.is_empty() && self.foreign.is_empty());
        TOLERATED.contains(&kind)
            || ["EXTENSION", EXTENSION_KEY].contains(&kind)
            || (leaves_out && STANDING.contains(&kind))
    }

    /// It says something of an entry that was skipped.
    pub(super) fn goes_without(&self, entry: &Entry) -> bool {
        OF_ANOTHER.contains(&entry.kind.as_str()) && entry.depends_on.iter().any(|id| self.entries.contains(id))
    }

    /// Takes down why an entry is not there; `false`: it had to be.
    pub(super) fn take(&mut self, entry: &Entry, error: &ServerError) -> bool {
        let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
        let message = error.as_db_error().map_or("connection failed", |db| db.message());
        self.judge(entry, &code, message)
    }

    fn judge(&mut self, entry: &Entry, code: &str, message: &str) -> bool {
        let kind = entry.kind.as_str();
        let refused = code == "42501";
        let problem = || format!("{} {}: {message}", kind.to_lowercase(), entry.name);
        match kind {
            "EXTENSION" if refused => {
                self.notes.push(format!(
                    "the extension {} is not there, since the target's role may not create it: {message}",
                    entry.name
                ));
                self.extensions.push(entry.name.clone());
            }
            "EXTENSION" => return false,
            EXTENSION_KEY if code == "23503" || is_absent(code) => self.problems.push(problem()),
            "ACL" | "DEFAULT ACL" | "COMMENT" if refused => {}
            // A grantor's name stands in SET SESSION AUTHORIZATION, which calls a role that is missing a wrong value.
            "ACL" | "DEFAULT ACL" if ["42704", "22023"].contains(&code) => self.missing_roles += 1,
            _ if TOLERATED.contains(&kind) => self.problems.push(problem()),
            _ => return self.take_standing(entry, code, message),
        }
        self.note(entry);
        true
    }

    /// It stands on what was left out: on a foreign table or else on what the profile excludes.
    fn take_standing(&mut self, entry: &Entry, code: &str, message: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|name| is_named(message, name));
        let schema_absent = code == "3F000" && !self.excluded.is_empty();
        let on_foreign = names(&self.foreign);
        if !(is_absent(code) && (on_foreign || schema_absent || names(&self.excluded))) {
            return false;
        }
        let kind = entry.kind.as_str();
        let told = format!("{} {}: {message}", kind.to_lowercase(), entry.name);
        let is_part = PARTS.contains(&kind);
        let is_routine = ["AGGREGATE", "FUNCTION", "PROCEDURE"].contains(&kind);
        match (is_part, on_foreign || is_routine) {
            (true, _) => {}
            (false, true) => self.notes.push(format!("left out with what it stands on: {told}")),
            (false, false) => self.problems.push(told),
        }
        if STOOD_ON.contains(&kind) {
            let name = entry.name.split('(').next().unwrap_or_default().to_owned();
            if on_foreign { self.foreign.push(name) } else { self.excluded.push(name) }
        }
        self.note(entry);
        true
    }

    fn note(&mut self, entry: &Entry) {
        if !["ACL", "DEFAULT ACL", "COMMENT"].contains(&entry.kind.as_str()) {
            self.entries.insert(entry.id);
            self.objects.insert((entry.class_oid, entry.oid));
        }
    }
}

/// The message holds the name, not within a longer one.
fn is_named(message: &str, name: &str) -> bool {
    let in_name = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    message.match_indices(name).any(|(at, _)| {
        !in_name(message[..at].chars().next_back()) && !in_name(message[at + name.len()..].chars().next())
    })
}

/// GRANTs of one object come in one entry: those whose role exists are run.
pub(super) fn statements_of(entry: &Entry) -> Vec<&str> {
    match entry.kind.as_str() {
        "ACL" | "DEFAULT ACL" => statements(&entry.sql),
        _ => vec![entry.sql.as_str()],
    }
}

/// The server misses a relation, a type, a function or a schema.
pub(super) fn says_absent(error: &ServerError) -> bool {
    error.code().is_some_and(|code| is_absent(code.code()))
}

fn is_absent(code: &str) -> bool {
    ["42P01", "42704", "42883", "3F000"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::QualifiedName;

    fn entry(id: u32, kind: &str, name: &str) -> Entry {
        Entry { id, class_oid: 1, oid: id, kind: kind.to_owned(), name: name.to_owned(), ..Entry::default() }
    }

    fn skipped() -> Skipped {
        Skipped::new(&Catalog {
            left_out: vec![QualifiedName::new("public", "hidden")],
            foreign: vec![QualifiedName::new("public", "remote")],
            ..Catalog::default()
        })
    }

    #[test]
    fn what_stands_on_something_left_out_may_be_missing_and_nothing_else() {
        let mut skipped = skipped();
        let function = entry(1, "FUNCTION", "fh(integer)");
        assert!(skipped.judge(&function, "42704", "type \"public.hidden\" does not exist"));
        assert!(skipped.judge(&entry(2, "VIEW", "on_fh"), "42883", "function public.fh() does not exist"));
        assert!(skipped.judge(&entry(3, "VIEW", "v"), "42P01", "relation \"public.remote\" does not exist"));
        assert!(!skipped.judge(&entry(4, "VIEW", "w"), "42P01", "relation \"public.hidden_2\" does not exist"));
        assert!(!skipped.judge(&entry(5, "VIEW", "w"), "42501", "permission denied for table hidden"));
        assert_eq!((skipped.notes.len(), skipped.problems.len()), (2, 1), "{skipped:?}");
        let object = |oid| SchemaObject {
            kind: "view".to_owned(),
            identity: String::new(),
            class_oid: 1,
            oid,
            on_relation: None,
        };
        assert!(skipped.has(&object(3)) && !skipped.has(&object(4)));
    }

    #[test]
    fn an_extension_that_the_role_may_not_create_is_noted_and_its_comment_goes_with_it() {
        let mut skipped = Skipped::default();
        assert!(skipped.judge(&entry(1, "EXTENSION", "x"), "42501", "permission denied"));
        assert!(!skipped.judge(&entry(2, "EXTENSION", "y"), "0A000", "not available"));
        assert!(skipped.goes_without(&Entry { depends_on: vec![1], ..entry(3, "COMMENT", "EXTENSION x") }));
        assert_eq!(
            (skipped.missing_roles, skipped.problems.len(), skipped.extensions()),
            (0, 0, &["x".to_owned()][..])
        );
    }
}
