//! Acts of an agency as commands, made as the desk makes them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use renkei_book::{Command, Stage, content};
use renkei_domain::{
    calendar, era,
    matter::{Matter, entry_name},
    moment::{Moment, stamp},
    noun::{
        referral::{self, introduce, issue as issue_of, latest_judgement},
        registry,
        scheme::{self, current},
    },
    read_set::ReadSet,
    refusal::Refusal,
    term::term_on,
};
use renkei_journal::fact_hash;
use renkei_proto::{
    Sentence,
    agreement::v1::{NoticeGiven, NoticeGivenContent, NoticeKind, NoticeWithdrawalAssented, NoticeWithdrawn},
    journal::v1::fact::Fact,
    options::v1::Reason,
    referral::v1::{
        CodeTried, FilingDuty, JudgementRevised, ReferralChannel, ReferralFollowedUp, ReferralGiven, ReferralIssued,
        ReportReferred, ReportReferredContent, SchemeContent, SchemePublished, SchemeRevised, SchemeTerms,
        SchemeVersion, SchemeWithdrawn, ScopeFacts,
    },
    r#type::v1::{Agency, Certainty, Finding, Ground, IncidentKind, Judgement, Language, ReporterKind, Text},
    watch::v1::EntryApplied,
};

type Run = Arc<dyn Fn(&mut Stage, &Moment) -> Result<u64, Refusal> + Send + Sync>;

/// Writes on one matter. The reply names the last entry and the state that it left.
#[derive(Clone)]
pub struct Act {
    matter: Matter,
    keys: ReadSet,
    run: Run,
    /// The number of times that it was run.
    pub runs: Arc<AtomicUsize>,
}

impl Act {
    pub fn new(
        matter: Matter,
        run: impl Fn(&mut Stage, &Moment) -> Result<u64, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let keys = ReadSet::matter(matter.to_string()).with(scheme::catalogues());
        Self { matter, keys, run: Arc::new(run), runs: Arc::default() }
    }

    /// The same act, which also reads the counters of a year.
    pub fn with_year(mut self, year: u32) -> Self {
        self.keys = self.keys.with_year(year);
        self
    }

    fn one(matter: Matter, fact: Fact, content: Option<Vec<u8>>, answers: u64) -> Self {
        let to = matter.clone();
        Self::new(matter, move |stage, _| stage.write(&to, fact.clone(), content.clone(), answers))
    }

    /// Does `act`, but names another matter.
    pub fn at(matter: &Matter, act: Self) -> Self {
        Self { matter: matter.clone(), ..act }
    }

    /// The name of its matter.
    pub fn name(&self) -> String {
        self.matter.to_string()
    }

    fn reply(&self, stage: &Stage, seq: u64) -> EntryApplied {
        let state = registry::of(&self.matter).state(&self.matter, stage.page(&self.name())).id;
        EntryApplied {
            entry: entry_name(stage.own(), seq),
            author: stage.own().into(),
            state: state.to_owned(),
            ..EntryApplied::default()
        }
    }
}

impl Command for Act {
    type Reply = EntryApplied;

    fn reads(&self, _: &Moment) -> ReadSet {
        self.keys.clone()
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<EntryApplied, Refusal> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let seq = (self.run)(stage, moment)?;
        Ok(self.reply(stage, seq))
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, _: &Moment) -> Option<EntryApplied> {
        (matter == self.name()).then(|| self.reply(stage, 0))
    }
}

pub fn scheme(of: Agency, id: &str) -> Matter {
    Matter::new(renkei_domain::noun::scheme::COLLECTION, of, id)
}

/// The `n`th referral of an agency.
pub fn referral(of: Agency, n: u64) -> Matter {
    Matter::new(renkei_domain::noun::referral::COLLECTION, of, &format!("0190a5f0-0000-7000-8000-{n:012x}"))
}

pub fn agreement() -> Matter {
    Matter::of(Matter::AGREEMENT)
}

pub fn terms() -> SchemeTerms {
    SchemeTerms {
        kinds: vec![IncidentKind::Virus.into(), IncidentKind::Access.into()],
        reporters: vec![ReporterKind::Business.into()],
        needs_personal_information: false,
        duty: FilingDuty::May.into(),
        valid_from: "2023-04-01".to_owned(),
        valid_until: String::new(),
    }
}

fn text(words: &str) -> Option<Text> {
    Some(Text { ja: words.to_owned(), en: words.to_owned() })
}

/// The text of a scheme that contains `words`.
pub fn about(words: &str) -> Option<Vec<u8>> {
    content(&SchemeContent {
        title: text(words),
        basis: text("basis"),
        who: text("who"),
        what: text("what"),
        how: text("how"),
        deadlines: text("deadlines"),
        links: Vec::new(),
        telephone: String::new(),
        mail: String::new(),
    })
}

pub fn publish(own: Agency, id: &str) -> Act {
    publish_with(own, id, "a scheme")
}

/// Publishes a scheme with these words in its content.
pub fn publish_with(own: Agency, id: &str, words: &str) -> Act {
    Act::one(scheme(own, id), Fact::SchemePublished(SchemePublished { terms: Some(terms()) }), about(words), 0)
}

pub fn revise(own: Agency, id: &str) -> Act {
    let matter = scheme(own, id);
    let name = matter.to_string();
    Act::new(matter.clone(), move |stage, _| {
        let version = current(stage.page(&name), own).map_or(1, |current| current.version) + 1;
        let fact = SchemeRevised { version, terms: Some(terms()) };
        stage.write(&matter, Fact::SchemeRevised(fact), about("revised"), 0)
    })
}

pub fn withdraw(own: Agency, id: &str) -> Act {
    let matter = scheme(own, id);
    let name = matter.to_string();
    Act::new(matter.clone(), move |stage, _| {
        let version = current(stage.page(&name), own).map_or(1, |current| current.version);
        stage.write(&matter, Fact::SchemeWithdrawn(SchemeWithdrawn { version }), None, 0)
    })
}

/// The proof of the `n`th referral's code.
fn proof(n: u64) -> Vec<u8> {
    n.to_be_bytes().repeat(4)
}

fn judgement(finding: Finding, moment: &Moment) -> Option<Judgement> {
    Some(Judgement {
        finding: finding.into(),
        ground: Ground::Traces.into(),
        certainty: Certainty::Confirmed.into(),
        judged_at: Some(stamp(moment.now)),
    })
}

/// Issues the `n`th referral for a report under the own scheme, with the private reference of the report.
pub fn issue(own: Agency, n: u64, under: &str, report: &str) -> Act {
    let matter = referral(own, n);
    let under = SchemeVersion { scheme_id: under.to_owned(), version: 1 };
    let reference = content(&ReportReferredContent { report: report.to_owned() });
    let to = matter.clone();
    let act = Act::new(matter, move |stage, moment| {
        let year = u32::try_from(era::fiscal_year(calendar::day(moment.now))).unwrap();
        let mut fact = ReferralIssued {
            judgement: judgement(Finding::Applies, moment),
            scope_facts: Some(ScopeFacts {
                electronic: true,
                personal_information: true,
                kind: IncidentKind::Access.into(),
                reporter: ReporterKind::Business.into(),
                taken_by_ministry: false,
                further_kinds: Vec::new(),
            }),
            reported_under: Some(under.clone()),
            ordinal: stage.counter(0, &referral::ORDINAL) + 1,
            fiscal_year: year,
            year_ordinal: stage.counter(year, &referral::ORDINAL) + 1,
            ..ReferralIssued::default()
        };
        let introduction = introduce(&stage.view(), &fact, moment.now)?;
        fact.ground = introduction.ground.into();
        fact.introduced = introduction.introduced;
        if !fact.introduced.is_empty() {
            fact.code_digest = fact_hash(&proof(n)).to_vec();
        }
        let seq = stage.write(&to, Fact::ReferralIssued(fact), None, 0)?;
        let report = ReportReferred { language: Language::Ja.into(), ..ReportReferred::default() };
        stage.write(&to, Fact::ReportReferred(report), reference.clone(), 0)?;
        Ok(seq)
    });
    act.with_year(0).with_year(2026)
}

pub fn give(own: Agency, n: u64) -> Act {
    let matter = referral(own, n);
    let name = matter.to_string();
    Act::new(matter.clone(), move |stage, moment| {
        let introduced = issue_of(stage.page(&name), own).map(|(_, it)| it.introduced.clone()).unwrap_or_default();
        let given = ReferralGiven {
            given_at: Some(stamp(moment.now)),
            channel: ReferralChannel::Telephone.into(),
            introduced,
            days: 0,
        };
        stage.write(&matter, Fact::ReferralGiven(given), None, 0)
    })
}

/// Follows up the peer's `n`th referral.
pub fn follow_up(own: Agency, n: u64, under: &str) -> Act {
    let matter = referral(own.peer(), n);
    let name = matter.to_string();
    let under = SchemeVersion { scheme_id: under.to_owned(), version: 1 };
    Act::new(matter.clone(), move |stage, moment| {
        let answers = issue_of(stage.page(&name), own.peer()).map_or(0, |(mark, _)| mark.seq);
        let fact = ReferralFollowedUp {
            filed_under: Some(under.clone()),
            filed_on: calendar::day(moment.now).to_string(),
            proof: proof(n),
            counted_before: false,
        };
        stage.write(&matter, Fact::ReferralFollowedUp(fact), None, answers)
    })
}

pub fn revise_judgement(own: Agency, n: u64) -> Act {
    let matter = referral(own, n);
    let name = matter.to_string();
    Act::new(matter.clone(), move |stage, moment| {
        let revision = latest_judgement(stage.page(&name), own).map_or(1, |(revision, _)| revision) + 1;
        let fact = JudgementRevised { revision, judgement: judgement(Finding::DoesNotApply, moment) };
        stage.write(&matter, Fact::JudgementRevised(fact), None, 0)
    })
}

/// Gives a notice under Art. 8.
pub fn notice() -> Act {
    Act::new(agreement(), |stage, moment| {
        let term = term_on(calendar::day(moment.now)).map_or(1, |term| term.ordinal);
        let words = content(&NoticeGivenContent { text: text("a notice") });
        stage.write(
            &agreement(),
            Fact::NoticeGiven(NoticeGiven { kind: NoticeKind::Other.into(), term, document: String::new() }),
            words,
            0,
        )
    })
}

/// Withdraws the own notice with this number.
pub fn withdraw_notice(notice_seq: u64) -> Act {
    Act::one(agreement(), Fact::NoticeWithdrawn(NoticeWithdrawn { notice_seq, received: false }), None, 0)
}

/// Assents to the withdrawal of the peer's notice with this number.
pub fn assent(notice_seq: u64, withdrawal_seq: u64) -> Act {
    let fact = Fact::NoticeWithdrawalAssented(NoticeWithdrawalAssented { notice_seq, received: false });
    Act::one(agreement(), fact, None, withdrawal_seq)
}

/// The matter under which wrong codes with a locator are counted.
pub fn tries(own: Agency) -> Matter {
    Matter::new(renkei_domain::noun::code::COLLECTION, own.peer(), "0001")
}

/// Tries a code that nobody has: refused, and the try is counted; from the sixth on refused for that.
pub fn wrong_code(own: Agency) -> Act {
    let matter = tries(own);
    let name = matter.to_string();
    Act::new(matter.clone(), move |stage, _| {
        if stage.view().local(&name).len() >= 5 {
            return Err(Refusal::new(Reason::TooManyAttempts, Sentence::for_developers("at most 5 wrong codes")));
        }
        stage.note(matter.clone(), Fact::CodeTried(CodeTried { day: "2026-06-01".to_owned() }), None);
        Err(Refusal::new(Reason::CodeNotFound, Sentence::for_developers("no referral has this code")))
    })
}

/// Does as `act` does, and is refused after it.
pub fn regret(act: &Act) -> Act {
    let run = Arc::clone(&act.run);
    let run: Run = Arc::new(move |stage, moment| {
        run(stage, moment)?;
        Err(Refusal::new(Reason::WrongState, Sentence::for_developers("regretted")))
    });
    Act { run, runs: Arc::default(), ..act.clone() }
}

/// Writes nothing.
pub fn nothing() -> Act {
    Act::new(agreement(), |_, _| Ok(0))
}
