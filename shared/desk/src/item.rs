//! Sharing of information (Art. 5(2)) within its scope (Art. 7(2)).

use prost::Message;
use renkei_domain::{
    decide::direction,
    matter::Matter,
    moment::Moment,
    noun::item::{self, current},
    page::{Journal, Seen},
    read_set::ReadSet,
    refusal::{Refusal, past},
    scope::{self, marking},
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
    r#type::v1::{Agency, Marking, Tlp},
};
use renkei_rpc::validate::Call;
use renkei_store::Command;
use tonic::{Request, Response, Status};

use crate::{
    act::{Act, ActCommand, ActContext, FactDraft, act, opening, seq_of},
    desk::{Desk, open, open_secret},
    error::Error,
    read::{EntryWords, Readable, decoded, entries, list, readable},
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
        let (Some(bytes), Some(kind)) = (bytes, item::fact_kind(current.it.kind)) else { return Ok(None) };
        Ok(match decoded(kind, &bytes)? {
            Some(Content::Item(content)) => Some(content),
            _ => None,
        })
    }

    async fn get(&self, call: &Call, name: &str) -> Result<Item, Error> {
        let it = readable(&self.desk, call, name).await?;
        let item: Item = it.resource(&self.desk, call)?;
        Ok(Item { content: self.content(&it).await?, ..item })
    }
}

#[tonic::async_trait]
impl ItemService for Items {
    async fn publish_item(&self, it: Request<PublishItemRequest>) -> Result<Response<Item>, Status> {
        let own = self.desk.own;
        act(it, &self.desk, |moment, it| opens(own, moment, it)).await
    }

    async fn revise_item(&self, it: Request<ReviseItemRequest>) -> Result<Response<Item>, Status> {
        let own = self.desk.own;
        act(it, &self.desk, |moment, it| revises(own, moment, it)).await
    }

    async fn recall_item(&self, it: Request<RecallItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, |_, it: RecallItemRequest| {
            Ok(ActCommand::within(it.name, it.etag, Change::Recall { reason: it.reason }).with(it.content.as_ref()))
        })
        .await
    }

    async fn acknowledge_item(&self, it: Request<AcknowledgeItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, |_, it: AcknowledgeItemRequest| {
            Ok(ActCommand::within(it.name, it.etag, Change::Acknowledge { marking: it.marking }))
        })
        .await
    }

    async fn ask_about_item(&self, it: Request<AskAboutItemRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, |_, it: AskAboutItemRequest| {
            Ok(ActCommand::within(it.name, it.etag, Change::Ask).with(it.content.as_ref()))
        })
        .await
    }

    async fn answer_item_question(&self, it: Request<AnswerItemQuestionRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, |_, it: AnswerItemQuestionRequest| {
            let change = Change::Answer { question: it.question };
            Ok(ActCommand::within(it.name, it.etag, change).with(it.content.as_ref()))
        })
        .await
    }

    async fn give_feedback(&self, it: Request<GiveFeedbackRequest>) -> Result<Response<Item>, Status> {
        act(it, &self.desk, |_, it: GiveFeedbackRequest| {
            let change = Change::Feedback { usefulness: it.usefulness };
            Ok(ActCommand::within(it.name, it.etag, change).with(it.content.as_ref()))
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
            let listing = list(&self.desk, &call, item::COLLECTION, &it.parent, &query, page).await?;
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

fn entry(it: EntryWords) -> Result<ItemEntry, Error> {
    let content = it.content()?;
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
///
/// # Errors
/// What the call would be refused for before it queues.
pub fn publishing(
    own: Agency,
    moment: &Moment,
    it: PublishItemRequest,
) -> Result<impl Command<Reply = Item> + use<>, Refusal> {
    opens(own, moment, it)
}

fn opens(own: Agency, moment: &Moment, it: PublishItemRequest) -> Result<ActCommand<Change>, Refusal> {
    let matter = Matter::new(item::COLLECTION, own, &moment.id("item", 0));
    let necessity = it.necessity();
    let (words, bytes) = Words::check(&matter, own, moment, it.content)?;
    if (words.kind == FactKind::AttackMethodPublished) != (necessity != Necessity::Unspecified) {
        return Err(Refusal::field(Reason::FieldInvalid, NECESSITY, NECESSITY_MUST));
    }
    let terms = it.terms.unwrap_or_default();
    let terms = ItemTerms { marking: Some(marking(terms.marking)), ..terms };
    Ok(ActCommand::opening(matter, Change::Publish { words, necessity, terms }).with_bytes(bytes))
}

fn revises(own: Agency, moment: &Moment, it: ReviseItemRequest) -> Result<ActCommand<Change>, Refusal> {
    let necessity = it.necessity();
    let (words, bytes) = Words::check(&Matter::of(&it.name), own, moment, it.content)?;
    if words.kind != FactKind::AttackMethodPublished && necessity != Necessity::Unspecified {
        return Err(Refusal::field(Reason::FieldInvalid, NECESSITY, NECESSITY_MUST));
    }
    let (terms, cleared) = (it.terms.unwrap_or_default(), it.cleared);
    let change = Change::Revise { words, necessity, terms, cleared };
    Ok(ActCommand::within(it.name, it.etag, change).with_bytes(bytes))
}

const NECESSITY: &str = "necessity";
const NECESSITY_MUST: &str = "is stated for PPC's items and for no others";

/// What is known of the words of an item without its page.
struct Words {
    /// The fact that publishes them.
    kind: FactKind,
    /// The strictest mark in their bundle, and where that is in the request.
    mark: Option<Tlp>,
    bundle: &'static str,
}

impl Words {
    /// Checks the words of a request, and gives them encoded as well.
    fn check(
        matter: &Matter,
        own: Agency,
        moment: &Moment,
        content: Option<ItemContent>,
    ) -> Result<(Self, Vec<u8>), Refusal> {
        let Some(item) = content.and_then(|content| content.item) else {
            return Err(Refusal::field(Reason::FieldInvalid, ITEM, "must be set"));
        };
        let (kind, text, as_of, bundle, bytes) = match &item {
            Kind::AttackMethod(it) => (
                FactKind::AttackMethodPublished,
                &it.text,
                "content.attack_method.text.as_of",
                "content.attack_method.text.stix_bundle",
                it.encode_to_vec(),
            ),
            Kind::ResearchResult(it) => (
                FactKind::ResearchResultPublished,
                &it.text,
                "content.research_result.text.as_of",
                "content.research_result.text.stix_bundle",
                it.encode_to_vec(),
            ),
            Kind::ThreatInformation(it) => (
                FactKind::ThreatInformationPublished,
                &it.text,
                "content.threat_information.text.as_of",
                "content.threat_information.text.stix_bundle",
                it.encode_to_vec(),
            ),
            Kind::TechnologyTrend(it) => (
                FactKind::TechnologyTrendPublished,
                &it.text,
                "content.technology_trend.text.as_of",
                "content.technology_trend.text.stix_bundle",
                it.encode_to_vec(),
            ),
        };
        direction(kind, matter, own).map_err(|refusal| Refusal { field: ITEM, ..refusal })?;
        past(as_of, text.as_ref().and_then(|text| text.as_of.as_ref()), moment.now)?;
        let mark = stix::read(bundle, text.as_ref().map(|text| text.stix_bundle.as_slice()).unwrap_or_default())?;
        Ok((Self { kind, mark, bundle }, bytes))
    }

    /// Their publication. What the bundle's marks allow is what the terms allow.
    fn publish(&self, publication: Publication, necessity: Necessity) -> Result<FactDraft, Refusal> {
        let scope = publication.terms.as_ref().and_then(|terms| terms.scope.as_ref());
        if self.mark.is_some_and(|mark| !scope::admits(scope, mark)) {
            let must = "an object in it bears a mark that is stricter than the scope: name a narrower scope";
            return Err(Refusal::field(Reason::ScopeContradictory, self.bundle, must));
        }
        let publication = Some(publication);
        Ok(FactDraft::new(match self.kind {
            FactKind::AttackMethodPublished => {
                Fact::AttackMethodPublished(AttackMethodPublished { publication, necessity: necessity.into() })
            }
            FactKind::ResearchResultPublished => Fact::ResearchResultPublished(ResearchResultPublished { publication }),
            FactKind::ThreatInformationPublished => {
                Fact::ThreatInformationPublished(ThreatInformationPublished { publication })
            }
            _ => Fact::TechnologyTrendPublished(TechnologyTrendPublished { publication }),
        }))
    }
}

/// What officials do with an item, as far as it depends on its page.
enum Change {
    Publish { words: Words, necessity: Necessity, terms: ItemTerms },
    Revise { words: Words, necessity: Necessity, terms: ItemTerms, cleared: Vec<i32> },
    Recall { reason: i32 },
    Acknowledge { marking: Option<Marking> },
    Ask,
    Answer { question: String },
    Feedback { usefulness: i32 },
}

impl Act for Change {
    type Resource = Item;

    fn reads(&self, matter: &Matter, moment: &Moment) -> ReadSet {
        match self {
            Self::Publish { .. } => opening(matter, moment),
            _ => ReadSet::matter(matter.to_string()),
        }
    }

    fn says(&self, at: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let current = current(at.page(), at.matter.opener);
        let published = current.map_or(0, |current| current.mark.seq);
        let revision = current.map_or(1, |current| current.it.publication.revision);
        Ok(match self {
            Self::Publish { words, necessity, terms } => {
                let (fiscal_year, year_ordinal) = at.next_case("item");
                let terms = Some(terms.clone());
                words.publish(Publication { revision: 1, terms, fiscal_year, year_ordinal }, *necessity)?
            }
            Self::Revise { words, necessity, terms, cleared } => {
                let Some(current) = current else {
                    return Err(Refusal::new(Reason::NotFound, "there is no such item"));
                };
                // Whose item it is, is judged with the fact.
                let is_own = at.matter.opener == at.stage.own();
                if is_own && item::fact_kind(current.it.kind) != Some(words.kind) {
                    return Err(Refusal::field(
                        Reason::FieldInvalid,
                        ITEM,
                        "must be of the kind of the revision before",
                    ));
                }
                let publication = Publication {
                    // Beyond the last the domain refuses it, by the state of the item.
                    revision: (revision + 1).min(item::LAST_REVISION),
                    terms: Some(scope::revised(current.terms(), terms.clone(), cleared)?),
                    ..current.it.publication.clone()
                };
                let kept = if *necessity == Necessity::Unspecified { current.it.necessity } else { *necessity };
                words.publish(publication, kept)?
            }
            Self::Recall { reason } => FactDraft::new(Fact::ItemRecalled(ItemRecalled { reason: *reason })),
            Self::Acknowledge { marking } => {
                let acknowledged = ItemAcknowledged { revision, marking: marking.clone() };
                FactDraft::new(Fact::ItemAcknowledged(acknowledged)).answering(published)
            }
            Self::Ask => FactDraft::new(Fact::ItemQuestionAsked(ItemQuestionAsked {})).answering(published),
            Self::Answer { question } => {
                let asked = seq_of(question, at.matter.opener.peer(), "question")?;
                FactDraft::new(Fact::ItemQuestionAnswered(ItemQuestionAnswered {})).answering(asked)
            }
            Self::Feedback { usefulness } => {
                let given = ItemFeedbackGiven { revision, usefulness: *usefulness };
                FactDraft::new(Fact::ItemFeedbackGiven(given)).answering(published)
            }
        })
    }
}
