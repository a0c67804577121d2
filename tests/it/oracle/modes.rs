//! Modes of tables and references, and what can become NULL: the defaults of docs/design.md once more, naively.

use super::case::*;

/// What a reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Within,
    Follow,
    Pull,
    Null,
    /// The parent table comes without rows.
    Cut,
    /// The child table comes without rows.
    Nothing,
}

pub(super) fn is_gate(mode: Mode) -> bool {
    matches!(mode, Mode::Within | Mode::Follow)
}

/// By table: its mode, `None` where the profile must say it.
pub(super) fn default_table_modes(case: &Case) -> Vec<Option<TableMode>> {
    let mut modes: Vec<Option<TableMode>> = case.tables.iter().map(|table| table.rules.rows).collect();
    modes[0] = Some(TableMode::Root);
    loop {
        let owned = case.references.iter().find(|reference| {
            let leads = matches!(modes[reference.parent], Some(TableMode::Root | TableMode::Owned));
            let owns = reference.stated.map_or(required(case, reference), is_gate);
            modes[reference.child].is_none() && leads && owns
        });
        let Some(reference) = owned else { return modes };
        modes[reference.child] = Some(TableMode::Owned);
    }
}

/// NOT NULL in all columns, and always there.
fn required(case: &Case, reference: &Reference) -> bool {
    let in_key = case.tables[reference.child].key == TableKey::FirstReference
        && case
            .references_of(reference.child)
            .first()
            .is_some_and(|at| case.references[*at].number == reference.number);
    let not_null = reference.columns_not_null(case).into_iter().all(|not_null| not_null);
    (not_null || in_key) && reference.condition().is_none() && !reference.is_array()
}

/// Positions, in the reference's columns, that may be set to NULL; none for a reference that cannot become NULL.
/// An array counts as nullable: it loses elements instead.
pub(super) fn nullable(case: &Case, reference: &Reference) -> Vec<usize> {
    if reference.is_array() {
        return vec![0];
    }
    let guarded = |position: usize| {
        position == 0 && matches!(reference.guard, Guard::Check | Guard::NullsNotDistinct | Guard::PartialIndex)
    };
    let not_null = reference.columns_not_null(case);
    let free: Vec<usize> = (0..not_null.len()).filter(|position| !not_null[*position] && !guarded(*position)).collect();
    let full = matches!(reference.kind, RefKind::Foreign { match_full: true, .. });
    // A guard stands on the column, whoever uses it.
    let owner_guarded = case.references.iter().any(|owner| {
        owner.number == reference.column_number()
            && owner.number != reference.number
            && !matches!(owner.guard, Guard::Nothing | Guard::HarmlessCheck)
    });
    if owner_guarded || (full && free.len() < not_null.len()) { Vec::new() } else { free }
}

/// By reference.
pub(super) fn what_references_do(case: &Case, modes: &[TableMode]) -> Vec<Does> {
    let leads = |table: usize| matches!(modes[table], TableMode::Root | TableMode::Owned);
    let does = |reference: &Reference| -> Does {
        if modes[reference.child] == TableMode::None {
            return Does::Nothing;
        }
        if modes[reference.parent] == TableMode::None {
            return Does::Cut;
        }
        let own: Vec<&Reference> = case.references.iter().filter(|other| other.child == reference.child).collect();
        let weak = if required(case, reference) { Does::Pull } else { Does::Null };
        let follows = own.iter().any(|other| other.stated == Some(Mode::Follow));
        let owner = |other: &&&Reference| {
            other.parent != other.child && leads(other.parent) && other.stated.map_or(required(case, other), is_gate)
        };
        let planned = match reference.stated {
            Some(Mode::Within) => Does::Within,
            Some(Mode::Follow) => Does::Follow,
            Some(Mode::Pull) => Does::Pull,
            Some(Mode::Null) => Does::Null,
            None if modes[reference.child] != TableMode::Owned => weak,
            None if !leads(reference.parent) => Does::Pull,
            None if follows => weak,
            None if required(case, reference) => Does::Within,
            None if own.iter().find(owner).is_none() => Does::Within,
            None => Does::Null,
        };
        if planned == Does::Null && nullable(case, reference).is_empty() {
            let owned = modes[reference.child] == TableMode::Owned && leads(reference.parent);
            return if owned { Does::Within } else { Does::Pull };
        }
        planned
    };
    case.references.iter().map(does).collect()
}
