//! The state of both agencies after a soak: first as the services show it, then in the databases.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use renkei_domain::{matter::Matter, page::Journal};
use renkei_journal::Hash;
use renkei_proto::{
    evidence::v1::VerifiedJournal,
    journal::v1::Header,
    sharing::v1::{Consent, Item, ListItemsRequest, consent},
    r#type::v1::Agency::{self, Ipa, Ppc},
};
use renkei_store::Store;
use tonic::Code;

use super::desks::Desks;
use crate::{acts::Acts, database, desk::failure, fault::Report, pair::Pair, setup::AGENCIES};

/// The number of matters of a page, and of entries that are read at once.
const PAGE: u32 = 500;
/// The collections whose resources name all of their entries, so that every act in them is acknowledged by its entry.
const NAMED: [&str; 3] = ["adviceRequests", "items", "referrals"];
/// The facts in these collections that services write by themselves.
const OWN: [&str; 3] = ["entry_refused", "item_units_missing", "recall_answered"];

/// Checks what the services show at rest.
///
/// # Errors
/// Fails if a call fails.
pub(super) async fn of_services(desks: &Desks, report: &mut Report<'_>) -> Result<(), String> {
    let unequal: Vec<(String, u64)> = desks.unequal().into_iter().collect();
    report.check(&format!("every repeat got the first answer{}", but(&unequal)), unequal.is_empty());
    let mut journals = Vec::new();
    for agency in AGENCIES {
        let (id, acts) = (agency.id(), desks.acts(agency));
        let link = acts.link().await?;
        report.check(&format!("{id} has a receipt for each of its {} entries", link.own_seq), link.backlog == 0);
        match acts.verify().await {
            Ok(it) => {
                let faults: Vec<&str> = [it.fault.as_str()].into_iter().filter(|fault| !fault.is_empty()).collect();
                report.check(&format!("VerifyJournals of {id} finds nothing{}", but(&faults)), faults.is_empty());
                journals.push(shared(it.journals));
            }
            // The command line proves the same without a limit.
            Err(late) if late.code == Code::DeadlineExceeded => {
                report.figure(&format!("VerifyJournals of {id}"), "the journals are too long for one call");
            }
            Err(refused) => return Err(failure(refused)),
        }
    }
    report.check("both services prove the same journals", journals.windows(2).all(|both| both[0] == both[1]));
    let (here, there) = (items(desks.acts(Ppc)).await?, items(desks.acts(Ipa)).await?);
    // Recalls and their scopes hide some of the other agency's items.
    let both: Vec<&String> = here.keys().filter(|name| there.contains_key(*name)).collect();
    let differing: Vec<&String> = both.iter().copied().filter(|name| here[*name] != there[*name]).collect();
    let promise = format!("{} items have the same state at both desks{}", both.len(), but(&differing));
    report.check(&promise, differing.is_empty());
    Ok(())
}

/// The journals that both agencies have.
fn shared(journals: Vec<VerifiedJournal>) -> Vec<VerifiedJournal> {
    let mut shared: Vec<_> = journals.into_iter().filter(|it| Agency::from_id(&it.journal).is_some()).collect();
    shared.sort_by(|one, other| one.journal.cmp(&other.journal));
    shared
}

/// What both agencies must agree on about each item that a desk lists, by its name.
async fn items(acts: &Acts) -> Result<BTreeMap<String, Item>, String> {
    let (mut all, mut page_token) = (BTreeMap::new(), String::new());
    loop {
        let request =
            ListItemsRequest { parent: "agencies/-".to_owned(), page_size: PAGE, page_token, ..Default::default() };
        let page = acts.list_items(request).await.map_err(failure)?;
        all.extend(page.items.into_iter().map(|it| (it.name.clone(), agreed(it))));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// The part of an item that is the same at both desks, whenever each of them is asked.
fn agreed(it: Item) -> Item {
    // A consent ends by the clock, between the answers of the two desks.
    let consents = it.consents.into_iter().map(|consent| match consent.state() {
        consent::State::Expired => Consent { state: consent::State::InForce.into(), ..consent },
        _ => consent,
    });
    Item {
        consents: consents.collect(),
        name: it.name,
        state: it.state,
        revision: it.revision,
        recalled_at: it.recalled_at,
        recall_reason: it.recall_reason,
        consent_requests: it.consent_requests,
        legal_disclosures: it.legal_disclosures,
        disclosures: it.disclosures,
        recall_answer_by: it.recall_answer_by,
        copies: it.copies,
        recall_complete: it.recall_complete,
        copies_outside: it.copies_outside,
        reminders: it.reminders,
        disposals: it.disposals,
        misdirection: it.misdirection,
        ..Item::default()
    }
}

/// Checks the databases of services that have ended.
///
/// # Errors
/// Fails if a program cannot be started or a database cannot be read.
pub(super) async fn of_databases(pair: &Pair, desks: &Desks, report: &mut Report<'_>) -> Result<(), String> {
    for agency in AGENCIES {
        for task in ["verify", "rebuild"] {
            let (code, said) = pair.command_line(agency, &[task]).await?;
            let last = said.lines().last().unwrap_or_default();
            report.check(&format!("{} {task}: {last}", agency.id()), code == Some(0));
        }
    }
    let stores = [database::open(&pair.setup, Ppc).await?, database::open(&pair.setup, Ipa).await?];
    for author in AGENCIES {
        let [ppc, ipa] = [journal(&stores[0], author).await?, journal(&stores[1], author).await?];
        report.check(&format!("the journal of {} is the same in both databases", author.id()), ppc == ipa);
        acts(if author == Ppc { &ppc } else { &ipa }, author, desks, report);
    }
    Ok(())
}

/// Checks an agency's own journal against what its officials were told: nothing is missing, and no act whose answer was
/// lost was carried out again.
fn acts(own: &[(Header, Hash)], author: Agency, desks: &Desks, report: &mut Report<'_>) {
    let (id, acknowledged) = (author.id(), desks.acknowledged(author));
    let stored: BTreeSet<u64> = own.iter().map(|(header, _)| header.seq).collect();
    let missing: Vec<&u64> = acknowledged.difference(&stored).collect();
    let promise = format!("all {} acts that {id} acknowledged are in its journal{}", acknowledged.len(), but(&missing));
    report.check(&promise, missing.is_empty());
    let is_act = |header: &&Header| {
        let collection = Matter::of(&header.matter).collection.word();
        NAMED.contains(&collection) && !OWN.contains(&header.fact_type.as_str())
    };
    let acts = own.iter().map(|(header, _)| header).filter(is_act).map(|header| header.seq);
    let further: Vec<u64> = acts.filter(|seq| !acknowledged.contains(seq)).collect();
    report.check(&format!("{id} carried out no act twice{}", but(&further)), further.is_empty());
    let refused = own.iter().filter(|(header, _)| header.fact_type == "entry_refused");
    let refused: Vec<u64> = refused.map(|(header, _)| header.seq).collect();
    report.check(&format!("{id} refuses no entry of the peer{}", but(&refused)), refused.is_empty());
}

/// The exceptions to a promise, if there are any.
fn but<T: Debug>(exceptions: &[T]) -> String {
    if exceptions.is_empty() { String::new() } else { format!(", but {exceptions:?}") }
}

/// The headers of a journal with their hashes, each of which covers all entries before.
async fn journal(store: &Store, author: Agency) -> Result<Vec<(Header, Hash)>, String> {
    let mut all: Vec<(Header, Hash)> = Vec::new();
    loop {
        let from = all.last().map_or(1, |(last, _)| last.seq + 1);
        let page = store.entries(Journal::Of(author), from, PAGE as usize).await.map_err(|error| error.to_string())?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page.into_iter().map(|entry| (entry.header, entry.hash)));
    }
}
