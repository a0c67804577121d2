//! A draw that brings nothing: a mistake, and no reason to put an empty database in the place of a full one.

use crate::closure::Chosen;
use crate::error::{Error, ErrorKind, Result};
use crate::pg::members::{Members, plain_source};

use super::choose::Choice;

/// # Errors
/// `Refused` where no row of the root table is a member; `Source`.
pub(super) async fn refuse(choice: &Choice<'_>, chosen: &Chosen) -> Result<()> {
    let root = choice.plan.root;
    if chosen.members[root.index()].is_some_and(|rows| rows > 0) {
        return Ok(());
    }
    let name = &choice.catalog.table(root).name;
    let members = Members { catalog: choice.catalog, plan: choice.plan, chosen };
    let is_there = async |rows: String| {
        let session = choice.source.session().await?;
        let row = session.query_one(&format!("SELECT EXISTS (SELECT{rows})"), &[]).await;
        let row = row.map_err(|e| choice.source.fail(format!("look for chosen rows of the root table {name}"), e))?;
        Ok::<bool, Error>(row.get(0))
    };
    if is_there(members.of(root, "t").sql()).await? {
        return Ok(());
    }
    let (what, remedy) = match is_there(format!(" FROM {}", plain_source(choice.catalog.table(root), "t"))).await? {
        false => ("is empty in the source", "check that --from names the database that is meant"),
        true => ("has no row that is chosen", "raise --percent, or look at `never` in the profile"),
    };
    Err(Error::new(ErrorKind::Refused, format!("the root table {name} {what}"))
        .with_remedy(format!("the target is untouched; {remedy}")))
}
