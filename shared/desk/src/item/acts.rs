//! The acts on items: the check of each request, and the fact that it writes.

use prost::Message as _;
use renkei_domain::{
    calendar,
    decide::direction,
    matter::{Matter, entry_seq},
    moment::Moment,
    noun::item::{self, consent, current, must_be_in_scope},
    read_set::ReadSet,
    refusal::{Refusal, missing, past},
    scope::{self, marking},
};
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::fact::Fact,
    options::v1::Reason,
    sharing::v1::{
        AcknowledgeItemRequest, AnswerItemQuestionRequest, AskAboutItemRequest, AttackMethodPublished,
        GiveFeedbackRequest, Item, ItemAcknowledged, ItemContent, ItemFeedbackGiven, ItemQuestionAnswered,
        ItemQuestionAsked, ItemRecalled, ItemTerms, ItemText, Necessity, Publication, PublishItemRequest,
        RecallItemRequest, ResearchResultPublished, ReviseItemRequest, TechnologyTrendPublished,
        ThreatInformationPublished, item_content::Item as Kind,
    },
    r#type::v1::{Agency, Tlp},
};

use crate::{
    act::{Act, ActContext, CaseOrdinal, CheckContext, FactDraft, opening, seq_of},
    stix,
};

/// The field of a request that contains the item in its kind.
const ITEM: &str = "content.item";
const NECESSITY: &str = "necessity";
/// The number of open days after its own in which a recall is answered, unless it names another day.
const ANSWER_DAYS: u16 = 10;
const NECESSITY_MUST: (&str, &str) = (
    "is stated for PPC's items and for no others",
    "この項目は、個人情報保護委員会が提供する共有情報に限り、必ず指定してください。",
);

/// The results of the check of an item's content.
#[derive(Default)]
pub struct CheckedContent {
    /// The fact that publishes the content; `None` before the check.
    kind: Option<FactKind>,
    /// The strictest mark in its bundle.
    mark: Option<Tlp>,
    /// The field of the request that contains the bundle.
    bundle: &'static str,
}

/// An item's text with the fields of the request that contain its parts.
struct Text<'a> {
    kind: FactKind,
    text: Option<&'a ItemText>,
    as_of: &'static str,
    bundle: &'static str,
}

impl<'a> Text<'a> {
    fn of(item: &'a Kind) -> Self {
        match item {
            Kind::AttackMethod(it) => Self {
                kind: FactKind::AttackMethodPublished,
                text: it.text.as_ref(),
                as_of: "content.attack_method.text.as_of",
                bundle: "content.attack_method.text.stix_bundle",
            },
            Kind::ResearchResult(it) => Self {
                kind: FactKind::ResearchResultPublished,
                text: it.text.as_ref(),
                as_of: "content.research_result.text.as_of",
                bundle: "content.research_result.text.stix_bundle",
            },
            Kind::ThreatInformation(it) => Self {
                kind: FactKind::ThreatInformationPublished,
                text: it.text.as_ref(),
                as_of: "content.threat_information.text.as_of",
                bundle: "content.threat_information.text.stix_bundle",
            },
            Kind::TechnologyTrend(it) => Self {
                kind: FactKind::TechnologyTrendPublished,
                text: it.text.as_ref(),
                as_of: "content.technology_trend.text.as_of",
                bundle: "content.technology_trend.text.stix_bundle",
            },
        }
    }
}

/// The text of an item of any kind.
pub(super) fn text(content: &ItemContent) -> Option<&ItemText> {
    content.item.as_ref().and_then(|item| Text::of(item).text)
}

impl CheckedContent {
    fn of(content: Option<&ItemContent>, matter: &Matter, context: &CheckContext<'_>) -> Result<Self, Refusal> {
        let Some(item) = content.and_then(|content| content.item.as_ref()) else {
            return Err(missing(ITEM));
        };
        let Text { kind, text, as_of, bundle } = Text::of(item);
        // A bundle of the other agency's kind is not parsed. The judgement in the writer repeats this with the fact.
        direction(kind, matter, context.own).map_err(|refusal| Refusal { field: ITEM, ..refusal })?;
        past(as_of, text.and_then(|text| text.as_of.as_ref()), context.moment.now)?;
        let mark = stix::read(bundle, text.map(|text| text.stix_bundle.as_slice()).unwrap_or_default())?;
        Ok(Self { kind: Some(kind), mark, bundle })
    }

    /// True if the content is PPC's, for which a necessity is stated (Art. 5(2)(i)).
    fn is_of_ppc(&self) -> bool {
        self.kind == Some(FactKind::AttackMethodPublished)
    }

    /// The publication of the content. The terms must not be wider than the marks of the bundle allow.
    fn publish(&self, publication: Publication, necessity: Necessity) -> Result<FactDraft, Refusal> {
        let scope = publication.terms.as_ref().and_then(|terms| terms.scope.as_ref());
        if self.mark.is_some_and(|mark| !scope::admits(scope, mark)) {
            let must = (
                "an object in it bears a mark that is stricter than the scope: name a narrower scope",
                "指定された共有範囲より厳しい制限の表示が含まれています。共有範囲を狭くしてください。",
            );
            return Err(Refusal::field(Reason::ScopeContradictory, self.bundle, must));
        }
        let publication = Some(publication);
        let fact: Fact = match self.kind {
            Some(FactKind::AttackMethodPublished) => {
                AttackMethodPublished { publication, necessity: necessity.into() }.into()
            }
            Some(FactKind::ResearchResultPublished) => ResearchResultPublished { publication }.into(),
            Some(FactKind::ThreatInformationPublished) => ThreatInformationPublished { publication }.into(),
            Some(FactKind::TechnologyTrendPublished) => TechnologyTrendPublished { publication }.into(),
            _ => return Err(Refusal::new(Reason::Internal, Sentence::for_developers("the content was not checked"))),
        };
        Ok(FactDraft::new(fact))
    }
}

/// Takes an item's content out of its request and encodes it in its own kind, without the message around it.
fn encoded(content: &mut Option<ItemContent>) -> Option<Vec<u8>> {
    Some(match content.take()?.item? {
        Kind::AttackMethod(it) => it.encode_to_vec(),
        Kind::ResearchResult(it) => it.encode_to_vec(),
        Kind::ThreatInformation(it) => it.encode_to_vec(),
        Kind::TechnologyTrend(it) => it.encode_to_vec(),
    })
}

impl Act for PublishItemRequest {
    type Resource = Item;
    type Checked = CheckedContent;

    fn matter(&self, own: Agency, moment: &Moment) -> Matter {
        Matter::new(item::COLLECTION, own, &moment.id("item", 0))
    }

    fn check(&mut self, context: &CheckContext<'_>) -> Result<CheckedContent, Refusal> {
        let matter = self.matter(context.own, context.moment);
        let checked = CheckedContent::of(self.content.as_ref(), &matter, context)?;
        if checked.is_of_ppc() != (self.necessity() != Necessity::Unspecified) {
            return Err(Refusal::field(Reason::FieldInvalid, NECESSITY, NECESSITY_MUST));
        }
        Ok(checked)
    }

    fn content(&mut self, _: &CheckedContent) -> Option<Vec<u8>> {
        encoded(&mut self.content)
    }

    fn reads(&self, matter: &Matter, moment: &Moment) -> ReadSet {
        opening(matter, moment)
    }

    fn draft(&self, checked: &CheckedContent, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let CaseOrdinal { fiscal_year, year_ordinal } = context.next_case(&item::ORDINAL);
        let terms = self.terms.clone().unwrap_or_default();
        let terms = Some(ItemTerms { marking: Some(marking(terms.marking)), ..terms });
        let publication = Publication { revision: 1, terms, fiscal_year, year_ordinal, kept_consents: Vec::new() };
        checked.publish(publication, self.necessity())
    }
}

impl Act for ReviseItemRequest {
    type Resource = Item;
    type Checked = CheckedContent;

    fn check(&mut self, context: &CheckContext<'_>) -> Result<CheckedContent, Refusal> {
        let matter = self.matter(context.own, context.moment);
        let checked = CheckedContent::of(self.content.as_ref(), &matter, context)?;
        if !checked.is_of_ppc() && self.necessity() != Necessity::Unspecified {
            return Err(Refusal::field(Reason::FieldInvalid, NECESSITY, NECESSITY_MUST));
        }
        Ok(checked)
    }

    fn content(&mut self, _: &CheckedContent) -> Option<Vec<u8>> {
        encoded(&mut self.content)
    }

    fn draft(&self, checked: &CheckedContent, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let Some(current) = current(context.page(), context.matter.opener) else {
            return Err(Refusal::new(Reason::NotFound, Sentence::for_developers("there is no such item")));
        };
        // An item of the other agency is refused with the fact, by its direction.
        let is_own = context.matter.opener == context.stage.own();
        if is_own && item::fact_kind(current.it.kind) != checked.kind {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                ITEM,
                ("must be of the kind of the revision before", "前の改訂と同じ種類の共有情報を指定してください。"),
            ));
        }
        let publication = Publication {
            // The domain refuses a revision beyond the last, by the state of the item.
            revision: (current.it.publication.revision + 1).min(item::LAST_REVISION),
            terms: Some(scope::revised(current.terms(), self.terms.clone().unwrap_or_default(), &self.cleared)?),
            kept_consents: kept(&self.kept_consents, context.matter.opener)?,
            ..current.it.publication.clone()
        };
        let stated = self.necessity();
        let necessity = if stated == Necessity::Unspecified { current.it.necessity } else { stated };
        checked.publish(publication, necessity)
    }
}

impl Act for RecallItemRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        if !context.stage.speaks(FactKind::CopyAnswered) {
            // The peer's service is of an earlier version, which reports no copies and reads no day.
            return Ok(FactDraft::new(ItemRecalled { reason: self.reason, ..ItemRecalled::default() }));
        }
        let (calendar, today) = (context.calendar, calendar::day(context.stage.now()));
        let stated = Some(self.answer_by.clone()).filter(|day| !day.is_empty());
        let computed = calendar.add_open_days(today, ANSWER_DAYS);
        let by_rule = stated.is_none() && calendar.is_by_rule(computed);
        let answer_by = stated.unwrap_or_else(|| computed.to_string());
        Ok(FactDraft::new(ItemRecalled { reason: self.reason, answer_by, by_rule }))
    }
}

/// The numbers of the entries that granted the consents which a revision keeps, in ascending order.
fn kept(names: &[String], opener: Agency) -> Result<Vec<u64>, Refusal> {
    let mut kept: Vec<u64> =
        names.iter().map(|name| named(name, opener, "kept_consents", consent::NO_CONSENT)).collect::<Result<_, _>>()?;
    kept.sort_unstable();
    kept.dedup();
    Ok(kept)
}

impl Act for AcknowledgeItemRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let Revision { number, entry } = Revision::current(context);
        let acknowledged = ItemAcknowledged { revision: number, marking: self.marking.clone() };
        Ok(FactDraft::new(acknowledged).answering(entry))
    }
}

impl Act for AskAboutItemRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(ItemQuestionAsked {}).answering(Revision::current(context).entry))
    }
}

impl Act for AnswerItemQuestionRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let asked = seq_of(&self.question, context.matter.opener.peer(), "question")?;
        Ok(FactDraft::new(ItemQuestionAnswered {}).answering(asked))
    }
}

impl Act for GiveFeedbackRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let Revision { number, entry } = Revision::current(context);
        let given = ItemFeedbackGiven { revision: number, usefulness: self.usefulness };
        Ok(FactDraft::new(given).answering(entry))
    }
}

/// The number of an entry that a call names in an item; `none` where it is not of this author. The item is visible to the
/// caller, so the answer may state that there is no such entry in it.
///
/// # Errors
/// `FIELD_INVALID`.
pub(super) fn named(
    name: &str,
    author: Agency,
    field: &'static str,
    none: (&'static str, &'static str),
) -> Result<u64, Refusal> {
    entry_seq(name, author).ok_or_else(|| Refusal::field(Reason::FieldInvalid, field, none))
}

/// Refuses an act of a caller who sees the item by a consent alone.
///
/// # Errors
/// `BEYOND_SCOPE`.
pub(super) fn must_act_in_scope(context: &ActContext<'_>) -> Result<(), Refusal> {
    let (own, now) = (context.stage.own(), context.stage.now());
    must_be_in_scope(own, context.matter.opener, context.page(), context.reader, now)
}

/// The current revision of an item.
pub(super) struct Revision {
    /// From 1.
    pub(super) number: u32,
    /// The number of the entry that published it; 0 before the item is published.
    pub(super) entry: u64,
}

impl Revision {
    pub(super) fn current(context: &ActContext<'_>) -> Self {
        match current(context.page(), context.matter.opener) {
            Some(current) => Self { number: current.it.publication.revision, entry: current.mark.seq },
            None => Self { number: 1, entry: 0 },
        }
    }
}
