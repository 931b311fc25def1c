//! What a service has done for its items: how often one of its threads was woken, and how often its database committed.

use renkei_proto::r#type::v1::Agency;

use super::{machine::wake_ups, row::Row, services::Services};
use crate::http;

/// The counts of one service since its start.
#[derive(Clone, Copy)]
pub(super) struct Work {
    wake_ups: u64,
    commits: u64,
}

impl Work {
    /// The counts of both services: that which publishes, and its peer.
    ///
    /// # Errors
    /// Fails if one of them does not run.
    pub(super) async fn of_both(services: &Services, publisher: Agency) -> Result<[Self; 2], String> {
        Ok([Self::of(services, publisher).await?, Self::of(services, publisher.peer()).await?])
    }

    async fn of(services: &Services, agency: Agency) -> Result<Self, String> {
        let operator = services.pair.side(agency).operator().ok_or("the service has no operator's port")?;
        let (_, metrics) = http::get(operator, "/metrics").await?;
        let commits = metrics.lines().filter(|line| line.starts_with("renkei_write_batch_count"));
        let commits = commits.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
        Ok(Self { wake_ups: wake_ups(services.process_id(agency)?)?, commits })
    }

    /// The rows of what both did for so many items, by the names of the cases.
    pub(super) fn rows(now: [Self; 2], before: [Self; 2], items: u64, cases: [[&'static str; 2]; 2]) -> Vec<Row> {
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / items.max(1) as f64;
        let rows =
            cases.into_iter().zip(now.into_iter().zip(before)).flat_map(|([wake_ups, commits], (now, before))| {
                [
                    Row::figure(wake_ups, each(now.wake_ups, before.wake_ups)),
                    Row::figure(commits, each(now.commits, before.commits)),
                ]
            });
        rows.collect()
    }
}
