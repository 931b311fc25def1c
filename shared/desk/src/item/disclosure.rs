//! Disclosure of the peer's items beyond the party that received them (Art. 7(2)): the acts, and the service.

use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use renkei_book::Heads;
use renkei_domain::{
    decide::ReadPermit,
    matter::{Matter, entry_name, entry_name_if_any},
    moment::stamp,
    noun::{
        Resource as _,
        item::{
            consent::{self, NO_CONSENT},
            copies, current,
            disclosure::{self, NO_ANNOUNCEMENT, Wanted, basis_for, disclosed, must_have_attempts_left, next_step},
            is_in_scope, must_be_in_scope,
            recipient::{self, Identified},
        },
    },
    page::{Journal, Seen},
    refusal::{Refusal, missing},
};
use renkei_proto::{
    Sentence,
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    sharing::v1::{
        AnnounceDisclosureRequest, CheckDisclosureRequest, CheckDisclosureResponse, ConsentBasis, Disclosure,
        DisclosureAnnounced, DisclosureAnnouncedContent, DisclosureBasis, DisclosureOpinionGiven,
        GiveDisclosureOpinionRequest, Item, ItemDisclosed, ItemDisclosedContent, LegalBasis, LegalGround,
        ListDisclosuresRequest, ListDisclosuresResponse, Recipient, RecordDisclosureRequest, ScopeBasis, StatedLaw,
        disclosure_basis, disclosure_service_server::DisclosureService, recipient::Recipient as Kind,
        record_disclosure_request::Basis,
    },
};
use renkei_rpc::{token::Query, validate::Call};
use tonic::Request;

use super::acts::{Revision, must_act_in_scope, named};
use crate::{
    act::{Act, ActContext, CheckContext, FactDraft, act},
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    read::{Readable, begin, decoded_as, readable, readable_after_end, size},
};

const NOT_FRESH: (&str, &str) = (
    "the originator's last signed statement is older: the consent may have been revoked since",
    "提供元の署名が指定された時間内のものではなく、その後に同意が撤回されているおそれがあります。",
);

/// The last time at which the originator is known to have stated nothing that is not here: it signed an entry that is here, or
/// a receipt at a time when its journal went no further than it does here.
fn stated_us(heads: &Heads) -> i64 {
    let has_all = heads.peer.seq >= heads.own.receipted_own;
    let receipted = if has_all { heads.own.receipted_us } else { 0 };
    heads.peer.written_us.max(receipted)
}

/// True if the originator's last signed statement is recent enough; 0 seconds are no limit.
fn is_fresh(heads: &Heads, within_seconds: u32, now: Timestamp) -> bool {
    let age = SignedDuration::from_micros(now.as_microsecond().saturating_sub(stated_us(heads)));
    within_seconds == 0 || age <= SignedDuration::from_secs(within_seconds.into())
}

/// The recipient of a request.
fn recipient_of(
    stated: Option<&renkei_proto::sharing::v1::StatedRecipient>,
    name: &str,
) -> Result<Identified, Refusal> {
    let stated = stated.ok_or_else(|| missing("recipient"))?;
    recipient::identified(&Matter::of(name), stated, "recipient")
}

/// The checked recipient of a disclosure; `None` before the check.
pub type CheckedRecipient = Option<Identified>;

fn checked(recipient: &CheckedRecipient) -> Option<Recipient> {
    recipient.as_ref().map(|it| it.recipient.clone())
}

impl Act for RecordDisclosureRequest {
    type Resource = Item;
    type Checked = CheckedRecipient;

    fn outlasts_scope(&self) -> bool {
        matches!(self.basis, Some(Basis::Law(_)))
    }

    fn check(&mut self, _: &CheckContext<'_>) -> Result<CheckedRecipient, Refusal> {
        if let Some(Basis::Law(law)) = &self.basis {
            check_law(law)?;
            if self.approval.trim().is_empty() {
                let must = (
                    "a disclosure that a law requires is approved before: state the number of the decision",
                    "法令に基づく開示には決裁が必要です。決裁番号を指定してください。",
                );
                return Err(Refusal::field(Reason::ApprovalMissing, "approval", must));
            }
        }
        recipient_of(self.recipient.as_ref(), &self.name).map(Some)
    }

    fn content(&mut self, checked: &CheckedRecipient) -> Option<Vec<u8>> {
        let content = ItemDisclosedContent {
            name: checked.as_ref().and_then(|it| it.name.clone()).unwrap_or_default(),
            document: std::mem::take(&mut self.document),
            approval: std::mem::take(&mut self.approval),
            explanation: std::mem::take(&mut self.explanation),
        };
        Some(content.encode_to_vec())
    }

    fn draft(&self, checked: &CheckedRecipient, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        must_act_in_scope(context)?;
        let now = context.stage.now();
        let is_law = matches!(self.basis, Some(Basis::Law(_)));
        if !is_law {
            must_have_attempts_left(context.page().local(), now)?;
        }
        let fact = recorded(self, checked, context)?;
        let is_own = context.matter.opener == context.stage.own();
        if !is_law && !is_own && !is_fresh(context.stage.heads(), self.fresh_within_seconds, now) {
            // A disclosure without a basis is refused for that.
            let basis = wanted(&fact).map(|it| basis_for(context.page(), context.matter.opener, it, now));
            if basis.is_some_and(|basis| basis.is_ok()) {
                return Err(Refusal::field(Reason::ConsentNotFresh, "fresh_within_seconds", NOT_FRESH));
            }
        }
        Ok(FactDraft::new(fact).answering(Revision::current(context).entry))
    }

    fn attempt(&self, checked: &CheckedRecipient, context: &ActContext<'_>, refusal: &Refusal) -> Option<Fact> {
        let fact = recorded(self, checked, context).ok()?;
        disclosure::attempt(&fact, refusal).map(Fact::DisclosureRefused)
    }
}

/// The fact that records the disclosure of a request.
fn recorded(
    request: &RecordDisclosureRequest,
    recipient: &CheckedRecipient,
    context: &ActContext<'_>,
) -> Result<ItemDisclosed, Refusal> {
    let opener = context.matter.opener;
    let basis = match request.basis.as_ref() {
        None => None,
        Some(Basis::Scope(_)) => Some(disclosure_basis::Basis::Scope(ScopeBasis {})),
        Some(Basis::Consent(it)) => {
            let consent = named(&it.entry, opener, "consent.entry", NO_CONSENT)?;
            Some(disclosure_basis::Basis::Consent(ConsentBasis { consent }))
        }
        Some(Basis::Law(law)) => {
            let announcement = match law.announcement.as_str() {
                "" => 0,
                name => named(name, opener.peer(), "law.announcement", NO_ANNOUNCEMENT)?,
            };
            Some(disclosure_basis::Basis::Law(LegalBasis { ground: law.ground, announcement }))
        }
    };
    Ok(ItemDisclosed {
        revision: Revision::current(context).number,
        recipient: checked(recipient),
        purpose: request.purpose,
        parts: request.parts.clone(),
        basis: Some(DisclosureBasis { basis }),
    })
}

fn check_law(law: &StatedLaw) -> Result<(), Refusal> {
    let field = "law.announcement";
    let refused = |detail: (&str, &str)| Err(Refusal::field(Reason::FieldInvalid, field, detail));
    match (law.announcement.is_empty(), law.notice_forbidden) {
        (true, false) => refused((
            "must name the announcement to the originator, unless the law forbids that",
            "提供元への通知を指定してください（法令により通知が禁止されている場合を除く。）。",
        )),
        (false, true) => refused((
            "must be empty where the law forbids telling the originator",
            "法令により通知が禁止されている場合は、指定することができません。",
        )),
        _ => Ok(()),
    }
}

fn wanted(fact: &ItemDisclosed) -> Option<Wanted<'_>> {
    Some(Wanted { recipient: fact.recipient.as_ref()?, purpose: fact.purpose(), parts: &fact.parts })
}

impl Act for AnnounceDisclosureRequest {
    type Resource = Item;
    type Checked = CheckedRecipient;

    fn outlasts_scope(&self) -> bool {
        true
    }

    fn check(&mut self, _: &CheckContext<'_>) -> Result<CheckedRecipient, Refusal> {
        recipient_of(self.recipient.as_ref(), &self.name).map(Some)
    }

    fn content(&mut self, checked: &CheckedRecipient) -> Option<Vec<u8>> {
        let name = checked.as_ref().and_then(|it| it.name.clone()).unwrap_or_default();
        Some(DisclosureAnnouncedContent { explanation: std::mem::take(&mut self.explanation), name }.encode_to_vec())
    }

    fn draft(&self, recipient: &CheckedRecipient, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        must_act_in_scope(context)?;
        let announced = DisclosureAnnounced {
            ground: self.ground,
            recipient: checked(recipient),
            parts: self.parts.clone(),
            planned_on: self.planned_on.clone(),
        };
        Ok(FactDraft::new(announced).answering(Revision::current(context).entry))
    }
}

impl Act for GiveDisclosureOpinionRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let announcement = named(&self.announcement, context.matter.opener.peer(), "announcement", NO_ANNOUNCEMENT)?;
        Ok(FactDraft::new(DisclosureOpinionGiven { objects: self.objects }).answering(announcement))
    }
}

/// The implementation of `DisclosureService`.
pub(crate) struct Disclosures {
    desk: Desk,
}

impl Disclosures {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    async fn check(&self, call: &Call, it: CheckDisclosureRequest) -> Result<CheckDisclosureResponse, Error> {
        let desk = &self.desk;
        let to = recipient_of(it.recipient.as_ref(), &it.name)?.recipient;
        let heads = desk.store.heads().borrow().clone();
        let item = readable(desk, call, &it.name).await?;
        let (opener, seen, now) = (item.matter.opener, Seen::whole(&item.page), call.moment.now);
        if current(seen, opener).is_none() {
            return Err(Error::because(Reason::NotFound, Sentence::for_developers("there is no such item")));
        }
        if opener == desk.own {
            let why =
                ("an agency discloses its own items without consent", "自機関の共有情報の開示には、同意を要しません。");
            return Err(Error::because(Reason::WrongDirection, why));
        }
        must_be_in_scope(desk.own, opener, seen, &call.reader, now)?;
        let wanted = Wanted { recipient: &to, purpose: it.purpose(), parts: &it.parts };
        let found = basis_for(seen, opener, wanted, now).and_then(|found| {
            let is_fresh = is_fresh(&heads, it.fresh_within_seconds, now);
            if is_fresh { Ok(found) } else { Err(Refusal::new(Reason::ConsentNotFresh, NOT_FRESH)) }
        });
        let judged_at_seq = heads.peer.seq;
        Ok(match found {
            Ok(found) => CheckDisclosureResponse {
                allowed: true,
                within_scope: found.consent == 0,
                consent: entry_name_if_any(opener, found.consent),
                conditions: consent::granted_by(seen, opener, found.consent)
                    .map(|granted| granted.terms.conditions.clone())
                    .unwrap_or_default(),
                until: found.until.map(stamp),
                judged_at_seq,
                ..CheckDisclosureResponse::default()
            },
            Err(refusal) => CheckDisclosureResponse {
                reason: refusal.reason.into(),
                next_step: next_step(seen, opener, wanted, &refusal, now).into(),
                explanation: refusal.detail.english.clone(),
                explanation_ja: refusal.detail.japanese.clone(),
                judged_at_seq,
                ..CheckDisclosureResponse::default()
            },
        })
    }

    async fn list(&self, call: &Call, it: ListDisclosuresRequest) -> Result<ListDisclosuresResponse, Error> {
        let desk = &self.desk;
        let item = readable_after_end(desk, call, &it.name).await?;
        let (opener, seen) = (item.matter.opener, Seen::whole(&item.page));
        let shown: Option<Item> = Item::of(&item.matter, seen, call.moment.now, String::new());
        let Some(shown) = shown else {
            return Err(Error::because(Reason::NotFound, Sentence::for_developers("there is no such item")));
        };
        let query = Query::new(
            call.rule.path,
            &ListDisclosuresRequest { name: it.name.clone(), ..ListDisclosuresRequest::default() },
        );
        let after = begin(desk, &query, &it.page_token, 0)?;
        let mut marks: Vec<_> = disclosed(seen, opener)
            .filter(|(mark, _)| mark.seq > after && item.permit.shows(Journal::Of(opener.peer()), mark.seq))
            .collect();
        let more = marks.len() > size(it.page_size);
        marks.truncate(size(it.page_size));
        let mut disclosures = Vec::with_capacity(marks.len());
        for (mark, fact) in &marks {
            disclosures.push(self.shown(&item, &shown, mark, fact).await?);
        }
        let next_page_token = match marks.last().filter(|_| more) {
            Some((mark, _)) => desk.tokens.page_token_encode(&call.moment, &query, &mark.seq.to_be_bytes())?,
            None => String::new(),
        };
        // The attempts of all units are shown to readers within the scope, and not to those by consent.
        let is_within = opener == desk.own || is_in_scope(seen, opener, &call.reader, call.moment.now);
        let refused = match more || !is_within {
            true => Vec::new(),
            false => disclosure::refused(&item.matter, seen).collect(),
        };
        Ok(ListDisclosuresResponse { disclosures, refused, next_page_token })
    }

    /// A disclosure with the name of its recipient.
    async fn shown(
        &self,
        item: &Readable,
        shown: &Item,
        mark: &Mark,
        fact: &ItemDisclosed,
    ) -> Result<Disclosure, Error> {
        let (opener, seen) = (item.matter.opener, Seen::whole(&item.page));
        let journal = Journal::Of(opener.peer());
        let stored = self.desk.store.entry(journal, mark.seq).await?;
        let law = disclosure::law(fact);
        let announcement = law.map_or(0, |law| law.announcement);
        Ok(Disclosure {
            entry: entry_name(opener.peer(), mark.seq),
            item: item.matter.to_string(),
            case_number: shown.case_number.clone(),
            revision: fact.revision,
            recipient: fact.recipient.clone(),
            recipient_name: self.name(&item.permit, journal, mark.seq, fact).await?,
            purpose: fact.purpose,
            parts: fact.parts.clone(),
            consent: entry_name_if_any(opener, disclosure::consent(fact).unwrap_or_default()),
            ground: law.map_or(LegalGround::Unspecified, LegalBasis::ground).into(),
            notice_forbidden: law.is_some_and(|law| law.announcement == 0),
            announcement: entry_name_if_any(opener.peer(), announcement),
            disclosed_at: mark.written_at,
            judged_at_seq: stored.map(|stored| stored.header.seen_peer_seq).unwrap_or_default(),
            basis_ended: disclosure::ended_by(seen, opener, fact).is_some(),
            demand: copies::demand(seen, opener, mark.seq).into(),
        })
    }

    /// The name of a recipient; it is empty where the content was erased, or came without it.
    async fn name(
        &self,
        permit: &ReadPermit,
        journal: Journal,
        seq: u64,
        fact: &ItemDisclosed,
    ) -> Result<String, Error> {
        match fact.recipient.as_ref().and_then(|it| it.recipient.as_ref()) {
            None => return Ok(String::new()),
            Some(Kind::Listed(it)) => return Ok(it.body().ja().to_owned()),
            Some(Kind::Unit(it)) => return Ok(it.unit.clone()),
            Some(Kind::Named(_)) => {}
        }
        let content = self.desk.store.content(permit, journal, seq).await?;
        let content = content.map(|bytes| decoded_as::<ItemDisclosedContent>(&bytes)).transpose()?;
        Ok(content.map(|content| content.name).unwrap_or_default())
    }
}

#[tonic::async_trait]
impl DisclosureService for Disclosures {
    async fn check_disclosure(&self, request: Request<CheckDisclosureRequest>) -> Answer<CheckDisclosureResponse> {
        open(request, &self.desk, async |call, it: CheckDisclosureRequest| self.check(&call, it).await).await
    }

    async fn record_disclosure(&self, it: Request<RecordDisclosureRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn announce_disclosure(&self, it: Request<AnnounceDisclosureRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn give_disclosure_opinion(&self, it: Request<GiveDisclosureOpinionRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn list_disclosures(&self, request: Request<ListDisclosuresRequest>) -> Answer<ListDisclosuresResponse> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.name,
            async |call, it: ListDisclosuresRequest| self.list(&call, it).await,
        )
        .await
    }
}
