//! Random cases, the same for the same seed.

use super::case::*;
use super::modes::{default_table_modes, is_gate};
use crate::support::oldest_version;

/// SplitMix64: small, and the same everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Small numbers far more often than large ones.
    fn skewed(&mut self, bound: usize) -> usize {
        let narrowed = self.below(bound) + 1;
        self.below(narrowed)
    }
}

const KINDS: [Kind; 9] = [
    Kind::Int4,
    Kind::Int8,
    Kind::Uuid,
    Kind::Text,
    Kind::Bpchar,
    Kind::Numeric,
    Kind::Date,
    Kind::Citext,
    Kind::Loose,
];

/// A case of 3 tables and more: later numbers make larger ones.
pub(super) fn case(seed: u64, number: usize) -> Case {
    let mut dice = Dice::new(seed);
    let tables = 3 + dice.below(2 + number.min(5));
    let mut case = Case { tables: Vec::new(), references: Vec::new(), draw: draw(&mut dice) };
    let same_names = dice.chance(20);
    for at in 0..tables {
        let table = table(&mut dice, at, same_names);
        case.tables.push(table);
    }
    for at in 0..tables {
        references(&mut dice, &mut case, at);
    }
    for at in 0..tables {
        if case.tables[at].key == TableKey::FirstReference && !first_is_plain(&case, at) {
            case.tables[at].key = TableKey::Nothing;
        }
    }
    fill(&mut dice, &mut case, 12 + 8 * number.min(20));
    for at in 0..tables {
        rules(&mut dice, &mut case, at);
    }
    settle(&mut dice, &mut case);
    case
}

fn draw(dice: &mut Dice) -> Draw {
    let size = if dice.chance(15) {
        Size::Rows(1 + dice.below(20))
    } else {
        Size::Percent(dice.pick(&[5, 10, 20, 20, 40, 40, 60, 80, 100]))
    };
    let always = dice.chance(25).then(|| dice.pick(&["n % 13 = 3", "flag > 8", "weight = 4 OR flag IS NULL"]));
    let never = dice.chance(35).then(|| dice.pick(&["n % 11 = 4", "flag > 7", "flag <> 2 AND n % 3 = 0"]));
    Draw { size, seed: dice.below(1000) as u32, always, never }
}

fn table(dice: &mut Dice, at: usize, same_names: bool) -> Table {
    let key = match dice.below(100) {
        0..10 if at > 0 => TableKey::Nothing,
        10..22 if at > 0 => TableKey::FirstReference,
        22..36 => TableKey::Pair,
        _ => TableKey::Single(dice.pick(&KINDS)),
    };
    let has_own_key = matches!(key, TableKey::Single(_) | TableKey::Pair);
    let partitioned = has_own_key && dice.chance(10);
    let other = OtherKey { kind: dice.pick(&KINDS), not_null: dice.chance(40) };
    // Some tables have no key but one that may be NULL.
    let other_key = (!partitioned && dice.chance(if has_own_key { 30 } else { 50 })).then_some(other);
    let (schema, name) =
        if same_names && at % 2 == 1 { ("other", format!("t{}", at - 1)) } else { ("public", format!("t{at}")) };
    Table { schema, name, key, other_key, partitioned, rows: Vec::new(), rules: Rules::default() }
}

fn references(dice: &mut Dice, case: &mut Case, child: usize) {
    let count = if child == 0 { dice.below(2) } else { 1 + dice.below(3) };
    for _ in 0..count {
        let any_table = case.tables.len();
        let parent = match dice.below(100) {
            0..25 => 0,
            25..70 => dice.below(child.max(1)),
            70..85 => child,
            _ => dice.below(any_table),
        };
        let target = &case.tables[parent];
        let has_key = matches!(target.key, TableKey::Single(_) | TableKey::Pair);
        let to_other_key = target.other_key.is_some() && (!has_key || dice.chance(50));
        if !has_key && !to_other_key {
            continue;
        }
        let pair = !to_other_key && target.key == TableKey::Pair;
        let kind = ref_kind(dice, case, child, parent, to_other_key, pair);
        let number = case.references.len();
        let sharing = matches!(kind, RefKind::Virtual { shares: Some(_), .. });
        let nullable_like = if let RefKind::Virtual { shares: Some(other), .. } = kind {
            !case.references[other].not_null
        } else {
            dice.chance(50)
        };
        let guard = match dice.below(100) {
            _ if sharing || !nullable_like => Guard::Nothing,
            0..6 => Guard::Check,
            6..10 => Guard::HarmlessCheck,
            // NULLS NOT DISTINCT came with 15.
            10..14 if !case.tables[child].partitioned && oldest_version() < 15 => Guard::PartialIndex,
            10..14 if !case.tables[child].partitioned => Guard::NullsNotDistinct,
            14..18 if !case.tables[child].partitioned => Guard::PartialIndex,
            _ => Guard::Nothing,
        };
        let stated =
            dice.chance(35).then(|| dice.pick(&[Mode::Within, Mode::Follow, Mode::Follow, Mode::Pull, Mode::Null]));
        case.references.push(Reference {
            number,
            child,
            parent,
            to_other_key,
            kind,
            not_null: !nullable_like,
            half_nullable: pair && dice.chance(40) && !matches!(kind, RefKind::Foreign { match_full: true, .. }),
            guard,
            stated,
        });
    }
}

fn ref_kind(dice: &mut Dice, case: &Case, child: usize, parent: usize, to_other_key: bool, pair: bool) -> RefKind {
    let target = &case.tables[parent];
    let kind = match (target.key, target.other_key) {
        (_, Some(other)) if to_other_key => other.kind,
        (TableKey::Single(kind), _) => kind,
        _ => Kind::Text,
    };
    if pair || dice.chance(70) {
        let validated = case.tables[child].partitioned || dice.chance(80);
        return RefKind::Foreign { validated, match_full: pair && dice.chance(35) };
    }
    let textual = matches!(kind, Kind::Int4 | Kind::Int8 | Kind::Uuid | Kind::Text);
    let polymorphic = case.references.iter().rfind(|other| {
        other.child == child && matches!(other.kind, RefKind::Virtual { as_text: true, when: Some('a'), .. })
    });
    match polymorphic {
        Some(first) if textual && dice.chance(70) => {
            RefKind::Virtual { array: false, as_text: true, when: Some('b'), shares: Some(first.number) }
        }
        _ => {
            // The program refuses arrays of such keys.
            let array = dice.chance(30) && kind != Kind::Loose;
            let as_text = !array && textual && dice.chance(60);
            let when = dice.chance(50).then_some('a');
            RefKind::Virtual { array, as_text, when, shares: None }
        }
    }
}

/// A single column of its own, NOT NULL and no array: fit to be part of a primary key.
fn first_is_plain(case: &Case, table: usize) -> bool {
    case.references_of(table).first().is_some_and(|at| {
        let reference = &case.references[*at];
        reference.not_null
            && !reference.half_nullable
            && !reference.is_array()
            && reference.column_number() == reference.number
    })
}

fn fill(dice: &mut Dice, case: &mut Case, most: usize) {
    for at in 0..case.tables.len() {
        let count = if at == 0 { most / 2 + dice.below(most) } else { 3 + dice.below(most * 3 / 2) };
        let table = &mut case.tables[at];
        let kinds = match table.key {
            TableKey::Single(kind) => vec![kind],
            TableKey::Pair => vec![Kind::Int4, Kind::Text],
            _ => Vec::new(),
        };
        table.rows = (0..count)
            .map(|n| Row {
                key: kinds.iter().map(|kind| value(*kind, n as u32)).collect(),
                other_key: table
                    .other_key
                    .filter(|other| other.not_null || !dice.chance(25))
                    .map(|other| value(other.kind, 5000 + n as u32)),
                n,
                weight: dice.below(6) as u32,
                flag: (!dice.chance(15)).then(|| dice.below(10) as u32),
                kind: dice.pick(&['a', 'a', 'b', 'c']),
                links: Vec::new(),
            })
            .collect();
    }
    let tables = case.tables.clone();
    for at in 0..case.references.len() {
        let reference = case.references[at].clone();
        let parents: Vec<usize> = (0..tables[reference.parent].rows.len())
            .filter(|row| !reference.to_other_key || tables[reference.parent].rows[*row].other_key.is_some())
            .collect();
        let optional = !reference.not_null || parents.is_empty();
        if parents.is_empty() {
            case.references[at].not_null = false;
            case.references[at].half_nullable = false;
        }
        let mut orphans = if dice.chance(70) { dice.below(20) } else { 0 };
        if reference.validated() {
            orphans = 0;
        }
        let nulls = if optional { dice.pick(&[10, 30, 60]) } else { 0 };
        let whole_pair = !reference.half_nullable || !reference.not_null;
        for row in 0..case.tables[reference.child].rows.len() {
            let mut one = || {
                if parents.is_empty() || dice.chance(nulls) {
                    let half = !matches!(reference.kind, RefKind::Foreign { match_full: true, .. }) && dice.chance(30);
                    return if half { Link::HalfNull } else { Link::Null };
                }
                if !whole_pair && dice.chance(30) {
                    return Link::HalfNull;
                }
                if dice.chance(orphans) {
                    return Link::Orphan(dice.below(1000) as u32);
                }
                let parent = if reference.parent == reference.child && dice.chance(25) {
                    row
                } else {
                    parents[dice.skewed(parents.len())]
                };
                let parent = if parents.contains(&parent) { parent } else { parents[0] };
                Link::To(parent, dice.below(8) as u32)
            };
            let links = if reference.is_array() {
                let length = [0, 1, 1, 2, 3][row % 5];
                (0..length).map(|_| one()).collect()
            } else {
                vec![one()]
            };
            case.tables[reference.child].rows[row].links.push(links);
        }
    }
}

/// The value of a kind with that number; different numbers give different values.
pub(super) fn value(kind: Kind, number: u32) -> String {
    match kind {
        Kind::Int4 => format!("{}", i64::from(number) * 3 - 20),
        Kind::Int8 => {
            let far = [1_i64, 9_000_000_000, 1_700_000_000_000_000_000][number as usize % 3];
            format!("{}", i64::from(number) + far)
        }
        Kind::Uuid => format!("{:08x}-0000-4000-8000-{:012x}", number.wrapping_mul(2_654_435_761), number),
        Kind::Text => match number % 6 {
            0 => format!("k{number}"),
            1 => format!("it's {number}"),
            2 => format!("a,\"b\\ {number}"),
            3 => format!("Ünïcode {{{number}}}"),
            4 => format!("{number} "),
            _ => format!("NULL\t{number}"),
        },
        Kind::Bpchar => format!("b{number}"),
        Kind::Numeric => format!("{number}.50"),
        Kind::Date => format!("{}-{:02}-{:02}", 1990 + number / 336, 1 + number / 28 % 12, 1 + number % 28),
        Kind::Citext | Kind::Loose => format!("Mixed{number}"),
    }
}

fn rules(dice: &mut Dice, case: &mut Case, at: usize) {
    let capped: Vec<usize> = case
        .references_of(at)
        .into_iter()
        .filter(|own| {
            let reference = &case.references[*own];
            !reference.is_array()
                && case.parent_kinds(reference).len() == 1
                && reference.column_number() == reference.number
        })
        .map(|own| case.references[own].number)
        .collect();
    let loose = case.references_of(at).iter().any(|own| !case.references[*own].validated());
    let keyed = case.tables[at].key != TableKey::Nothing;
    let rules = &mut case.tables[at].rules;
    rules.filter = dice.chance(15).then(|| dice.pick(&["flag <> 3", "n % 7 <> 0", "weight < 5 OR flag IS NULL"]));
    if keyed && !capped.is_empty() && dice.chance(15) {
        let order = dice.pick(&[None, Some("weight"), Some("weight DESC"), Some("flag")]);
        rules.per_parent = Some(PerParent { reference: dice.pick(&capped), limit: 1 + dice.below(4), order });
    }
    rules.keep_unowned = dice.chance(25);
    if loose && dice.chance(50) {
        rules.orphans = Some(dice.pick(&[Orphans::Drop, Orphans::Null, Orphans::Keep]));
    }
    if at > 0 && dice.chance(25) {
        rules.rows = Some(dice.pick(&[
            TableMode::Owned,
            TableMode::All,
            TableMode::All,
            TableMode::Referenced,
            TableMode::None,
        ]));
    }
}

/// Makes the profile one that the program takes: every table decided, no mode where it makes no sense.
pub(super) fn settle(dice: &mut Dice, case: &mut Case) {
    loop {
        let modes = default_table_modes(case);
        if let Some(open) = modes.iter().position(Option::is_none) {
            let choices = [TableMode::Owned, TableMode::Owned, TableMode::All, TableMode::Referenced, TableMode::None];
            case.tables[open].rules.rows = Some(dice.pick(&choices));
            continue;
        }
        let modes: Vec<TableMode> = modes.into_iter().flatten().collect();
        for (table, mode) in case.tables.iter_mut().zip(&modes) {
            if *mode == TableMode::None {
                table.rules = Rules { rows: table.rules.rows, ..Rules::default() };
            }
        }
        let senseless = case.references.iter().position(|reference| {
            let (child, parent) = (modes[reference.child], modes[reference.parent]);
            let no_gate = child == TableMode::Referenced || parent == TableMode::Referenced;
            reference.stated.is_some_and(|mode| {
                child == TableMode::None
                    || (is_gate(mode) && no_gate)
                    || (mode == Mode::Follow && child == TableMode::Root)
            })
        });
        match senseless {
            Some(at) => case.references[at].stated = None,
            None => return,
        }
    }
}
