//! The state of a service as a table, for the operator's terminal.

use renkei_proto::{
    agreement::v1::{NoticeKind, NoticeTiming, agreement, notice},
    duty::v1::DutyKind,
    link::v1::link_status,
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::{
    AGREEMENT_DIFFERS, CERTIFICATE, CONNECTED, HeldStands, LinkStands, NoticeStands, RUNNING, Status, TermStands,
};
use crate::language::{Language, padded};

/// The columns of the names.
const NAMES: usize = 24;

/// A name in both languages, and the value in one.
type Row = ((&'static str, &'static str), String);

impl Status {
    /// One line per value, for the terminal.
    pub(crate) fn table(&self, language: Language) -> String {
        let mut rows: Vec<Row> = vec![
            (("agency", "機関"), agency(&self.agency, language)),
            (("service", "サービス"), self.service(language)),
            (("link", "機関間接続"), self.link.row(self.service == RUNNING, language)),
            (("database", "データベース"), self.database(language)),
        ];
        for it in &self.link.lacking {
            let digest: String = it.digest.chars().take(8).collect();
            let lacks =
                format!("{} lacks the version that applies from {} (SHA-256 {digest}…)", it.agency, it.first_day);
            rows.push((
                ("memorandum", "覚書の版"),
                language.say(
                    lacks,
                    format!(
                        "{}に、{}から適用される版がありません（SHA-256 {digest}…）。",
                        agency(&it.agency, language),
                        it.first_day
                    ),
                ),
            ));
        }
        if let Some(bytes) = self.log_bytes {
            rows.push((
                ("log of changes", "変更ログ"),
                language.say(format!("{bytes} bytes"), format!("{bytes} バイト")),
            ));
        }
        if let Some(held) = &self.held {
            rows.extend(held.rows(&self.link, language));
        }
        let skew = self.link.clock_skew_seconds.map(|apart| {
            language.say(format!("{apart:.3} s apart from the peer's"), format!("相手方との差 {apart:.3} 秒"))
        });
        rows.push((("clock", "時計"), skew.unwrap_or_else(|| "-".to_owned())));
        if !self.clock.is_empty() {
            rows.push((("clock doubted", "時計の疑義"), self.clock.clone()));
        }
        for it in &self.trust {
            let ends = language.retold(&it.ends_at);
            let what = if it.what == CERTIFICATE { "証明書" } else { "失効リスト" };
            rows.push((
                ("ends", "有効期限"),
                language.say(
                    format!("{} of {} ({}) in {} days, {ends}", it.what, it.port, it.version, it.days_left),
                    format!("{} の{what}（{}）：残り {} 日、{ends}", it.port, it.version, it.days_left),
                ),
            ));
        }
        for it in &self.trust_faults {
            rows.push((("trust", "証明書等の異常"), format!("{}: {}", it.port, it.why)));
        }
        if let Some(it) = &self.watchers {
            let told = language.say(
                format!("{}, the slowest {} changes behind", it.open, it.lag),
                format!("{} 件、最大の遅れ {} 件", it.open, it.lag),
            );
            rows.push((("watchers", "更新通知の受信"), told));
        }
        let line = |((en, ja), value): Row| format!("{}{value}", padded(&language.say(en, ja), NAMES));
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn service(&self, language: Language) -> String {
        language.say(&self.service, if self.service == RUNNING { "稼働中" } else { "停止中" })
    }

    fn database(&self, language: Language) -> String {
        if self.database.is_empty() { language.say("answers", "応答あり") } else { self.database.clone() }
    }
}

impl LinkStands {
    fn row(&self, runs: bool, language: Language) -> String {
        let state = language.say(&self.state, self.state().ja());
        let cause = if runs { self.cause.clone() } else { language.say(&self.cause, "サービス停止中") };
        let of = language.say(": ", "：");
        if cause.is_empty() { state } else { format!("{state}{of}{cause}") }
    }

    /// The state of the contract.
    pub(crate) fn state(&self) -> link_status::State {
        match self.state.as_str() {
            CONNECTED => link_status::State::Connected,
            AGREEMENT_DIFFERS => link_status::State::AgreementDiffers,
            _ => link_status::State::Waiting,
        }
    }
}

impl HeldStands {
    fn rows(&self, link: &LinkStands, language: Language) -> Vec<Row> {
        let some = |text: &Option<String>| text.as_ref().map_or_else(|| "-".to_owned(), |at| language.retold(at));
        let receipted = some(&self.last_receipt_at);
        let mut rows: Vec<Row> = vec![
            (
                ("own journal", "自機関の発信記録簿"),
                language.say(
                    format!("{} (incarnation {})", self.own_seq, self.incarnation),
                    format!("{}（第 {} 世代）", self.own_seq, self.incarnation),
                ),
            ),
            (
                ("receipted", "相手方の受領証"),
                language.say(
                    format!("{}, last at {receipted}", self.receipted_seq),
                    format!("{} まで、最終 {receipted}", self.receipted_seq),
                ),
            ),
            (("backlog", "未受領"), language.say(self.backlog.to_string(), format!("{} 件", self.backlog))),
        ];
        if let Some(it) = &self.oldest_waiting {
            let named = format!("{} {}", it.entry, language.fact(&it.fact_type));
            rows.push((
                ("oldest waiting", "最も古い未受領"),
                language.say(format!("{named} in {}", it.matter), format!("{named}（{}）", it.matter)),
            ));
            let since = language.retold(&it.written_at);
            rows.push((
                ("waits", "待ち時間"),
                language.say(
                    format!("for {} s, since {since}: {}", it.for_seconds, it.why),
                    format!("{} 秒、{since} から：{}", it.for_seconds, self.why_ja(link)),
                ),
            ));
        }
        rows.push((
            ("peer's journal", "相手方の発信記録簿"),
            language.say(
                format!("{}, {} more known to be there", self.peer_seq, self.expected),
                format!("{}、未着 {} 件", self.peer_seq, self.expected),
            ),
        ));
        rows.push((("stopped here at", "当方での停止"), stop(self.stopped_at.as_deref(), language)));
        rows.push((("stopped by the peer at", "相手方での停止"), stop(self.stopped_by_peer_at.as_deref(), language)));
        let recovering = if self.recovering { "復旧中" } else { "なし" };
        rows.push((("recovering", "復旧"), language.say(self.recovering.to_string(), recovering)));
        if self.bar_list_open {
            let waits = language.say(
                "wait until `recover --barred` has confirmed after the loss who is barred",
                "`recover --barred` で利用停止中の者を確認するまで、操作できません。",
            );
            rows.push((("officials", "役職員等"), waits));
        }
        rows.push((
            ("set aside", "退避した記録"),
            language.say(self.set_aside.to_string(), format!("{} 件", self.set_aside)),
        ));
        rows.extend(self.duty_rows(language).into_iter().map(|row| (("duty", "対応事項"), row)));
        rows.extend(self.agreement_rows(language));
        rows.push((
            ("audit", "監査記録"),
            language.say(
                format!("not anchored for {} s", self.unanchored_for_seconds),
                format!("未固定の時間 {} 秒", self.unanchored_for_seconds),
            ),
        ));
        rows
    }

    /// The cause for which the oldest entry waits. The peer's own words on the link stay as they are.
    pub(crate) fn why_ja(&self, link: &LinkStands) -> String {
        match (&self.stopped_by_peer_at, link.state()) {
            (Some(at), _) => {
                let at = stop(Some(at), Language::Ja);
                format!(
                    "相手方がこの発信記録簿の受入れを停止しています（{at}）。相手方の運用担当者が `resume` で再開します。"
                )
            }
            (None, _) if self.recovering => "自機関の発信記録簿を取り戻しています。".to_owned(),
            (None, link_status::State::Connected) => "送信中です。".to_owned(),
            (None, state) if link.cause.is_empty() => format!("{}です。", state.ja()),
            (None, state) => format!("{}（{}）", state.ja(), link.cause),
        }
    }

    fn duty_rows(&self, language: Language) -> Vec<String> {
        if self.duties.is_empty() {
            return vec!["-".to_owned()];
        }
        let row = |it: &super::Duties| {
            let kind = duty_ja(&it.kind);
            let next = it.next_due.as_ref();
            let mark = provisional(it.next_due_by_rule, language);
            language.say(
                format!(
                    "{}: {} open, {} overdue, {} due today{}: {}",
                    it.kind,
                    it.open,
                    it.overdue,
                    it.due_today,
                    next.map(|day| format!(", next by {day}{mark}")).unwrap_or_default(),
                    it.next_matter
                ),
                format!(
                    "{kind}：未了 {} 件、期限超過 {} 件、本日期限 {} 件{}：{}",
                    it.open,
                    it.overdue,
                    it.due_today,
                    next.map(|day| format!("、次の期日 {day}{mark}")).unwrap_or_default(),
                    it.next_matter
                ),
            )
        };
        self.duties.iter().map(row).collect()
    }

    fn agreement_rows(&self, language: Language) -> Vec<Row> {
        let it = &self.agreement;
        let mark = provisional(it.notice_by_rule, language);
        let notice = it.notice_by.as_ref().zip(it.notice_days_left).map(|(by, days)| {
            language.say(
                format!("; notice by {by}{mark}, {days} days left"),
                format!("。申し出の最終開庁日 {by}{mark}（残り {days} 日）"),
            )
        });
        let standing = it.current.row(&it.standing, language);
        let mut rows: Vec<Row> = vec![(("agreement", "覚書"), format!("{standing}{}", notice.unwrap_or_default()))];
        if !it.notices.is_empty() {
            rows.push((("next term", "次の有効期間"), it.next.row(&it.next_term, language)));
        }
        rows.extend(it.notices.iter().map(|it| (("notice", "申し出"), it.row(language))));
        rows
    }
}

impl TermStands {
    /// The standing in words; the English ones are those of the status.
    pub(crate) fn row(&self, english: &str, language: Language) -> String {
        let Some(state) = agreement::State::from_str_name(&format!("STATE_{}", self.state)) else {
            return english.to_owned();
        };
        let (name, term, day) = (state.ja(), self.term, &self.day);
        let japanese = match state {
            agreement::State::InForce => format!("{name}（第 {term} 期、{day} まで）"),
            agreement::State::Disputed => format!("{name}（第 {term} 期、{day} から）"),
            agreement::State::Expired => format!("{name}（第 {term} 期、{day} 満了）"),
            _ => name.to_owned(),
        };
        language.say(english, japanese)
    }
}

/// The Japanese name of a kind of duty; its id for a kind without one.
pub(crate) fn duty_ja(kind: &str) -> &str {
    let known = DutyKind::from_str_name(&format!("DUTY_KIND_{}", kind.to_uppercase()));
    known.map(DutyKind::ja).filter(|ja| !ja.is_empty()).unwrap_or(kind)
}

/// The mark of a day that rests on holidays which were not fixed.
pub(crate) fn provisional(by_rule: bool, language: Language) -> String {
    if by_rule { language.say(" (provisional)", "（暫定）") } else { String::new() }
}

impl NoticeStands {
    /// One line: the notice, its arrival with the label, and what it waits for.
    fn row(&self, language: Language) -> String {
        match language {
            Language::En => self.english(),
            Language::Ja => self.japanese(),
        }
    }

    fn english(&self) -> String {
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

    fn japanese(&self) -> String {
        let kind = NoticeKind::from_str_name(&format!("NOTICE_KIND_{}", self.kind)).unwrap_or_default();
        let timing = NoticeTiming::from_str_name(&format!("NOTICE_TIMING_{}", self.timing)).unwrap_or_default();
        let state = notice::State::from_str_name(&format!("STATE_{}", self.state)).unwrap_or_default();
        let number = if self.document.is_empty() { String::new() } else { format!("、{}", self.document) };
        let arrived = match &self.arrived_at {
            Some(at) => format!("到達 {}（{}）", Language::Ja.retold(at), timing.ja()),
            None => notice::State::PendingArrival.ja().to_owned(),
        };
        let known = if self.receiver_only { "、受領側の記録のみ" } else { "" };
        let withdrawn = match state {
            notice::State::Withdrawn => format!("、{}", state.ja()),
            _ if self.awaits_assent => "、取下げへの同意待ち".to_owned(),
            _ => String::new(),
        };
        let giver = agency(&self.giver, Language::Ja);
        let notice = format!("{}（{giver}、第 {} 期{number}）", kind.ja(), self.term);
        format!("{notice}：作成 {}、{arrived}{known}{withdrawn}：{}", self.written_on, self.entry)
    }
}

/// The number and the reason of a stop, such as `17 GAP`.
pub(crate) fn stop(at: Option<&str>, language: Language) -> String {
    let Some(at) = at else { return "-".to_owned() };
    let told = at.split_once(' ').and_then(|(seq, id)| {
        let reason = Reason::from_str_name(&format!("REASON_{id}"))?;
        Some(format!("{seq}（{}：{id}）", reason.ja()))
    });
    language.say(at, told.unwrap_or_else(|| at.to_owned()))
}

/// The name of an agency with this id.
pub(crate) fn agency(id: &str, language: Language) -> String {
    let known = Agency::from_id(id).map(Agency::ja);
    language.say(id, known.filter(|ja| !ja.is_empty()).unwrap_or(id))
}
