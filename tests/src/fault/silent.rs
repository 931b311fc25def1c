//! A connection to PostgreSQL swallows what it is sent.

use crate::{cluster::Engine, fault::Report};

pub(super) async fn run(_engine: Engine, _report: &mut Report<'_>) -> Result<(), String> {
    Err("this scenario is not written".to_owned())
}
