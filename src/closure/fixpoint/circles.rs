//! Rows that bring each other in a circle: strongly connected along the carrying links.
//!
//! Tarjan's algorithm without recursion, since chains of rows are long.

use super::{Group, NO_PARENT, Place};

/// Circles of two rows and more; a row that carries itself is none.
#[derive(Debug, Default)]
pub(super) struct Circles {
    /// By table and row: its circle's number from 1, 0 for none.
    of: Vec<Vec<u32>>,
    /// Where each circle begins in `rows`.
    starts: Vec<usize>,
    rows: Vec<Place>,
}

impl Circles {
    pub(super) fn of(group: &Group) -> Self {
        let unseen = || group.tables.iter().map(|table| vec![0; table.anchored.len()]).collect();
        let found = Self { of: unseen(), ..Self::default() };
        let mut search =
            Search { group, number: unseen(), low: unseen(), next: 1, path: Vec::new(), open: Vec::new(), found };
        for (at, table) in group.tables.iter().enumerate() {
            for row in (0..).take(table.anchored.len()) {
                search.visit((at, row));
            }
        }
        search.found
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The circle that a row is in.
    pub(super) fn around(&self, (at, row): Place) -> Option<usize> {
        (self.of[at][row as usize] as usize).checked_sub(1)
    }

    pub(super) fn rows(&self, circle: usize) -> &[Place] {
        let end = self.starts.get(circle + 1).copied().unwrap_or(self.rows.len());
        &self.rows[self.starts[circle]..end]
    }

    fn add(&mut self, rows: &[Place]) {
        self.starts.push(self.rows.len());
        self.rows.extend_from_slice(rows);
        let number = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        rows.iter().for_each(|(at, row)| self.of[*at][*row as usize] = number);
    }
}

/// A `low` that says: the row's component is complete.
const DONE: u32 = u32::MAX;

struct Search<'g> {
    group: &'g Group,
    /// By table and row: order of discovery from 1, 0 for unseen.
    number: Vec<Vec<u32>>,
    /// Smallest number that is known to be reached, within the component.
    low: Vec<Vec<u32>>,
    next: u32,
    /// Rows being walked, each with its next link.
    path: Vec<(Place, usize)>,
    /// Rows whose component is not complete.
    open: Vec<Place>,
    found: Circles,
}

impl Search<'_> {
    fn visit(&mut self, start: Place) {
        if self.number[start.0][start.1 as usize] == 0 {
            self.enter(start);
        }
        while let Some(((at, row), link)) = self.path.last_mut() {
            let here = (*at, *row);
            match self.group.tables[here.0].links.get(*link) {
                Some(next) => {
                    *link += 1;
                    let parent = next.rows[here.1 as usize];
                    if next.carries && parent < NO_PARENT {
                        self.meet(here, (next.parent, parent));
                    }
                }
                None => self.leave(here),
            }
        }
    }

    fn enter(&mut self, (at, row): Place) {
        self.number[at][row as usize] = self.next;
        self.low[at][row as usize] = self.next;
        self.next += 1;
        self.path.push(((at, row), 0));
        self.open.push((at, row));
    }

    fn meet(&mut self, here: Place, (at, row): Place) {
        match self.number[at][row as usize] {
            0 => self.enter((at, row)),
            number if self.low[at][row as usize] != DONE => self.lower(here, number),
            _ => {}
        }
    }

    fn lower(&mut self, (at, row): Place, number: u32) {
        let low = &mut self.low[at][row as usize];
        *low = number.min(*low);
    }

    fn leave(&mut self, here: Place) {
        self.path.pop();
        let (number, low) = (self.number[here.0][here.1 as usize], self.low[here.0][here.1 as usize]);
        if let Some((above, _)) = self.path.last() {
            self.lower(*above, low);
        }
        if low == number {
            let start = self.open.iter().rposition(|place| *place == here).unwrap_or_default();
            if self.open.len() - start > 1 {
                self.found.add(&self.open[start..]);
            }
            for (at, row) in self.open.drain(start..) {
                self.low[at][row as usize] = DONE;
            }
        }
    }
}
