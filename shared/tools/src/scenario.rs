//! The sandbox's scenario: fictional reporters, real law, real agencies. Steps 1 to 12, 14, 17 and 18; approvals and
//! telephone calls come with their nouns.

use jiff::Timestamp;
use renkei_client::Answer;
use renkei_domain::{
    calendar::TOKYO,
    moment::{Moment, stamp},
};
use renkei_proto::{
    advice::v1::AdviceStage,
    evidence::v1::CheckpointAuditRequest,
    options::v1::Reason,
    referral::v1::{
        AnotherBecause, ConfirmReferralGivenRequest, CountReferralsRequest, FollowUpReferralRequest,
        GetReferralRequest, GetSchemeRequest, IssueReferralRequest, IssueReferralResponse, PublishSchemeRequest,
        Referral, ReferralChannel, ReferralGround, ReviseJudgementRequest, Scheme, ScopeFacts, referral::State,
    },
    r#type::v1::{
        Agency, Certainty, Finding, Ground, IncidentKind, Judgement, Language, Persons, PersonsKind, ReporterKind,
        Sector, StatutoryFacts,
    },
};

mod advice;
mod consent;
mod course;
mod notice;
mod sharing;
use tonic::Code;

use crate::{
    desk::{Desk, failure, insist},
    pair::World,
    schemes,
};

/// Tuesday, 24 November 2026, 09:00 in Japan.
pub const START: &str = "2026-11-24T09:00:00+09:00";

/// The output of a scenario, line by line, for people.
pub type Say<'a> = &'a mut (dyn FnMut(String) + Send);

/// The scenario under way.
pub struct Scenario<'a> {
    world: World,
    say: Say<'a>,
    requests: Moment,
    request: u64,
}

/// One report and what must come of it.
struct Report {
    agency: Agency,
    who: &'static str,
    report: &'static str,
    under: &'static str,
    facts: ScopeFacts,
    finding: Finding,
    statutory: Option<StatutoryFacts>,
    ground: ReferralGround,
    introduced: &'static [&'static str],
    final_due: &'static str,
}

impl<'a> Scenario<'a> {
    /// A scenario on both sides. Request ids follow from the seed, so that a repeated run repeats its calls.
    pub fn new(world: World, seed: [u8; 32], say: Say<'a>) -> Self {
        Self { world, say, requests: Moment::new(Timestamp::UNIX_EPOCH, seed), request: 0 }
    }

    /// Walks through the steps.
    ///
    /// # Errors
    /// The first thing that is not as in the scenario.
    pub async fn run(&mut self) -> Result<(), String> {
        self.schemes().await?;
        let (referral, code) = self.shop().await?;
        let advice = self.ask_advice(&referral).await?;
        self.take_on(&advice).await?;
        (self.say)("17  the link is cut; both sides go on".to_owned());
        self.world.cut_link();
        self.city().await?;
        self.factory().await?;
        self.clarify(&advice.name).await?;
        let pending = self.edges().await?;
        (self.say)("17  the link is mended; everything arrives in order".to_owned());
        self.world.mend_link();
        self.advise(&advice.name, AdviceStage::Interim).await?;
        self.replan(&advice.name).await?;
        self.follow_up(&referral, &code).await?;
        self.advise(&advice.name, AdviceStage::Final).await?;
        self.judged_later(&pending).await?;
        self.quote(&advice.name).await?;
        self.ask_further(&advice.name).await?;
        let (trend, report) = self.share().await?;
        let disclosed = self.consent(&trend).await?;
        self.notice().await?;
        self.recall(&trend).await?;
        self.answer_recall(&trend, &disclosed).await?;
        self.required_by_law(&report).await?;
        self.closing().await
    }

    fn request_id(&mut self) -> String {
        self.request += 1;
        self.requests.id("request", self.request)
    }

    /// Sets the clock to a time in Japan.
    fn at(&self, day: &str, time: &str) -> Result<(), String> {
        self.world.set_clock(instant(&format!("{day}T{time}:00+09:00"))?)
    }

    /// Step 1: both agencies publish their schemes, and each sees the other's.
    async fn schemes(&mut self) -> Result<(), String> {
        self.at("2026-11-24", "09:00")?;
        let all = schemes::all()?;
        for scheme in &all {
            let request = PublishSchemeRequest {
                request_id: self.request_id(),
                scheme_id: scheme.id.clone(),
                terms: Some(scheme.terms.clone()),
                content: Some(scheme.content.clone()),
            };
            let client = self.world.desk(scheme.agency).schemes()?;
            insist(async || client.clone().publish_scheme(request.clone()).await).await.map_err(failure)?;
        }
        for scheme in &all {
            let (name, peer) = (scheme.name(), self.world.desk(scheme.agency.peer()).clone());
            let seen = peer.until(&format!("{name} at the peer"), || find_scheme(&peer, &name)).await?;
            must(seen.content.as_ref() == Some(&scheme.content), "the peer's copy has the same content")?;
            (self.say)(format!("1   {name}: published, and stored by {}", scheme.agency.peer().id()));
        }
        Ok(())
    }

    /// Step 2: A社, card skimming on an order page.
    async fn shop(&mut self) -> Result<(Referral, String), String> {
        self.at("2026-11-24", "09:20")?;
        let issued = self.report(Report {
            agency: Agency::Ppc,
            who: "A社",
            report: "2026-000001",
            under: "leak-report-private",
            facts: facts(IncidentKind::Access, ReporterKind::Business),
            finding: Finding::Applies,
            statutory: Some(statutory(Sector::Private, "2026-11-13", &[2, 3, 4], 3200, PersonsKind::AtMost)),
            ground: ReferralGround::Duty,
            introduced: &["unauthorised-access"],
            final_due: "2027-01-12",
        });
        let issued = issued.await?;
        let referral = issued.referral.unwrap_or_default();
        let dates = issued.dates.unwrap_or_default();
        must(
            dates.preliminary_from == "2026-11-15" && dates.preliminary_to == "2026-11-17",
            "A社's preliminary window",
        )?;
        must(!issued.code.is_empty() && issued.notice.is_some(), "A社 gets a notice and a code")?;
        self.registered_twice(&referral).await?;
        self.at("2026-11-24", "09:40")?;
        let request = ConfirmReferralGivenRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            given_at: Some(stamp(self.world.now())),
            channel: ReferralChannel::Telephone.into(),
            introduced: Vec::new(),
        };
        let client = self.world.ppc.referrals()?;
        let given = insist(async || client.clone().confirm_referral_given(request.clone()).await).await;
        let given = given.map_err(failure)?;
        must(given.state() == State::Given, "A社's referral is given")?;
        (self.say)(format!("2   A社: {} given by telephone", given.case_number));
        let (ipa, name) = (self.world.ipa.clone(), given.name.clone());
        ipa.until("A社's referral at IPA", || find_referral(&ipa, &name, State::Given)).await?;
        Ok((given, issued.code))
    }

    /// Step 2, two days later: A社 quotes the code at IPA and agrees that PPC is told.
    async fn follow_up(&mut self, referral: &Referral, code: &str) -> Result<(), String> {
        self.at("2026-11-26", "10:00")?;
        let request = FollowUpReferralRequest {
            request_id: self.request_id(),
            code: code.to_lowercase(),
            reporter_agreed: true,
            filed_under: "agencies/ipa/schemes/unauthorised-access".to_owned(),
            filed_on: "2026-11-26".to_owned(),
        };
        let client = self.world.ipa.referrals()?;
        let followed = insist(async || client.clone().follow_up_referral(request.clone()).await).await;
        let followed = followed.map_err(failure)?.referral.unwrap_or_default();
        must(
            followed.name == referral.name && followed.state() == State::FollowedUp,
            "IPA follows up on A社's referral",
        )?;
        let (ppc, name) = (self.world.ppc.clone(), referral.name.clone());
        let seen = ppc.until("the follow-up at PPC", || find_referral(&ppc, &name, State::FollowedUp)).await?;
        must(seen.filed_on == "2026-11-26", "PPC sees the day of filing")?;
        (self.say)(format!("2   A社: {} followed up at IPA, and PPC sees it", seen.case_number));
        Ok(())
    }

    /// Step 7: B市, ransomware on a welfare system that came through a VPN: a virus and an access; and the variant with exactly 100 persons.
    async fn city(&mut self) -> Result<(), String> {
        self.at("2026-11-24", "11:10")?;
        for (who, report, items, persons) in
            [("B市", "2026-000002", [1_u32, 3, 4].as_slice(), 101), ("B市 (100)", "2026-000003", &[1, 3], 100)]
        {
            self.report(Report {
                agency: Agency::Ppc,
                who,
                report,
                under: "leak-report-public",
                facts: ScopeFacts {
                    further_kinds: vec![IncidentKind::Access.into()],
                    ..facts(IncidentKind::Virus, ReporterKind::PublicBody)
                },
                finding: Finding::Applies,
                statutory: Some(statutory(Sector::Public, "2026-11-02", items, persons, PersonsKind::Exact)),
                ground: ReferralGround::Duty,
                introduced: &["unauthorised-access", "virus"],
                final_due: "2027-01-04",
            })
            .await?;
        }
        Ok(())
    }

    /// Step 8: C社 notifies IPA; the variant D社 is of a sector whose reports go to the competent minister.
    async fn factory(&mut self) -> Result<(), String> {
        self.at("2026-11-24", "13:00")?;
        let mut last = Referral::default();
        for (who, report, reporter) in
            [("C社", "N-2026-0101", ReporterKind::Business), ("D社", "N-2026-0102", ReporterKind::DelegatedSector)]
        {
            let issued = self.report(Report {
                agency: Agency::Ipa,
                who,
                report,
                under: "virus",
                facts: facts(IncidentKind::Virus, reporter),
                finding: Finding::Suspected,
                statutory: Some(statutory(Sector::Private, "2026-11-20", &[3], 0, PersonsKind::Unknown)),
                ground: ReferralGround::Duty,
                introduced: &["leak-report-private"],
                final_due: "2027-01-18",
            });
            let issued = issued.await?;
            let dates = issued.dates.unwrap_or_default();
            must(
                dates.preliminary_from == "2026-11-22" && dates.preliminary_to == "2026-11-24",
                "C社's preliminary window",
            )?;
            last = issued.referral.unwrap_or_default();
        }
        self.corrected(&last).await
    }

    /// Step 9: the edges. Gives the referral whose judgement is pending.
    async fn edges(&mut self) -> Result<Referral, String> {
        self.at("2026-11-24", "15:00")?;
        let at_ppc = |who, report, facts, finding, ground, introduced| Report {
            agency: Agency::Ppc,
            who,
            report,
            under: "leak-report-private",
            facts,
            finding,
            statutory: None,
            ground,
            introduced,
            final_due: "",
        };
        let business = |kind| facts(kind, ReporterKind::Business);
        let none: &[&str] = &[];
        let access: &[&str] = &["unauthorised-access"];
        let paper = ScopeFacts { electronic: false, ..business(IncidentKind::None) };
        let no = Finding::DoesNotApply;
        self.report(at_ppc("病院", "2026-000004", paper, no, ReferralGround::NoApplicableScheme, none)).await?;
        let leaver = business(IncidentKind::Access);
        self.report(at_ppc("元従業員", "2026-000005", leaver, no, ReferralGround::Voluntary, access)).await?;
        let taken =
            ScopeFacts { taken_by_ministry: true, ..facts(IncidentKind::Access, ReporterKind::DelegatedSector) };
        let applies = Finding::Applies;
        self.report(at_ppc("委任先", "2026-000006", taken, applies, ReferralGround::Voluntary, access)).await?;
        let pending = at_ppc(
            "E社",
            "2026-000007",
            business(IncidentKind::Access),
            Finding::Pending,
            ReferralGround::Pending,
            access,
        );
        let pending = self.report(pending).await?.referral.unwrap_or_default();
        self.my_number_only().await?;

        let at_ipa = |who, report, under, facts| Report {
            agency: Agency::Ipa,
            who,
            report,
            under,
            facts,
            finding: Finding::Applies,
            statutory: None,
            ground: ReferralGround::NoApplicableScheme,
            introduced: &[],
            final_due: "",
        };
        let flood = ScopeFacts { personal_information: false, ..business(IncidentKind::DenialOfService) };
        self.report(at_ipa("F社", "N-2026-0103", "unauthorised-access", flood)).await?;
        let person = facts(IncidentKind::Virus, ReporterKind::Person);
        self.report(at_ipa("個人", "N-2026-0104", "virus", person)).await?;
        Ok(pending)
    }

    /// A report under the My Number act only is none under PPC's schemes.
    async fn my_number_only(&mut self) -> Result<(), String> {
        let request = IssueReferralRequest {
            request_id: self.request_id(),
            report: "2026-000008".to_owned(),
            reported_under: String::new(),
            judgement: Some(self.judgement(Finding::Applies)),
            scope_facts: Some(facts(IncidentKind::Access, ReporterKind::Business)),
            statutory: None,
            language: Language::Ja.into(),
            with_code: false,
            another_because: AnotherBecause::Unspecified.into(),
        };
        let client = self.world.ppc.referrals()?;
        let refused = insist(async || client.clone().issue_referral(request.clone()).await).await;
        let reason = refused.err().map(|error| error.reason);
        must(reason == Some(Reason::NotAReport), "a report under another act is refused with NOT_A_REPORT")?;
        (self.say)("9   番号法のみ: refused with NOT_A_REPORT".to_owned());
        Ok(())
    }

    /// Step 9, three days later: the pending judgement is 非該当; what was done stays as it was.
    async fn judged_later(&mut self, pending: &Referral) -> Result<(), String> {
        self.at("2026-11-27", "09:00")?;
        let request = ReviseJudgementRequest {
            request_id: self.request_id(),
            name: pending.name.clone(),
            etag: pending.etag.clone(),
            judgement: Some(self.judgement(Finding::DoesNotApply)),
        };
        let client = self.world.ppc.referrals()?;
        let revised = insist(async || client.clone().revise_judgement(request.clone()).await).await;
        let revised = revised.map_err(failure)?;
        must(revised.ground() == ReferralGround::Pending, "PENDING stays after the judgement")?;
        must(revised.judgement_revision == 2, "the judgement's revision is 2")?;
        (self.say)(format!(
            "9   E社: {} judged 非該当 after three days; the ground stays PENDING",
            revised.case_number
        ));
        self.discharged(&revised).await
    }

    /// The month's counts, checkpoints of the audit chains, and all receipts.
    async fn closing(&mut self) -> Result<(), String> {
        self.at("2026-12-01", "09:00")?;
        for agency in [Agency::Ppc, Agency::Ipa] {
            let request = CountReferralsRequest { request_id: self.request_id(), month: "2026-11".to_owned() };
            let client = self.world.desk(agency).counts()?;
            let counts = insist(async || client.clone().count_referrals(request.clone()).await).await;
            let counts = counts.map_err(failure)?;
            (self.say)(format!("2   {}: November counted for {} schemes", agency.id(), counts.schemes.len()));
            let request = CheckpointAuditRequest { request_id: self.request_id() };
            let client = self.world.desk(agency).evidence()?;
            insist(async || client.clone().checkpoint_audit(request.clone()).await).await.map_err(failure)?;
        }
        for agency in [Agency::Ppc, Agency::Ipa] {
            let desk = self.world.desk(agency).clone();
            desk.until("all receipts", || async { Ok((desk.link_status().await?.backlog == 0).then_some(())) }).await?;
        }
        Ok(())
    }

    fn judgement(&self, finding: Finding) -> Judgement {
        Judgement {
            finding: finding.into(),
            ground: Ground::Traces.into(),
            certainty: Certainty::Confirmed.into(),
            judged_at: Some(stamp(self.world.now())),
        }
    }

    /// Issues a referral for a report and checks the scenario's statements about it.
    async fn report(&mut self, it: Report) -> Result<IssueReferralResponse, String> {
        let request = IssueReferralRequest {
            request_id: self.request_id(),
            report: it.report.to_owned(),
            reported_under: format!("agencies/{}/schemes/{}", it.agency.id(), it.under),
            judgement: Some(self.judgement(it.finding)),
            scope_facts: Some(it.facts.clone()),
            statutory: it.statutory.clone(),
            language: Language::Ja.into(),
            with_code: true,
            another_because: AnotherBecause::Unspecified.into(),
        };
        let client = self.world.desk(it.agency).referrals()?;
        let issued = insist(async || client.clone().issue_referral(request.clone()).await).await;
        let issued = issued.map_err(failure)?;
        let referral = issued.referral.clone().unwrap_or_default();
        let introduced: Vec<&str> = referral.introduced.iter().map(|scheme| scheme.scheme_id.as_str()).collect();
        must(
            referral.ground() == it.ground,
            &format!("{}: the ground is {:?}, not {:?}", it.who, it.ground, referral.ground()),
        )?;
        must(
            introduced == it.introduced,
            &format!("{}: introduced to {:?}, not {introduced:?}", it.who, it.introduced),
        )?;
        let due = issued.dates.as_ref().map(|dates| dates.final_due.clone()).unwrap_or_default();
        must(due == it.final_due, &format!("{}: final report due {}, not {due}", it.who, it.final_due))?;
        let step = match it.who {
            "A社" => 2,
            "B市" | "B市 (100)" => 7,
            "C社" | "D社" => 8,
            _ => 9,
        };
        let due = if due.is_empty() { String::new() } else { format!(", final report by {due}") };
        (self.say)(format!("{step}   {}: {} {}{due}", it.who, referral.case_number, referral.ground().as_str_name()));
        Ok(issued)
    }
}

fn must(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("not as in the scenario: {what}")) }
}

/// An instant from its text.
///
/// # Errors
/// Fails if it is none.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

/// The scenario's first instant.
///
/// # Errors
/// Never, in fact.
pub fn start() -> Result<Timestamp, String> {
    let start = instant(START)?;
    must(TOKYO.to_datetime(start).hour() == 9, "the scenario begins at nine")?;
    Ok(start)
}

fn facts(kind: IncidentKind, reporter: ReporterKind) -> ScopeFacts {
    ScopeFacts {
        electronic: true,
        personal_information: true,
        kind: kind.into(),
        reporter: reporter.into(),
        taken_by_ministry: false,
        further_kinds: Vec::new(),
    }
}

fn statutory(sector: Sector, knew_on: &str, items: &[u32], number: u64, kind: PersonsKind) -> StatutoryFacts {
    StatutoryFacts {
        sector: sector.into(),
        knew_on: knew_on.to_owned(),
        items: items.to_vec(),
        persons: Some(Persons { number, kind: kind.into() }),
    }
}

async fn find_scheme(desk: &Desk, name: &str) -> Result<Option<Scheme>, String> {
    let client = desk.schemes()?;
    let request = GetSchemeRequest { name: name.to_owned() };
    found(insist(async || client.clone().get_scheme(request.clone()).await).await)
}

async fn find_referral(desk: &Desk, name: &str, state: State) -> Result<Option<Referral>, String> {
    let client = desk.referrals()?;
    let request = GetReferralRequest { name: name.to_owned() };
    let found = found(insist(async || client.clone().get_referral(request.clone()).await).await)?;
    Ok(found.filter(|referral| referral.state() == state))
}

fn found<T>(answer: Answer<T>) -> Result<Option<T>, String> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code == Code::NotFound => Ok(None),
        Err(error) => Err(failure(error)),
    }
}
