//! The page holds what it should and nothing that a name brings along.

use super::*;
use crate::report::{CheckReport, ColumnReport, LeakCheck, MaskCounts, ReferenceReport, RuleReport};

const HOSTILE: &str = "</title></style></svg><script>alert('1')</script>\"&\u{202e}\u{0}";

fn rule(name: &str) -> RuleReport {
    RuleReport { name: name.to_owned(), ..RuleReport::default() }
}

fn table(name: &str, mode: &str, rows: u64) -> TableReport {
    let counts = MaskCounts { values: rows, distinct_before: 1_234, estimated_before: true, ..MaskCounts::default() };
    let column = |name: &str, rule: RuleReport, members| ColumnReport {
        column: name.to_owned(),
        data_type: "text".to_owned(),
        rule,
        members,
        ..ColumnReport::default()
    };
    TableReport {
        schema: "public".to_owned(),
        table: name.to_owned(),
        mode: mode.to_owned(),
        rows_source: rows as i64 * 10,
        rows_copied: rows,
        members: rows,
        columns: vec![column("id", rule("keep"), None), column("email", rule("email"), Some(counts))],
        ..TableReport::default()
    }
}

fn reference(child: usize, parent: usize, mode: &str) -> ReferenceReport {
    ReferenceReport { name: format!("r{child}"), child, columns: vec!["ref".to_owned()], parent, mode: mode.to_owned() }
}

/// A root, tables that refer to it, and one more behind each.
fn schema(tables: usize) -> RunReport {
    let mut report = RunReport { run_id: "20260101T000000Z-a".to_owned(), ..RunReport::default() };
    report.tables = (0..tables)
        .map(|at| table(&format!("table_{at}"), if at == 0 { "root" } else { "owned" }, 1_000 - at as u64))
        .collect();
    report.references = (1..tables).map(|at| reference(at, if at % 2 == 0 { at - 1 } else { 0 }, "within")).collect();
    report.checks = vec![CheckReport::asked("foreign keys", true, "all")];
    report
}

/// Opening and closing tags fit: a name that breaks out of its place would break this too.
fn is_well_formed(page: &str) {
    const VOID: [&str; 2] = ["meta", "!doctype"];
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag is closed");
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("a tag has a name");
        match tag {
            _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "{tag}"),
            _ if tag.ends_with('/') => {}
            _ if VOID.contains(&name) => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn hostile_names_stay_text() {
    let mut report = schema(6);
    report.run_id = HOSTILE.to_owned();
    report.seed = HOSTILE.to_owned();
    report.target = HOSTILE.to_owned();
    report.profile = HOSTILE.to_owned();
    report.source.database = HOSTILE.to_owned();
    report.source.server_version = HOSTILE.to_owned();
    report.started_at = HOSTILE.to_owned();
    report.problems = vec![HOSTILE.to_owned()];
    report.notes = vec![HOSTILE.to_owned()];
    report.vault.files_wanted = 1;
    report.vault.rules = vec![crate::report::FileRuleReport {
        name: HOSTILE.to_owned(),
        mode: HOSTILE.to_owned(),
        ..Default::default()
    }];
    report.checks[0] = CheckReport::asked(HOSTILE, false, HOSTILE);
    for (at, table) in report.tables.iter_mut().enumerate() {
        (table.schema, table.table) = (HOSTILE.to_owned(), HOSTILE.to_owned());
        table.checksum = HOSTILE.to_owned();
        if at > 2 {
            table.mode = HOSTILE.to_owned();
        }
        for column in &mut table.columns {
            (column.column, column.data_type) = (HOSTILE.to_owned(), HOSTILE.to_owned());
            column.support_rule = Some(RuleReport {
                name: HOSTILE.to_owned(),
                parameters: [(HOSTILE.to_owned(), HOSTILE.to_owned())].into(),
                domain: Some(HOSTILE.to_owned()),
            });
            column.leaks = Some(crate::report::LeakFinding { action: HOSTILE.to_owned(), ..Default::default() });
        }
    }
    report.references.iter_mut().for_each(|reference| reference.columns = vec![HOSTILE.to_owned()]);
    let page = html(&report);
    is_well_formed(&page);
    assert!(!page.contains("<script") && !page.contains("alert('") && !page.contains('\u{202e}'));
    assert!(!page.contains('\u{0}') && page.contains("&lt;script&gt;alert(&#39;1&#39;)"));
}

/// A reader must see what was proven of a column apart from what nobody asked.
#[test]
fn what_was_not_asked_does_not_count_and_each_column_says_whether_it_was_searched() {
    let mut report = schema(2);
    report.checks.push(CheckReport::not_asked("leak check", "switched off by the profile"));
    let page = html(&report);
    assert!(page.contains("<dt>checks hold</dt><dd>1 of 1</dd>") && page.contains("1 not made"), "{page}");
    assert!(page.contains("was not made") && page.contains("not made: switched off by the profile"), "{page}");
    assert!(!page.contains("Leak check</th>"));

    let checks = [LeakCheck::NoText, LeakCheck::Masked];
    let masked = &mut report.tables[0].columns;
    masked.iter_mut().zip(checks).for_each(|(column, check)| column.leak_check = Some(check));
    masked.push(ColumnReport {
        column: "shout".to_owned(),
        rule: RuleReport::generated(),
        leak_check: Some(LeakCheck::Searched),
        ..ColumnReport::default()
    });
    let kept = &mut report.tables[1].columns;
    kept.truncate(1);
    kept[0].leak_check = Some(LeakCheck::Allowed);
    let page = html(&report);
    is_well_formed(&page);
    assert!(page.contains("Kept, not searched: of a type without free text: <bdi>id</bdi>"), "{page}");
    assert!(page.contains("Computed by the target, searched: <bdi>shout</bdi>"), "{page}");
    assert!(page.contains("Kept, not searched: allowed by the profile: <bdi>id</bdi>"), "{page}");
    assert!(page.contains("columns masked</dt><dd>1</dd><dd class=\"more\">of 3, the"), "{page}");
    // Where a masked column was searched or holds something, its row says so.
    report.tables[0].columns[1].leak_check = Some(LeakCheck::Searched);
    assert!(html(&report).contains("<td data-title=\"Leak check\">searched</td>"));
}

#[test]
fn a_rule_that_changed_nothing_stands_out() {
    let mut report = schema(1);
    let counts = report.tables[0].columns[1].members.as_mut().expect("counts");
    counts.unchanged = counts.values;
    assert!(html(&report).contains("data-title=\"Unchanged\">all 1\u{202f}000</td>"), "{}", html(&report));
}

/// The page's bones; what stands in them may change.
#[test]
fn the_structure_is_golden() {
    let page = html(&schema(4));
    is_well_formed(&page);
    let bones: Vec<&str> = page
        .split('<')
        .filter_map(|piece| {
            let tag = piece.split('>').next()?;
            let kept = ["header", "main", "section", "figure ", "footer", "h1", "dl", "ul", "table "];
            kept.iter().any(|name| tag.starts_with(name)).then(|| tag.split(" aria-").next().unwrap_or(tag))
        })
        .collect();
    assert_eq!(bones.join("\n"), STRUCTURE.trim());
}

const STRUCTURE: &str = r#"
header
h1
main
dl class="figures"
section id="checks"
ul class="checks"
section id="coverage"
ul class="legend"
ul class="coverage"
section id="rows"
ul class="bars"
section id="references"
figure class="graph" tabindex="0" role="group"
ul class="legend"
section id="columns"
table class="stacked"
table class="stacked"
table class="stacked"
table class="stacked"
section id="tables"
table class="stacked"
section id="origin"
dl class="facts"
footer
"#;

#[test]
fn nothing_is_fetched_and_pictures_have_titles() {
    let page = html(&schema(40));
    for outside in ["http:", "https:", "//", "src=", "@import", "<script", "<link", "<img", "onload"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let pictures = page.matches("<svg").count();
    let told = page.matches("role=\"img\"><title>").count() + page.matches("aria-labelledby=\"graph-title\"").count();
    assert_eq!(told + page.matches("aria-hidden=\"true\"").count(), pictures);
}

#[test]
fn a_large_schema_is_reduced_to_a_picture_that_can_be_read() {
    let report = schema(200);
    let drawn = layout::layout(&report);
    assert!(drawn.nodes.len() < 40, "{}", drawn.nodes.len());
    let mut shown: Vec<usize> = drawn.nodes.iter().flat_map(|node| node.tables.iter().copied()).collect();
    shown.sort_unstable();
    assert_eq!(shown, (0..200).collect::<Vec<_>>(), "each table stands in one place");
    // No two nodes share a place, and every column is filled from the top.
    let mut places: Vec<(usize, usize)> = drawn.nodes.iter().map(|node| (node.column, node.row)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), drawn.nodes.len());
    let page = html(&report);
    is_well_formed(&page);
    assert!(page.contains("more tables") && page.contains("and 176 smaller tables"));
}

#[test]
fn reports_of_older_runs_have_a_page_too() {
    let mut report = schema(3);
    report.references.clear();
    report.tables.iter_mut().for_each(|table| table.columns.clear());
    report.tables[1].rows_source = -1;
    let page = html(&report);
    is_well_formed(&page);
    assert!(!page.contains("id=\"coverage\"") && !page.contains("id=\"references\"") && page.contains("id=\"rows\""));
    is_well_formed(&html(&RunReport::default()));
}
