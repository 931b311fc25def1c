//! Canary strings in every word of items and advice: in no log line, span, metric, error, event or reply of a call that
//! writes, in no database in plain text, and at the receiver in no reply once an item is recalled.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message;
use renkei_client::{Answer, CallError, Watch};
use renkei_proto::{
    advice::v1::{
        AdviceAnswer, AdviceContent, AdviceQuotationAnsweredContent, AdviceQuotationAskedContent, AdviceRequest,
        Submission,
    },
    evidence::v1::{GetEntryRequest, ListEntriesRequest, evidence_service_client::EvidenceServiceClient},
    options::v1::Reason,
    sharing::v1::{
        GetItemRequest, Item, ItemContent, ItemFeedbackGivenContent, ItemKind, ItemQuestionAnsweredContent,
        ItemQuestionAskedContent, ItemRecalledContent, ItemText, ListItemEntriesRequest, ListItemsRequest,
        item_content, item_service_client::ItemServiceClient,
    },
    title::v1::{ListTitlesRequest, title_service_client::TitleServiceClient},
    r#type::v1::{Agency, Attachment, Purpose, Scope},
};
use renkei_tools::{
    acts::{Acts, both, item_content as words, settle, to_the_party, to_units},
    database,
    desk::TANAKA,
    http::get,
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, CALLERS, Choice},
};
use tonic::{Response, Status, service::interceptor::InterceptedService};

use crate::{
    item::{BUNDLE, text},
    secrets::assert_nowhere,
};

/// In every word of an item, of the acts about it, and of advice; not ASCII either.
const CANARIES: [&str; 3] = ["canary-item-71b3", "秘密の鷺71b3", "canary-advice-71b3"];
/// Why an item is recalled: its receiver reads that, and nothing else.
const RECALL: &str = "canary-recall-71b3";
/// In what is refused.
const REFUSED: &str = "canary-refused-71b3";

/// Everything above.
fn all() -> Vec<&'static str> {
    CANARIES.into_iter().chain([RECALL, REFUSED]).collect()
}

fn word() -> String {
    format!("{} {}", CANARIES[0], CANARIES[1])
}

fn marked(kind: ItemKind, pair: &Pair) -> ItemContent {
    let mut content = words(kind, &word(), pair.clock.now());
    let it = text(&mut content);
    it.stix_bundle = BUNDLE.replace("改ざんされた決済画面", &word()).into_bytes();
    it.attachments = vec![Attachment {
        file_name: format!("{}.pdf", word()),
        media_type: "application/pdf".to_owned(),
        size: 7,
        sha256: CANARIES[0].as_bytes().iter().copied().cycle().take(32).collect(),
    }];
    content
}

/// The answers and refusals of the service. None of them contains a word of the content.
#[derive(Default)]
struct Heard(Vec<u8>);

impl Heard {
    /// The reply of a call that writes, which is stored.
    fn reply<M: Message + Clone>(&mut self, answer: Answer<M>) -> M {
        let reply = answer.unwrap();
        self.0.extend(reply.encode_to_vec());
        reply
    }

    fn refusal<T: std::fmt::Debug>(&mut self, answer: Result<Response<T>, Status>, reason: Reason) {
        let status = answer.unwrap_err();
        self.0.extend(format!("{status:?} {}", String::from_utf8_lossy(status.details())).into_bytes());
        assert_eq!(CallError::from(status).reason, reason);
    }
}

/// An item with canaries in all that both sides write about it, until it is revised.
async fn shared(pair: &Pair, (author, reader): (&Acts, &Acts), scope: Scope, heard: &mut Heard) -> Item {
    let (ppc, ipa) = if author.agency == Agency::Ppc { (author, reader) } else { (reader, author) };
    let mut publishing = author.publishing_item(scope);
    let kind = if author.agency == Agency::Ppc { ItemKind::AttackMethod } else { ItemKind::ThreatInformation };
    publishing.content = Some(marked(kind, pair));
    let it = heard.reply(author.publish_item(publishing).await);
    settle(ppc, ipa).await.unwrap();
    let it = reader.item(&it.name).await.unwrap();
    let mut asking = reader.asking_about(&it);
    asking.content = Some(ItemQuestionAskedContent { question: word() });
    let it = heard.reply(reader.ask_about_item(asking).await);
    let mut feedback = reader.giving_feedback(&it);
    feedback.content = Some(ItemFeedbackGivenContent { comment: word() });
    heard.reply(reader.give_feedback(feedback).await);
    settle(ppc, ipa).await.unwrap();
    let it = author.item(&it.name).await.unwrap();
    let mut answering = author.answering_about(&it);
    answering.content = Some(ItemQuestionAnsweredContent { answer: word() });
    let it = heard.reply(author.answer_item_question(answering).await);
    let mut revising = author.revising_item(&it);
    revising.content = Some(marked(kind, pair));
    let it = heard.reply(author.revise_item(revising).await);
    settle(ppc, ipa).await.unwrap();
    it
}

/// All that any caller gets of an item at a desk, for any of these purposes.
async fn let_out(acts: &Acts, it: &Item, purposes: &[&'static str]) -> Vec<u8> {
    let mut out = Vec::new();
    for (caller, ..) in CALLERS {
        let channel = acts.desk.channel(caller).unwrap();
        for purpose in purposes {
            let authentic = || {
                InterceptedService::new(
                    channel.clone(),
                    TANAKA.with_purpose(Purpose::from_id(purpose).unwrap_or_default()),
                )
            };
            let (mut items, mut evidence) =
                (ItemServiceClient::new(authentic()), EvidenceServiceClient::new(authentic()));
            let mut take = |answer: Result<Vec<u8>, Status>| {
                out.extend(answer.unwrap_or_else(|status| format!("{status:?}").into_bytes()));
            };
            let list = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
            take(items.list_items(list).await.map(|it| it.get_ref().encode_to_vec()));
            let get = GetItemRequest { name: it.name.clone() };
            take(items.get_item(get).await.map(|it| it.get_ref().encode_to_vec()));
            let named = ListTitlesRequest { matters: vec![it.name.clone()] };
            let mut titles = TitleServiceClient::new(authentic());
            take(titles.list_titles(named).await.map(|it| it.get_ref().encode_to_vec()));
            let entries = ListItemEntriesRequest { parent: it.name.clone(), ..ListItemEntriesRequest::default() };
            take(items.list_item_entries(entries).await.map(|it| it.get_ref().encode_to_vec()));
            let entries = ListEntriesRequest { matter: it.name.clone(), ..ListEntriesRequest::default() };
            take(evidence.list_entries(entries).await.map(|it| it.get_ref().encode_to_vec()));
            for name in &it.entries {
                let get = GetEntryRequest { name: name.clone() };
                take(evidence.get_entry(get).await.map(|it| it.get_ref().encode_to_vec()));
            }
        }
    }
    out
}

/// Advice with canaries in every word of both sides.
async fn advice(ppc: &Acts, ipa: &Acts, heard: &mut Heard) -> String {
    let canary = || CANARIES[2].to_owned();
    let submission = || {
        Some(Submission {
            facts: vec![ppc.statement(CANARIES[2])],
            questions: vec![canary(), canary()],
            ..Submission::default()
        })
    };
    let mut requesting = ppc.requesting();
    (requesting.title, requesting.submission) = (canary(), submission());
    let it = heard.reply(ppc.submit_advice_request(requesting).await);
    let at_ipa = async |it: &AdviceRequest| {
        settle(ppc, ipa).await.unwrap();
        ipa.advice_request(&it.name).await.unwrap()
    };
    let at_ppc = async |it: &AdviceRequest| {
        settle(ppc, ipa).await.unwrap();
        ppc.advice_request(&it.name).await.unwrap()
    };
    let it = at_ipa(&it).await;
    let mut back = ipa.handing_back(&it);
    back.content.as_mut().unwrap().wanted = canary();
    let it = heard.reply(ipa.hand_back_advice_request(back).await);
    let it = at_ppc(&it).await;
    let mut more = ppc.supplementing(&it);
    more.submission = submission();
    let it = heard.reply(ppc.supplement_advice_request(more).await);
    let it = at_ipa(&it).await;
    let it = heard.reply(ipa.accept_advice_request(ipa.accepting(&it)).await);
    let mut replanning = ipa.replanning(&it);
    replanning.content.as_mut().unwrap().reason = canary();
    let it = heard.reply(ipa.revise_plan(replanning).await);
    let mut asking = ipa.asking_clarification(&it);
    asking.content.as_mut().unwrap().questions = vec![canary()];
    let it = heard.reply(ipa.ask_clarification(asking).await);
    let it = at_ppc(&it).await;
    let mut answering = ppc.clarifying(&it);
    answering.content.as_mut().unwrap().statements = vec![ppc.statement(CANARIES[2])];
    let it = heard.reply(ppc.answer_clarification(answering).await);
    let it = at_ipa(&it).await;
    let answer = |question| AdviceAnswer { question, answer: Some(ipa.statement(CANARIES[2])) };
    let advising = || AdviceContent { answers: (1..=it.questions).map(answer).collect(), ..AdviceContent::default() };
    let mut giving = ipa.giving(&it);
    giving.content = Some(advising());
    let it = heard.reply(ipa.give_advice(giving).await);
    let mut correcting = ipa.correcting(&it);
    let corrected = correcting.content.as_mut().unwrap();
    (corrected.explanation, corrected.advice) = (canary(), Some(advising()));
    let it = heard.reply(ipa.correct_advice(correcting).await);
    let it = at_ppc(&it).await;
    let mut quoting = ppc.asking_quotation(&it);
    quoting.content = Some(AdviceQuotationAskedContent { text: canary(), medium: canary() });
    let it = heard.reply(ppc.ask_quotation(quoting).await);
    let it = at_ipa(&it).await;
    let mut agreeing = ipa.answering_quotation(&it);
    agreeing.content = Some(AdviceQuotationAnsweredContent { comment: canary() });
    let it = heard.reply(ipa.answer_quotation(agreeing).await);
    let it = at_ppc(&it).await;
    let second = at_ipa(&ppc.submit_advice_request(ppc.requesting()).await.unwrap()).await;
    let mut declining = ipa.declining(&second);
    let declined = declining.content.as_mut().unwrap();
    (declined.explanation, declined.possible_instead) = (canary(), canary());
    heard.reply(ipa.decline_advice_request(declining).await);
    let mut further = ppc.asking_further(&it);
    further.submission = submission();
    let it = heard.reply(ppc.ask_further_questions(further).await);
    settle(ppc, ipa).await.unwrap();
    it.name
}

/// Calls that are refused, with canaries in their texts.
async fn refused(ipa: &Acts, it: &Item, heard: &mut Heard) {
    let mut client = ipa.desk.items("sharing", Purpose::Policy).unwrap();
    let spoilt = |spoil: fn(&mut ItemText)| {
        let mut request = ipa.publishing_item(to_the_party());
        let Some(item_content::Item::ThreatInformation(it)) = request.content.as_mut().unwrap().item.as_mut() else {
            unreachable!()
        };
        it.text.as_mut().unwrap().body = REFUSED.to_owned();
        spoil(it.text.as_mut().unwrap());
        request
    };
    let long = spoilt(|it| it.title = REFUSED.repeat(20));
    heard.refusal(client.publish_item(long).await, Reason::FieldInvalid);
    let stix = spoilt(|it| it.stix_bundle = format!("{{\"type\":\"{REFUSED}\"}}").into_bytes());
    heard.refusal(client.publish_item(stix).await, Reason::FieldInvalid);
    let mut empty = spoilt(|_| ());
    empty.terms.as_mut().unwrap().scope = Some(to_units(&[], &[Purpose::Policy]));
    heard.refusal(client.publish_item(empty).await, Reason::ScopeEmpty);
    let stale = Item { etag: REFUSED.to_owned(), ..it.clone() };
    let mut recalling = ipa.recalling(&stale);
    recalling.content = Some(ItemRecalledContent { explanation: REFUSED.to_owned() });
    heard.refusal(client.recall_item(recalling).await, Reason::EtagStale);
    let mut answering = ipa.answering_about(&Item { etag: String::new(), ..it.clone() });
    answering.content = Some(ItemQuestionAnsweredContent { answer: REFUSED.to_owned() });
    heard.refusal(client.answer_item_question(answering).await, Reason::WrongState);
}

/// Every event of a desk's feed from its beginning to the last.
async fn told(acts: &Acts) -> Vec<u8> {
    let last = acts.publish(acts.publishing("last")).await.unwrap().name;
    let channel = acts.desk.on_behalf_of("sharing", TANAKA.with_purpose(Purpose::Policy)).unwrap();
    let (mut feed, mut bytes) = (Watch::open(channel, "-", "").await.unwrap(), Vec::new());
    loop {
        let event = feed.event().await.unwrap();
        bytes.extend(event.encode_to_vec());
        if event.matter == last {
            return bytes;
        }
    }
}

#[tokio::test]
async fn canaries_in_items_and_advice_show_nowhere() {
    let choice = Choice { log_filter: Some("trace"), ..Choice::default() };
    let mut pair = Pair::in_process_with(start().unwrap(), 42, choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let mut heard = Heard::default();
    for (author, reader) in [(&ipa, &ppc), (&ppc, &ipa)] {
        let open = shared(&pair, (author, reader), to_the_party(), &mut heard).await;
        let narrow = shared(&pair, (author, reader), to_units(&["policy"], &[Purpose::Policy]), &mut heard).await;
        let shown = let_out(reader, &open, &["policy"]).await;
        assert!(shown.windows(CANARIES[0].len()).any(|it| it == CANARIES[0].as_bytes()), "the canaries are there");
        // For another purpose nobody gets a word of what is narrow.
        assert_nowhere(&let_out(reader, &narrow, &["", "training"]).await, &CANARIES, "what is beyond its scope");
        for it in [&open, &narrow] {
            let mut recalling = author.recalling(it);
            recalling.content = Some(ItemRecalledContent { explanation: RECALL.to_owned() });
            heard.reply(author.recall_item(recalling).await);
        }
        settle(&ppc, &ipa).await.unwrap();
        for it in [&open, &narrow] {
            let sealed = author.item(&it.name).await.unwrap();
            let out = let_out(reader, &sealed, &["", "policy", "training"]).await;
            assert_nowhere(&out, &CANARIES, "what is sealed");
            assert!(out.windows(RECALL.len()).any(|it| it == RECALL.as_bytes()), "why it is sealed is read");
        }
    }
    let open = shared(&pair, (&ipa, &ppc), to_the_party(), &mut heard).await;
    refused(&ipa, &open, &mut heard).await;
    let advised = advice(&ppc, &ipa, &mut heard).await;
    let said = ipa.advice_entries(&advised).await.unwrap();
    assert!(said.iter().filter(|it| format!("{it:?}").contains(CANARIES[2])).count() >= 9, "the canaries are there");
    assert_nowhere(&heard.0, &all(), "a reply of a call that writes, or an error");
    for acts in [&ppc, &ipa] {
        assert_nowhere(&told(acts).await, &all(), "an event");
        assert_nowhere(&database::bytes(&pair.setup, acts.agency).unwrap(), &all(), "a database beside its service");
        for path in ["/status", "/metrics"] {
            let (code, shown) = get(pair.side(acts.agency).operator().unwrap(), path).await.unwrap();
            assert_eq!(code, 200);
            assert_nowhere(shown.as_bytes(), &all(), "what the operator is shown");
        }
    }
    pair.stop_both().await.unwrap();
    for agency in AGENCIES {
        let side = pair.side(agency);
        assert_nowhere(&database::bytes(&pair.setup, agency).unwrap(), &all(), "a database");
        assert_nowhere(side.log().as_bytes(), &all(), "a log");
        let spans = side.spans.as_ref().unwrap().finished();
        assert!(spans.len() > 50, "the spans were kept");
        assert_nowhere(format!("{spans:?}").as_bytes(), &all(), "a span");
        assert_nowhere(side.measured.as_ref().unwrap().text().as_bytes(), &all(), "a metric");
    }
}
