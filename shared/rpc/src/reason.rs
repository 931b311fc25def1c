//! The codes and sentences of all reasons, in one table.

use std::time::Duration;

use renkei_proto::options::v1::Reason;
use tonic::Code;

/// The answer for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The gRPC status. [`Code::Internal`] for reasons that are never answers to a call: those of refused entries and
    /// of stopped journals, which still have their sentences here.
    pub code: Code,
    /// The English sentence for people; a reference translation.
    pub english: &'static str,
    /// The Japanese sentence for people, which officials read.
    pub japanese: &'static str,
    /// The time after which the same call may succeed; `None` if time alone changes nothing, or if it is not known.
    pub retry_after: Option<Duration>,
}

/// The code and sentences of a reason.
#[must_use]
pub fn answer(reason: Reason) -> Answer {
    let (code, english, japanese) = row(reason);
    Answer { code, english, japanese, retry_after: retry_after(reason) }
}

/// The name of a status as the contract and all languages but Rust write it, such as `NOT_FOUND`.
#[must_use]
pub fn status_name(code: Code) -> String {
    let mut name = String::new();
    for (place, letter) in format!("{code:?}").chars().enumerate() {
        if place > 0 && letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn retry_after(reason: Reason) -> Option<Duration> {
    let seconds = match reason {
        Reason::Busy => 1,
        Reason::Draining | Reason::DatabaseUnavailable => 5,
        Reason::TooManyWatchers | Reason::Recovering | Reason::AuditUnavailable | Reason::ClockDoubted => 30,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// The row of a reason. The match has no default arm, so that a new reason does not compile without its sentences.
fn row(reason: Reason) -> (Code, &'static str, &'static str) {
    match reason {
        Reason::Unspecified => (Code::Internal, "No reason was given.", "理由が示されていません。"),

        Reason::FieldInvalid => (
            Code::InvalidArgument,
            "A field of the request breaks a rule of the contract.",
            "入力内容に誤りがあります。示された項目を確認してください。",
        ),
        Reason::Malformed => (
            Code::InvalidArgument,
            "The request cannot be read as a message of this method.",
            "要求の形式が正しくないため、読み取れません。",
        ),
        Reason::OfficialMissing => (
            Code::InvalidArgument,
            "The call does not name the official on whose behalf it is made.",
            "操作する役職員等の識別子が指定されていません。",
        ),
        Reason::OfficialInvalid => (
            Code::InvalidArgument,
            "The official's id is not 1 to 64 of the characters A-Z, a-z, 0-9, dot, underscore, at sign and hyphen.",
            "役職員等の識別子が正しくありません。半角の英数字と「.」「_」「@」「-」を使い、64文字以内で指定してください。",
        ),
        Reason::PurposeMissing => (
            Code::InvalidArgument,
            "The call does not name a known purpose.",
            "利用目的が指定されていないか、認められた利用目的ではありません。",
        ),
        Reason::RequestIdMissing => {
            (Code::InvalidArgument, "The request carries no request id.", "要求識別子が指定されていません。")
        }
        Reason::PageTokenInvalid => (
            Code::InvalidArgument,
            "The page token was not made for this list. Begin again with its first page.",
            "一覧の続きを表示できません。最初のページから再度取得してください。",
        ),
        Reason::ScopeEmpty => (
            Code::InvalidArgument,
            "The scope lets nobody see the item.",
            "指定された共有範囲では、誰も閲覧できません。",
        ),
        Reason::ScopeContradictory => {
            (Code::InvalidArgument, "The scope contradicts itself.", "指定された共有範囲の内容に矛盾があります。")
        }
        Reason::CodeMistyped => (
            Code::InvalidArgument,
            "The referral code is mistyped: its check character does not fit.",
            "紹介コードに誤りがあります。ご確認の上、再度入力してください。",
        ),
        Reason::PersonalInformation => (
            Code::InvalidArgument,
            "The text contains personal information. Remove it.",
            "本文に個人情報が含まれています。該当箇所を削除してください。",
        ),
        Reason::IdentifiesReporter => (
            Code::InvalidArgument,
            "The text identifies a reporter. Remove what does so.",
            "本文に報告者・届出者を特定できる記載があります。該当箇所を削除してください。",
        ),

        Reason::CertificateIdentityMissing => (
            Code::Unauthenticated,
            "The certificate of the connection names no caller of this system.",
            "接続に使われた証明書に、呼出元の識別名が記載されていません。",
        ),

        Reason::CallerUnknown => (
            Code::PermissionDenied,
            "The calling system may not call here.",
            "このシステムからの接続は許可されていません。",
        ),
        Reason::RoleMissing => (
            Code::PermissionDenied,
            "The calling system has none of the roles that this method asks for.",
            "このシステムには、この操作を行う権限がありません。",
        ),
        Reason::WrongDirection => (
            Code::PermissionDenied,
            "This agency may not do this; the act belongs to the other agency.",
            "この行為は相手方の機関が行うものであり、当機関が行うことはできません。",
        ),
        Reason::BeyondScope => (
            Code::PermissionDenied,
            "The act goes beyond the scope in which the item is shared.",
            "共有範囲を超えるため、この操作を行うことはできません。",
        ),
        Reason::OfficialBarred => (
            Code::PermissionDenied,
            "The official is barred from this.",
            "この役職員等による操作は認められていません。",
        ),

        Reason::NotFound => (Code::NotFound, "There is nothing by this name.", "該当するものが見つかりません。"),
        Reason::CodeNotFound => {
            (Code::NotFound, "No referral has this code.", "この紹介コードに該当する紹介が見つかりません。")
        }

        Reason::AlreadyExists => (Code::AlreadyExists, "This exists already.", "既に登録されています。"),

        Reason::WrongState => (
            Code::FailedPrecondition,
            "The state of the matter does not allow this act.",
            "案件の現在の状態では、この操作を行うことはできません。",
        ),
        Reason::AgreementNotInForce => (
            Code::FailedPrecondition,
            "The agreement is not in force, so nothing new can begin under it.",
            "覚書の有効期間外であるか、その延長に疑義があるため、新たに開始することはできません。",
        ),
        Reason::NotAReport => (
            Code::FailedPrecondition,
            "The filing is not a report under a scheme of this agency.",
            "当機関の制度に基づく報告・届出に当たりません。",
        ),
        Reason::CodeAlreadyUsed => {
            (Code::FailedPrecondition, "The referral code was used before.", "この紹介コードは既に使用されています。")
        }
        Reason::RequestIdReused => (
            Code::FailedPrecondition,
            "The request id was used for another request.",
            "この要求識別子は、別の要求に使用されています。",
        ),
        Reason::AgreementDiffers => (
            Code::FailedPrecondition,
            "The systems of the two agencies do not contain the same agreement.",
            "両機関のシステムが保持する覚書の内容が一致していません。",
        ),
        Reason::JournalStopped => (
            Code::FailedPrecondition,
            "A journal is stopped. The operator has to look into it.",
            "発信記録簿の受入れが停止しています。運用担当者に連絡してください。",
        ),
        Reason::ConsentNotFresh => (
            Code::FailedPrecondition,
            "There is no recent statement of the originator, so the consent cannot be relied on.",
            "提供元の同意が現在も有効であることを確認できないため、同意に基づく操作を行うことはできません。",
        ),
        Reason::NotProvenSafe => (
            Code::FailedPrecondition,
            "The table was not proven safe to hand out.",
            "秘匿処理の安全性を確認できないため、この表を提供することはできません。",
        ),
        Reason::ApprovalMissing => (
            Code::FailedPrecondition,
            "This formal act lacks its approval.",
            "この手続に必要な決裁が完了していません。",
        ),

        Reason::EtagStale => (
            Code::Aborted,
            "The page has changed since it was read. Read it again.",
            "内容が更新されています。最新の内容を確認の上、再度実行してください。",
        ),

        Reason::CursorUnknown => (
            Code::OutOfRange,
            "The cursor was not made by this service. Begin with a list.",
            "更新通知の読取位置が正しくありません。一覧を再度取得してください。",
        ),
        Reason::CursorTooOld => (
            Code::OutOfRange,
            "The change feed no longer reaches back to the cursor. Begin with a list.",
            "更新通知の読取位置が古すぎます。一覧を再度取得してください。",
        ),

        Reason::Busy => (
            Code::ResourceExhausted,
            "The service is busy. Try again shortly.",
            "現在、処理が集中しています。しばらくしてから再度実行してください。",
        ),
        Reason::TooManyAttempts => (
            Code::ResourceExhausted,
            "Too many wrong codes, or disclosures without a basis, were tried. Try again tomorrow.",
            "誤った紹介コードの入力又は根拠のない開示の試行が上限に達しました。明日以降に再度実行してください。",
        ),
        Reason::TooLarge => (
            Code::ResourceExhausted,
            "The message or its metadata is larger than the limit.",
            "送信された内容が大きさの上限を超えています。",
        ),
        Reason::TooManyWatchers => {
            (Code::ResourceExhausted, "All places for watchers are in use.", "更新通知の接続数が上限に達しています。")
        }

        Reason::WrongSide => (
            Code::Unimplemented,
            "The other agency serves this method.",
            "この操作は、相手方の機関のシステムで行うものです。",
        ),
        Reason::MethodUnknown => {
            (Code::Unimplemented, "There is no such method here.", "この接続先では、指定された操作を提供していません。")
        }

        Reason::Compressed => (
            Code::Unimplemented,
            "Compressed messages are not accepted. Send the message uncompressed.",
            "圧縮された内容は受け付けていません。圧縮せずに送信してください。",
        ),

        Reason::Draining => (
            Code::Unavailable,
            "The service is shutting down.",
            "サービスの停止処理中です。しばらくしてから再度実行してください。",
        ),
        Reason::Recovering => (
            Code::Unavailable,
            "The service recovers from a loss. Nothing is written and nothing secret is read until that is done.",
            "データの消失からの復旧処理中です。完了するまで、登録、変更及び秘密に属する情報の閲覧はできません。",
        ),
        Reason::DatabaseUnavailable => (
            Code::Unavailable,
            "The database does not answer.",
            "データベースが応答しません。しばらくしてから再度実行してください。",
        ),
        Reason::AuditUnavailable => (
            Code::Unavailable,
            "The audit record cannot be written, so nothing secret is shown.",
            "監査記録を作成できないため、この情報を表示することはできません。",
        ),
        Reason::ClockDoubted => (
            Code::Unavailable,
            "The service's clock is doubted. Until an operator confirms it, nothing is written and no text is shown.",
            "システムの時計が正確でないおそれがあるため、運用担当者が確認するまで、登録、変更及び本文の閲覧はできません。",
        ),

        Reason::Deadline => (
            Code::DeadlineExceeded,
            "The call did not end in time. Repeat it, a change with the same request id.",
            "時間内に処理が終わりませんでした。再度実行してください。登録・変更の場合は、同じ要求識別子を使用してください。",
        ),

        Reason::Internal => (
            Code::Internal,
            "The service failed. Tell the operator.",
            "システムの内部で障害が発生しました。運用担当者に連絡してください。",
        ),

        Reason::HeaderDiffers => (
            Code::Internal,
            "The entry's header contradicts its place.",
            "記録の見出しが、記録の置かれた位置と一致していません。",
        ),
        Reason::FactDiffers => (
            Code::Internal,
            "The entry's fact is not what its header or the matter asks for.",
            "記録された事実が、見出し又は案件の内容と一致していません。",
        ),
        Reason::ContentDiffers => (
            Code::Internal,
            "The entry's content is not what its header commits to.",
            "記録の内容が、見出しの示す内容と一致していません。",
        ),

        Reason::NotUnderstood => (
            Code::Internal,
            "This version does not understand the entry. An upgrade lifts the stop.",
            "このバージョンのシステムでは解釈できない記録です。システムを更新すると、受入れが自動的に再開します。",
        ),
        Reason::AuthorDiffers => (
            Code::Internal,
            "The entry names another author, incarnation or agreement than its journal's.",
            "記録の発信機関、世代又は覚書が、発信記録簿のものと一致していません。",
        ),
        Reason::BadSignature => {
            (Code::Internal, "The entry's signature does not verify.", "記録の署名を確認できません。")
        }
        Reason::KeyUnknown => (
            Code::Internal,
            "The key that signed the entry is not known, or was revoked.",
            "記録の署名に使われた鍵が未登録であるか、失効しています。",
        ),
        Reason::ChainBroken => {
            (Code::Internal, "The entry does not follow the entry before it.", "直前の記録との連鎖が確認できません。")
        }
        Reason::OrderBroken => (
            Code::Internal,
            "The entry's time or view lies before that of an earlier entry or receipt.",
            "記録の日時又は参照位置が、以前の記録又は受領証と矛盾しています。",
        ),
        Reason::Gap => (
            Code::Internal,
            "An entry is missing. It is being asked for.",
            "途中の記録が届いていないため、再送を求めています。",
        ),
        Reason::Fork => (
            Code::Internal,
            "Another valid entry is stored under the same number.",
            "同じ番号の異なる記録が既に保管されています。",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn reasons() -> Vec<Reason> {
        (1..=1000).filter_map(|number| Reason::try_from(number).ok()).collect()
    }

    fn is_japanese(c: char) -> bool {
        matches!(c, 'ぁ'..='ん' | 'ァ'..='ヶ' | '一'..='龠')
    }

    #[test]
    fn a_status_is_written_as_in_the_contract() {
        assert_eq!([Code::NotFound, Code::Ok].map(status_name), ["NOT_FOUND", "OK"]);
    }

    #[test]
    fn every_reason_has_both_sentences_and_no_two_share_one() {
        let reasons = reasons();
        assert_eq!(reasons.len(), 59);
        for reason in &reasons {
            let Answer { english, japanese, .. } = answer(*reason);
            assert!(english.is_ascii() && english.ends_with('.'), "{}", reason.id());
            assert!(japanese.chars().any(is_japanese) && japanese.ends_with('。'), "{}", reason.id());
        }
        let english: BTreeSet<_> = reasons.iter().map(|reason| answer(*reason).english).collect();
        let japanese: BTreeSet<_> = reasons.iter().map(|reason| answer(*reason).japanese).collect();
        assert_eq!((english.len(), japanese.len()), (reasons.len(), reasons.len()));
    }

    /// In the contract's comments the code precedes each sentence, and each reason is in its group's block of numbers.
    #[test]
    fn the_codes_are_those_of_the_contract() {
        for reason in reasons() {
            let code = match reason as i32 {
                1..=19 => Code::InvalidArgument,
                20..=29 => Code::Unauthenticated,
                30..=39 => Code::PermissionDenied,
                40..=49 => Code::NotFound,
                50..=59 => Code::AlreadyExists,
                60..=79 => Code::FailedPrecondition,
                80..=89 => Code::Aborted,
                90..=99 => Code::OutOfRange,
                100..=109 => Code::ResourceExhausted,
                110..=119 => Code::Unimplemented,
                120..=129 => Code::Unavailable,
                130..=139 => Code::DeadlineExceeded,
                _ => Code::Internal,
            };
            assert_eq!(answer(reason).code, code, "{}", reason.id());
        }
    }

    #[test]
    fn a_temporary_reason_states_when_to_retry() {
        let passing: Vec<_> =
            reasons().into_iter().filter(|reason| answer(*reason).retry_after.is_some()).map(Reason::id).collect();
        let expected = [
            "BUSY",
            "TOO_MANY_WATCHERS",
            "DRAINING",
            "RECOVERING",
            "DATABASE_UNAVAILABLE",
            "AUDIT_UNAVAILABLE",
            "CLOCK_DOUBTED",
        ];
        assert_eq!(passing, expected);
    }
}
