//! Membership within a group of tables that refer to each other (or a table that refers to itself).
//!
//! The members are the largest set in which every non-null `within` parent of a member is a member, and every member
//! has a finite chain of `follow` references (of `within`, in a table where nothing is followed) to a row that stands
//! for itself. So rows are removed that cannot be in such a set, and with each the rows that need it: at once below a
//! `within`, and below a carrying link when it was the last one to a row still there. Only rows that carry each other
//! in a circle would hold each other up; a circle is walked anew when it lost a row or what carried it from outside.
//! All is linear in the links, but for such circles.

mod circles;
#[cfg(test)]
mod tests;

use circles::Circles;

/// A link to no row: the reference is NULL.
pub const NULL_LINK: u32 = u32::MAX;
/// A link to a row that is no candidate.
pub const NO_PARENT: u32 = u32::MAX - 1;

/// Candidate rows of the tables of one group.
#[derive(Debug, Default)]
pub struct Group {
    /// Tables.
    pub tables: Vec<GroupTable>,
}

/// Candidate rows of one table.
#[derive(Debug, Default)]
pub struct GroupTable {
    /// By row: it stands for itself (a drawn root row, a kept unowned row), or a chain from outside the group reaches it.
    pub anchored: Vec<bool>,
    /// References inside the group.
    pub links: Vec<Link>,
}

/// One reference from a table of the group to a table of the group.
#[derive(Debug)]
pub struct Link {
    /// Parent's position in [`Group::tables`].
    pub parent: usize,
    /// The parent must be a member where the link is not NULL.
    pub within: bool,
    /// A member parent is a chain that brings the row.
    pub carries: bool,
    /// By row: the parent's row, [`NULL_LINK`] or [`NO_PARENT`].
    pub rows: Vec<u32>,
}

/// A row: its table's position in the group, and its own in the table.
type Place = (usize, u32);

/// By table and row: is it a member.
pub fn members(group: &Group) -> Vec<Vec<bool>> {
    let mut removal = Removal::new(group);
    removal.begin();
    loop {
        while let Some(place) = removal.open.pop() {
            removal.spread(place);
        }
        match removal.suspects.pop() {
            Some(circle) => removal.walk(circle),
            None => return removal.alive,
        }
    }
}

/// Rows being removed until the rest holds.
struct Removal<'g> {
    group: &'g Group,
    /// By parent table.
    children: Vec<Vec<Children>>,
    circles: Circles,
    alive: Vec<Vec<bool>>,
    /// By row: carrying links to rows that are alive, itself apart.
    carriers: Vec<Vec<u32>>,
    /// Removed rows whose children have not been looked at.
    open: Vec<Place>,
    /// Circles that may have lost what carries them.
    suspects: Vec<usize>,
    suspected: Vec<bool>,
    /// Rows that the walk of a circle has reached; all false between walks.
    reached: Vec<Vec<bool>>,
}

impl<'g> Removal<'g> {
    fn new(group: &'g Group) -> Self {
        let circles = Circles::of(group);
        let all = |value| group.tables.iter().map(|table| vec![value; table.anchored.len()]).collect();
        Self {
            group,
            children: children_lists(group),
            alive: all(true),
            carriers: group.tables.iter().enumerate().map(|(at, table)| count_carriers(at, table)).collect(),
            open: Vec::new(),
            suspects: (0..circles.len()).collect(),
            suspected: vec![true; circles.len()],
            reached: all(false),
            circles,
        }
    }

    /// Removes the rows that need none of the others to fall.
    fn begin(&mut self) {
        for (at, table) in self.group.tables.iter().enumerate() {
            for (row, anchored) in (0..).zip(&table.anchored) {
                let broken = table.links.iter().any(|link| link.within && link.rows[row as usize] == NO_PARENT);
                if broken || (!anchored && self.carriers[at][row as usize] == 0) {
                    self.remove((at, row));
                }
            }
        }
    }

    fn remove(&mut self, (at, row): Place) {
        if std::mem::take(&mut self.alive[at][row as usize]) {
            self.open.push((at, row));
        }
    }

    /// What a removed row's children lose. A row that refers to itself is gone already.
    fn spread(&mut self, (at, row): Place) {
        for list in 0..self.children[at].len() {
            let (table, within) = (self.children[at][list].table, self.children[at][list].within);
            for slot in self.children[at][list].slots(row) {
                let child = (table, self.children[at][list].rows[slot]);
                if within {
                    self.remove(child);
                } else {
                    self.lose_carrier(child);
                }
            }
        }
    }

    fn lose_carrier(&mut self, (at, row): Place) {
        if self.group.tables[at].anchored[row as usize] || !self.alive[at][row as usize] {
            return;
        }
        let left = &mut self.carriers[at][row as usize];
        *left -= 1;
        if *left == 0 {
            self.remove((at, row));
        } else if let Some(circle) = self.circles.around((at, row))
            && !std::mem::replace(&mut self.suspected[circle], true)
        {
            self.suspects.push(circle);
        }
    }

    /// Removes the rows of a circle that no chain from outside reaches.
    fn walk(&mut self, circle: usize) {
        self.suspected[circle] = false;
        let mut open: Vec<Place> = Vec::new();
        for (at, row) in self.circles.rows(circle) {
            if self.alive[*at][*row as usize] && self.stands_without(circle, (*at, *row)) {
                self.reached[*at][*row as usize] = true;
                open.push((*at, *row));
            }
        }
        while let Some((at, row)) = open.pop() {
            for list in self.children[at].iter().filter(|list| list.carries) {
                for child in &list.rows[list.slots(row)] {
                    let inside = self.circles.around((list.table, *child)) == Some(circle);
                    let reached = &mut self.reached[list.table][*child as usize];
                    if inside && self.alive[list.table][*child as usize] && !std::mem::replace(reached, true) {
                        open.push((list.table, *child));
                    }
                }
            }
        }
        for at in 0..self.circles.rows(circle).len() {
            let (table, row) = self.circles.rows(circle)[at];
            if !std::mem::take(&mut self.reached[table][row as usize]) {
                self.remove((table, row));
            }
        }
    }

    /// The row stands for itself, or a row outside the circle carries it.
    fn stands_without(&self, circle: usize, (at, row): Place) -> bool {
        let table = &self.group.tables[at];
        table.anchored[row as usize]
            || table.links.iter().filter(|link| link.carries).any(|link| {
                let parent = link.rows[row as usize];
                parent < NO_PARENT
                    && self.alive[link.parent][parent as usize]
                    && self.circles.around((link.parent, parent)) != Some(circle)
            })
    }
}

fn count_carriers(at: usize, table: &GroupTable) -> Vec<u32> {
    let mut carriers = vec![0; table.anchored.len()];
    for link in table.links.iter().filter(|link| link.carries) {
        for (row, parent) in (0..).zip(&link.rows) {
            let itself = link.parent == at && *parent == row;
            carriers[row as usize] += u32::from(*parent < NO_PARENT && !itself);
        }
    }
    carriers
}

/// Children of each row along one link, as one array with offsets.
struct Children {
    table: usize,
    within: bool,
    carries: bool,
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Children {
    /// Where a parent's children stand in `rows`.
    fn slots(&self, parent: u32) -> std::ops::Range<usize> {
        self.starts[parent as usize] as usize..self.starts[parent as usize + 1] as usize
    }
}

/// By parent table: its lists of children along each link.
fn children_lists(group: &Group) -> Vec<Vec<Children>> {
    let mut lists: Vec<Vec<Children>> = group.tables.iter().map(|_| Vec::new()).collect();
    for (at, table) in group.tables.iter().enumerate() {
        for link in table.links.iter().filter(|link| link.within || link.carries) {
            let parents = group.tables[link.parent].anchored.len();
            let mut starts = vec![0_u32; parents + 1];
            for parent in link.rows.iter().filter(|parent| **parent < NO_PARENT) {
                starts[*parent as usize + 1] += 1;
            }
            for parent in 0..parents {
                starts[parent + 1] += starts[parent];
            }
            let mut next = starts.clone();
            let mut rows = vec![0_u32; starts[parents] as usize];
            for (row, parent) in link.rows.iter().enumerate().filter(|(_, parent)| **parent < NO_PARENT) {
                let slot = &mut next[*parent as usize];
                rows[*slot as usize] = u32::try_from(row).unwrap_or(NO_PARENT);
                *slot += 1;
            }
            lists[link.parent].push(Children { table: at, within: link.within, carries: link.carries, starts, rows });
        }
    }
    lists
}
