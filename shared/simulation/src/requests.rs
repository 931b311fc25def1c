//! Sound requests of an agency's systems, of which a test or a generator changes the part that it tries.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use renkei_domain::moment::Moment;
use renkei_proto::r#type::v1::Agency;

mod advice;
mod agreement;
mod consent;
mod content;
mod disclosure;
mod evidence;
mod item;
mod recall;
mod recipient;
mod referral;

pub use content::{item_content, scope_facts, terms, terms_for, to_audience, to_the_party, to_units, words};
pub use recipient::{body, named, stated, stated_again, unit};

/// The makers of one agency's requests.
pub struct Requests {
    /// The agency in whose name they are made.
    pub agency: Agency,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    ids: Moment,
    drawn: AtomicU64,
}

impl Requests {
    /// The requests of an agency by this clock. No two makers of an agency with the same seed live at once, because they
    /// would give the same ids.
    pub fn new(agency: Agency, seed: [u8; 32], clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let ids = Moment::new(Timestamp::UNIX_EPOCH, seed);
        Self { agency, clock: Box::new(clock), ids, drawn: AtomicU64::new(0) }
    }

    /// The time of the requests.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A request id that was never given.
    pub fn request_id(&self) -> String {
        self.ids.id("request", self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// The reference of a report that was never referred.
    pub fn report(&self) -> String {
        self.ids.id("report", self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}
