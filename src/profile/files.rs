//! `[vault]`: which files belong to the rows, and how each kind is treated.

use super::document::{Checker, Node, Section, elements};
use super::path_template::PathTemplate;

/// Required files that may be missing, in percent, unless the profile says otherwise: sites in use lack a few.
pub(super) const DEFAULT_MISSING_PERCENT: f64 = 1.0;

/// `[vault]`
#[derive(Clone, Debug, PartialEq)]
pub struct VaultRules {
    /// Share of the required files, in percent, that may be missing in the source.
    pub missing_percent: f64,
    /// `[[vault.files]]`
    pub files: Vec<FileEntry>,
}

/// One kind of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// For messages and reports.
    pub name: String,
    /// How rows name them.
    pub paths: FilePaths,
    /// Endings that replace the path's own: further files of the same row, which may be absent.
    pub variants: Vec<String>,
    /// A file that a row names must be there.
    pub required: bool,
    /// What becomes of them; `None` is undecided.
    pub treatment: Option<FileTreatment>,
}

/// How rows name files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePaths {
    /// A template over a table's columns.
    Template {
        /// The table.
        table: String,
        /// SQL predicate rows must satisfy.
        filter: Option<String>,
        /// The template.
        path: PathTemplate,
    },
    /// A SELECT on the landed database whose first column is the path.
    Query(String),
}

/// `mode = "…"`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileTreatment {
    /// As they are.
    Real,
    /// Images without metadata.
    StripMetadata {
        /// With their colour profile.
        keep_icc: bool,
    },
    /// Made-up images of the same type and size.
    Placeholder,
    /// They stay behind.
    None,
}

impl FileTreatment {
    /// As profiles write it.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("real", Self::Real),
        ("strip-metadata", Self::StripMetadata { keep_icc: false }),
        ("placeholder", Self::Placeholder),
        ("none", Self::None),
    ];
}

impl Default for VaultRules {
    fn default() -> Self {
        Self { missing_percent: DEFAULT_MISSING_PERCENT, files: Vec::new() }
    }
}

pub(super) fn vault<'d>(checker: &mut Checker<'d>, mut section: Section<'d>) -> VaultRules {
    let missing_percent = section.take("missing_percent").and_then(|node| checker.percentage(&node));
    let files = match section.take("files") {
        Some(node) => elements(checker, &node).iter().filter_map(|node| entry(checker, node)).collect(),
        None => Vec::new(),
    };
    section.finish(checker, None);
    VaultRules { missing_percent: missing_percent.unwrap_or(DEFAULT_MISSING_PERCENT), files }
}

fn entry<'d>(checker: &mut Checker<'d>, node: &Node<'d>) -> Option<FileEntry> {
    let mut section = checker.section(node)?;
    let name = super::raw::required(checker, &mut section, "name").and_then(|node| checker.name(&node));
    let paths = paths(checker, &mut section);
    let variants = super::raw::names(checker, &mut section, "variants");
    let required = section.take("required").and_then(|node| checker.boolean(&node)).unwrap_or(true);
    let treatment = section.take("mode").and_then(|node| checker.word(&node, &FileTreatment::WORDS));
    let keep_icc = section.take("keep_icc");
    let treatment = match (treatment, keep_icc) {
        (Some(FileTreatment::StripMetadata { .. }), Some(node)) => {
            Some(FileTreatment::StripMetadata { keep_icc: checker.boolean(&node)? })
        }
        (treatment, Some(node)) => {
            checker.refuse::<()>(&node, "has an effect beside mode = \"strip-metadata\" only");
            treatment
        }
        (treatment, None) => treatment,
    };
    section.finish(checker, None);
    Some(FileEntry { name: name?, paths: paths?, variants, required, treatment })
}

fn paths<'d>(checker: &mut Checker<'d>, section: &mut Section<'d>) -> Option<FilePaths> {
    let (key, at) = (section.key().to_owned(), section.at());
    let table = section.take("table");
    let filter = section.take("where").and_then(|node| super::raw::fragment(checker, &node));
    let path = section.take("path");
    match (section.take("query"), path) {
        (Some(query), None) if table.is_none() => checker.string(&query).map(FilePaths::Query),
        (None, Some(path)) => {
            let Some(table) = table.and_then(|node| checker.name(&node)) else {
                checker.missing(
                    at,
                    &format!("{key}.table"),
                    "is missing; it names the table whose columns make the path",
                );
                return None;
            };
            let text = checker.string(&path)?;
            match PathTemplate::parse(&text) {
                Ok(path) => Some(FilePaths::Template { table, filter, path }),
                Err(message) => checker.refuse(&path, message),
            }
        }
        _ => {
            checker.problem(at, &key, "needs either `table` and `path`, or `query`");
            None
        }
    }
}
