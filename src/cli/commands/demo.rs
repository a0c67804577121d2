//! `tithe demo`
use crate::cli::args::{DemoArgs, Global};
use crate::error::Result;
pub(super) fn run(_args: &DemoArgs, _global: &Global) -> Result<u8> {
    Ok(0)
}
