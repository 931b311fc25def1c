//! Monthly counts of referrals (Art. 4(1)): their commands, and the counting of every month that has ended.

use jiff::civil::Date;
use renkei_book::{CallOrigin, Command, Stage};
use renkei_domain::{
    calendar,
    matter::Matter,
    moment::{Moment, Source, instant},
    noun::{Resource as _, referral, referral_counts, scheme},
    page::Journal,
    read_set::ReadSet,
    refusal::Refusal,
    tally::month_key,
};
use renkei_proto::{
    Sentence,
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{CodeCounted, FilingCounted, FollowUpReferralRequest, FollowUpReferralResponse, ReferralCounts},
    r#type::v1::Agency,
};
use renkei_store::{Error, Store};

use crate::{referral::acts::Quoted, scheme::own_scheme};

/// The most months that are looked at.
const MONTHS: usize = 24;

/// Counts every month since that of the first own entry that has ended and is not counted, oldest first. A month that
/// cannot be counted does not block the others.
///
/// # Errors
/// The first error of a month.
pub async fn count_months(store: &Store, source: &Source) -> Result<(), Error> {
    let own = store.own();
    let Some(first) = first_month(store).await? else { return Ok(()) };
    let mut month = referral_counts::month_before(calendar::day(source.moment().now));
    let mut missing = Vec::new();
    for _ in 0..MONTHS {
        let Some(begun) = referral_counts::month(&month).filter(|begun| *begun >= first) else { break };
        let matter = Matter::new(referral_counts::COLLECTION, own, &month).to_string();
        let page = store.page(&matter).await?;
        let before = referral_counts::month_before(begun);
        let month = std::mem::replace(&mut month, before);
        if !page.is_some_and(|page| referral_counts::is_counted(&page, own)) {
            missing.push(month);
        }
    }
    let mut counted = Ok(());
    for month in missing.into_iter().rev() {
        let (count, origin) = (Count { own, month }, CallOrigin::own("count_referrals"));
        let written = store.write("count_referrals", origin, source.moment(), count).await;
        counted = counted.and(written.map(|_| ()));
    }
    counted
}

/// The first day of the month in which the first own entry was written; `None` before there is one.
async fn first_month(store: &Store) -> Result<Option<Date>, Error> {
    let first = store.entries(Journal::Of(store.own()), 1, 1).await?;
    let written = first.first().and_then(|stored| stored.header.written_at.as_ref());
    Ok(written.map(|written| calendar::day(instant(written)).first_of_month()))
}

/// A filing of which only the month's count crosses.
pub struct CountFiling {
    /// The agency with which it was filed.
    pub own: Agency,
    /// The code that the reporter quotes, if they do.
    pub quoted: Option<Quoted>,
    /// The filing as the call states it.
    pub request: FollowUpReferralRequest,
}

impl CountFiling {
    fn matter(&self, moment: &Moment) -> Matter {
        let day = calendar::day(moment.now);
        Matter::new(referral_counts::COLLECTION, self.own, &format!("{:04}-{:02}", day.year(), day.month()))
    }
}

impl Command for CountFiling {
    type Reply = FollowUpReferralResponse;

    fn reads(&self, moment: &Moment) -> ReadSet {
        let month = month_key(calendar::day(moment.now));
        let keys = ReadSet::matter(self.matter(moment).to_string()).with(scheme::catalogues()).with_year(month);
        keys.with(self.quoted.as_ref().map(Quoted::reads).unwrap_or_default())
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<FollowUpReferralResponse, Refusal> {
        let it = &self.request;
        let filed_under = own_scheme(stage, &it.filed_under);
        referral::filing(&stage.view(), filed_under.as_ref(), &it.filed_on, moment.now)?;
        let counted = FilingCounted { filed_under, filed_on: it.filed_on.clone() };
        // A wrong code is no code: the filing counts, and nobody learns whether there is such a referral.
        let quoted = self.quoted.as_ref().filter(|quoted| quoted.is_right(stage));
        if quoted.is_some_and(|quoted| quoted.is_followed_up(stage) || quoted.is_counted(stage)) {
            let detail = (
                "the filing under this code was counted before: one filing counts once",
                "この番号による届出・報告は、既に件数に含まれています。一つの届出・報告は、1件と数えます。",
            );
            return Err(Refusal::field(Reason::CodeAlreadyUsed, "code", detail));
        }
        stage.write(&self.matter(moment), fact::Fact::FilingCounted(counted), None, 0)?;
        if let Some(quoted) = quoted {
            stage.write(&quoted.tries, fact::Fact::CodeCounted(CodeCounted {}), None, 0)?;
        }
        Ok(FollowUpReferralResponse { referral: None })
    }

    fn reply_to_repeat(&self, _: &Stage, _: &str, _: &Moment) -> Option<FollowUpReferralResponse> {
        Some(FollowUpReferralResponse { referral: None })
    }
}

/// Writes the own counts of a month that has ended.
pub struct Count {
    /// The agency that counts.
    pub own: Agency,
    /// The month, `YYYY-MM`.
    pub month: String,
}

impl Count {
    fn matter(&self) -> Matter {
        Matter::new(referral_counts::COLLECTION, self.own, &self.month)
    }
}

impl Command for Count {
    type Reply = ReferralCounts;

    fn reads(&self, _: &Moment) -> ReadSet {
        let keys = ReadSet::matter(self.matter().to_string()).with(scheme::catalogues());
        match referral_counts::month(&self.month) {
            Some(first) => keys.with_year(month_key(first)),
            None => keys,
        }
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<ReferralCounts, Refusal> {
        let matter = self.matter();
        let year = referral_counts::month(&self.month).map(month_key).unwrap_or_default();
        let view = stage.view();
        let ids = |agency: Agency| view.list(scheme::COLLECTION, agency).map(|(id, _)| id).collect::<Vec<_>>();
        let counted = referral_counts::count(&self.month, &ids(self.own), &ids(self.own.peer()), |kind| {
            stage.counter(year, kind)
        });
        stage.write(&matter, fact::Fact::ReferralsCounted(counted), None, 0)?;
        let name = matter.to_string();
        self.reply_to_repeat(stage, &name, moment)
            .ok_or_else(|| Refusal::new(Reason::Internal, Sentence::for_developers("the counts have no page")))
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, _: &Moment) -> Option<ReferralCounts> {
        ReferralCounts::of(&Matter::of(matter), stage.page(matter), stage.now(), String::new())
    }
}
