//! A peer that lies: it plays one agency against the real service of the other, tells the truth until there is
//! something to lie about, and then tells the lies of [`crate::lies`].

use prost::Message as _;
use renkei_domain::{
    calendar::Calendar,
    matter::{Collection, Matter, parse_entry_name},
    moment::stamp,
    noun::{
        advice::{self, target},
        item,
    },
    scope::marking,
};
use renkei_journal::fact_hash;
use renkei_proto::{
    FactKind,
    advice::v1::{
        AdviceAccepted, AdviceRequest, AdviceRequested, AdviceRequestedContent, ListAdviceRequestsRequest, Submission,
        Urgency,
    },
    agreement::v1::{Agreement, GiveNoticeRequest, NoticeKind},
    evidence::v1::{CheckpointAuditRequest, Official},
    journal::v1::{Entry, Fact, Header, fact},
    link::v1::frame::Kind,
    options::v1::Reason,
    sharing::v1::{
        AttackMethodPublished, Item, ItemAcknowledged, ItemContent, ItemKind, ItemRecalled, ItemRecalledContent,
        ItemTerms, ListItemsRequest, Necessity, Publication, RecallAnswered, RecallDisposition, RecallReason,
        ThreatInformationPublished, item_content::Item as Words,
    },
    r#type::v1::{Agency, Confidentiality, Marking, Restriction},
};

use crate::{
    acts::{Acts, item_content, terms_for, to_the_party},
    desk::failure,
    pair::Pair,
    peer::{Peer, Session, header},
    scenario,
    setup::Choice,
};

/// The fate of an entry at the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It counts.
    Taken,
    /// It is stored and refused.
    Refused(Reason),
    /// The journal stopped at it.
    Stopped(Reason),
}

/// A matter with the number of the entry that opened it in its author's journal.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The name of the matter.
    pub name: String,
    /// The number of the entry that opened it.
    pub seq: u64,
}

/// The matters to lie about. All of them were made honestly.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// An item of the liar.
    pub own: Known,
    /// One that it has recalled; the number of the recall.
    pub own_recalled: Known,
    /// An item of the other side, acknowledged with a marking that was raised.
    pub other: Known,
    /// One that the other side has recalled; the number of the recall, which is answered.
    pub other_recalled: Known,
    /// A request for advice with two questions, under the name that was drawn last.
    pub submitted: Known,
    /// Another that IPA has accepted.
    pub accepted: Known,
    /// A notice of the liar that it has withdrawn.
    pub own_notice: Known,
    /// A notice of the other side that has arrived.
    pub other_notice: Known,
}

/// The matters as the other side shows them, without the fields that every refused entry changes.
type Shown = (Vec<Item>, Vec<AdviceRequest>, Vec<Official>, Agreement);

/// A peer that lies, with its journal.
pub struct Liar {
    /// Whom it plays.
    pub agency: Agency,
    /// The journal in which it lies.
    pub peer: Peer,
    /// The matters to lie about.
    pub scene: Scene,
    session: Session,
    pair: Pair,
    acts: Acts,
    drawn: u64,
}

/// The number of an entry in its journal.
fn seq_of(entry: Option<&String>) -> Result<u64, String> {
    let parsed = entry.and_then(|name| parse_entry_name(name));
    parsed.map(|(_, seq)| seq).ok_or_else(|| "there is no entry".to_owned())
}

impl Liar {
    /// A liar against the program of an agency, which runs as a process.
    ///
    /// # Errors
    /// Fails if something does not start, or the truth is not believed.
    pub async fn against(lied_to: Agency) -> Result<Self, String> {
        let choice = Choice { dialled_only: Some(lied_to), ..Choice::default() };
        let pair = Pair::one_sided_process(lied_to, scenario::start()?, [7; 32], choice).await?;
        let (acts, agency) = (Acts::new(&pair, lied_to)?, lied_to.peer());
        let peer = Peer::new(&pair, agency)?;
        let session = peer.dial().await.map_err(failure)?;
        let mut liar = Self { agency, peer, scene: Scene::default(), session, pair, acts, drawn: 0 };
        liar.set_the_scene().await?;
        Ok(liar)
    }

    /// Asks the other side what it shows, and whether everything that it has stored is sound.
    ///
    /// # Errors
    /// Fails if it is not.
    pub async fn shown(&self) -> Result<Shown, String> {
        let proof = self.acts.verify().await.map_err(failure)?;
        let link = self.acts.link().await?;
        if !proof.fault.is_empty() || link.stopped_at_seq != 0 {
            return Err(format!("{} stopped at {}", proof.fault, link.stopped_at_seq));
        }
        let list = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
        let items = self.acts.list_items(list).await.map_err(failure)?.items;
        let requests = self.acts.list_advice_requests(ListAdviceRequestsRequest::default()).await.map_err(failure)?;
        let item = |it| Item { entries: Vec::new(), updated_at: None, etag: String::new(), ..it };
        let request = |it| AdviceRequest { entries: Vec::new(), updated_at: None, etag: String::new(), ..it };
        Ok((
            items.into_iter().map(item).collect(),
            requests.advice_requests.into_iter().map(request).collect(),
            self.acts.barred().await.map_err(failure)?,
            Agreement { etag: String::new(), ..self.acts.agreement().await.map_err(failure)? },
        ))
    }

    /// Ends the service in order.
    ///
    /// # Errors
    /// Fails if it does not end.
    pub async fn end(mut self) -> Result<(), String> {
        self.pair.stop_both().await
    }

    pub(crate) async fn send(&mut self, entry: &Entry) -> Result<Fate, String> {
        let seq = header(entry).seq;
        self.session.send(std::slice::from_ref(entry)).await;
        let receipt = loop {
            match self.session.hear().await.map_err(failure)? {
                Some(Kind::Stop(signed)) => {
                    let stop = renkei_proto::link::v1::Stop::decode(signed.stop.as_slice());
                    let stop = stop.map_err(|error| error.to_string())?;
                    if stop.seq == seq {
                        return Ok(Fate::Stopped(stop.reason()));
                    }
                }
                Some(Kind::Ask(ask)) if ask.from_seq == seq => self.session.send(std::slice::from_ref(entry)).await,
                Some(Kind::Receipt(signed)) => {
                    let receipt = renkei_proto::journal::v1::Receipt::decode(signed.receipt.as_slice());
                    match receipt {
                        Ok(receipt) if receipt.up_to_seq >= seq => break receipt,
                        _ => {}
                    }
                }
                Some(_) => {}
                None => return Err("the other side ended the session".to_owned()),
            }
        };
        self.catch_up(receipt.own_seq).await?;
        let refusal = self.session.entries.iter().find_map(|entry| {
            match Fact::decode(entry.fact.as_slice()).ok().and_then(|fact| fact.fact) {
                Some(fact::Fact::EntryRefused(it)) if it.seq == seq => Some(it.reason()),
                _ => None,
            }
        });
        Ok(refusal.map_or(Fate::Taken, Fate::Refused))
    }

    /// Takes the other side's journal up to a number and signs for it, for each few entries: more do not come before.
    async fn catch_up(&mut self, seq: u64) -> Result<(), String> {
        self.session.sign(&mut self.peer).await;
        while self.peer.seen < seq {
            self.session.received(self.peer.seen + 1).await.map_err(failure)?;
            self.session.sign(&mut self.peer).await;
        }
        Ok(())
    }

    /// Has an operator of the other side lift the stop.
    pub(crate) async fn resume(&mut self, seq: u64) -> Result<(), String> {
        let lied_to = self.agency.peer();
        let from = seq.to_string();
        let resume = ["resume", "--from", &from, "--reason", "the peer has put it right"];
        let (code, text) = self.pair.command_line(lied_to, &resume).await?;
        if code != Some(0) {
            return Err(text);
        }
        // The running service looks for what others have written when it writes itself.
        let request_id = self.acts.request_id();
        self.acts.checkpoint(CheckpointAuditRequest { request_id }).await.map_err(failure)?;
        let ask = self.session.ask().await.map_err(failure)?;
        if ask.from_seq == seq { Ok(()) } else { Err(format!("{} is asked for, not {seq}", ask.from_seq)) }
    }
}

/// Sends a fact as the next entry of the liar's journal.
impl Liar {
    /// An entry that is sound but for its statement.
    ///
    /// # Errors
    /// Fails if no peer could write such an entry.
    pub fn say(
        &mut self,
        matter: &str,
        fact: fact::Fact,
        content: Option<Vec<u8>>,
        answers: u64,
    ) -> Result<Entry, String> {
        self.peer.entry(matter, fact, content, answers)
    }

    /// The same entry with a header that lies.
    pub fn lie(&mut self, entry: &Entry, lie: impl FnOnce(&mut Header)) -> Entry {
        let entry = self.peer.lie(entry, lie);
        self.peer.go_on_from(&entry);
        entry
    }

    /// The same entry with other bytes as its fact, to which its header commits.
    pub fn with_fact(&mut self, entry: &Entry, fact: Vec<u8>) -> Entry {
        let hash = fact_hash(&fact).to_vec();
        self.peer.lie(&Entry { fact, ..entry.clone() }, |header| header.fact_sha256 = hash)
    }

    /// A name that was never used.
    pub fn fresh(&mut self, noun: Collection, opener: Agency) -> String {
        self.drawn += 1;
        Matter::new(noun, opener, &format!("0199b7c4-0000-7000-8000-{:012x}", self.drawn)).to_string()
    }

    /// An id of an item or request of the liar that was never used.
    pub fn fresh_item(&mut self) -> String {
        self.fresh(item::COLLECTION, self.agency)
    }

    /// The first publication of the item that was named last. The other side may read it.
    pub fn publication(&self) -> Publication {
        let terms = Some(ItemTerms { marking: Some(marking(None)), ..terms_for(to_the_party()) });
        Publication { revision: 1, terms, fiscal_year: 2026, year_ordinal: self.drawn, ..Publication::default() }
    }

    /// The second publication of the item whose case number has this ordinal.
    pub fn revision(&self, year_ordinal: u64) -> Publication {
        Publication { revision: 2, year_ordinal, ..self.publication() }
    }

    /// The liar's kind of item, with these words.
    pub fn published(&self, publication: Publication) -> fact::Fact {
        let publication = Some(publication);
        if self.agency == Agency::Ppc {
            let necessity = Necessity::PreventSimilar.into();
            return fact::Fact::AttackMethodPublished(AttackMethodPublished { publication, necessity });
        }
        fact::Fact::ThreatInformationPublished(ThreatInformationPublished { publication })
    }

    /// The words of the liar's kind of item.
    pub fn words(&self) -> Option<Vec<u8>> {
        let kind = if self.agency == Agency::Ppc { ItemKind::AttackMethod } else { ItemKind::ThreatInformation };
        self.words_of(kind)
    }

    /// The words of a kind of item.
    pub fn words_of(&self, kind: ItemKind) -> Option<Vec<u8>> {
        let ItemContent { item } = item_content(kind, "語", self.pair.clock.now());
        Some(match item? {
            Words::AttackMethod(it) => it.encode_to_vec(),
            Words::ResearchResult(it) => it.encode_to_vec(),
            Words::ThreatInformation(it) => it.encode_to_vec(),
            Words::TechnologyTrend(it) => it.encode_to_vec(),
        })
    }

    /// A request for advice with two questions, under the name that was drawn last.
    pub fn requested(&self) -> AdviceRequested {
        AdviceRequested {
            purposes: vec![1],
            urgency: Urgency::Normal.into(),
            questions: 2,
            wanted_by: None,
            due: Some(target(Urgency::Normal, self.pair.clock.now(), &Calendar::built_in())),
            marking: Some(marking(None)),
            fiscal_year: 2026,
            year_ordinal: self.drawn,
            judgement: None,
            referral: None,
            related_cases: Vec::new(),
        }
    }

    /// The content of a request for advice with two questions, encoded.
    pub fn asked(&self) -> Option<Vec<u8>> {
        let questions = vec!["一".to_owned(), "二".to_owned()];
        let submission = Some(Submission { questions, ..Submission::default() });
        let content = AdviceRequestedContent { title: "題".to_owned(), submission, reporter_dates: None };
        Some(content.encode_to_vec())
    }

    /// The time of both sides.
    pub fn now(&self) -> jiff::Timestamp {
        self.pair.clock.now()
    }

    /// The number of a notice that the other side gives now.
    pub(crate) async fn hear_notice(&mut self, kind: NoticeKind, number: &str) -> Result<u64, String> {
        let request = GiveNoticeRequest { document: number.to_owned(), ..self.acts.giving_notice(kind) };
        let given = self.acts.give_notice(request).await.map_err(failure)?;
        let notice = given.notices.iter().rfind(|notice| notice.author() != self.agency);
        let seq = seq_of(notice.map(|notice| &notice.entry))?;
        self.catch_up(seq).await?;
        Ok(seq)
    }

    /// An instant so many days from now.
    pub fn in_days(&self, days: i64) -> Option<prost_types::Timestamp> {
        Some(stamp(self.pair.clock.now() + jiff::SignedDuration::from_hours(24 * days)))
    }
}

/// The true entries on which the lies are built.
impl Liar {
    pub(crate) async fn truth(
        &mut self,
        matter: &str,
        fact: fact::Fact,
        content: Option<Vec<u8>>,
        answers: u64,
    ) -> Result<Known, String> {
        let kind = FactKind::of(&fact).name();
        let entry = self.say(matter, fact, content, answers)?;
        match self.send(&entry).await? {
            Fate::Taken => Ok(Known { name: matter.to_owned(), seq: header(&entry).seq }),
            fate => Err(format!("{kind} is true, and its fate is {fate:?}")),
        }
    }

    async fn set_the_scene(&mut self) -> Result<(), String> {
        let first = self.fresh_item();
        self.scene.own = self.truth(&first, self.published(self.publication()), self.words(), 0).await?;
        let second = self.fresh_item();
        self.truth(&second, self.published(self.publication()), self.words(), 0).await?;
        let recalled = fact::Fact::ItemRecalled(ItemRecalled {
            reason: RecallReason::Incorrect.into(),
            ..ItemRecalled::default()
        });
        let why = ItemRecalledContent { explanation: "誤り".to_owned() }.encode_to_vec();
        self.scene.own_recalled = self.truth(&second, recalled, Some(why), 0).await?;
        let item = self.acts.publish_item(self.acts.publishing_item(to_the_party())).await.map_err(failure)?;
        self.scene.other = Known { seq: seq_of(item.entries.first())?, name: item.name };
        let item = self.acts.publish_item(self.acts.publishing_item(to_the_party())).await.map_err(failure)?;
        let item = self.acts.recall_item(self.acts.recalling(&item)).await.map_err(failure)?;
        self.scene.other_recalled = Known { seq: seq_of(item.entries.last())?, name: item.name };
        self.advice().await?;
        self.notices().await?;
        let own_seq = self.acts.link().await?.own_seq;
        self.catch_up(own_seq).await?;
        let Scene { other, other_recalled, .. } = self.scene.clone();
        let sealed = RecallAnswered { disposition: RecallDisposition::Sealed.into() };
        self.truth(&other_recalled.name, fact::Fact::RecallAnswered(sealed), None, other_recalled.seq).await?;
        let acknowledged = ItemAcknowledged { revision: 1, marking: Some(raised()) };
        self.truth(&other.name, fact::Fact::ItemAcknowledged(acknowledged), None, other.seq).await?;
        Ok(())
    }

    /// Two requests for advice, the second accepted, whoever is the liar.
    async fn advice(&mut self) -> Result<(), String> {
        if self.agency == Agency::Ppc {
            for _ in 0..2 {
                let name = self.fresh(advice::COLLECTION, Agency::Ppc);
                let requested = fact::Fact::AdviceRequested(self.requested());
                let known = self.truth(&name, requested, self.asked(), 0).await?;
                self.scene.submitted = std::mem::replace(&mut self.scene.accepted, known);
            }
            let it = self.acts.advice_request(&self.scene.accepted.name).await.map_err(failure)?;
            self.acts.accept_advice_request(self.acts.accepting(&it)).await.map_err(failure)?;
            return Ok(());
        }
        for _ in 0..2 {
            let it = self.acts.submit_advice_request(self.acts.requesting()).await.map_err(failure)?;
            let known = Known { seq: seq_of(it.entries.first())?, name: it.name };
            self.scene.submitted = std::mem::replace(&mut self.scene.accepted, known);
        }
        let Known { name, seq } = self.scene.accepted.clone();
        self.catch_up(seq).await?;
        self.truth(&name, fact::Fact::AdviceAccepted(self.acceptance(0)), None, seq).await?;
        Ok(())
    }

    /// An acceptance that is planned for so many days from today.
    pub fn acceptance(&self, days: i64) -> AdviceAccepted {
        let planned = self.pair.clock.now() + jiff::SignedDuration::from_hours(24 * days);
        let planned_on = renkei_domain::calendar::day(planned).to_string();
        AdviceAccepted { unit: "analysis".to_owned(), planned_on }
    }
}

/// The marking under which the liar handles the other side's item.
pub fn raised() -> Marking {
    Marking { confidentiality: Confidentiality::Level2.into(), restrictions: vec![Restriction::NoCopy.into()] }
}
