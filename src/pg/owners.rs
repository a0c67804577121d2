//! Gives what landed to the roles that own it in the source.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::connect::Pool;
use super::entries::Owner;
use crate::error::Result;
use crate::wording::plural;

/// What a server says of what is not there.
const ABSENT: [SqlState; 4] = [
    SqlState::UNDEFINED_TABLE,
    SqlState::UNDEFINED_FUNCTION,
    SqlState::UNDEFINED_OBJECT,
    SqlState::INVALID_SCHEMA_NAME,
];

/// Runs the statements where the role exists and the landing role has its rights, so that it can read, verify and
/// replace the database afterwards as before. Answers notes on the others.
///
/// # Errors
/// The target's, when roles cannot be looked up.
pub async fn give(pool: &Pool, client: &Client, owners: &[Owner]) -> Result<Vec<String>> {
    let roles = roles(pool, client, owners).await?;
    let mut left: Vec<&Owner> = Vec::new();
    let mut ready: Vec<&Owner> = Vec::new();
    for owner in owners {
        match roles.get(&owner.role) {
            None | Some(Standing { usable: false, .. }) => left.push(owner),
            Some(Standing { own: true, .. }) => {}
            Some(_) => ready.push(owner),
        }
    }
    let all: String = ready.iter().map(|owner| format!("{};\n", owner.statement)).collect();
    if client.batch_execute(&all).await.is_err() {
        // The batch was one transaction and left nothing.
        for owner in ready {
            // What was not created has no owner.
            if let Err(error) = client.batch_execute(&owner.statement).await
                && !error.code().is_some_and(|code| ABSENT.contains(code))
            {
                left.push(owner);
            }
        }
    }
    Ok(notes(&left))
}

/// What stays the landing role's.
fn notes(left: &[&Owner]) -> Vec<String> {
    let mut notes = Vec::new();
    if !left.is_empty() {
        let roles: BTreeSet<&str> = left.iter().map(|owner| owner.role.as_str()).collect();
        let roles: Vec<&str> = roles.into_iter().collect();
        notes.push(format!(
            "{} of the schema stay with the role that landed them: the target does not have their owners, or the role \
             may not give them anything ({})",
            plural(left.len() as u64, "object"),
            roles.join(", ")
        ));
    }
    let functions: Vec<&str> = left.iter().filter_map(|owner| owner.security_definer.as_deref()).collect();
    if !functions.is_empty() {
        notes.push(format!(
            "SECURITY DEFINER functions that run with the rights of the role that landed them, not of their owners: {}",
            functions.join(", ")
        ));
    }
    notes
}

/// What a role is to the landing role.
struct Standing {
    /// It has its rights without asking.
    usable: bool,
    /// It is the landing role.
    own: bool,
}

async fn roles(pool: &Pool, client: &Client, owners: &[Owner]) -> Result<BTreeMap<String, Standing>> {
    let names: Vec<&str> =
        owners.iter().map(|owner| owner.role.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let sql = "SELECT rolname::text, pg_has_role(oid, 'USAGE'), rolname = current_user FROM pg_roles \
               WHERE rolname = ANY ($1::text[])";
    let rows = client.query(sql, &[&names]).await.map_err(|e| pool.fail("look up the owners' roles", e))?;
    Ok(rows.iter().map(|row| (row.get(0), Standing { usable: row.get(1), own: row.get(2) })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_with_their_owners_rights_are_named() {
        let owner = |name: Option<&str>| Owner {
            role: "shop".to_owned(),
            statement: String::new(),
            security_definer: name.map(str::to_owned),
        };
        let (table, function) = (owner(None), owner(Some("sd()")));
        assert_eq!(notes(&[]), [""; 0]);
        assert_eq!(notes(&[&table]).len(), 1);
        let told = notes(&[&table, &function]);
        assert!(
            told[0].starts_with("2 objects") && told[0].contains("(shop)") && told[1].ends_with(": sd()"),
            "{told:?}"
        );
    }
}
