//! Sharing of information (Art. 5(2)) within its scope (Art. 7(2)).

use jiff::Timestamp;
use prost::Message;
use renkei_domain::{
    decide::{Keys, Refusal, direction},
    item::{self, current},
    matter::{Matter, Noun},
    moment::Moment,
    page::{Journal, Seen},
    scope::marking,
};
use renkei_proto::{
    FactKind,
    journal::v1::fact::Fact,
    options::v1::Reason,
    sharing::v1::{
        AcknowledgeItemRequest, AnswerItemQuestionRequest, AskAboutItemRequest, AttackMethodPublished, GetItemRequest,
        GiveFeedbackRequest, Item, ItemAcknowledged, ItemContent, ItemEntry, ItemFeedbackGiven, ItemQuestionAnswered,
        ItemQuestionAsked, ItemRecalled, ItemTerms, ListItemEntriesRequest, ListItemEntriesResponse, ListItemsRequest,
        ListItemsResponse, Necessity, Publication, PublishItemRequest, RecallItemRequest, ResearchResultPublished,
        ReviseItemRequest, TechnologyTrendPublished, ThreatInformationPublished, item_content::Item as Kind,
        item_entry::Content, item_service_server::ItemService,
    },
    r#type::v1::Agency,
};
use renkei_rpc::{
    error::Error,
    validate::{Call, Desk, open, open_secret},
};
use renkei_store::Command;
use tonic::{Request, Response, Status};

use crate::{
    act::{Act, At, Doing, Resource, Said, act, opening, seq_of},
    read::{EntryWords, Readable, decode, entries, list, readable},
    stix,
};

/// The field in which it stands what kind of item it is.
const ITEM: &str = "content.item";

/// The service.
pub(crate) struct Items {
    desk: Desk,
}

impl Items {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// The content of the current revision; `None` when it is sealed or erased.
    async fn content(&self, it: &Readable) -> Result<Option<ItemContent>, Error> {
        let opener = it.matter.opener;
        let Some(current) = current(Seen::whole(&it.page), opener) else { return Ok(None) };
        let bytes = self.desk.store.content(&it.permit, Journal::Of(opener), current.mark.seq).await?;
        match (bytes, item::fact_kind(current.it.kind)) {
            (Some(bytes), Some(kind)) => words(kind, &bytes).map(Some),
            _ => Ok(None),
        }
    }

    async fn get(&self, call: &Call, name: &str) -> Result<Item, Error> {
        let it = readable(&self.desk, call, name).await?;
        let item: Item = it.resource(&self.desk, call)?;
        Ok(Item { content: self.content(&it).await?, ..item })
    }
}

impl Resource for Item {
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        item::resource(matter, seen, now, etag)
    }
}

#[tonic::async_trait]
impl ItemService for Items {
    async fn publish_item(&self, it: Request<PublishItemRequest>) -> Result<Response<Item>, Status> {
        let own = self.desk.own;
        act(it, &self.desk, "publish_item", |moment, it| opens(own, moment, it)).await
    }

    async fn revise_item(&self, it: Request<ReviseItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, "revise_item", |_, it| Doing::within(it.name.clone(), it.etag.clone(), Change::Revise(it)))
            .await
    }

    async fn recall_item(&self, it: Request<RecallItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, "recall_item", |_, it| Doing::within(it.name.clone(), it.etag.clone(), Change::Recall(it)))
            .await
    }

    async fn acknowledge_item(&self, it: Request<AcknowledgeItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, "acknowledge_item", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Acknowledge(it))
        })
        .await
    }

    async fn ask_about_item(&self, it: Request<AskAboutItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, "ask_about_item", |_, it| Doing::within(it.name.clone(), it.etag.clone(), Change::Ask(it)))
            .await
    }

    async fn answer_item_question(&self, it: Request<AnswerItemQuestionRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, "answer_item_question", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Answer(it))
        })
        .await
    }

    async fn give_feedback(&self, it: Request<GiveFeedbackRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, "give_feedback", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Feedback(it))
        })
        .await
    }

    async fn get_item(&self, request: Request<GetItemRequest>) -> Result<Response<Item>, Status> {
        let matter = |it: &GetItemRequest| it.name.clone();
        open_secret(request, &self.desk, matter, async |call, it: GetItemRequest| self.get(&call, &it.name).await).await
    }

    async fn list_items(&self, request: Request<ListItemsRequest>) -> Result<Response<ListItemsResponse>, Status> {
        open(request, &self.desk, async |call, it: ListItemsRequest| {
            let query = ListItemsRequest { parent: it.parent.clone(), ..ListItemsRequest::default() };
            let page = (it.page_size, it.page_token.as_str());
            let listing = list(&self.desk, &call, Noun::Item, &it.parent, &query, page).await?;
            let (items, next_page_token) = listing.resources(&self.desk, &call)?;
            Ok(ListItemsResponse { items, next_page_token, as_of: listing.as_of })
        })
        .await
    }

    async fn list_item_entries(
        &self,
        request: Request<ListItemEntriesRequest>,
    ) -> Result<Response<ListItemEntriesResponse>, Status> {
        let matter = |it: &ListItemEntriesRequest| it.parent.clone();
        open_secret(request, &self.desk, matter, async |call, it: ListItemEntriesRequest| {
            let query = ListItemEntriesRequest { parent: it.parent.clone(), ..ListItemEntriesRequest::default() };
            let page = (it.page_size, it.page_token.as_str());
            let (entries, next_page_token) = entries(&self.desk, &call, &it.parent, &query, page, entry).await?;
            Ok(ListItemEntriesResponse { entries, next_page_token })
        })
        .await
    }
}

/// The content of a publication by the kind of its fact.
fn words(kind: FactKind, bytes: &[u8]) -> Result<ItemContent, Error> {
    let item = match kind {
        FactKind::AttackMethodPublished => Kind::AttackMethod(decode(bytes)?),
        FactKind::ResearchResultPublished => Kind::ResearchResult(decode(bytes)?),
        FactKind::ThreatInformationPublished => Kind::ThreatInformation(decode(bytes)?),
        FactKind::TechnologyTrendPublished => Kind::TechnologyTrend(decode(bytes)?),
        _ => return Err(Error::Fault("the words of an item belong to no publication".to_owned())),
    };
    Ok(ItemContent { item: Some(item) })
}

fn entry(it: EntryWords) -> Result<ItemEntry, Error> {
    let content = match (it.content.as_deref(), FactKind::named(&it.fact_type)) {
        (Some(bytes), Some(FactKind::ItemRecalled)) => Some(Content::ItemRecalled(decode(bytes)?)),
        (Some(bytes), Some(FactKind::ItemQuestionAsked)) => Some(Content::ItemQuestionAsked(decode(bytes)?)),
        (Some(bytes), Some(FactKind::ItemQuestionAnswered)) => Some(Content::ItemQuestionAnswered(decode(bytes)?)),
        (Some(bytes), Some(FactKind::ItemFeedbackGiven)) => Some(Content::ItemFeedbackGiven(decode(bytes)?)),
        (Some(bytes), Some(kind)) => Some(Content::Item(words(kind, bytes)?)),
        _ => None,
    };
    Ok(ItemEntry {
        name: it.name,
        author: it.author.into(),
        unit: it.unit,
        written_at: it.written_at,
        fact_type: it.fact_type,
        answers: it.answers,
        refused: it.refused,
        content,
    })
}

/// What `PublishItem` does with a sound request, as a command: for who fills a database without a network.
pub fn publishing(own: Agency, moment: &Moment, it: PublishItemRequest) -> impl Command<Reply = Item> {
    opens(own, moment, it)
}

fn opens(own: Agency, moment: &Moment, it: PublishItemRequest) -> Doing<Change> {
    Doing::opening(Matter::new(Noun::Item, own, &moment.id("item", 0)), Change::Publish(it))
}

/// What officials do with an item.
enum Change {
    Publish(PublishItemRequest),
    Revise(ReviseItemRequest),
    Recall(RecallItemRequest),
    Acknowledge(AcknowledgeItemRequest),
    Ask(AskAboutItemRequest),
    Answer(AnswerItemQuestionRequest),
    Feedback(GiveFeedbackRequest),
}

impl Act for Change {
    type Resource = Item;

    fn keys(&self, matter: &Matter, moment: &Moment) -> Keys {
        match self {
            Self::Publish(_) => opening(matter, moment),
            _ => Keys::matter(matter.to_string()),
        }
    }

    fn says(&self, at: &At<'_>) -> Result<Said, Refusal> {
        let current = current(at.page(), at.matter.opener);
        let published = current.map_or(0, |current| current.mark.seq);
        let revision = current.map_or(1, |current| current.it.publication.revision);
        Ok(match self {
            Self::Publish(it) => {
                let (fiscal_year, year_ordinal) = at.next_case("item");
                let publication =
                    Publication { revision: 1, terms: terms(it.terms.clone()), fiscal_year, year_ordinal };
                publish(at, publication, None, it.necessity(), it.content.as_ref())?
            }
            Self::Revise(it) => {
                let Some(current) = current else {
                    return Err(Refusal::new(Reason::NotFound, "there is no such item"));
                };
                let publication = Publication {
                    // Beyond the last the domain refuses it, by the state of the item.
                    revision: (revision + 1).min(item::LAST_REVISION),
                    terms: terms(it.terms.clone()),
                    ..current.it.publication.clone()
                };
                // Whose item it is, is judged with the fact.
                let kind = item::fact_kind(current.it.kind).filter(|_| at.matter.opener == at.stage.own());
                publish(at, publication, kind, it.necessity(), it.content.as_ref())?
            }
            Self::Recall(it) => Said::new(Fact::ItemRecalled(ItemRecalled { reason: it.reason }))
                .with(&it.content.clone().unwrap_or_default()),
            Self::Acknowledge(it) => {
                let acknowledged = ItemAcknowledged { revision, marking: it.marking.clone() };
                Said::new(Fact::ItemAcknowledged(acknowledged)).answering(published)
            }
            Self::Ask(it) => Said::new(Fact::ItemQuestionAsked(ItemQuestionAsked {}))
                .with(&it.content.clone().unwrap_or_default())
                .answering(published),
            Self::Answer(it) => Said::new(Fact::ItemQuestionAnswered(ItemQuestionAnswered {}))
                .with(&it.content.clone().unwrap_or_default())
                .answering(seq_of(&it.question, at.matter.opener.peer(), "question")?),
            Self::Feedback(it) => {
                let given = ItemFeedbackGiven { revision, usefulness: it.usefulness };
                Said::new(Fact::ItemFeedbackGiven(given))
                    .with(&it.content.clone().unwrap_or_default())
                    .answering(published)
            }
        })
    }
}

/// The terms of a call, with the default marking where it gives none.
fn terms(given: Option<ItemTerms>) -> Option<ItemTerms> {
    given.map(|terms| ItemTerms { marking: Some(marking(terms.marking.clone())), ..terms })
}

/// The publication of an item of the kind that its content is of, which a revision keeps.
fn publish(
    at: &At<'_>,
    publication: Publication,
    kept: Option<FactKind>,
    necessity: Necessity,
    content: Option<&ItemContent>,
) -> Result<Said, Refusal> {
    let Some(kind) = content.and_then(|content| content.item.as_ref()) else {
        return Err(Refusal::field(Reason::FieldInvalid, ITEM, "must be set"));
    };
    let publication = Some(publication);
    let (fact, text, words, bundle) = match kind {
        Kind::AttackMethod(it) => {
            let fact = AttackMethodPublished { publication, necessity: necessity.into() };
            let bundle = "content.attack_method.text.stix_bundle";
            (Fact::AttackMethodPublished(fact), &it.text, it.encode_to_vec(), bundle)
        }
        Kind::ResearchResult(it) => {
            let fact = Fact::ResearchResultPublished(ResearchResultPublished { publication });
            (fact, &it.text, it.encode_to_vec(), "content.research_result.text.stix_bundle")
        }
        Kind::ThreatInformation(it) => {
            let fact = Fact::ThreatInformationPublished(ThreatInformationPublished { publication });
            (fact, &it.text, it.encode_to_vec(), "content.threat_information.text.stix_bundle")
        }
        Kind::TechnologyTrend(it) => {
            let fact = Fact::TechnologyTrendPublished(TechnologyTrendPublished { publication });
            (fact, &it.text, it.encode_to_vec(), "content.technology_trend.text.stix_bundle")
        }
    };
    let kind = FactKind::of(&fact);
    direction(kind, at.matter, at.stage.own()).map_err(|refusal| Refusal { field: ITEM, ..refusal })?;
    if kept.is_some_and(|kept| kept != kind) {
        return Err(Refusal::field(Reason::FieldInvalid, ITEM, "must be of the kind of the revision before"));
    }
    let is_ppcs = kind == FactKind::AttackMethodPublished;
    if is_ppcs != (necessity != Necessity::Unspecified) {
        return Err(Refusal::field(Reason::FieldInvalid, "necessity", "is stated for PPC's items and for no others"));
    }
    stix::check(bundle, text.as_ref().map(|text| text.stix_bundle.as_slice()).unwrap_or_default())?;
    Ok(Said::new(fact).with_bytes(words))
}
