//! Commands on one stage: the rest that a refused one leaves, and the others that it does not touch.

use std::collections::BTreeSet;

use renkei_book::{CallOrigin, Command as _, Heads, Rows, SignReceipt, Stage};
use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::{journal, official},
    page::Journal,
    refusal::Refusal,
};
use renkei_proto::{
    Sentence,
    journal::v1::{BarReason, KindsSpoken, OfficialBarred, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::model::{BOTH, at};

const OWN: Agency = Agency::Ppc;

fn moment() -> Moment {
    Moment::new(at("2026-11-24T09:00:00+09:00"), [1; 32])
}

/// A stage with the pages that every batch loads and that of one official.
fn stage() -> Stage {
    let mut stage = Stage::new(OWN, Heads::default(), moment());
    let mut matters = BTreeSet::from([Matter::AGREEMENT.to_owned(), official::matter(OWN, "yamada").to_string()]);
    matters.extend(BOTH.map(journal::name));
    stage.load(Rows { matters, ..Rows::default() });
    stage
}

fn run<T>(
    stage: &mut Stage,
    command: impl FnOnce(&mut Stage, &Moment) -> Result<T, Refusal>,
) -> Result<T, Option<Reason>> {
    stage.run(&CallOrigin::own("test"), &moment(), command).map_err(|refusal| Some(refusal.reason))
}

/// Writes an entry of the own journal.
fn speak(stage: &mut Stage, kind: &str) -> Result<u64, Refusal> {
    let kinds = fact::Fact::KindsSpoken(KindsSpoken { kinds: vec![kind.to_owned()] });
    stage.write(&Matter::journal(OWN), kinds, None, 0)
}

/// Notes that an official is barred, whether the command is refused or not.
fn note(stage: &mut Stage, id: &str) {
    let barred = OfficialBarred { reason: BarReason::Left.into() };
    stage.note(official::matter(OWN, id), fact::Fact::OfficialBarred(barred), None);
}

fn no<T>() -> Result<T, Refusal> {
    Err(Refusal::new(Reason::WrongState, Sentence::for_developers("no")))
}

#[test]
fn a_refused_command_leaves_its_notes_and_nothing_else() {
    let mut stage = stage();
    let refused = run(&mut stage, |stage, now| {
        SignReceipt.run(stage, now)?;
        speak(stage, "notice_given")?;
        note(stage, "yamada");
        no::<()>()
    });
    assert_eq!(refused, Err(Some(Reason::WrongState)));
    let heads = stage.heads();
    assert_eq!((heads.own.seq, heads.private.seq, heads.turn), (0, 1, 1));
    assert!(stage.due_anchor().is_some(), "a note that protects is anchored");
    let (staged, _) = stage.finish();
    assert_eq!(staged.entries.iter().map(|it| it.journal).collect::<Vec<_>>(), [Journal::Private]);
    assert_eq!((staged.pages.len(), staged.events.len(), staged.signs), (1, 0, false));
}

#[test]
fn a_note_that_cannot_be_written_refuses_its_own_command_alone() {
    let mut stage = stage();
    run(&mut stage, |stage, _| speak(stage, "notice_given")).unwrap();
    let before = stage.heads().clone();
    for answer in [Ok(()), no()] {
        let refused = run(&mut stage, |stage, _| {
            speak(stage, "notice_arrived")?;
            note(stage, "yamada");
            // The command did not name this page.
            note(stage, "suzuki");
            answer
        });
        assert_eq!(refused, Err(Some(Reason::Internal)));
        assert_eq!(stage.heads(), &before);
    }
    assert!(stage.due_anchor().is_none());
    assert_eq!(run(&mut stage, |stage, _| speak(stage, "notice_withdrawn")), Ok(2));
    let (staged, _) = stage.finish();
    assert_eq!(
        staged.entries.iter().map(|it| (it.journal, it.turn)).collect::<Vec<_>>(),
        [(Journal::Of(OWN), 1), (Journal::Of(OWN), 2)]
    );
    assert!(
        staged.events.is_empty() && staged.entries.iter().all(|it| it.state.is_some()),
        "entries are told themselves"
    );
    assert_eq!(staged.pages[&Matter::journal(OWN).to_string()].changed, 2);
}
