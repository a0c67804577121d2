//! Smaller cases, so that a failure is shown by the least that shows it.

use super::case::*;

impl Case {
    /// Cases with one thing less, the largest cuts first.
    pub(super) fn simpler(&self) -> Vec<Self> {
        let mut cases = Vec::new();
        for table in (1..self.tables.len()).rev() {
            cases.extend(self.without_table(table));
        }
        for at in (0..self.references.len()).rev() {
            cases.extend(self.without_reference(at));
        }
        for table in 0..self.tables.len() {
            let rows = self.tables[table].rows.len();
            let keeps: [&dyn Fn(usize) -> bool; 4] =
                [&|row| row < rows / 2, &|row| row >= rows / 2, &|row| row % 2 == 0, &|row| row % 4 != 3];
            cases.extend(keeps.into_iter().filter_map(|keep| self.with_rows(table, keep)));
            if rows <= 12 {
                cases.extend((0..rows).filter_map(|gone| self.with_rows(table, |row| row != gone)));
            }
        }
        let mut edit = |change: &dyn Fn(&mut Self) -> bool| {
            let mut case = self.clone();
            if change(&mut case) {
                cases.push(case);
            }
        };
        edit(&|case| case.draw.always.take().is_some());
        edit(&|case| case.draw.never.take().is_some());
        for table in 0..self.tables.len() {
            edit(&|case| case.tables[table].rules.filter.take().is_some());
            edit(&|case| case.tables[table].rules.per_parent.take().is_some());
            edit(&|case| case.tables[table].rules.orphans.take().is_some());
            edit(&|case| std::mem::take(&mut case.tables[table].rules.keep_unowned));
            edit(&|case| std::mem::take(&mut case.tables[table].partitioned));
            edit(&|case| matches!(case.tables[table].rules.rows.take(), Some(mode) if mode != TableMode::Root));
        }
        for at in 0..self.references.len() {
            edit(&|case| case.references[at].stated.take().is_some());
            edit(&|case| std::mem::replace(&mut case.references[at].guard, Guard::Nothing) != Guard::Nothing);
        }
        cases
    }

    fn without_table(&self, table: usize) -> Option<Self> {
        let mut case = self.clone();
        while let Some(at) = case.references.iter().rposition(|r| r.child == table || r.parent == table) {
            case = case.without_reference(at)?;
        }
        case.tables.remove(table);
        for reference in &mut case.references {
            reference.child -= usize::from(reference.child > table);
            reference.parent -= usize::from(reference.parent > table);
        }
        Some(case)
    }

    /// `None` where something else needs its columns.
    fn without_reference(&self, at: usize) -> Option<Self> {
        let gone = &self.references[at];
        let shared =
            self.references.iter().any(|other| other.number != gone.number && other.column_number() == gone.number);
        let own = self.references_of(gone.child);
        let in_key = self.tables[gone.child].key == TableKey::FirstReference && own.first() == Some(&at);
        if shared {
            return None;
        }
        let (child, position) = (gone.child, own.iter().position(|own| *own == at)?);
        let mut case = self.clone();
        case.references.remove(at);
        let table = &mut case.tables[child];
        if in_key {
            table.key = TableKey::Nothing;
        }
        table.rows.iter_mut().for_each(|row| drop(row.links.remove(position)));
        if table.rules.per_parent.is_some_and(|cap| cap.reference == gone.number) {
            table.rules.per_parent = None;
        }
        Some(case)
    }

    fn with_rows(&self, table: usize, keep: impl Fn(usize) -> bool) -> Option<Self> {
        let before = self.tables[table].rows.len();
        let kept: Vec<usize> = (0..before).filter(|row| keep(*row)).collect();
        if kept.is_empty() || kept.len() == before {
            return None;
        }
        let mut case = self.clone();
        case.tables[table].rows = kept.iter().map(|row| self.tables[table].rows[*row].clone()).collect();
        for at in (0..case.references.len()).filter(|at| self.references[*at].parent == table) {
            let child = self.references[at].child;
            let position = self.references_of(child).iter().position(|own| *own == at)?;
            for row in &mut case.tables[child].rows {
                for link in &mut row.links[position] {
                    if let Link::To(parent, spelling) = *link {
                        *link = match kept.iter().position(|kept| *kept == parent) {
                            Some(parent) => Link::To(parent, spelling),
                            None if !self.references[at].not_null => Link::Null,
                            None => Link::To(parent % kept.len(), spelling),
                        };
                    }
                }
            }
        }
        // A reference to a key that may be NULL needs a parent that has it.
        for at in 0..case.references.len() {
            let reference = &case.references[at];
            let position = case.references_of(reference.child).iter().position(|own| *own == at)?;
            let without: Vec<bool> = case.tables[reference.parent].rows.iter().map(|r| r.other_key.is_none()).collect();
            let (child, not_null, other) = (reference.child, reference.not_null, reference.to_other_key);
            for row in &mut case.tables[child].rows {
                for link in &mut row.links[position] {
                    if matches!(link, Link::To(parent, _) if other && without[*parent]) {
                        if not_null {
                            return None;
                        }
                        *link = Link::Null;
                    }
                }
            }
        }
        Some(case)
    }
}
