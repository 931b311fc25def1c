//! Canary strings in every secret field: in no log line, span, metric or error, and in no database in plain text or
//! before they should be there.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_client::{Official, OfficialChannel};
use renkei_domain::moment::stamp;
use renkei_proto::{
    options::v1::Reason,
    referral::v1::{
        FollowUpReferralRequest, GetReferralRequest, GetSchemeRequest, IssueReferralRequest, IssueReferralResponse,
        ListSchemesRequest, PublishSchemeRequest, Scheme, SchemeContent, ScopeFacts,
        referral_service_client::ReferralServiceClient, scheme_service_client::SchemeServiceClient,
    },
    r#type::v1::{
        Agency, Certainty, Finding, Ground, IncidentKind, Judgement, Language, Persons, PersonsKind, ReporterKind,
        Sector, StatutoryFacts, Text,
    },
    watch::v1::{WatchRequest, watch_service_client::WatchServiceClient},
};
use renkei_rpc::error::reason_of;
use renkei_tools::{
    database::{self, Engine},
    desk::Desk,
    pair::Pair,
    raw,
    scenario::start,
    schemes,
    setup::{AGENCIES, Choice, Setup},
};
use tonic::{Status, service::interceptor::InterceptedService};

const REPORT: &str = "CANARY-REPORT/2026.5583";
const OFFICIALS: [&str; 2] = ["canary.ppc.official@7731", "canary.ipa.official@7732"];
/// Request ids of PPC's systems and of IPA's.
const REQUESTS: [&str; 2] = ["c0ffee01-cafe-4bad-8bad-c0ffee", "c0ffee02-cafe-4bad-8bad-c0ffee"];
/// In every text of a scheme; not ASCII either.
const CONTENT: [&str; 2] = ["canary-content-9c41", "秘密の鳥9c41"];
/// In a scheme of PPC that is published while the link is cut: neither its texts nor that it exists.
const CUT: [&str; 2] = ["canary-cut-5e20", "canary-scheme-5e20"];
/// In fields that are refused.
const REFUSED: &str = "canary-refused-1f6d";

/// Every status that a caller was given.
#[derive(Default)]
struct Refusals(Vec<String>);

impl Refusals {
    fn take(&mut self, status: &Status, reason: Reason) {
        assert_eq!(reason_of(status), Some(reason), "{status:?}");
        let details = String::from_utf8_lossy(status.details()).into_owned();
        self.0.push(format!("{} {:?} {:?} {details}", status.message(), status, status.metadata()));
    }
}

fn official(own: Agency) -> Official {
    Official::from_static(if own == Agency::Ppc { OFFICIALS[0] } else { OFFICIALS[1] })
}

fn authentic(desk: &Desk, caller: &str) -> OfficialChannel {
    InterceptedService::new(desk.channel(caller).unwrap(), official(desk.agency))
}

fn referrals(desk: &Desk) -> ReferralServiceClient<OfficialChannel> {
    ReferralServiceClient::new(authentic(desk, "intake"))
}

fn catalogue(desk: &Desk) -> SchemeServiceClient<OfficialChannel> {
    SchemeServiceClient::new(authentic(desk, "casework"))
}

fn request_id(own: Agency, n: u32) -> String {
    let canary = if own == Agency::Ppc { REQUESTS[0] } else { REQUESTS[1] };
    format!("{canary}{n:06}")
}

/// The real texts with a canary in each.
fn marked(content: SchemeContent, canary: &str) -> SchemeContent {
    let mark = |text: Option<Text>| {
        let text = text.unwrap_or_default();
        let (ja, en) = (format!("{} {}", text.ja, CONTENT[1]), format!("{} {canary}", text.en));
        Some(Text { ja, en })
    };
    SchemeContent {
        title: mark(content.title),
        basis: mark(content.basis),
        who: mark(content.who),
        what: mark(content.what),
        how: mark(content.how),
        deadlines: mark(content.deadlines),
        links: vec![format!("https://example.jp/{canary}")],
        telephone: content.telephone,
        mail: content.mail,
    }
}

async fn publish(pair: &Pair, canary: &str, id: Option<&str>, own: Agency, n: u32) -> Scheme {
    let scheme = schemes::all().unwrap().into_iter().rfind(|scheme| scheme.agency == own).unwrap();
    let request = PublishSchemeRequest {
        request_id: request_id(own, n),
        scheme_id: id.map_or(scheme.id, str::to_owned),
        terms: Some(scheme.terms),
        content: Some(marked(scheme.content, canary)),
    };
    catalogue(&pair.side(own).desk).publish_scheme(request).await.unwrap().into_inner()
}

fn report(pair: &Pair, n: u32) -> IssueReferralRequest {
    IssueReferralRequest {
        request_id: request_id(Agency::Ppc, n),
        report: REPORT.to_owned(),
        reported_under: "agencies/ppc/schemes/leak-report-public".to_owned(),
        judgement: Some(Judgement {
            finding: Finding::Applies.into(),
            ground: Ground::Traces.into(),
            certainty: Certainty::Confirmed.into(),
            judged_at: Some(stamp(pair.clock.now())),
        }),
        scope_facts: Some(ScopeFacts {
            electronic: true,
            personal_information: true,
            kind: IncidentKind::Access.into(),
            reporter: ReporterKind::PublicBody.into(),
            taken_by_ministry: false,
            further_kinds: Vec::new(),
        }),
        statutory: Some(StatutoryFacts {
            sector: Sector::Public.into(),
            knew_on: "2026-11-13".to_owned(),
            items: vec![3],
            persons: Some(Persons { number: 3200, kind: PersonsKind::AtMost.into() }),
        }),
        language: Language::Ja.into(),
        with_code: true,
        another_because: 0,
    }
}

fn follow_up(n: u32, code: &str) -> FollowUpReferralRequest {
    FollowUpReferralRequest {
        request_id: request_id(Agency::Ipa, n),
        code: code.to_owned(),
        reporter_agreed: true,
        filed_under: "agencies/ipa/schemes/unauthorised-access".to_owned(),
        filed_on: "2026-11-24".to_owned(),
    }
}

/// A sound code of the first referral with another secret.
fn guessed() -> String {
    renkei_domain::noun::code::Code::new(1, *b"GUESS").to_string()
}

async fn arrived(pair: &Pair, at: Agency, name: &str) {
    let desk = &pair.side(at).desk;
    let look = || async {
        let request = GetSchemeRequest { name: name.to_owned() };
        Ok(desk.schemes()?.get_scheme(request).await.ok())
    };
    desk.until(name, look).await.unwrap();
}

/// Calls that are refused, with canaries in their texts.
async fn refused(pair: &Pair, code: &str, refusals: &mut Refusals) {
    let (ppc, ipa) = (&pair.ppc.desk, &pair.ipa.desk);
    let bad_report = IssueReferralRequest { report: format!("{REPORT} {REFUSED}"), ..report(pair, 10) };
    refusals.take(&referrals(ppc).issue_referral(bad_report).await.unwrap_err(), Reason::FieldInvalid);
    let other_body = IssueReferralRequest { report: format!("{REPORT}-2"), ..report(pair, 2) };
    refusals.take(&referrals(ppc).issue_referral(other_body).await.unwrap_err(), Reason::RequestIdReused);
    let no_report = IssueReferralRequest { reported_under: String::new(), ..report(pair, 11) };
    refusals.take(&referrals(ppc).issue_referral(no_report).await.unwrap_err(), Reason::NotAReport);
    let mistyped = format!("{}-{REFUSED}", &code[..code.len() - 1]);
    let mistyped = follow_up(12, &mistyped[..mistyped.len().min(40)]);
    refusals.take(&referrals(ipa).follow_up_referral(mistyped).await.unwrap_err(), Reason::CodeMistyped);
    let wrong = follow_up(13, &guessed());
    refusals.take(&referrals(ipa).follow_up_referral(wrong).await.unwrap_err(), Reason::CodeNotFound);
    let bad_day = FollowUpReferralRequest { filed_on: format!("{code}00")[..10].to_owned(), ..follow_up(14, code) };
    refusals.take(&referrals(ipa).follow_up_referral(bad_day).await.unwrap_err(), Reason::FieldInvalid);
    let token = ListSchemesRequest { parent: "agencies/-".to_owned(), page_token: REFUSED.to_owned(), page_size: 0 };
    refusals.take(&catalogue(ppc).list_schemes(token).await.unwrap_err(), Reason::PageTokenInvalid);
    let cursor = WatchRequest { cursor: REFUSED.to_owned(), ..WatchRequest::default() };
    let mut watch = WatchServiceClient::new(authentic(ppc, "auditor"));
    refusals.take(&watch.watch(cursor).await.unwrap_err(), Reason::CursorUnknown);
    let mut long = schemes::all().unwrap().remove(0);
    long.content.title = Some(Text { ja: REFUSED.repeat(200), en: format!("{}\u{7}{REFUSED}", CONTENT[0]) });
    let long = PublishSchemeRequest {
        request_id: REFUSED.to_owned(),
        scheme_id: format!("{REFUSED}/.."),
        terms: Some(long.terms),
        content: Some(long.content),
    };
    refusals.take(&catalogue(ppc).publish_scheme(long).await.unwrap_err(), Reason::FieldInvalid);
    let channel = ppc.channel("intake").unwrap();
    let bad_official = [("renkei-official", "canary-refused-1f6d canary.ppc.official@7731")];
    let path = "/renkei.referral.v1.ReferralService/IssueReferral";
    let status = raw::call(&channel, path, REPORT.as_bytes(), &bad_official).await.unwrap_err();
    refusals.take(&status, Reason::OfficialInvalid);
    let status = raw::call(&channel, path, REPORT.as_bytes(), &[("renkei-official", OFFICIALS[0])]).await.unwrap_err();
    refusals.take(&status, Reason::Malformed);
    let unknown = "/renkei.canary-refused-1f6d.v1.None/canary-refused-1f6d";
    refusals.take(&raw::call(&channel, unknown, &[], &[]).await.unwrap_err(), Reason::MethodUnknown);
}

/// The positions of a text in bytes, in either case of ASCII letters.
fn places(bytes: &[u8], text: &str) -> Vec<usize> {
    let text = text.as_bytes();
    let first = [text[0].to_ascii_lowercase(), text[0].to_ascii_uppercase()];
    let fits = |at: &usize| bytes[*at..].len() >= text.len() && bytes[*at..][..text.len()].eq_ignore_ascii_case(text);
    bytes.iter().enumerate().filter(|(_, byte)| first.contains(byte)).map(|(at, _)| at).filter(fits).collect()
}

/// None of these texts is in the bytes.
pub fn assert_nowhere(bytes: &[u8], texts: &[&str], what: &str) {
    for text in texts {
        let found = places(bytes, text);
        let around =
            found.first().map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..bytes.len().min(at + 200)]));
        assert_eq!(found.len(), 0, "{text} is in {what}: {around:?}");
    }
}

/// The forms of a code in which it would give itself away: as it is written, its secret, and both without hyphens.
fn forms(code: &str) -> Vec<String> {
    let bare = code.replace('-', "");
    let secret = bare[bare.len() - 9..bare.len() - 1].to_owned();
    let written = code.split_once('-').unwrap().1.to_owned();
    vec![code.to_owned(), bare, secret, written]
}

/// The operator's texts of both sides.
fn assert_silent(pair: &Pair, code: &str) {
    let code = forms(code);
    let mut texts = vec![REPORT, CONTENT[0], CONTENT[1], CUT[0], REFUSED];
    texts.extend(OFFICIALS);
    texts.extend(REQUESTS);
    texts.extend(code.iter().map(String::as_str));
    for agency in AGENCIES {
        let side = pair.side(agency);
        let log = side.log();
        assert!(log.len() > 10_000, "the log was kept");
        assert_nowhere(log.as_bytes(), &texts, &format!("the log of {agency:?}"));
        let spans = side.spans.as_ref().unwrap().finished();
        assert!(spans.len() > 20, "the spans were kept");
        for span in spans {
            assert_nowhere(format!("{span:?}").as_bytes(), &texts, "a span");
        }
        let measured = side.measured.as_ref().unwrap().text();
        assert!(measured.contains("rpc.server.call.duration"), "the metrics were kept");
        assert_nowhere(measured.as_bytes(), &texts, "a metric");
    }
}

/// The databases contain nothing secret in plain text, and the other side's secrets not at all.
fn assert_kept(setup: &Setup, code: &str) {
    let engine = database::engine_of(setup);
    let secret = renkei_domain::noun::code::parse(code).unwrap().secret();
    let code = forms(code);
    let code: Vec<&str> = code.iter().map(String::as_str).collect();
    for (n, own) in AGENCIES.into_iter().enumerate() {
        let (bytes, what) = (database::bytes(setup, own).unwrap(), format!("the database of {own:?}"));
        assert_nowhere(&bytes, &[REPORT, REFUSED, CONTENT[0], CONTENT[1], CUT[0]], &what);
        assert_nowhere(&bytes, &code, &what);
        assert!(!bytes.windows(secret.len()).any(|bytes| *bytes == secret), "the code's secret is in {what}");
        assert_nowhere(&bytes, &[OFFICIALS[1 - n], REQUESTS[1 - n]], &what);
        // In the audit table the official is between time and calling system; nothing else is written so.
        let caller = format!("spiffe://{}/desk/", own.id());
        let official = official(own);
        let official = official.id();
        let records = places(&bytes, official);
        assert!(!records.is_empty(), "{official} acted and is not in the audit table");
        for at in records {
            let rest = &bytes[at + official.len()..];
            let around = String::from_utf8_lossy(&rest[..rest.len().min(120)]);
            // PostgreSQL has the length of each text before it.
            let next = if engine == Engine::Sqlite { rest } else { &rest[1..] };
            assert!(next.starts_with(caller.as_bytes()), "{official} is outside the audit table: {around}");
        }
    }
}

#[tokio::test]
async fn canaries_show_nowhere() {
    let choice = Choice { log_filter: Some("trace"), ..Choice::default() };
    let mut pair = Pair::in_process_with(start().unwrap(), 41, choice).await.unwrap();
    let ipas = publish(&pair, CONTENT[0], None, Agency::Ipa, 1).await;
    publish(&pair, CONTENT[0], None, Agency::Ppc, 1).await;
    assert!(ipas.content.is_none(), "the reply of a call that writes is stored, so it has no content");
    arrived(&pair, Agency::Ppc, &ipas.name).await;
    arrived(&pair, Agency::Ipa, "agencies/ppc/schemes/leak-report-public").await;

    pair.cut_link();
    publish(&pair, CUT[0], Some(CUT[1]), Agency::Ppc, 3).await;
    let issued = referrals(&pair.ppc.desk).issue_referral(report(&pair, 2)).await.unwrap().into_inner();
    let IssueReferralResponse { referral, code, notice, .. } = issued.clone();
    assert!(notice.unwrap().ja.contains(&code), "the reporter gets the code");
    let again = referrals(&pair.ppc.desk).issue_referral(report(&pair, 2)).await.unwrap().into_inner();
    assert_eq!((&again.code, &again.notice), (&code, &issued.notice), "the code is derived, not stored");
    let name = referral.unwrap().name;
    // Nothing of what happened since the cut is on the other side.
    let id = name.rsplit('/').next().unwrap();
    let at_ipa = database::bytes(&pair.setup, Agency::Ipa).unwrap();
    assert_nowhere(&at_ipa, &[id, CUT[1], CUT[0]], "IPA's database before the link is mended");

    pair.mend_link();
    let look = || async {
        let request = GetReferralRequest { name: name.clone() };
        Ok(pair.ipa.desk.referrals()?.get_referral(request).await.ok())
    };
    pair.ipa.desk.until("the referral at IPA", look).await.unwrap();
    let mut refusals = Refusals::default();
    refused(&pair, &code, &mut refusals).await;
    referrals(&pair.ipa.desk).follow_up_referral(follow_up(2, &code)).await.unwrap();
    let used = referrals(&pair.ipa.desk).follow_up_referral(follow_up(15, &code)).await.unwrap_err();
    refusals.take(&used, Reason::CodeAlreadyUsed);

    let code_forms = forms(&code);
    let mut texts = vec![REPORT, CONTENT[0], CONTENT[1], CUT[0], REFUSED];
    texts.extend(OFFICIALS.iter().chain(&REQUESTS));
    texts.extend(code_forms.iter().map(String::as_str));
    for said in &refusals.0 {
        assert_nowhere(said.as_bytes(), &texts, "an error");
    }
    assert_kept(&pair.setup, &code);
    pair.stop_both().await.unwrap();
    assert_silent(&pair, &code);
    assert_kept(&pair.setup, &code);
}
