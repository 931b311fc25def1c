//! Both desks, and what their officials and the reporters know.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use prost::Message as _;
use renkei_client::Answer;
use renkei_domain::matter::{Collection, Matter, parse_entry_name};
use renkei_proto::{
    advice::v1::ListAdviceRequestsRequest,
    referral::v1::{ListReferralsRequest, ListSchemesRequest},
    sharing::v1::ListItemsRequest,
    r#type::v1::Agency,
};
use renkei_simulation::generator::Shown;
use tokio::{runtime::Handle, task::block_in_place, time::Instant};

use super::figures::Figures;
use crate::{
    acts::{Acts, Reply, both},
    clock::Clock,
    pair::{Pair, machine_time},
};

/// The number of matters of a list among which an official chooses.
const NEWEST: u32 = 20;

/// Both desks.
pub(super) struct Desks {
    acts: [Acts; 2],
    /// The clock of the requests.
    clock: Clock,
    /// The codes of referrals, as their reporters have them, by the referral's name.
    codes: Mutex<BTreeMap<String, String>>,
    /// By agency, the numbers of the entries that officials were told of.
    acknowledged: Mutex<BTreeMap<&'static str, BTreeSet<u64>>>,
    /// The repeats that did not get the first answer, with their number.
    unequal: Mutex<BTreeMap<String, u64>>,
    figures: Mutex<Figures>,
}

impl Desks {
    pub(super) fn new(pair: &Pair) -> Result<Self, String> {
        let (ppc, ipa) = both(pair)?;
        Ok(Self {
            acts: [ppc, ipa],
            clock: pair.clock.clone(),
            codes: Mutex::default(),
            acknowledged: Mutex::default(),
            unequal: Mutex::default(),
            // The figures of the warm-up are never printed.
            figures: Mutex::new(Figures::new(Instant::now(), Duration::ZERO)?),
        })
    }

    pub(super) fn acts(&self, agency: Agency) -> &Acts {
        &self.acts[usize::from(agency == Agency::Ipa)]
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        locked(&self.figures)
    }

    /// Sets the clock of the requests by the machine's, which is that of the services.
    pub(super) fn set_clock(&self) -> Result<(), String> {
        self.clock.set(Timestamp::try_from(machine_time()).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Notes what an answer tells an official and a reporter.
    pub(super) fn note(&self, own: Agency, reply: &Reply) {
        let named = reply.entries.iter().filter_map(|name| parse_entry_name(name));
        let newest = named.filter(|(author, _)| *author == own).map(|(_, seq)| seq).max();
        locked(&self.acknowledged).entry(own.id()).or_default().extend(newest);
        locked(&self.codes).extend(reply.code.clone());
    }

    /// The numbers of an agency's entries that officials were told of.
    pub(super) fn acknowledged(&self, own: Agency) -> BTreeSet<u64> {
        locked(&self.acknowledged).get(own.id()).cloned().unwrap_or_default()
    }

    /// Notes a repeat that did not get the first answer.
    pub(super) fn note_unequal(&self, what: String) {
        *locked(&self.unequal).entry(what).or_default() += 1;
    }

    /// The repeats that did not get the first answer, with their number.
    pub(super) fn unequal(&self) -> BTreeMap<String, u64> {
        locked(&self.unequal).clone()
    }

    /// One desk as its officials see it.
    pub(super) fn shown(&self, own: Agency) -> impl Shown {
        ShownDesk { acts: self.acts(own), codes: &self.codes }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A desk that is read by calls whenever a generator looks at it.
struct ShownDesk<'a> {
    acts: &'a Acts,
    codes: &'a Mutex<BTreeMap<String, String>>,
}

impl ShownDesk<'_> {
    async fn newest(&self, collection: Collection, opener: Agency) -> Answer<Vec<String>> {
        let (parent, page_size, page_token) = (format!("agencies/{}", opener.id()), NEWEST, String::new());
        Ok(match collection.word() {
            "schemes" => {
                let request = ListSchemesRequest { parent, page_size, page_token };
                self.acts.list_schemes(request).await?.schemes.into_iter().map(|it| it.name).collect()
            }
            "referrals" => {
                let request = ListReferralsRequest { parent, page_size, page_token, ..Default::default() };
                self.acts.list_referrals(request).await?.referrals.into_iter().map(|it| it.name).collect()
            }
            "adviceRequests" => {
                let request = ListAdviceRequestsRequest { page_size, page_token, ..Default::default() };
                let listed = self.acts.list_advice_requests(request).await?;
                listed.advice_requests.into_iter().map(|it| it.name).collect()
            }
            "items" => {
                let request = ListItemsRequest { parent, page_size, page_token, ..Default::default() };
                self.acts.list_items(request).await?.items.into_iter().map(|it| it.name).collect()
            }
            _ => Vec::new(),
        })
    }

    async fn get(&self, name: &str) -> Answer<Vec<u8>> {
        Ok(match Matter::of(name).collection.word() {
            "schemes" => self.acts.scheme(name).await?.encode_to_vec(),
            "referrals" => self.acts.referral(name).await?.encode_to_vec(),
            "adviceRequests" => self.acts.advice_request(name).await?.encode_to_vec(),
            _ => self.acts.item(name).await?.encode_to_vec(),
        })
    }
}

impl Shown for ShownDesk<'_> {
    fn own(&self) -> Agency {
        self.acts.agency
    }

    fn names(&self, collection: Collection, opener: Agency) -> Vec<String> {
        let newest = wait(self.newest(collection, opener)).unwrap_or_default();
        // Generators expect the newest last.
        newest.into_iter().rev().collect()
    }

    fn resource(&self, name: &str) -> Option<Vec<u8>> {
        wait(self.get(name)).ok()
    }

    fn code(&self, referral: &str) -> Option<String> {
        locked(self.codes).get(referral).cloned()
    }
}

/// Generators do not wait, but a desk is far away. Other tasks go on meanwhile on another thread.
fn wait<T>(call: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(call))
}
