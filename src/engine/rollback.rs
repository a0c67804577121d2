//! Swaps the previous database back.

use crate::error::Result;
use crate::pg::connect::ConnectInfo;
use crate::pg::target::Target;

/// Swaps `<target>__prev` back into place and returns the target's name.
///
/// # Errors
/// `Target`, `Refused` or `Locked`.
pub async fn rollback(to: ConnectInfo, run_id: &str) -> Result<String> {
    let target = Target::open(to, run_id).await?;
    target.lock().await?;
    target.rollback().await?;
    Ok(target.name().to_owned())
}
