//! The people of a history: officials who act and repeat their calls, operators who look after the services, and those who
//! run a faulty version.

use std::collections::BTreeSet;

use renkei_book::{
    Begin, Cause, ConfirmClock, ConfirmOfficials, Declined, Heads, Outcome, Reopen, Resume, Submission, is_set_aside,
};
use renkei_domain::{
    index::Lookup,
    moment::micros,
    noun::{journal as journal_rules, official},
    page::Journal,
    refusal::Refusal,
    visibility::Reader,
};
use renkei_proto::{
    FactKind,
    options::v1::{Reason, Role},
    sharing::v1::{RecordDisclosureRequest, record_disclosure_request::Basis},
    r#type::v1::{Agency, Purpose},
};

use crate::{
    act::{Act, Caller},
    check::Violation,
    desk::Desk,
    draw::Draw,
    generator::{Choosing, Generator, Sort},
    generators,
    sharing::attempts,
    side::{Side, outcome},
    world::{Called, JudgedCall, SECOND, World, place},
};

/// The number of acts that an official considers in one turn.
const TRIES: usize = 3;
/// In races, one in so many drawn acts that are forbidden is kept, and another one is drawn for each of the others.
const FORBIDDEN: u64 = 4;

impl World {
    /// An operator does what the service waits for: the clock, the barred officials, a stop.
    pub fn operator(&mut self, agency: Agency) {
        let side = &mut self.sides[place(agency)];
        if side.process.is_none() {
            if side.skew_us() == 0 {
                side.confirm_clock();
            }
            return;
        }
        let mut done = Vec::new();
        let time = side.wall();
        let is_ahead = side.disk().heads().last_us() > time.as_microsecond();
        if (side.is_clock_doubted() || is_ahead) && side.skew_us() == 0 {
            let reason = "確認した".to_owned();
            let confirmed = side.run("confirm_clock", ConfirmClock { time, dated_ahead: true, reason });
            let kept = side.keeper().map(|keeper| keeper.confirm(time).is_ok());
            done.push(format!("confirms the clock: {}, {kept:?}", outcome(confirmed)));
        }
        if side.disk().heads().is_bar_list_open() {
            let barred = {
                let disk = side.disk();
                official::barred_ids(&disk.view(), agency)
            };
            let confirm = ConfirmOfficials { own: agency, barred, reason: "台帳".to_owned() };
            done.push(format!("confirms who is barred: {}", outcome(side.run("confirm_officials", confirm))));
        }
        let peer = side.disk().heads().peer.clone();
        if peer.stop_seq != 0 {
            let resume = Resume { from_seq: peer.seq + 1, reason: "確認した".to_owned() };
            done.push(format!("resumes the peer's journal: {}", outcome(side.run("resume", resume))));
        }
        if !done.is_empty() {
            self.tell(format!("{}'s operator {}", agency.id(), done.join(", ")));
        }
    }

    pub(crate) fn give_up(&mut self, agency: Agency) {
        self.check.gives_up(&self.sides, agency);
        let side = &mut self.sides[place(agency)];
        let Some(process) = &side.process else { return };
        let reopen: Reopen = process.service.reopening_now(Cause::GivenUp("どこにもない".to_owned()));
        let done = outcome(side.run("reopen", reopen));
        side.has_lost = true;
        self.has_given_up = true;
        self.check.restored(&self.sides, agency);
        self.tell(format!("{}'s operator gives up the missing entries: {done}", agency.id()));
    }

    /// After a loss on both sides the peer's entries may have seen more of the own journal than anybody has. They are
    /// accepted once the journal has grown as far again.
    pub(crate) fn grow(&mut self, agency: Agency) {
        let side = &self.sides[place(agency)];
        let all: Vec<String> = FactKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
        for kinds in [all[1..].to_vec(), all] {
            let grown = outcome(side.run("begin", Begin { kinds }));
            if grown != "done" {
                return;
            }
        }
        self.tell(format!("the journal of {} grows by two entries", agency.id()));
    }

    /// An official does an act of the generator with this name.
    ///
    /// # Errors
    /// The first violation, or that the desk shows nothing on which the act could be done.
    pub fn acts(&mut self, agency: Agency, name: &str) -> Result<(), Violation> {
        let missing = Violation::new("the act can be tried", name, self.at);
        let generator = generators::of(agency).into_iter().find(|it| it.name == name).ok_or_else(|| missing.clone())?;
        let side = &self.sides[place(agency)];
        let (mut draw, desk) = (Draw::new(0), Desk { side });
        let act = (generator.make)(&mut Choosing { shown: &desk, requests: &side.requests, draw: &mut draw });
        let called = Called { act: act.ok_or(missing)?, unit: "incident-response", official: "i-0001", answer: None };
        self.call(agency, generator.name, generator.sort, called)
    }

    pub(crate) fn act(&mut self, agency: Agency, draw: &mut Draw) -> Result<(), Violation> {
        let Some((generator, called)) = self.choose(agency, draw) else { return Ok(()) };
        self.call(agency, generator.name, generator.sort, called)
    }

    /// The next call of an official; `None` if there is nothing on which the drawn act could be done.
    fn choose(&self, agency: Agency, draw: &mut Draw) -> Option<(&'static Generator, Called)> {
        let unit = if draw.one_in(3) { "policy" } else { "incident-response" };
        let official = if draw.one_in(8) { "i-0007" } else { "i-0001" };
        let side = &self.sides[place(agency)];
        side.process.as_ref()?;
        let (desk, all) = (Desk { side }, generators::drawn(agency, self.about, draw));
        // An official who finds nothing to do one thing on does another, so that the later steps of a matter are drawn
        // often enough.
        let (generator, act) = (0..TRIES).find_map(|_| {
            let mut generator = *draw.pick(&all)?;
            if self.about.is_some() && generator.sort == Sort::Forbidden && !draw.one_in(FORBIDDEN) {
                // In races most acts are those that can be carried out.
                generator = *draw.pick(&all)?;
            }
            let act = (generator.make)(&mut Choosing { shown: &desk, requests: &side.requests, draw })?;
            Some((generator, act))
        })?;
        Some((generator, Called { act, unit, official, answer: None }))
    }

    /// A faulty version of a service writes what its rules forbid: a former fact again, in its matter or in another one.
    pub(crate) fn faulty(&mut self, agency: Agency, draw: &mut Draw) {
        let side = &self.sides[place(agency)];
        let Some(process) = &side.process else { return };
        let (fact, content, matter) = {
            let disk = side.disk();
            if disk.heads().recovering() {
                return;
            }
            let own: Vec<_> = disk.entries(Journal::Of(agency), 1).filter(|it| is_set_aside(&it.header)).collect();
            let matters: Vec<&String> = disk.pages().keys().collect();
            let (Some(former), Some(other)) = (draw.pick(&own), draw.pick(&matters)) else { return };
            let matter = if draw.one_in(2) { former.header.matter.clone() } else { (*other).clone() };
            (former.fact.clone(), former.entry.content.clone(), matter)
        };
        let (Some(moment), name) = (side.moment(), fact.fact.as_ref().map(|fact| FactKind::of(fact).name())) else {
            return;
        };
        if let Some(id) = process.service.say(&moment, &matter, fact, content) {
            self.check.faulty(id);
            self.tell(format!("{}: a faulty version writes {} in {matter}", agency.id(), name.unwrap_or_default()));
        }
    }

    pub(crate) fn repeat(&mut self, agency: Agency) -> Result<(), Violation> {
        let Some(called) = self.called[place(agency)].clone() else { return Ok(()) };
        let Some(answer) = &called.answer else { return Ok(()) };
        let side = &self.sides[place(agency)];
        let Some(submission) = submission(side, &called) else { return Ok(()) };
        let Ok(submission) = submission else { return Ok(()) };
        let before = side.disk().heads().clone();
        let outcome = side.submit(&[submission]).and_then(|mut outcomes| outcomes.pop());
        let after = side.disk().heads().clone();
        let (path, has_lost) = (called.act.path(), side.has_lost);
        let Some(outcome) = outcome else { return Ok(()) };
        self.tell(format!("{} repeats its last call: {}", agency.id(), shown(&outcome)));
        if !has_lost {
            let is_same = outcome.as_ref().is_ok_and(|it| it == answer);
            let is_declined = outcome.is_err();
            if !is_same && !is_declined || before.own.seq != after.own.seq {
                let detail = format!("a repeat of {path} was carried out again");
                return Err(Violation::new("a repeat gets the first answer", &detail, self.at));
            }
        }
        Ok(())
    }

    pub(crate) fn call(
        &mut self,
        agency: Agency,
        name: &'static str,
        sort: Sort,
        called: Called,
    ) -> Result<(), Violation> {
        let side = &self.sides[place(agency)];
        let asked = self.asked(agency, called.official);
        let outcome = match submission(side, &called) {
            None => return Ok(()),
            Some(Err(refusal)) => Err(Declined::from(refusal)),
            Some(Ok(submission)) => match side.submit(&[submission]).and_then(|mut outcomes| outcomes.pop()) {
                Some(outcome) => outcome,
                None => return Ok(()),
            },
        };
        self.answered(agency, name, sort, called, &asked, outcome)
    }

    /// A second replica judges the call of an official, or writes the one that it has judged: between the two, the other one
    /// may have written.
    pub(crate) fn replica(&mut self, agency: Agency, draw: &mut Draw) -> Result<(), Violation> {
        let at = place(agency);
        let Some(waiting) = self.judged[at].take() else {
            let Some((generator, called)) = self.choose(agency, draw) else { return Ok(()) };
            let side = &self.sides[at];
            let (Some(process), Some(Ok(submission))) = (&side.process, submission(side, &called)) else {
                return Ok(());
            };
            let is_doubted = submission.moment.basis.is_doubted();
            let Some(judged) = process.service.judge(std::slice::from_ref(&submission)) else { return Ok(()) };
            self.judged[at] = Some(JudgedCall { name: generator.name, called, submission, judged, is_doubted });
            self.tell(format!("{}'s second replica judges {}", agency.id(), generator.name));
            return Ok(());
        };
        let JudgedCall { name, called, submission, judged, is_doubted } = waiting;
        let asked = Asked { is_doubted, ..self.asked(agency, called.official) };
        let Some(process) = &self.sides[at].process else { return Ok(()) };
        let outcome = process.service.write_judged(judged, &[submission]).pop();
        let Some(outcome) = outcome else { return Ok(()) };
        self.tell(format!("{}'s second replica writes", agency.id()));
        // What was forbidden when the call was chosen may be allowed by now.
        self.answered(agency, name, Sort::Valid, called, &asked, outcome)
    }

    fn asked(&self, agency: Agency, official: &str) -> Asked {
        let side = &self.sides[place(agency)];
        let is_doubted = side.moment().is_some_and(|moment| moment.basis.is_doubted());
        let disk = side.disk();
        let is_barred = official::is_barred(disk.view().local(&official::matter(agency, official).to_string()));
        Asked { before: disk.heads().clone(), is_barred, is_doubted }
    }

    /// Checks and notes the answer to a call.
    fn answered(
        &mut self,
        agency: Agency,
        name: &'static str,
        sort: Sort,
        called: Called,
        asked: &Asked,
        outcome: Outcome,
    ) -> Result<(), Violation> {
        let Asked { before, is_barred, is_doubted } = asked;
        let side = &self.sides[place(agency)];
        let after = side.disk().heads().clone();
        let written: BTreeSet<String> = {
            let disk = side.disk();
            // The facts of a journal about itself are written again after a loss. An anchor may also follow what a refused
            // act leaves in the private journal, such as the attempt with a wrong code.
            let about_itself = journal_rules::name(agency);
            let written = disk.entries(Journal::Of(agency), before.own.seq + 1);
            let acts = written.filter(|entry| entry.header.matter != about_itself);
            acts.map(|entry| entry.header.entry_id.clone()).collect()
        };
        let line = format!("{}: {name}: {}", agency.id(), shown(&outcome));
        self.tell(line);
        let (tried, done) = self.acts.entry(name).or_default();
        (*tried, *done) = (*tried + 1, *done + u64::from(outcome.is_ok()));
        match &outcome {
            Ok(_) if sort == Sort::Forbidden => {
                return Err(Violation::new("a forbidden act is refused", name, self.at));
            }
            Ok(_) if *is_doubted => return Err(Violation::new("a doubted clock dates no act", name, self.at)),
            Ok(_) if *is_barred => return Err(Violation::new("a barred official does not act", name, self.at)),
            Ok(_) => {
                self.check.acknowledged(agency, written);
                if let Act::ApproveDisposal(_) = &called.act {
                    self.check.disposed(&self.sides[place(agency)]);
                }
            }
            Err(declined) if declined.reason() == Reason::Internal => {
                return Err(Violation::new("a service knows what to answer", name, self.at));
            }
            Err(_) if !written.is_empty() || after.peer.seq != before.peer.seq => {
                return Err(Violation::new("a refused act leaves nothing", name, self.at));
            }
            Err(_) => {}
        }
        if let Act::RecordDisclosure(request) = &called.act {
            let side = &self.sides[place(agency)];
            let wrong = match &outcome {
                Ok(_) => stale(side, request).map(|age| format!("{name}: {age}")),
                Err(declined) => unrecorded(side, request, declined.reason(), before.private.seq),
            };
            if let Some(detail) = wrong {
                return Err(Violation::new(
                    "a disclosure is refused and recorded as its basis demands",
                    &detail,
                    self.at,
                ));
            }
        }
        self.called[place(agency)] = Some(Called { answer: outcome.ok(), ..called });
        Ok(())
    }
}

/// What a call found before it was answered.
struct Asked {
    before: Heads,
    is_barred: bool,
    is_doubted: bool,
}

/// The call as it waits for the writer. `None` while the process is down.
fn submission(side: &Side, called: &Called) -> Option<Result<Submission, Refusal>> {
    let moment = side.moment()?;
    let lookup = |lookup: &Lookup| side.disk().lookup(lookup).cloned();
    let barred = {
        let disk = side.disk();
        official::barred_ids(&disk.view(), side.own).len()
    };
    let reader = Reader {
        roles: vec![Role::Casework, Role::Sharing, Role::Intake],
        unit: called.unit.to_owned(),
        purpose: if called.unit == "policy" { Purpose::Policy } else { Purpose::IncidentResponse },
    };
    let caller = Caller { own: side.own, official: called.official, reader, lookup: &lookup };
    Some(called.act.clone().submission(&caller, &moment, barred))
}

/// What is wrong with the private record of a refused disclosure: there is one if it lacked a basis, and none otherwise.
fn unrecorded(side: &Side, request: &RecordDisclosureRequest, reason: Reason, behind: u64) -> Option<String> {
    let expected = match reason {
        Reason::BeyondScope | Reason::ConsentNotFresh => vec![reason],
        _ => Vec::new(),
    };
    let attempts = attempts(side, &request.name, behind);
    (attempts != expected).then(|| format!("{} of {}: {attempts:?} are on record", reason.id(), request.name))
}

/// What is wrong with a disclosure that asks for a recent statement of the originator: there is none, among the entries and
/// receipts that it signed. A receipt counts only if everything is here that it had written before.
fn stale(side: &Side, request: &RecordDisclosureRequest) -> Option<String> {
    if request.fresh_within_seconds == 0 || matches!(request.basis, Some(Basis::Law(_))) {
        return None;
    }
    let disk = side.disk();
    let (own, peer) = (side.own, side.own.peer());
    let now = disk.entries(Journal::Of(own), 1).last().map(|entry| micros(entry.header.written_at.as_ref()))?;
    let entries = disk.entries(Journal::Of(peer), 1);
    let (last, written_us) = entries.last().map_or((0, 0), |it| (it.header.seq, micros(it.header.written_at.as_ref())));
    let receipts = disk.receipts().filter(|receipt| receipt.own_seq <= last);
    let stated_us = receipts.map(|receipt| micros(receipt.at.as_ref())).fold(written_us, i64::max);
    let age = (now - stated_us) / SECOND;
    (age > i64::from(request.fresh_within_seconds)).then(|| format!("the last statement is {age} s old"))
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(declined) => declined.reason().id().to_owned(),
    }
}
