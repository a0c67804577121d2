//! How the source means to read a query, and the ranges in which a heap can be read piece by piece.

use serde_json::Value;
use tokio_postgres::Client;

use super::connect::Connector;
use crate::error::Result;

/// From here on a condition on `ctid` reads only the pages that it names.
pub const RANGE_SCANS_SINCE: u32 = 140_000;

/// What the source's planner says of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Its estimate, in units of one page read.
    pub total_cost: f64,
    /// The relation that was asked about is read from its first page to its last.
    pub reads_all: bool,
}

/// Asks the planner about a SELECT, of the relation that stands in it as `alias`; nothing is read.
///
/// # Errors
/// The server's, as the query itself would meet it.
pub async fn outlook(
    client: &Client,
    connector: &Connector,
    select: &str,
    alias: &str,
    action: &str,
) -> Result<Outlook> {
    let row = client
        .query_one(&format!("EXPLAIN (FORMAT JSON) {select}"), &[])
        .await
        .map_err(|e| connector.fail(action, e))?;
    Ok(read_outlook(&row.get(0), alias))
}

fn read_outlook(explained: &Value, alias: &str) -> Outlook {
    let plan = &explained[0]["Plan"];
    let node = scan_of(plan, alias).and_then(|scan| scan["Node Type"].as_str());
    Outlook {
        total_cost: plan["Total Cost"].as_f64().unwrap_or(f64::MAX),
        reads_all: matches!(node, Some("Seq Scan" | "Tid Range Scan")),
    }
}

/// The node that reads the relation of that alias.
fn scan_of<'p>(plan: &'p Value, alias: &str) -> Option<&'p Value> {
    if plan["Alias"].as_str() == Some(alias) && plan["Relation Name"].is_string() {
        return Some(plan);
    }
    plan["Plans"].as_array()?.iter().find_map(|child| scan_of(child, alias))
}

/// Pages of a relation's heap. What is visible to the session's snapshot lies within them.
///
/// # Errors
/// The server's.
pub async fn heap_pages(
    client: &Client,
    connector: &Connector,
    relation_oid: u32,
    block_bytes: u32,
    action: &str,
) -> Result<u64> {
    let row = client
        .query_one("SELECT coalesce(pg_relation_size($1::oid::regclass), 0)", &[&relation_oid])
        .await
        .map_err(|e| connector.fail(action, e))?;
    Ok(row.get::<_, i64>(0).unsigned_abs().div_ceil(u64::from(block_bytes.max(1))))
}

/// Pages of a heap, from `first` to before `end`; open where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRange {
    first: Option<u64>,
    end: Option<u64>,
}

impl PageRange {
    /// The first of them.
    pub fn first_page(self) -> u64 {
        self.first.unwrap_or(0)
    }

    /// Ranges that hold every row once, each of at most so many of the `pages`; the last one is open, so that it holds
    /// whatever is added meanwhile.
    pub fn split(pages: u64, pages_per_range: u64) -> Vec<Self> {
        let step = pages_per_range.max(1);
        let starts: Vec<u64> = (0..pages.div_ceil(step).max(1)).map(|at| at * step).collect();
        let ends = starts.iter().skip(1).copied().map(Some).chain([None]);
        starts.iter().zip(ends).map(|(first, end)| Self { first: (*first > 0).then_some(*first), end }).collect()
    }

    /// Conditions on the relation of that alias.
    pub fn conditions(&self, alias: &str) -> impl Iterator<Item = String> {
        let from = self.first.map(|page| format!("{alias}.ctid >= '({page},0)'::tid"));
        let to = self.end.map(|page| format!("{alias}.ctid < '({page},0)'::tid"));
        from.into_iter().chain(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_without_gap_and_end_open() {
        let texts = |pages, step| -> Vec<String> {
            PageRange::split(pages, step).iter().map(|r| r.conditions("t").collect::<Vec<_>>().join(" AND ")).collect()
        };
        assert_eq!(texts(0, 10), [""]);
        assert_eq!(texts(10, 10), [""]);
        assert_eq!(
            texts(21, 10),
            ["t.ctid < '(10,0)'::tid", "t.ctid >= '(10,0)'::tid AND t.ctid < '(20,0)'::tid", "t.ctid >= '(20,0)'::tid"]
        );
    }

    #[test]
    fn the_scan_is_found_below_joins() {
        let scan = |node: &str| {
            let scan = serde_json::json!({"Node Type": node, "Relation Name": "posts", "Alias": "t"});
            let other = serde_json::json!({"Node Type": "Seq Scan", "Relation Name": "users", "Alias": "t_1"});
            let join = serde_json::json!({"Node Type": "Hash Join", "Total Cost": 12.5, "Plans": [other, scan]});
            read_outlook(&serde_json::json!([{ "Plan": join }]), "t")
        };
        assert_eq!(scan("Seq Scan"), Outlook { total_cost: 12.5, reads_all: true });
        assert!(!scan("Bitmap Heap Scan").reads_all && !scan("Index Scan").reads_all);
    }
}
