//! What the own agency has to do next, over all nouns.

use std::collections::BTreeSet;

use jiff::civil::Date;
use prost::Message as _;
use renkei_domain::{
    calendar,
    decide::decide_read,
    duty::Duty as Owed,
    matter::Matter,
    noun::registry,
    page::{Page, Seen},
};
use renkei_proto::duty::v1::{Duty, DutyKind, ListDutiesRequest, ListDutiesResponse, duty_service_server::DutyService};
use renkei_rpc::{token::Query, validate::Call};
use renkei_store::Due;
use tonic::Request;

use crate::{
    desk::{Answer, Desk, open},
    error::Error,
    read::{due_until, place, size},
};

/// The implementation of `DutyService`.
pub(crate) struct Duties {
    desk: Desk,
}

impl Duties {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    async fn list(&self, call: &Call, mut request: ListDutiesRequest) -> Result<ListDutiesResponse, Error> {
        let (page_size, token) = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (query, today) = (Query::new(call.rule.path, &request), calendar::day(call.moment.now));
        let after: Due = place(&self.desk, &query, &token)?.unwrap_or_default();
        let (until, size) = (until(&request, today)?, size(page_size));
        let wanted: BTreeSet<DutyKind> = request.kinds().collect();
        let kinds = registry::duty_kinds().filter(|kind| wanted.is_empty() || wanted.contains(&in_contract(kind.id())));
        let mut listed = self.desk.store.list_duties(kinds, until, &after, size + 1).await?;
        let more = listed.len() > size;
        listed.truncate(size);
        let matters = listed.iter().map(|due| due.matter.as_str()).collect();
        let pages = self.desk.store.pages(&matters).await?;
        let duties = listed.iter().filter_map(|due| self.shown(call, due, pages.get(&due.matter)?, today));
        let next_page_token = match listed.last().filter(|_| more) {
            Some(last) => self.desk.tokens.page_token_encode(&call.moment, &query, &last.encode_to_vec())?,
            None => String::new(),
        };
        Ok(ListDutiesResponse { duties: duties.collect(), next_page_token })
    }

    /// The duty at a place of the index as the caller sees it; `None` where its matter is hidden from them. The page
    /// decides whether there still is such a duty, because it may have been written between both reads.
    fn shown(&self, call: &Call, due: &Due, page: &Page, today: Date) -> Option<Duty> {
        let (matter, seen) = (Matter::parse(&due.matter)?, Seen::whole(page));
        // A duty outlasts the scope.
        let at = registry::of(&matter).last_shown(&matter, seen, self.desk.source.moment().now);
        decide_read(self.desk.own, &matter, seen, &call.reader, at).ok()?;
        let duties = registry::of(&matter).duties(self.desk.own, &matter, seen);
        let Owed { kind, due, by_rule } = duties.into_iter().find(|duty| due.is(duty))?;
        Some(Duty {
            kind: in_contract(kind.id()).into(),
            case_number: registry::case_number(&matter, seen).map(|it| it.to_string()).unwrap_or_default(),
            matter: matter.to_string(),
            due_day: due.map(|due| due.to_string()).unwrap_or_default(),
            overdue: due.is_some_and(|due| due < today),
            by_rule,
            opened_at: seen.marks(matter.opener).next().and_then(|mark| mark.written_at),
        })
    }
}

/// The last due day that is listed; `None` for all duties.
///
/// # Errors
/// `FIELD_INVALID`.
fn until(request: &ListDutiesRequest, today: Date) -> Result<Option<Date>, Error> {
    let stated = due_until(&request.due_until)?;
    let overdue = if request.overdue_only { today.yesterday().ok() } else { None };
    Ok(stated.into_iter().chain(overdue).min())
}

/// The kind of duty with this id in the contract.
fn in_contract(id: &str) -> DutyKind {
    DutyKind::from_str_name(&format!("DUTY_KIND_{}", id.to_uppercase())).unwrap_or_default()
}

#[tonic::async_trait]
impl DutyService for Duties {
    async fn list_duties(&self, request: Request<ListDutiesRequest>) -> Answer<ListDutiesResponse> {
        open(request, &self.desk, async |call, request: ListDutiesRequest| self.list(&call, request).await).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_and_the_nouns_have_the_same_kinds_of_duty() {
        let mut ours: Vec<i32> = registry::duty_kinds().map(|kind| in_contract(kind.id()).into()).collect();
        ours.sort_unstable();
        let theirs = renkei_proto::NAMES.iter().find(|names| names.name == "renkei.duty.v1.DutyKind");
        let theirs: Vec<i32> = theirs.into_iter().flat_map(|it| it.values).map(|&(_, number, _)| number).collect();
        assert_eq!(ours, theirs);
    }
}
