//! Members of small groups by hand, of random groups by definition, and of groups that are long or deep.

use proptest::collection::vec;
use proptest::prelude::*;

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

/// Every `a` needs the `b` of its number, every `b` hangs on the next `a`; the last `a`'s link is given.
fn alternating(rows: u32, last: u32) -> Group {
    let needs: Vec<u32> = (0..rows - 1).chain([last]).collect();
    let hangs: Vec<u32> = (1..rows).collect();
    let link = |parent, within, rows| Link { parent, within, carries: !within, rows };
    let a = GroupTable { anchored: vec![true; rows as usize], links: vec![link(1, true, needs)] };
    let b = GroupTable { anchored: vec![false; rows as usize - 1], links: vec![link(0, false, hangs)] };
    Group { tables: vec![a, b] }
}

#[test]
fn a_chain_that_alternates_falls_in_linear_time() {
    let falls = |group: &Group, wanted: bool| members(group).iter().flatten().all(|alive| *alive == wanted);
    assert!(falls(&alternating(100_000, NO_PARENT), false));
    assert!(falls(&alternating(100_000, NULL_LINK), true));
}

#[test]
fn circles_along_an_alternating_chain_fall_in_linear_time() {
    for (last, wanted) in [(NO_PARENT, false), (NULL_LINK, true)] {
        let mut group = alternating(100_000, last);
        // Every second `b` and the next one carry each other too.
        let mut partners: Vec<u32> = (0..99_999).map(|row| row ^ 1).collect();
        partners[99_998] = NULL_LINK;
        group.tables[1].links.push(Link { parent: 1, within: false, carries: true, rows: partners });
        // Of each two it is the second that hangs on an `a`, and the first that an `a` needs.
        for row in (0..99_998).step_by(2) {
            group.tables[1].links[0].rows[row] = NULL_LINK;
            group.tables[0].links[0].rows[row + 1] = NULL_LINK;
        }
        let found = members(&group);
        assert!(found[1].iter().all(|alive| *alive == wanted));
        assert_eq!(found[0].iter().all(|alive| *alive), wanted);
        assert!(found[0].iter().skip(1).step_by(2).take(49_999).all(|alive| *alive));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_are_the_union_of_all_sets_that_hold(group in groups(3)) {
        let sizes: Vec<usize> = group.tables.iter().map(|table| table.anchored.len()).collect();
        let mut union: Vec<Vec<bool>> = sizes.iter().map(|rows| vec![false; *rows]).collect();
        for bits in 0..1_u32 << sizes.iter().sum::<usize>() {
            let mut at = 0..;
            let set: Vec<Vec<bool>> =
                sizes.iter().map(|rows| at.by_ref().take(*rows).map(|bit| bits >> bit & 1 == 1).collect()).collect();
            if allowed(&group, &set) == set {
                union.iter_mut().flatten().zip(set.iter().flatten()).for_each(|(union, set)| *union |= *set);
            }
        }
        prop_assert_eq!(members(&group), union);
    }

    #[test]
    fn members_are_what_removal_by_rounds_leaves(group in groups(30)) {
        let mut set: Vec<Vec<bool>> = group.tables.iter().map(|table| vec![true; table.anchored.len()]).collect();
        loop {
            let next = allowed(&group, &set);
            if next == set {
                break;
            }
            set = next;
        }
        prop_assert_eq!(members(&group), set);
    }
}

/// The rows of a set that have their `within` parents and a finite chain in it.
fn allowed(group: &Group, set: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let mut chained: Vec<Vec<bool>> = set.iter().map(|rows| vec![false; rows.len()]).collect();
    loop {
        let before = chained.clone();
        for (at, table) in group.tables.iter().enumerate() {
            for row in 0..table.anchored.len() {
                let brings = |link: &Link| {
                    link.carries && link.rows[row] < NO_PARENT && before[link.parent][link.rows[row] as usize]
                };
                chained[at][row] |= set[at][row] && (table.anchored[row] || table.links.iter().any(brings));
            }
        }
        if chained == before {
            break;
        }
    }
    for (rows, table) in chained.iter_mut().zip(&group.tables) {
        for (row, chained) in rows.iter_mut().enumerate() {
            *chained &= table.links.iter().filter(|link| link.within).all(|link| match link.rows[row] {
                NULL_LINK => true,
                NO_PARENT => false,
                parent => set[link.parent][parent as usize],
            });
        }
    }
    chained
}

/// Up to three tables of up to so many rows, each with up to three references.
fn groups(most: usize) -> impl Strategy<Value = Group> {
    let tables = |sizes: Vec<usize>| sizes.iter().map(|rows| table(&sizes, *rows)).collect::<Vec<_>>();
    vec(1..=most, 1..=3).prop_flat_map(tables).prop_map(|tables| Group { tables })
}

fn table(sizes: &[usize], rows: usize) -> impl Strategy<Value = GroupTable> + use<> {
    let sizes = sizes.to_vec();
    let link = (0..sizes.len(), 0..3).prop_flat_map(move |(parent, kind)| {
        let bound = sizes[parent] as u32;
        let target = prop_oneof![3 => Just(NULL_LINK), 1 => Just(NO_PARENT), 12 => 0..bound];
        vec(target, rows).prop_map(move |rows| Link { parent, within: kind != 0, carries: kind != 1, rows })
    });
    (vec(proptest::bool::weighted(0.2), rows), vec(link, 0..=3))
        .prop_map(|(anchored, links)| GroupTable { anchored, links })
}
