//! Who owns a database and who may use it: carried from the replaced database to the one that takes its name.
//!
//! A fresh database lets everybody connect, so without this a target that admits few would admit all after a run.

use tokio_postgres::Client;

use crate::pg::errors::ServerError;
use crate::pg::quote::{ident, literal};

/// What pg_database says of one database.
#[derive(Debug, Default)]
pub(super) struct Rights {
    owner: String,
    /// The run's role is another one and may hand a database to the owner.
    hand_over: bool,
    /// The run's role owns it.
    own: bool,
    /// `None`: as every new database, nobody ever granted or revoked anything.
    grants: Option<Vec<Grant>>,
}

#[derive(Debug)]
struct Grant {
    /// `None`: PUBLIC.
    role: Option<String>,
    privilege: String,
    may_grant: bool,
}

impl Rights {
    pub(super) async fn of(client: &Client, server_version: u32, name: &str) -> Result<Option<Self>, ServerError> {
        let set_role = if server_version >= 160_000 { "SET" } else { "MEMBER" };
        let sql = format!(
            "SELECT pg_get_userbyid(datdba)::text, pg_get_userbyid(datdba) = current_user, \
             pg_has_role(datdba, {}), datacl IS NOT NULL FROM pg_database WHERE datname = $1",
            literal(set_role)
        );
        let Some(row) = client.query_opt(&sql, &[&name]).await? else { return Ok(None) };
        let own: bool = row.get(1);
        let mut rights = Self { owner: row.get(0), hand_over: !own && row.get(2), own, grants: None };
        if row.get(3) {
            let sql = "SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee)::text END, \
                       a.privilege_type, bool_or(a.is_grantable) FROM pg_database d, aclexplode(d.datacl) a \
                       WHERE d.datname = $1 GROUP BY 1, 2 ORDER BY 1, 2";
            let grant =
                |row: &tokio_postgres::Row| Grant { role: row.get(0), privilege: row.get(1), may_grant: row.get(2) };
            rights.grants = Some(client.query(sql, &[&name]).await?.iter().map(grant).collect());
        }
        Ok(Some(rights))
    }

    /// The statements that give them to a database which the run's role made.
    pub(super) fn sql(&self, database: &str) -> String {
        let database = ident(database);
        let mut sql = String::new();
        // First, since a new owner takes over what the old one granted.
        if self.hand_over {
            sql.push_str(&format!("ALTER DATABASE {database} OWNER TO {};", ident(&self.owner)));
        }
        let Some(grants) = &self.grants else { return sql };
        sql.push_str(&format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC;"));
        for Grant { role, privilege, may_grant } in grants {
            let to = role.as_deref().map_or_else(|| "PUBLIC".to_owned(), ident);
            let option = if *may_grant { " WITH GRANT OPTION" } else { "" };
            sql.push_str(&format!("GRANT {privilege} ON DATABASE {database} TO {to}{option};"));
        }
        sql
    }

    /// Tells of an owner that the run's role may not hand the database to.
    pub(super) fn note(&self, database: &str) -> Option<String> {
        (!self.own && !self.hand_over).then(|| {
            format!("{database} belonged to {}, and now to the role of the run, which may not give it away", self.owner)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_untouched_rights_stay_so() {
        let grant = |role: Option<&str>, privilege: &str, may_grant| Grant {
            role: role.map(str::to_owned),
            privilege: privilege.to_owned(),
            may_grant,
        };
        let mut rights = Rights { owner: "o\"; --".to_owned(), hand_over: true, own: false, grants: None };
        assert_eq!(rights.sql("d"), "ALTER DATABASE \"d\" OWNER TO \"o\"\"; --\";");
        rights.hand_over = false;
        rights.grants = Some(vec![grant(None, "TEMPORARY", false), grant(Some("a b"), "CONNECT", true)]);
        assert_eq!(
            rights.sql("d"),
            "REVOKE ALL ON DATABASE \"d\" FROM PUBLIC;GRANT TEMPORARY ON DATABASE \"d\" TO PUBLIC;\
             GRANT CONNECT ON DATABASE \"d\" TO \"a b\" WITH GRANT OPTION;"
        );
        assert!(rights.note("d").is_some_and(|note| note.contains("o\"; --")));
    }
}
