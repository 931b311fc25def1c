//! An item as the desk shows it.

use jiff::Timestamp;
use renkei_proto::{
    sharing::v1::{Item, ItemFeedback, ItemFeedbackGiven, ItemQuestion, ItemRevision},
    r#type::v1::Agency,
};

use super::{
    answers::{acknowledged_revision, missing_units, question_answer, questions, seal},
    consent, copies, disclosure, duties,
    revision::{current, marking, published_in, recall, state},
};
use crate::{
    matter::{Matter, entry_name},
    moment::{end, instant},
    noun::{Resource, Withheld},
    page::Seen,
    scope,
};

impl Resource for Item {
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        let opener = matter.opener;
        let current = current(seen, opener)?;
        let (it, terms) = (current.it, current.terms());
        let recall = recall(seen, opener);
        let embargo = terms.plan.as_ref().and_then(|plan| plan.embargo_until.as_ref()).map(instant);
        Some(Self {
            name: matter.to_string(),
            case_number: matter.case_number(it.publication.fiscal_year, it.publication.year_ordinal),
            originator: opener.into(),
            kind: it.kind.into(),
            state: state(seen, opener).into(),
            revision: it.publication.revision,
            terms: Some(terms.clone()),
            tlp: scope::tlp(terms.scope.as_ref()).into(),
            marking: marking(seen, opener),
            necessity: it.necessity.into(),
            valid: terms.valid_from.as_ref().is_none_or(|from| instant(from) <= now)
                && end(terms.valid_until.as_ref()).is_none_or(|until| now < until),
            embargoed: embargo.is_some_and(|until| now < until),
            revisions: revisions(seen, opener, it.publication.revision),
            acknowledged_revision: acknowledged_revision(seen, opener),
            questions: questions(seen, opener)
                .map(|mark| ItemQuestion {
                    entry: entry_name(opener.peer(), mark.seq),
                    answer: question_answer(seen, opener, mark.seq)
                        .map(|answer| entry_name(opener, answer.seq))
                        .unwrap_or_default(),
                })
                .collect(),
            feedback: feedback(seen, opener),
            recalled_at: recall.and_then(|(mark, _)| mark.written_at),
            recall_reason: recall.map(|(_, it)| it.reason).unwrap_or_default(),
            sealed_at: seal(seen, opener).and_then(|mark| mark.written_at),
            published_at: seen.each(opener, published_in).next().and_then(|(mark, _)| mark.written_at),
            updated_at: seen.updated_at(),
            entries: seen.entries(),
            etag,
            waiting_for: [Agency::Ppc, Agency::Ipa]
                .into_iter()
                .filter(|agency| !duties::of(*agency, matter, seen).is_empty())
                .map(Into::into)
                .collect(),
            content: None,
            missing_units: missing_units(seen, opener).to_vec(),
            consent_requests: consent::requests_shown(seen, opener),
            consents: consent::shown(seen, opener, now),
            legal_disclosures: disclosure::announced_shown(seen, opener),
            disclosures: disclosure::disclosed(seen, opener)
                .map(|(mark, _)| entry_name(opener.peer(), mark.seq))
                .collect(),
            recall_answer_by: recall.map(|(_, it)| it.answer_by.clone()).unwrap_or_default(),
            copies: copies::shown(seen, opener),
            recall_complete: copies::is_complete(seen, opener),
            copies_outside: copies::outside(seen, opener)
                .into_iter()
                .map(|(mark, _)| entry_name(opener.peer(), mark.seq))
                .collect(),
            reminders: copies::reminders(seen, opener),
            disposals: copies::disposals(seen),
            misdirection: copies::incident_shown(seen, opener),
        })
    }

    fn withhold(&mut self, withheld: &Withheld) {
        self.revisions.retain(|it| withheld.shows(&it.entry));
        self.questions.retain(|it| withheld.shows(&it.entry));
        self.feedback.retain(|it| withheld.shows(&it.entry));
        self.consent_requests.retain(|it| withheld.shows(&it.entry));
        self.consents.retain(|it| withheld.shows(&it.entry));
        self.legal_disclosures.retain(|it| withheld.shows(&it.entry));
        self.disclosures.retain(|it| withheld.shows(it));
        self.copies.retain(|it| withheld.shows(&it.entry));
        self.copies_outside.retain(|it| withheld.shows(it));
        self.entries.retain(|it| withheld.shows(it));
    }
}

fn revisions(seen: Seen<'_>, opener: Agency, current: u32) -> Vec<ItemRevision> {
    let all = seen.each(opener, published_in);
    all.map(|(mark, it)| ItemRevision {
        revision: it.publication.revision,
        entry: entry_name(opener, mark.seq),
        published_at: mark.written_at,
        superseded: it.publication.revision < current,
    })
    .collect()
}

fn feedback(seen: Seen<'_>, opener: Agency) -> Vec<ItemFeedback> {
    let all = seen.all_of::<ItemFeedbackGiven>(opener.peer());
    all.map(|(mark, it)| ItemFeedback {
        entry: entry_name(opener.peer(), mark.seq),
        revision: it.revision,
        usefulness: it.usefulness,
    })
    .collect()
}
