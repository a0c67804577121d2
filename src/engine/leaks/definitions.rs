//! Constants of the schema: what stands quoted in defaults, views, functions, labels and comments travels as it is.

use super::{At, Place};
use crate::leaks::{Kind, Room, Search, Secrets, Suspects, literals};
use crate::pg::entries::{Dump, Entry};

/// Quoted texts of a dump, by object.
#[derive(Default)]
pub(in crate::engine) struct Constants(Vec<(At, Vec<String>)>);

impl Constants {
    /// Those of all entries.
    pub(in crate::engine) fn of(dump: &Dump) -> Self {
        let of_entry = |entry: &Entry| {
            let texts = literals(&entry.sql);
            let name = format!("{} {}", entry.kind.to_lowercase(), entry.name);
            let at = if entry.kind == "COMMENT" { At::Comment(entry.name.clone()) } else { At::Definition(name) };
            (!texts.is_empty()).then_some((at, texts))
        };
        Self(dump.before_rows.iter().chain(&dump.after_rows).filter_map(of_entry).collect())
    }
}

pub(super) fn search(constants: &Constants, secrets: &Secrets, room: &Room) -> Vec<Place> {
    let mut search = Search::new(secrets);
    let look = |(at, texts): &(At, Vec<String>)| {
        let mut suspects = Suspects::new(room);
        texts.iter().for_each(|text| suspects.add(text.as_bytes(), search.text(text.as_bytes(), Kind::Plain)));
        Place { at: at.clone(), suspects }
    };
    constants.0.iter().map(look).collect()
}
