//! A peer of the test's making: it shows the agency's certificate, signs with its key, and sends what the test wants.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use futures::{Stream, StreamExt as _};
use prost::Message as _;
use renkei_client::{Answer, CallError};
use renkei_domain::{
    memorandum::agreement_digest,
    moment::{Moment, stamp},
};
use renkei_journal::{Draft, Hash, Previous, SigningKey, chain, header_hash, sign_header, sign_receipt, sign_stop};
use renkei_proto::{
    journal::v1::{Entry, Fact, Header, Receipt, SaltedContent, SignedHeader, SignedReceipt, fact},
    link::v1::{
        Ask, EntryBatch, ExchangeRequest, ExchangeResponse, Frame, Hello, SignedStop, Stop,
        frame::Kind,
        link_service_client::LinkServiceClient,
        link_service_server::{LinkService, LinkServiceServer},
    },
    options::v1::Reason,
    referral::v1::SchemePublished,
    r#type::v1::Agency,
};
use renkei_rpc::{
    error::Error,
    serve::{Counters, Limits, Port, serve},
    tls::{Files, Reloading},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status, Streaming, service::Routes};

use crate::{
    acts::{Acts, terms, words},
    clock::Clock,
    database::signing_key,
    desk::PATIENCE,
    pair::Pair,
    pki,
    raw::link,
    scenario,
    setup::Choice,
};

/// Frames that wait to be sent.
const FRAMES: usize = 64;

/// A peer of the test's making.
pub struct Peer {
    /// Whom it plays.
    pub agency: Agency,
    /// The position of its journal.
    pub place: Place,
    /// The number of the other journal up to which its entries claim to have seen it.
    pub seen: u64,
    /// The header of the other journal's last entry that it claims to have stored.
    pub held: Option<SignedHeader>,
    /// The version of the exchange that it speaks.
    pub version: u32,
    /// The digest of the agreement that it claims.
    pub agreement: [u8; 32],
    /// The key that it signs with.
    pub key: SigningKey,
    /// The files of its link certificate.
    pub files: Files,
    /// The entries of its journal.
    pub journal: Vec<Entry>,
    other: std::net::SocketAddr,
    clock: Clock,
    moment: Moment,
    drawn: u64,
}

/// The position of a journal.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its last entry.
    pub previous: Previous,
    /// The last header's hash in each matter.
    pub matters: BTreeMap<String, Hash>,
}

/// One agency's service alone, its desk, and the other agency as the test plays it. `dialled_only`: the service never
/// dials, so both journals go over the one session that the test opens.
///
/// # Errors
/// Fails if something does not start.
pub async fn against(agency: Agency, dialled_only: bool) -> Result<(Pair, Acts, Peer), String> {
    let choice = Choice { dialled_only: dialled_only.then_some(agency), ..Choice::default() };
    let pair = Pair::one_sided(agency, scenario::start()?, 1, choice).await?;
    let (acts, peer) = (Acts::new(&pair, agency)?, Peer::new(&pair, agency.peer())?);
    Ok((pair, acts, peer))
}

impl Peer {
    /// The peer that this pair lacks: of `agency`, whose own service does not run.
    ///
    /// # Errors
    /// Fails if its files cannot be read.
    pub fn new(pair: &Pair, agency: Agency) -> Result<Self, String> {
        Ok(Self {
            agency,
            place: Place { previous: Previous::start(agency, agreement_digest()), matters: BTreeMap::new() },
            seen: 0,
            held: None,
            version: 1,
            agreement: agreement_digest(),
            key: signing_key(&pair.setup, agency)?,
            files: pki::link_files(&pair.setup.dir, agency.id()),
            journal: Vec::new(),
            other: pair.side(agency.peer()).link_wire.address(),
            clock: pair.clock.clone(),
            moment: Moment::new(jiff::Timestamp::UNIX_EPOCH, [9; 32]),
            drawn: 0,
        })
    }

    /// The next entry of its journal, sound in every way.
    ///
    /// # Errors
    /// Fails if no peer could write such an entry.
    pub fn entry(
        &mut self,
        matter: &str,
        fact: fact::Fact,
        content: Option<Vec<u8>>,
        answers: u64,
    ) -> Result<Entry, String> {
        self.drawn += 1;
        let now = self.clock.now();
        let moment = self.moment.at(now);
        let draft = Draft {
            entry_id: moment.id("entry", self.drawn),
            matter: matter.to_owned(),
            matter_prev: self.place.matters.get(matter).copied().unwrap_or_default(),
            fact: Fact { request_digest: Vec::new(), fact: Some(fact) },
            content: content
                .map(|content| SaltedContent { salt: moment.bytes("salt", self.drawn).to_vec(), content })
                .into(),
            written_us: now.as_microsecond(),
            seen_peer_seq: self.seen,
            answers,
            methods_version: 0,
            blobs: Vec::new(),
            unit: "link".to_owned(),
            traceparent: String::new(),
        };
        let chained = chain(draft, &self.place.previous).map_err(|error| error.to_string())?;
        let entry = chained.sign(&self.key);
        self.go_on_from(&entry);
        Ok(entry)
    }

    /// A sound publication of a scheme that fits every report.
    ///
    /// # Errors
    /// Never, in fact.
    pub fn publication(&mut self, id: &str) -> Result<Entry, String> {
        let published = fact::Fact::SchemePublished(SchemePublished { terms: Some(terms()) });
        let matter = format!("agencies/{}/schemes/{id}", self.agency.id());
        self.entry(&matter, published, Some(words("届出").encode_to_vec()), 0)
    }

    /// The same entry with a header that lies, signed again.
    pub fn lie(&self, entry: &Entry, lie: impl FnOnce(&mut Header)) -> Entry {
        let mut header = header(entry);
        lie(&mut header);
        let header = header.encode_to_vec();
        Entry { signature: sign_header(&self.key, &header).to_vec(), header, ..entry.clone() }
    }

    /// This entry is the last of the journal.
    pub fn go_on_from(&mut self, entry: &Entry) {
        self.journal.retain(|held| self::header(held).seq < self::header(entry).seq);
        self.journal.push(entry.clone());
        let (header, hash) = (header(entry), header_hash(&entry.header));
        self.place.matters.insert(header.matter.clone(), hash);
        self.place.previous = self.place.previous.then(&header, hash);
    }

    /// A receipt for the other journal.
    pub fn receipt(&self, up_to_seq: u64, head_hash: Vec<u8>, own_seq: u64) -> SignedReceipt {
        let at = Some(stamp(self.clock.now()));
        let journal = self.agency.peer().into();
        sign_receipt(&self.key, &Receipt { journal, up_to_seq, head_hash, own_seq, at })
    }

    /// A stop of the other journal.
    pub fn stop(&self, seq: u64, reason: Reason) -> SignedStop {
        sign_stop(&self.key, &Stop { seq, reason: reason.into(), journal: self.agency.peer().into() })
    }

    fn hello(&self) -> Hello {
        Hello {
            agency: self.agency.into(),
            version: self.version,
            incarnation: self.place.previous.incarnation,
            agreement_sha256: self.agreement.to_vec(),
            agreements: Vec::new(),
            own: self.journal.last().map(signed_header),
            held: self.held.clone(),
            key_ids: vec![self.key.key_id().to_owned()],
        }
    }

    /// Dials the other side and sends a hello.
    ///
    /// # Errors
    /// Fails if the other side does not answer with its hello.
    pub async fn dial(&self) -> Answer<Session> {
        let channel = link(self.agency.peer(), self.other, &self.files);
        let channel = channel.map_err(|text| Status::from(Error::Fault(text)))?;
        let (out, frames) = mpsc::channel(FRAMES);
        let frames = ReceiverStream::new(frames).map(|frame| ExchangeRequest { frame: Some(frame) });
        let mut client = LinkServiceClient::new(channel);
        let answers = client.exchange(Request::new(frames)).await?.into_inner();
        let input = answers.map(|answer| answer.map(|it| it.frame.unwrap_or_default()));
        Session::begin(self, out, Box::pin(input)).await
    }

    /// Opens the port that the other side dials.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub async fn listen(&self, pair: &Pair) -> Result<Listening, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (arriving, arrivals) = mpsc::channel(FRAMES);
        let port = Port {
            name: "link",
            tls: Arc::new(Reloading::server(&self.files).map_err(|error| error.to_string())?),
            limits: Limits::default(),
            counters: Arc::new(Counters::default()),
            refusals: None,
        };
        let routes = Routes::new(LinkServiceServer::new(Door(arriving))).prepare();
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, routes, port, shutdown.clone()));
        pair.side(self.agency).link_wire.lead_to(address);
        Ok(Listening { arrivals, _until: shutdown.drop_guard() })
    }
}

/// The part of an entry that proves it in a hello.
pub fn signed_header(entry: &Entry) -> SignedHeader {
    SignedHeader { header: entry.header.clone(), key_id: entry.key_id.clone(), signature: entry.signature.clone() }
}

/// The header of an entry of the test's making.
pub fn header(entry: &Entry) -> Header {
    Header::decode(entry.header.as_slice()).unwrap_or_default()
}

type Input = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

/// A session with the other side, after both hellos.
pub struct Session {
    /// The hello of the other side.
    pub hello: Hello,
    /// The entries of its own journal that the other side has sent.
    pub entries: Vec<Entry>,
    agency: Agency,
    out: mpsc::Sender<Frame>,
    input: Input,
}

impl Session {
    async fn begin(peer: &Peer, out: mpsc::Sender<Frame>, input: Input) -> Answer<Self> {
        let mut session = Self { hello: Hello::default(), entries: Vec::new(), agency: peer.agency, out, input };
        session.say(Kind::Hello(peer.hello())).await;
        session.hello = session.until(|kind| if let Kind::Hello(hello) = kind { Some(hello) } else { None }).await?;
        Ok(session)
    }

    /// Says something. Nobody may be there to hear it.
    pub async fn say(&self, kind: Kind) {
        let _ = self.out.send(Frame { kind: Some(kind) }).await;
    }

    /// Sends entries of the own journal.
    pub async fn send(&self, entries: &[Entry]) {
        self.say(Kind::Entries(EntryBatch { journal: self.agency.into(), entries: entries.to_vec() })).await;
    }

    /// Signs for what the other side has sent. From then on the peer's entries have seen it.
    pub async fn sign(&self, peer: &mut Peer) {
        let Some(last) = self.entries.last() else { return };
        peer.seen = header(last).seq;
        let receipt = peer.receipt(peer.seen, header_hash(&last.header).to_vec(), peer.place.previous.head.seq);
        self.say(Kind::Receipt(receipt)).await;
    }

    /// The next message of the other side; `None` when it ends the session in order.
    ///
    /// # Errors
    /// The status with which it ends the session.
    pub async fn hear(&mut self) -> Answer<Option<Kind>> {
        let heard = tokio::time::timeout(PATIENCE, self.input.next()).await;
        assert!(heard.is_ok(), "the other side sent nothing for {} s", PATIENCE.as_secs());
        let Some(frame) = heard.ok().flatten() else { return Ok(None) };
        let kind = frame?.kind;
        if let Some(Kind::Entries(entries)) = &kind
            && entries.journal() != self.agency
        {
            self.entries.extend(entries.entries.iter().cloned());
        }
        Ok(kind)
    }

    /// The first frame of the other side that `pick` accepts.
    ///
    /// # Errors
    /// The status with which it ends the session before that.
    pub async fn until<T>(&mut self, pick: impl Fn(Kind) -> Option<T>) -> Answer<T> {
        loop {
            let heard = self.hear().await?;
            assert!(heard.is_some(), "the other side ended the session");
            if let Some(found) = heard.and_then(&pick) {
                return Ok(found);
            }
        }
    }

    /// The next stop.
    ///
    /// # Errors
    /// The status with which the session ends before that.
    pub async fn stop(&mut self) -> Answer<Stop> {
        self.until(|kind| if let Kind::Stop(signed) = kind { Stop::decode(signed.stop.as_slice()).ok() } else { None })
            .await
    }

    /// From which number on the next ask wants a journal.
    ///
    /// # Errors
    /// The status with which the session ends before that.
    pub async fn ask(&mut self) -> Answer<Ask> {
        self.until(|kind| if let Kind::Ask(ask) = kind { Some(ask) } else { None }).await
    }

    /// Waits for a receipt up to a number of the own journal.
    ///
    /// # Errors
    /// The status with which the session ends before that.
    pub async fn receipted(&mut self, up_to_seq: u64) -> Answer<Receipt> {
        self.until(|kind| {
            let Kind::Receipt(signed) = kind else { return None };
            Receipt::decode(signed.receipt.as_slice()).ok().filter(|receipt| receipt.up_to_seq >= up_to_seq)
        })
        .await
    }

    /// Waits until the other side has sent its journal up to a number.
    ///
    /// # Errors
    /// The status with which the session ends before that.
    pub async fn received(&mut self, seq: u64) -> Answer<()> {
        while self.entries.iter().all(|entry| header(entry).seq < seq) {
            let heard = self.hear().await?;
            assert!(heard.is_some(), "the other side ended the session");
        }
        Ok(())
    }

    /// Hears the session to its end: with a goodbye or in order (`None`), or with a status.
    pub async fn ended(&mut self) -> Option<CallError> {
        loop {
            match self.hear().await {
                Ok(None) => return None,
                Ok(Some(_)) => {}
                Err(refused) => return Some(refused),
            }
        }
    }
}

/// The port that the other side dials.
pub struct Listening {
    arrivals: mpsc::Receiver<(mpsc::Sender<Frame>, Input)>,
    _until: DropGuard,
}

impl Listening {
    /// Answers the next session of the other side with the peer's hello.
    ///
    /// # Errors
    /// Fails if the other side sends no hello.
    pub async fn accept(&mut self, peer: &Peer) -> Answer<Session> {
        let arrived = tokio::time::timeout(PATIENCE, self.arrivals.recv()).await;
        let arrived =
            arrived.ok().flatten().ok_or_else(|| Error::Fault("the other side did not dial in time".to_owned()));
        let (out, input) = arrived.map_err(Status::from)?;
        Session::begin(peer, out, input).await
    }
}

/// Hands each session to the test.
struct Door(mpsc::Sender<(mpsc::Sender<Frame>, Input)>);

#[tonic::async_trait]
impl LinkService for Door {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    #[expect(clippy::disallowed_methods, reason = "the peer of a test validates nothing")]
    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let input = request.into_inner().map(|frame| frame.map(|it| it.frame.unwrap_or_default()));
        let (out, frames) = mpsc::channel(FRAMES);
        // The test may be over.
        let _ = self.0.send((out, Box::pin(input))).await;
        let frames = ReceiverStream::new(frames).map(|frame| Ok(ExchangeResponse { frame: Some(frame) }));
        Ok(Response::new(Box::pin(frames)))
    }
}
