//! What of the source is needed once the rows are in: read beforehand, so that the source can be let go.

use super::transfer::Transfer;
use crate::error::Result;
use crate::pg::database_settings::{DatabaseSetting, database_settings};
use crate::pg::landing;
use crate::pg::sequences::{self, NextValues};

/// The last that is asked of the source.
pub(super) struct Ending {
    /// Materialized views that hold rows: their oids in the source and their names.
    pub(super) populated: Vec<(u32, String)>,
    /// The database's own settings.
    pub(super) settings: Vec<DatabaseSetting>,
    /// Of sequences that gave nothing yet.
    pub(super) next_values: NextValues,
    /// What is to be said of others.
    pub(super) sequences_note: Option<String>,
}

impl Ending {
    /// # Errors
    /// `Source`
    pub(super) async fn read(transfer: &Transfer) -> Result<Self> {
        let (session, connector) = (transfer.source.session().await?, transfer.source.connector());
        let populated = landing::populated_views(&session, connector).await?;
        let settings = database_settings(&session, connector).await?;
        let (next_values, sequences_note) = sequences::next_values(&session, &transfer.catalog).await;
        Ok(Self { populated, settings, next_values, sequences_note })
    }
}
