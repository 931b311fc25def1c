//! Faults that histories have found, each as the shortest story in which it showed.

use renkei_proto::{
    FactKind,
    r#type::v1::Agency::{Ipa, Ppc},
};
use renkei_simulation::{World, check::Violation};

/// The same story on every topology and with several orders of the sessions' steps.
fn told(story: impl Fn(&mut World) -> Result<(), Violation>) {
    for seed in 0..8 {
        let mut world = World::new(seed, true);
        if let Err(violation) = story(&mut world) {
            panic!("{violation}\n{}", world.story.join("\n"));
        }
    }
}

/// The entries that arrive during a recovery get no receipt, and there may be no later arrival that brings one.
#[test]
fn a_recovery_ends_with_a_receipt_for_what_came_during_it() {
    told(|world| {
        world.back_up(Ipa);
        world.acts(Ipa, "publish another scheme")?;
        world.acts(Ppc, "publish another scheme")?;
        world.goes_on()?;
        world.restore_copy(Ipa, 0, false);
        world.acts(Ppc, "request advice")?;
        world.start(Ipa);
        world.goes_on()?;
        world.is_at_rest()
    });
}

/// The peer signs with a key whose entry was lost with the database: its receipt comes before that entry does, and there is no
/// second one.
#[test]
fn a_receipt_that_comes_before_the_entry_that_adds_its_key_counts() {
    told(|world| {
        world.goes_on()?;
        world.block(Ipa);
        world.acts(Ppc, "publish another scheme")?;
        world.steps(60)?;
        world.back_up(Ppc);
        world.mend();
        world.goes_on()?;
        world.add_key(Ipa);
        world.goes_on()?;
        world.install_key(Ipa);
        world.restore_copy(Ppc, 0, false);
        world.start(Ppc);
        world.goes_on()?;
        world.is_at_rest()
    });
}

/// A version that does not understand an own entry which comes back told the peer that the peer's journal is stopped.
#[test]
fn an_own_entry_that_is_not_understood_does_not_stop_the_peers_journal() {
    told(|world| {
        world.back_up(Ppc);
        world.goes_on()?;
        // The bar is anchored in the own journal, which the peer has.
        world.acts(Ppc, "bar an official")?;
        world.goes_on()?;
        world.install(Ppc, Some(FactKind::PrivateAnchored));
        world.restore_copy(Ppc, 0, true);
        world.start(Ppc);
        // Sessions end and begin until the version is installed that understands the entry.
        let _ = world.goes_on();
        assert!(!world.story.iter().any(|line| line.contains("stop at")), "{}", world.story.join("\n"));
        world.install(Ppc, None);
        world.settle(1)
    });
}

/// The peer has stopped entries that say less than it was given a receipt for, and then loses them: its receipts name lower
/// numbers of its journal than before, and were taken for old ones.
#[test]
fn a_receipt_counts_after_a_loss_that_nobody_can_prove() {
    told(|world| {
        world.back_up(Ipa);
        world.goes_on()?;
        world.restore_copy(Ipa, 0, false);
        world.cut();
        world.start(Ipa);
        world.acts(Ppc, "publish an item for a unit that the receiver lacks")?;
        world.acts(Ipa, "publish another scheme")?;
        world.mend();
        world.goes_on()?;
        world.acts(Ppc, "widen an item")?;
        world.restore_copy(Ipa, 0, false);
        world.settle(1)
    });
}

/// The peer loses an entry and gets it back without the text, which a disposal has erased meanwhile. Then the decision on that is
/// lost too, with the author's database, of which the copy has the text again.
#[test]
fn a_text_that_a_lost_disposal_has_erased_may_be_at_one_side_alone() {
    told(|world| {
        world.goes_on()?;
        world.back_up(Ppc);
        world.acts(Ipa, "publish an item")?;
        world.goes_on()?;
        world.back_up(Ipa);
        world.cut();
        world.restore_copy(Ppc, 0, false);
        world.acts(Ipa, "recall an item")?;
        world.acts(Ipa, "approve a disposal")?;
        world.install(Ppc, Some(FactKind::ItemDisposed));
        world.start(Ppc);
        world.mend();
        world.goes_on()?;
        world.restore_copy(Ipa, 0, false);
        world.crash(Ppc);
        world.install(Ppc, None);
        world.settle(1)
    });
}

/// An agency acts on a copy, without knowing that it is one: it recalls an item and disposes of it. When the peer returns what was
/// lost, both entries are set aside. The text of the recall is erased already, and the recall was lost with it.
#[test]
fn a_recall_that_was_set_aside_is_written_again_without_its_erased_text() {
    told(|world| {
        world.acts(Ppc, "publish an item")?;
        world.goes_on()?;
        world.back_up(Ppc);
        world.acts(Ppc, "publish an item")?;
        world.goes_on()?;
        world.cut();
        world.restore_copy(Ppc, 0, false);
        world.acts(Ipa, "give feedback on an item")?;
        world.start(Ppc);
        world.acts(Ppc, "recall an item")?;
        world.acts(Ppc, "approve a disposal")?;
        world.mend();
        world.settle(1)
    });
}
