//! An authorised caller floods the ports.

use crate::{cluster::Engine, fault::Report};

pub(super) async fn run(_engine: Engine, _report: &mut Report<'_>) -> Result<(), String> {
    Err("this scenario is not written".to_owned())
}
