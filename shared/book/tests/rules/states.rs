//! The diagrams of `docs/states.md`: made by playing the rules, and compared with what is there. `./dev reference` writes them
//! anew.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use jiff::{Timestamp, ToSpan as _};
use renkei_domain::{
    matter::Matter,
    moment::stamp,
    noun::{Resource as _, StateName, registry},
    page::Seen,
};
use renkei_proto::{
    FactKind,
    agreement::v1::{Agreement, NoticeKind},
    options::v1::Author,
    sharing::v1::{Body, ConsentTerms, Item},
    r#type::v1::{Agency, Audience, Finding, Purpose},
};

use super::{
    acts::{
        self, agreement, assent, assent_to_record, discharge, follow_up, give, issue, judge, notice, received, records,
        referral, report, withdraw_notice, withdraw_record,
    },
    advice_acts::request,
    catalogue::{KINDS, published, scheme},
    choice::{ADVICE, Choice, ITEM},
    consent_acts::{self, extent, grant_for, listed},
    item_acts::{designated, item, kinds, publish, terms, within},
    model::{Act, BOTH, Pair, notices},
    play::{Cause, Found, Played, play},
};

/// A diagram of the document.
struct Diagram {
    title: &'static str,
    about: &'static str,
    /// The opener, and the agency that is not: as an arrow names them.
    parties: [&'static str; 2],
    noun: Played,
}

const TWO: [&str; 2] = ["opener", "other"];

const DIAGRAMS: [Diagram; 7] = [
    Diagram {
        title: "Reporting scheme 制度",
        about: "Art. 4(1). The opener is the agency whose scheme it is.",
        parties: TWO,
        noun: Played {
            openers: &BOTH,
            start: |_| Pair::new(),
            matter: |opener| scheme(opener, "virus"),
            acts: &[on_scheme],
            state: of_noun,
            ends_by_time: false,
        },
    },
    Diagram {
        title: "Referral 紹介",
        about: "Art. 4(1). The opener is the agency that refers its reporter to the scheme of the other.",
        parties: TWO,
        noun: Played {
            openers: &BOTH,
            start: |_| published(),
            matter: |opener| referral(opener, 0),
            acts: &[on_referral],
            state: of_noun,
            ends_by_time: false,
        },
    },
    Diagram {
        title: "Request for advice 助言の依頼",
        about: "Art. 4(2).",
        parties: ["PPC", "IPA"],
        noun: Played {
            openers: &[Agency::Ppc],
            start: |_| Pair::new(),
            matter: |_| request(0),
            acts: &[|pair, opener| chosen(pair, opener, &ADVICE)],
            state: of_noun,
            ends_by_time: false,
        },
    },
    Diagram {
        title: "Item 共有情報",
        about: "Art. 5(2).",
        parties: ["originator", "receiver"],
        noun: Played {
            openers: &BOTH,
            start: |_| Pair::new(),
            matter: |opener| item(opener, 0),
            acts: &[on_item, on_consents_of_item, on_disclosure, on_misdirection, on_recall],
            state: of_noun,
            ends_by_time: false,
        },
    },
    Diagram {
        title: "Request for consent 同意の求め",
        about: "Art. 7(2). It belongs to an item, and begins with the receiver's request.",
        parties: ["originator", "receiver"],
        noun: Played {
            openers: &BOTH,
            start: shared,
            matter: |opener| item(opener, 0),
            acts: &[on_consent_request],
            state: of_consent_request,
            ends_by_time: false,
        },
    },
    Diagram {
        title: "Consent 同意",
        about: "Art. 7(2). It belongs to an item; here it has an end by time.",
        parties: ["originator", "receiver"],
        noun: Played {
            openers: &BOTH,
            start: shared,
            matter: |opener| item(opener, 0),
            acts: &[on_consent],
            state: of_consent,
            ends_by_time: true,
        },
    },
    Diagram {
        title: "Notice 申し出",
        about: "Art. 8. It belongs to the agreement. The giver is the agency that states it.",
        parties: ["giver", "receiver"],
        noun: Played {
            openers: &BOTH,
            start: |_| Pair::new(),
            matter: |_| agreement(),
            acts: &[on_notice],
            state: of_notice,
            ends_by_time: false,
        },
    },
];

fn of_noun(seen: Seen<'_>, matter: &Matter, _: Timestamp, _: Agency) -> StateName {
    registry::of(matter).state(matter, seen)
}

fn on_scheme(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    let (party, matter) = (pair.of(opener), scheme(opener, "virus"));
    let all = [acts::publish(opener, "virus"), acts::revise(party, &matter), acts::withdraw(party, &matter)];
    all.map(|act| (opener, act)).into()
}

fn on_referral(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    let (party, matter) = (pair.of(opener), referral(opener, 0));
    let issued = KINDS.map(|kind| issue(party, &matter, &report(opener, kind)));
    let mut unfit = report(opener, KINDS[0]);
    unfit.facts.personal_information = false;
    let unfit = issue(party, &matter, &unfit);
    let rest = [
        unfit,
        give(party, &matter),
        judge(party, &matter, Finding::DoesNotApply),
        judge(party, &matter, Finding::Applies),
        discharge(&matter),
    ];
    let own = issued.into_iter().chain(rest).map(|act| (opener, act));
    own.chain([(opener.peer(), follow_up(pair.of(opener.peer()), &matter))]).collect()
}

/// These choices, by whom they belong to.
fn chosen(pair: &Pair, opener: Agency, choices: &[Choice]) -> Vec<(Agency, Act)> {
    let by = |choice: &Choice| choice.author(opener);
    choices.iter().filter_map(|choice| Some((by(choice), choice.act(pair.of(by(choice)), 0)?))).collect()
}

/// Items of each kind, and one for a unit that the receiver does not have.
fn on_item(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    let (party, matter) = (pair.of(opener), item(opener, 0));
    let nowhere = within(designated(Audience::Units, &["nowhere"], &[Purpose::IncidentResponse]));
    let published = kinds(opener).iter().map(|kind| publish(party, &matter, *kind, terms()));
    let all = published.chain([publish(party, &matter, kinds(opener)[0], nowhere)]).map(|act| (opener, act));
    let rest: Vec<Choice> = ITEM.into_iter().filter(|it| *it != Choice::PublishItem).collect();
    all.chain(chosen(pair, opener, &rest)).collect()
}

fn on_consents_of_item(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    use Choice::{Deny, DiscloseByConsent, Grant, Narrow, PublishItem, RequestConsent, Revoke, WithdrawConsentRequest};
    let requested = [RequestConsent, WithdrawConsentRequest, Deny];
    chosen(pair, opener, &[&[PublishItem, Grant, Narrow, Revoke, DiscloseByConsent][..], &requested].concat())
}

fn on_disclosure(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    use Choice::{Announce, AnswerRecall, DiscloseByLaw, Opinion, PublishItem, RecallMisdirected, Remind};
    chosen(pair, opener, &[PublishItem, Announce, Opinion, DiscloseByLaw, RecallMisdirected, AnswerRecall, Remind])
}

fn on_misdirection(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    use Choice::{CloseMisdirection, CountReaders, PublishItem, Recall, RecallMisdirected, ReportMisdirection};
    chosen(pair, opener, &[PublishItem, ReportMisdirection, CountReaders, CloseMisdirection, RecallMisdirected, Recall])
}

fn on_recall(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    use Choice::{AnswerRecall, DisposeOwn, DisposePeers, PublishItem, Recall, ReviseItem};
    chosen(pair, opener, &[PublishItem, ReviseItem, DisposeOwn, DisposePeers, Recall, AnswerRecall])
}

fn shared(opener: Agency) -> Pair {
    Pair::new().after(opener, &[Choice::PublishItem], 0)
}

/// What ends, keeps or seals the consents and requests of an item.
const AROUND: [Choice; 6] = [
    Choice::ReviseItem,
    Choice::Keep,
    Choice::Recall,
    Choice::ReportMisdirection,
    Choice::CountReaders,
    Choice::CloseMisdirection,
];

fn on_consent_request(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    let is_first =
        shown(pair.of(opener).page(&item(opener, 0)), opener).is_none_or(|it| it.consent_requests.is_empty());
    let begin = [Choice::RequestConsent].into_iter().filter(|_| is_first);
    let rest = [Choice::Grant, Choice::Deny, Choice::WithdrawConsentRequest].into_iter().chain(AROUND);
    chosen(pair, opener, &begin.chain(rest).collect::<Vec<_>>())
}

fn on_consent(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    let (party, matter) = (pair.of(opener), item(opener, 0));
    let is_first = shown(party.page(&matter), opener).is_none_or(|it| it.consents.is_empty());
    let until = Some(stamp(party.now + 40.hours()));
    let terms = ConsentTerms { until, ..extent(&[listed(Body::Nco)], &consent_acts::TWO) };
    let begin = is_first.then(|| (opener, grant_for(party, &matter, terms, 0)));
    let rest = [Choice::Narrow, Choice::Revoke, Choice::DiscloseByConsent].into_iter().chain(AROUND);
    begin.into_iter().chain(chosen(pair, opener, &rest.collect::<Vec<_>>())).collect()
}

fn on_notice(pair: &Pair, opener: Agency) -> Vec<(Agency, Act)> {
    let (giver, receiver) = (pair.of(opener), pair.of(opener.peer()));
    let is_first = notices(giver, opener).is_empty() && records(giver, opener.peer()).is_empty();
    let begin = is_first.then(|| {
        [(opener, notice(giver, NoticeKind::Other)), (opener.peer(), received(receiver, NoticeKind::Other, "第1号"))]
    });
    let given = notices(giver, opener).into_iter().flat_map(|seq| {
        let paper = acts::paper(seq, receiver.now - 1.hour());
        [(opener, withdraw_notice(seq)), (opener.peer(), paper), (opener.peer(), assent(receiver, seq))]
    });
    let recorded = records(giver, opener.peer())
        .into_iter()
        .flat_map(|seq| [(opener, withdraw_record(seq)), (opener.peer(), assent_to_record(receiver, seq))]);
    begin.into_iter().flatten().chain(given).chain(recorded).collect()
}

fn shown(seen: Seen<'_>, opener: Agency) -> Option<Item> {
    Item::of(&item(opener, 0), seen, Timestamp::MIN, String::new())
}

fn of_consent_request(seen: Seen<'_>, matter: &Matter, now: Timestamp, _: Agency) -> StateName {
    let item = Item::of(matter, seen, now, String::new());
    let state = item.and_then(|it| it.consent_requests.first().map(|it| it.state())).unwrap_or_default();
    StateName { id: state.as_str_name(), ja: state.ja() }
}

fn of_consent(seen: Seen<'_>, matter: &Matter, now: Timestamp, _: Agency) -> StateName {
    let item = Item::of(matter, seen, now, String::new());
    let state = item.and_then(|it| it.consents.first().map(|it| it.state())).unwrap_or_default();
    StateName { id: state.as_str_name(), ja: state.ja() }
}

fn of_notice(seen: Seen<'_>, matter: &Matter, now: Timestamp, _: Agency) -> StateName {
    let agreement = Agreement::of(matter, seen, now, String::new());
    let state = agreement.and_then(|it| it.notices.first().map(|it| it.state())).unwrap_or_default();
    StateName { id: state.as_str_name(), ja: state.ja() }
}

const HEAD: &str = "<!-- Made from the rules by `./dev reference`; do not edit. -->

# States 状態

The states of each noun, and the facts that lead from one to the next. Nobody drew these diagrams: a test plays every act of both
agencies on the rules, from the first fact on (`shared/book/tests/rules/play.rs`). Each act arrives before the next one, so acts that
cross on the link are not shown; the first lines of the noun's file in `shared/domain/src/noun` state which of two wins. An arrow
names the facts with their author. A fact \"by the service\" is written by no official. The term of the agreement changes with the
calendar and the notices and has no diagram here: see [rules](rules.md).
";

fn document(all: &[(&Diagram, Found)]) -> String {
    let mut text = HEAD.to_owned();
    for (diagram, found) in all {
        write!(text, "\n## {}\n\n{}\n\n```mermaid\n", diagram.title, diagram.about).unwrap();
        text.push_str(&arrows(found, diagram));
        text.push_str("```\n");
        text.push_str(&loops(found, diagram));
    }
    text
}

fn arrows(found: &Found, diagram: &Diagram) -> String {
    let mut text = "stateDiagram-v2\n".to_owned();
    for state in found.states.iter().filter(|state| !is_start(state)) {
        writeln!(text, "    state \"{}<br/>{}\" as {}", words(state), state.ja, node(state)).unwrap();
    }
    for ((from, to), causes) in found.changes.iter().filter(|((from, to), _)| from != to) {
        let [from, to] = [from, to].map(|place| node(&found.states[*place]));
        writeln!(text, "    {from} --> {to}: {}", named(causes, diagram).join("<br/>")).unwrap();
    }
    text
}

/// The facts that leave a state as it is.
fn loops(found: &Found, diagram: &Diagram) -> String {
    let all = found.changes.iter().filter(|((from, to), _)| from == to && !is_start(&found.states[*from]));
    let row = |((place, _), causes): (&(usize, usize), &BTreeSet<Cause>)| {
        let state = &found.states[*place];
        format!("| {} {} | {} |\n", words(state), state.ja, named(causes, diagram).join(", "))
    };
    let rows: String = all.map(row).collect();
    let heading = "\n| State | Facts that leave it as it is |\n|---|---|\n";
    if rows.is_empty() { rows } else { format!("{heading}{rows}") }
}

fn is_start(state: &StateName) -> bool {
    state.id == "STATE_UNSPECIFIED"
}

fn node(state: &StateName) -> &'static str {
    if is_start(state) { "[*]" } else { state.id.trim_start_matches("STATE_") }
}

/// `STATE_HANDED_BACK` as "handed back".
fn words(state: &StateName) -> String {
    node(state).to_lowercase().replace('_', " ")
}

fn named(causes: &BTreeSet<Cause>, diagram: &Diagram) -> Vec<String> {
    let by_other = |cause: &Cause| matches!(cause, Cause::Fact { by_opener: false, .. });
    let of_both = |cause: &Cause| match *cause {
        Cause::Fact { number, by_opener, by_service } => {
            causes.contains(&Cause::Fact { number, by_opener: !by_opener, by_service })
        }
        Cause::Time => false,
    };
    let once = causes.iter().filter(|cause| !(of_both(cause) && by_other(cause)));
    let name = |cause: &Cause| {
        let Cause::Fact { number, by_opener, by_service } = *cause else { return "time passes".to_owned() };
        let party = if of_both(cause) { "both" } else { diagram.parties[usize::from(!by_opener)] };
        format!("{} ({party}{})", kind(number).name(), if by_service { ", by the service" } else { "" })
    };
    once.map(name).collect()
}

fn kind(number: u32) -> FactKind {
    FactKind::ALL.iter().copied().find(|kind| kind.rule().number == number).unwrap()
}

#[test]
fn the_diagrams_of_states_are_what_the_rules_do() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/states.md");
    let all: Vec<(&Diagram, Found)> = DIAGRAMS.iter().map(|it| (it, play(&it.noun))).collect();
    assert_eq!(unplayed(&all), [""; 0], "add an act to the play");
    let text = document(&all);
    #[expect(clippy::disallowed_methods, reason = "`./dev reference` tells the test to write")]
    if std::env::var_os("RENKEI_WRITE_REFERENCE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "docs/states.md is not what the rules do: run ./dev reference");
}

/// A fact of these nouns that no play makes would be missing from the diagrams.
fn unplayed(all: &[(&Diagram, Found)]) -> Vec<&'static str> {
    let nouns: BTreeSet<&str> = DIAGRAMS.iter().map(|it| (it.noun.matter)(Agency::Ppc).collection.word()).collect();
    let causes = all.iter().flat_map(|(_, found)| found.changes.values().flatten());
    let played: BTreeSet<u32> = causes
        .filter_map(|cause| match cause {
            Cause::Fact { number, .. } => Some(*number),
            Cause::Time => None,
        })
        .collect();
    let crossing = FactKind::ALL.iter().map(|kind| kind.rule()).filter(|rule| rule.author != Author::Private);
    let missing = crossing.filter(|rule| nouns.contains(rule.collection) && !played.contains(&rule.number));
    missing.map(|rule| rule.name).collect()
}
