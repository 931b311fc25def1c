//! The state of a service as a table, for the operator's terminal.

use super::{HeldStands, NoticeStands, Status};

impl Status {
    /// One line per value, for the terminal.
    pub(crate) fn table(&self) -> String {
        let dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
        let mut rows = vec![
            ("agency", self.agency.clone()),
            ("service", self.service.clone()),
            ("link", [self.link.state.as_str(), self.link.cause.as_str()].join(": ").trim_end_matches(": ").to_owned()),
            ("database", if self.database.is_empty() { "answers".to_owned() } else { self.database.clone() }),
        ];
        for it in &self.link.lacking {
            let digest: String = it.digest.chars().take(8).collect();
            let lacks =
                format!("{} lacks the version that applies from {} (SHA-256 {digest}…)", it.agency, it.first_day);
            rows.push(("memorandum", lacks));
        }
        if let Some(bytes) = self.log_bytes {
            rows.push(("log of changes", format!("{bytes} bytes")));
        }
        if let Some(held) = &self.held {
            rows.extend(held.rows());
        }
        let skew = self.link.clock_skew_seconds.map(|apart| format!("{apart:.3} s apart from the peer's"));
        rows.push(("clock", dash(&skew.unwrap_or_default())));
        if !self.clock.is_empty() {
            rows.push(("clock doubted", self.clock.clone()));
        }
        for it in &self.trust {
            rows.push(("ends", format!("{} of {} in {} days, {}", it.what, it.port, it.days_left, it.ends_at)));
        }
        for it in &self.trust_faults {
            rows.push(("trust", format!("{}: {}", it.port, it.why)));
        }
        if let Some(watchers) = &self.watchers {
            rows.push(("watchers", format!("{}, the slowest {} changes behind", watchers.open, watchers.lag)));
        }
        rows.into_iter().map(|(name, value)| format!("{name:24}{value}")).collect::<Vec<_>>().join("\n")
    }
}

impl HeldStands {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let some = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let waiting = self.oldest_waiting.as_ref();
        let mut rows = vec![
            ("own journal", format!("{} (incarnation {})", self.own_seq, self.incarnation)),
            ("receipted", format!("{}, last at {}", self.receipted_seq, some(&self.last_receipt_at))),
            ("backlog", self.backlog.to_string()),
        ];
        if let Some(it) = waiting {
            rows.push(("oldest waiting", format!("{} {} in {}", it.entry, it.fact_type, it.matter)));
            rows.push(("waits", format!("for {} s, since {}: {}", it.for_seconds, it.written_at, it.why)));
        }
        rows.push(("peer's journal", format!("{}, {} more known to be there", self.peer_seq, self.expected)));
        rows.push(("stopped here at", some(&self.stopped_at)));
        rows.push(("stopped by the peer at", some(&self.stopped_by_peer_at)));
        rows.push(("recovering", self.recovering.to_string()));
        if self.bar_list_open {
            let waits = "wait until `recover --barred` has confirmed after the loss who is barred";
            rows.push(("officials", waits.to_owned()));
        }
        rows.push(("set aside", self.set_aside.to_string()));
        for it in &self.duties {
            let mark = provisional(it.next_due_by_rule);
            let next = it.next_due.as_ref().map(|day| format!(", next by {day}{mark}")).unwrap_or_default();
            let count = format!("{} open, {} overdue, {} due today", it.open, it.overdue, it.due_today);
            rows.push(("duty", format!("{}: {count}{next}: {}", it.kind, it.next_matter)));
        }
        if self.duties.is_empty() {
            rows.push(("duty", "-".to_owned()));
        }
        let notice = self.agreement.notice_by.as_ref().zip(self.agreement.notice_days_left);
        let mark = provisional(self.agreement.notice_by_rule);
        let notice = notice.map(|(by, days)| format!("; notice by {by}{mark}, {days} days left")).unwrap_or_default();
        rows.push(("agreement", format!("{}{notice}", self.agreement.standing)));
        if !self.agreement.notices.is_empty() {
            rows.push(("next term", self.agreement.next_term.clone()));
        }
        rows.extend(self.agreement.notices.iter().map(|it| ("notice", it.row())));
        rows.push(("audit", format!("not anchored for {} s", self.unanchored_for_seconds)));
        rows
    }
}

/// The mark of a day that rests on holidays which were not fixed.
fn provisional(by_rule: bool) -> &'static str {
    if by_rule { " (provisional)" } else { "" }
}

impl NoticeStands {
    /// One line: the notice, its arrival with the label, and what it waits for.
    fn row(&self) -> String {
        let number = if self.document.is_empty() { String::new() } else { format!(" ({})", self.document) };
        let arrived = match &self.arrived_at {
            Some(at) => format!("arrived {at}, {}", self.timing),
            None => "arrival pending".to_owned(),
        };
        let known = if self.receiver_only { ", known from its receiver only" } else { "" };
        let withdrawn = match self.state.as_str() {
            "WITHDRAWN" => ", withdrawn",
            _ if self.awaits_assent => ", its withdrawal waits for assent",
            _ => "",
        };
        let notice = format!("{} of {} about term {}{number}", self.kind, self.giver, self.term);
        format!("{notice}: written {}, {arrived}{known}{withdrawn}: {}", self.written_on, self.entry)
    }
}
