//! Random databases and profiles: what the program brings must be what the definitions say.
//!
//! Each case has a number; the same seed and number make the same case. A failing case is made smaller before it is
//! shown. `TITHE_ORACLE_CASES` runs more cases, `TITHE_ORACLE_SEED` other ones, `TITHE_ORACLE_CASE` a single one.

mod case;
mod expect;
mod generate;
mod load;
mod modes;
mod render;
mod shrink;

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use case::{Case, Orphans, RefKind, Size};
use expect::Expected;

use crate::support::{self, Home};

const CASES: usize = 40;
const SEED: u64 = 2026;
/// One on each core; the servers take the rest.
const LANES: usize = 3;
/// Of hundred cases at most these may end in "no valid plan".
const REFUSED_PERCENT: usize = 20;

#[test]
fn random_databases_are_sampled_by_the_definitions() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TITHE_ORACLE_SEED").unwrap_or(SEED);
    let cases = number("TITHE_ORACLE_CASES").map_or(CASES, |cases| cases as usize);
    let only = number("TITHE_ORACLE_CASE").map(|only| only as usize);
    let (first, end) = only.map_or((0, cases), |only| (only, only + 1));
    println!("{} cases of TITHE_ORACLE_SEED={seed}", end - first);
    let (next, counts, faults) = (AtomicUsize::new(first), Counts::default(), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end || faults.lock().unwrap().len() >= 3 {
                        return;
                    }
                    if let Some(fault) = run(seed, number, &counts) {
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    println!("{counts:?}");
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let refused = count(&counts.refused);
    assert!(only.is_some() || refused * 100 <= cases * REFUSED_PERCENT, "{refused} of {cases} cases were refused");
    // Cases in which nothing comes, or everything, would prove nothing.
    let (members, support, left) = (count(&counts.members), count(&counts.support), count(&counts.left));
    assert!(only.is_some() || (members > 10 * cases && support > cases && left > members), "{counts:?}");
}

/// What all cases came to.
#[derive(Debug, Default)]
struct Counts {
    refused: AtomicUsize,
    members: AtomicUsize,
    support: AtomicUsize,
    /// Rows that stayed behind.
    left: AtomicUsize,
}

/// One case; the answer is what is wrong with the smallest case that still fails.
fn run(seed: u64, number: usize, counts: &Counts) -> Option<String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&(number as u64).to_le_bytes());
    let shrinks = std::env::var("TITHE_ORACLE_SHRINKS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let config = Config { cases: 1, max_shrink_iters: shrinks, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner.run(&Cases { number }, |case| check(&case, counts).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => None,
        Err(TestError::Fail(reason, case)) => Some(format!(
            "TITHE_ORACLE_SEED={seed} TITHE_ORACLE_CASE={number}\n{}\n{}\n{reason}",
            case.sql(),
            case.toml()
        )),
        Err(TestError::Abort(reason)) => Some(format!("case {number}: {reason}")),
    }
}

/// The strategy of cases with a number.
#[derive(Debug)]
struct Cases {
    number: usize,
}

impl Strategy for Cases {
    type Tree = Shrinking;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = proptest::num::u64::ANY.new_tree(runner)?.current();
        let best = generate::case(seed, self.number);
        Ok(Shrinking { best, trial: None, open: None })
    }
}

/// A failing case on its way to a smaller one.
struct Shrinking {
    best: Case,
    trial: Option<Case>,
    open: Option<std::vec::IntoIter<Case>>,
}

impl Shrinking {
    fn advance(&mut self) -> bool {
        let best = &self.best;
        let mut next = self.open.get_or_insert_with(|| best.simpler().into_iter()).next();
        if let Some(case) = &mut next {
            generate::settle(&mut generate::Dice::new(0), case);
        }
        self.trial = next;
        self.trial.is_some()
    }
}

impl ValueTree for Shrinking {
    type Value = Case;

    fn current(&self) -> Case {
        self.trial.as_ref().unwrap_or(&self.best).clone()
    }

    fn simplify(&mut self) -> bool {
        if let Some(smaller) = self.trial.take() {
            self.best = smaller;
            self.open = None;
        }
        self.advance()
    }

    fn complicate(&mut self) -> bool {
        self.trial = None;
        self.advance()
    }
}

/// Samples the case and compares; a case without a valid plan is only counted.
fn check(case: &Case, counts: &Counts) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let source = support::source_database("oracle");
    source.try_query_text(&case.sql()).map_err(|error| format!("the case itself is wrong: {error:?}"))?;
    let loaded = runtime.block_on(async { load::source(case, &source.connect().await).await });
    let bound = match case.draw.size {
        Size::Percent(percent) => percent_bound(percent),
        Size::Rows(rows) => {
            let mut hashes: Vec<i64> = loaded.tables[0].iter().map(|row| row.hash).collect();
            hashes.sort_unstable();
            hashes.get(rows).copied()
        }
    };
    let wanted = expect::expected(case, &loaded, bound);
    if let Size::Percent(percent) = case.draw.size {
        let smaller = expect::expected(case, &loaded, percent_bound(percent.div_ceil(2).min(50)));
        let outside =
            |(small, large): (&Vec<bool>, &Vec<bool>)| small.iter().zip(large).any(|(small, large)| *small && !*large);
        assert!(!smaller.members.iter().zip(&wanted.members).any(outside), "the definition does not nest");
    }
    let (target, profile, home) = (support::target_database("oracle"), support::profile(&case.toml()), Home::new());
    let path = profile.path().to_string_lossy();
    // Every third run asks by predicate what others ask by list.
    let list = if case.draw.seed.is_multiple_of(3) { "2" } else { "50000" };
    let (from, to) = (source.url(), target.url());
    let mut arguments = vec!["sample", "--yes", "--json", "--from", &from, "--to", &to, "--profile", &path];
    // Most tables have several pages, and each page is a range.
    arguments.extend(["--literal-keys-max", list, "--range-bytes", "8kB"]);
    let ran = home.tithe(&arguments);
    let draws_nothing = !wanted.members[0].contains(&true);
    match ran.code {
        10 if draws_nothing && ran.stderr.contains("the root table") => return Ok(()),
        0 | 3 if !draws_nothing => {}
        5 if ran.stderr.contains("an array reference cannot decide") => {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        code => return Err(format!("exit {code}\n{}{}", ran.stdout, ran.stderr)),
    }
    let report: serde_json::Value =
        serde_json::from_str(&ran.stdout).map_err(|error| format!("{error}: {}", ran.stdout))?;
    let arrived = runtime.block_on(async { load::target(case, &target.connect().await).await });
    let mut faults = compare(case, &wanted, &arrived, &report);
    let unproven = target.query_one_text(
        "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated AND conparentid = 0",
    );
    let loose = case.references.iter().filter(|reference| {
        let child = &case.tables[reference.child];
        let kept = child.rules.orphans == Some(Orphans::Keep) && !child.partitioned;
        matches!(reference.kind, RefKind::Foreign { validated, .. } if !validated || kept)
    });
    let loose = loose.count().to_string();
    if unproven != loose {
        let _ = writeln!(faults, "{unproven} foreign keys are not proven, {loose} may be");
    }
    let chosen = |rows: &[Vec<bool>]| rows.iter().flatten().filter(|chosen| **chosen).count();
    let (members, support) = (chosen(&wanted.members), chosen(&wanted.support));
    let all: usize = loaded.tables.iter().map(Vec::len).sum();
    counts.members.fetch_add(members, Ordering::Relaxed);
    counts.support.fetch_add(support, Ordering::Relaxed);
    counts.left.fetch_add(all - members - support, Ordering::Relaxed);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The signed hash below which that share of all hashes lies.
fn percent_bound(percent: u32) -> Option<i64> {
    let share = (u128::from(percent) << 64) / 100;
    (percent < 100).then(|| i64::try_from(share as i128 + i128::from(i64::MIN)).unwrap())
}

fn compare(case: &Case, wanted: &Expected, arrived: &[Vec<Vec<Option<String>>>], report: &serde_json::Value) -> String {
    let mut faults = String::new();
    for (table, arrived) in arrived.iter().enumerate() {
        let name = case.sql_name(table);
        let (mut missing, mut surplus) = (wanted.rows[table].clone(), Vec::new());
        for row in arrived {
            match missing.iter().position(|wanted| wanted == row) {
                Some(at) => drop(missing.swap_remove(at)),
                None => surplus.push(row),
            }
        }
        let columns: Vec<String> = case.columns(table).into_iter().map(|(name, _)| name).collect();
        if !missing.is_empty() || !surplus.is_empty() {
            let _ = writeln!(faults, "{name} ({}):", columns.join(", "));
        }
        for (word, row) in missing
            .iter()
            .take(5)
            .map(|row| ("wanted", row))
            .chain(surplus.into_iter().take(5).map(|row| ("arrived", row)))
        {
            let _ = writeln!(faults, "  {word:7} {}", shown(row));
        }
        let entry = report["tables"].as_array().into_iter().flatten().find(|entry| {
            entry["schema"] == case.tables[table].schema && entry["table"] == case.tables[table].name.as_str()
        });
        let count = |rows: &[bool]| rows.iter().filter(|chosen| **chosen).count();
        let counts = (count(&wanted.members[table]), count(&wanted.support[table]));
        let told = entry.map(|entry| (entry["members"].as_u64(), entry["support"].as_u64()));
        if told != Some((Some(counts.0 as u64), Some(counts.1 as u64))) {
            let _ = writeln!(faults, "{name}: members and support are {counts:?}, the report says {told:?}");
        }
    }
    faults
}

fn shown(row: &[Option<String>]) -> String {
    row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(" | ")
}
