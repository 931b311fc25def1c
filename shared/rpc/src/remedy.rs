//! What a reason means, and what a caller does about it: the reference of the contract and the command line print it.

use std::time::Duration;

use renkei_proto::options::v1::Reason;

use crate::{
    comment::{COMMENTED, comment},
    reason::answer,
};

/// The advice for a caller about a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The English text, for developers.
    pub english: &'static str,
    /// The Japanese text, for developers and operators.
    pub japanese: &'static str,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// After this time.
    After(Duration),
    /// As the advice describes it.
    AsDescribed,
    /// Never.
    No,
}

/// Whether a call that was refused for a reason may succeed later.
#[must_use]
pub fn repeat(reason: Reason) -> Repeat {
    match (answer(reason).retry_after, reason) {
        (Some(after), _) => Repeat::After(after),
        (None, Reason::Deadline | Reason::EtagStale | Reason::Internal | Reason::ConsentNotFresh) => {
            Repeat::AsDescribed
        }
        (None, _) => Repeat::No,
    }
}

/// The meaning of a reason as the contract states it, after the name of the status.
#[must_use]
pub fn meaning(reason: Reason) -> String {
    let list = COMMENTED.get_enum_by_name("renkei.options.v1.Reason");
    let value = list.and_then(|list| list.get_value(reason as i32));
    let comment = value.map(|value| comment(&value.parent_enum().parent_file(), value.path())).unwrap_or_default();
    let comment = comment.join(" ");
    let meaning = comment.split_once(": ").map_or(comment.as_str(), |(_, meaning)| meaning);
    let mut letters = meaning.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The advice about a reason.
#[must_use]
pub fn remedy(reason: Reason) -> Remedy {
    let (english, japanese) = row(reason);
    Remedy { english, japanese }
}

/// The match has no default arm, so that a new reason does not compile without its advice.
fn row(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Unspecified => ("", ""),
        Reason::FieldInvalid => (
            "Show the sentence of each field beside it; correct the request and use a new request id.",
            "項目ごとの文をその項目の近くに表示し、内容を訂正した上で、新しい要求識別子を用いて送信してください。",
        ),
        Reason::Malformed => (
            "Generate the client's code from the contract of this service again.",
            "接続先のサービスの API の定義から、クライアントのコードを再度生成してください。",
        ),
        Reason::OfficialMissing | Reason::OfficialInvalid => (
            "Send the id of the signed-in official as the metadata `renkei-official`.",
            "操作する役職員等の識別子を、メタデータ「renkei-official」に指定してください。",
        ),
        Reason::PurposeMissing => (
            "Ask the official for the purpose and send it as the metadata `renkei-purpose`.",
            "利用目的を役職員等に確認し、メタデータ「renkei-purpose」に指定してください。",
        ),
        Reason::RequestIdMissing => (
            "Make a UUID for each new request, and keep it for its repetitions.",
            "要求ごとに新しい UUID を作成し、再送の際は同じ UUID を使用してください。",
        ),
        Reason::PageTokenInvalid => (
            "Begin the list again; a token belongs to one query and one service.",
            "一覧を最初のページから取得してください。続きを示す値は、同じ検索条件及び同じサービスに限り有効です。",
        ),
        Reason::ScopeEmpty | Reason::ScopeContradictory => (
            "Show the field to the official, who changes the scope.",
            "示された項目を役職員等に表示し、共有範囲の変更を求めてください。",
        ),
        Reason::CodeMistyped => (
            "Let the official compare the code with the paper.",
            "紹介コードを紹介文書の記載と照合するよう、役職員等に求めてください。",
        ),
        Reason::PersonalInformation | Reason::IdentifiesReporter => (
            "Let the official take the passage out of the text.",
            "示された項目から該当箇所を削除するよう、役職員等に求めてください。",
        ),
        Reason::CertificateIdentityMissing => (
            "Use a certificate with a URI such as `spiffe://ppc/desk/intake`.",
            "「spiffe://ppc/desk/intake」のような URI が記載された証明書を使用してください。",
        ),
        Reason::CallerUnknown => (
            "Ask the operator to add the identity under `callers` in the configuration.",
            "設定の「callers」に呼出元システムの識別名を追加するよう、運用担当者に依頼してください。",
        ),
        Reason::RoleMissing => (
            "Call `WhoAmI` to see the roles; ask the operator for the role, or use another system.",
            "「WhoAmI」により役割を確認し、運用担当者に必要な役割の付与を依頼するか、又はその役割を有するシステムを使用してください。",
        ),
        Reason::WrongDirection => (
            "The other agency does this; show the sentence.",
            "相手方の機関が行う行為です。示された文を役職員等に表示してください。",
        ),
        Reason::BeyondScope => (
            "Request consent (`RequestConsent`), or leave it; the attempt is on record. A unit that sees the item by a consent alone asks one within the scope.",
            "提供元に同意を求める（「RequestConsent」）か、又は操作を取りやめてください。同意のみに基づき閲覧している部署は、共有範囲内の部署に依頼してください。この試行は記録されています。",
        ),
        Reason::OfficialBarred => (
            "Show the sentence; an approver lifts the bar.",
            "示された文を役職員等に表示してください。利用停止は、承認者が解除します。",
        ),
        Reason::NotFound => {
            ("Treat hidden and missing alike.", "存在しない場合と閲覧できない場合とを区別せずに扱ってください。")
        }
        Reason::CodeNotFound => (
            "Let the official compare the code with the paper; wrong attempts are limited.",
            "紹介コードを紹介文書の記載と照合するよう、役職員等に求めてください。誤った入力の回数には上限があります。",
        ),
        Reason::AlreadyExists => (
            "Read what is there; ErrorInfo names it where it may be known.",
            "登録済みの内容を確認してください。示すことができる場合は、ErrorInfo にその名前が示されます。",
        ),
        Reason::WrongState => {
            ("Read the matter again and show its state.", "案件を再度取得し、現在の状態を表示してください。")
        }
        Reason::AgreementNotInForce => (
            "Show the sentence; matters that are open can be continued.",
            "示された文を役職員等に表示してください。開始済みの案件は、引き続き処理することができます。",
        ),
        Reason::NotAReport => (
            "Show the sentence; the reporter is referred to the scheme that fits.",
            "示された文を役職員等に表示してください。報告者・届出者には、該当する制度を案内してください。",
        ),
        Reason::CodeAlreadyUsed => (
            "Show the sentence; the referral was followed up before.",
            "示された文を役職員等に表示してください。この紹介については、届出・報告を確認済みです。",
        ),
        Reason::RequestIdReused => (
            "Read the matter first: the id belongs to another request. A new act needs a new request id.",
            "まず案件を確認してください。指定された要求識別子は、別の要求に使用されています。新たな行為には、新しい要求識別子を使用してください。",
        ),
        Reason::AgreementDiffers => ("Tell the operators of both agencies.", "両機関の運用担当者に連絡してください。"),
        Reason::JournalStopped => (
            "Tell the operator, who finds the cause with `status` and lifts the stop with `resume`.",
            "運用担当者に連絡してください。運用担当者は、「status」により原因を確認し、「resume」により停止を解除します。",
        ),
        Reason::ConsentNotFresh => (
            "Repeat while the link is up; the service has asked the originator for a statement.",
            "機関間接続がつながっている間に再度実行してください。提供元には、サービスから確認を求めています。",
        ),
        Reason::NotProvenSafe => (
            "Let the official prove that the table is safe.",
            "表の秘匿処理の安全性を確認するよう、役職員等に求めてください。",
        ),
        Reason::ApprovalMissing => ("State the number of the decision.", "決裁番号を指定してください。"),
        Reason::EtagStale => (
            "Read the matter again, show what has changed, and let the official decide.",
            "案件を再度取得し、変更された内容を表示した上で、役職員等の判断を求めてください。",
        ),
        Reason::CursorUnknown | Reason::CursorTooOld => (
            "Read the lists again and watch from their `as_of`.",
            "一覧を再度取得し、その「as_of」から更新通知を受信してください。",
        ),
        Reason::Busy => (
            "Repeat after the time of RetryInfo, with the same request id.",
            "RetryInfo に示された時間の経過後に、同じ要求識別子を用いて再度実行してください。",
        ),
        Reason::TooManyAttempts => {
            ("Stop until tomorrow (Japan).", "日本時間で翌日になるまで、再度実行しないでください。")
        }
        Reason::TooLarge => (
            "Send less: ErrorInfo names the limit.",
            "送信する内容を減らしてください。上限は、ErrorInfo に示されます。",
        ),
        Reason::TooManyWatchers => (
            "Close a watch that is not needed; one watch serves a whole system.",
            "更新通知の接続のうち、不要なものを終了してください。一つの呼出元システムには、一つの更新通知で足ります。",
        ),
        Reason::WrongSide => {
            ("The other agency's service serves this method.", "相手方の機関のサービスが提供する操作です。")
        }
        Reason::MethodUnknown => (
            "Compare the versions: the service is older than the client's code.",
            "バージョンを照合してください。サービスのバージョンが、クライアントのコードのバージョンよりも古くなっています。",
        ),
        Reason::Compressed => ("Send messages uncompressed.", "圧縮せずに送信してください。"),
        Reason::Draining | Reason::Recovering | Reason::DatabaseUnavailable | Reason::AuditUnavailable => (
            "Repeat after the time of RetryInfo, with the same request id.",
            "RetryInfo に示された時間の経過後に、同じ要求識別子を用いて再度実行してください。",
        ),
        Reason::ClockDoubted => (
            "Repeat after the time of RetryInfo; the operator compares the clock.",
            "RetryInfo に示された時間の経過後に再度実行してください。運用担当者が時計を確認します。",
        ),
        Reason::Deadline => (
            "Repeat with the same request id: a request that was carried out is answered again.",
            "同じ要求識別子を用いて再度実行してください。要求が実行済みの場合は、最初の応答が再度返されます。",
        ),
        Reason::Internal => (
            "Give the id in the message to the operator; repeat once with the same request id.",
            "示された障害の識別子を運用担当者に連絡し、同じ要求識別子を用いて一度だけ再度実行してください。",
        ),
        Reason::HeaderDiffers | Reason::FactDiffers | Reason::ContentDiffers => (
            "An entry was refused; the operators of both agencies compare their versions.",
            "記録が不受理となりました。両機関の運用担当者が、バージョンを照合してください。",
        ),
        Reason::NotUnderstood => (
            "Upgrade the service that stopped the journal; it goes on by itself.",
            "受入れを停止したサービスを更新してください。受入れは、自動的に再開します。",
        ),
        Reason::AuthorDiffers
        | Reason::BadSignature
        | Reason::KeyUnknown
        | Reason::ChainBroken
        | Reason::OrderBroken
        | Reason::Fork => (
            "Tell the operators: the runbook of the alert names the steps.",
            "両機関の運用担当者に連絡してください。対応の手順は、運用の手引の「警報への対応」に記載しています。",
        ),
        Reason::Gap => {
            ("Nothing: the missing entries are asked for.", "対応は不要です。届いていない記録の再送を求めています。")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_advice_in_both_languages() {
        for reason in (1..=1000).filter_map(|number| Reason::try_from(number).ok()) {
            let Remedy { english, japanese } = remedy(reason);
            assert!(english.is_ascii() && english.ends_with('.'), "{}: {english}", reason.id());
            assert!(!japanese.is_ascii() && japanese.ends_with('。'), "{}: {japanese}", reason.id());
        }
    }
}
