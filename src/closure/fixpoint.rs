//! Membership within a group of tables that refer to each other (or a table that refers to itself).
//!
//! The members are the largest set in which every non-null `within` parent of a member is a member, and every member
//! has a finite chain of `follow` references (of `within`, in a table where nothing is followed) to a row that stands
//! for itself. So: a greatest fixpoint over `within`, and inside it a least fixpoint over the chains, repeated until
//! neither removes a row. Each round removes at least one row or ends, and each is linear in the links.

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

/// By table and row: is it a member.
pub fn members(group: &Group) -> Vec<Vec<bool>> {
    let mut alive: Vec<Vec<bool>> = group.tables.iter().map(|table| vec![true; table.anchored.len()]).collect();
    loop {
        let removed = remove_broken(group, &mut alive);
        let reached = reach(group, &alive);
        if !removed && reached == alive {
            return alive;
        }
        alive = reached;
    }
}

/// Removes rows whose `within` parent is gone, and the rows below them; a row that refers to itself satisfies it.
fn remove_broken(group: &Group, alive: &mut [Vec<bool>]) -> bool {
    let mut open: Vec<(usize, u32)> = Vec::new();
    for (at, table) in group.tables.iter().enumerate() {
        for link in table.links.iter().filter(|link| link.within) {
            for (row, parent) in link.rows.iter().enumerate() {
                let holds = match *parent {
                    NULL_LINK => true,
                    NO_PARENT => false,
                    parent => alive[link.parent][parent as usize],
                };
                if alive[at][row] && !holds {
                    alive[at][row] = false;
                    open.push((at, u32::try_from(row).unwrap_or(NO_PARENT)));
                }
            }
        }
    }
    if open.is_empty() {
        return false;
    }
    let children = children_lists(group, |link| link.within);
    while let Some((at, row)) = open.pop() {
        for list in &children[at] {
            for child in list.of(row) {
                if std::mem::take(&mut alive[list.table][*child as usize]) {
                    open.push((list.table, *child));
                }
            }
        }
    }
    true
}

/// Rows that a chain reaches: breadth first from the anchored rows, parents to children.
fn reach(group: &Group, alive: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let children = children_lists(group, |link| link.carries);
    let mut reached: Vec<Vec<bool>> = alive.iter().map(|rows| vec![false; rows.len()]).collect();
    let mut open: Vec<(usize, u32)> = Vec::new();
    for (at, table) in group.tables.iter().enumerate() {
        for (row, anchored) in table.anchored.iter().enumerate() {
            if *anchored && alive[at][row] {
                reached[at][row] = true;
                open.push((at, u32::try_from(row).unwrap_or(NO_PARENT)));
            }
        }
    }
    while let Some((at, row)) = open.pop() {
        for list in &children[at] {
            for child in list.of(row) {
                if alive[list.table][*child as usize] && !reached[list.table][*child as usize] {
                    reached[list.table][*child as usize] = true;
                    open.push((list.table, *child));
                }
            }
        }
    }
    reached
}

/// Children of each row along one link, as one array with offsets.
struct Children {
    table: usize,
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Children {
    fn of(&self, parent: u32) -> &[u32] {
        &self.rows[self.starts[parent as usize] as usize..self.starts[parent as usize + 1] as usize]
    }
}

/// By parent table: its lists of children along the wanted links.
fn children_lists(group: &Group, wanted: impl Fn(&Link) -> bool) -> Vec<Vec<Children>> {
    let mut lists: Vec<Vec<Children>> = group.tables.iter().map(|_| Vec::new()).collect();
    for (at, table) in group.tables.iter().enumerate() {
        for link in table.links.iter().filter(|link| wanted(link)) {
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
            lists[link.parent].push(Children { table: at, starts, rows });
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(anchored: &[bool], within: bool, carries: bool, rows: &[u32]) -> Vec<bool> {
        let table = GroupTable {
            anchored: anchored.to_vec(),
            links: vec![Link { parent: 0, within, carries, rows: rows.to_vec() }],
        };
        members(&Group { tables: vec![table] }).remove(0)
    }

    #[test]
    fn follow_brings_descendants_of_anchored_rows() {
        let n = NULL_LINK;
        assert_eq!(one(&[true, false, false, false], false, true, &[n, 0, 1, n]), [true, true, true, false]);
    }

    #[test]
    fn a_circle_without_anchor_is_no_member() {
        assert_eq!(one(&[false, false], false, true, &[1, 0]), [false, false]);
    }

    #[test]
    fn within_removes_rows_below_a_missing_parent() {
        let n = NULL_LINK;
        assert_eq!(one(&[true, true, true, true], true, false, &[n, NO_PARENT, 1, 3]), [true, false, false, true]);
    }

    #[test]
    fn a_long_chain_falls_in_linear_time() {
        let rows = 300_000;
        // Every row hangs on the next one, and the last on nothing that is there.
        let links: Vec<u32> = (1..rows).chain([NO_PARENT]).collect();
        assert!(one(&vec![true; rows as usize], true, false, &links).iter().all(|alive| !alive));
    }

    #[test]
    fn an_anchored_circle_under_within_stays() {
        assert_eq!(one(&[true, true], true, true, &[1, 0]), [true, true]);
    }
}
