//! The language of the comments: plain sentences, and none that only repeats a name.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use crate::checkout::checkout;

/// The first words of a clause in place of a noun. Such comments read like notes to oneself.
const CLAUSES: [&str; 6] = ["What", "Who", "Where", "When", "How", "Whether"];
/// The highest share of comment lines that may begin with one of [`CLAUSES`], in per cent.
const MOST_CLAUSES: usize = 2;
/// Folders whose sources were written elsewhere or are generated.
const FOREIGN: [&str; 3] = ["target", "buf", "node_modules"];
/// The first words of a fragment that names a thing without information about it.
const POINTERS: [&str; 6] = ["The", "Its", "A", "An", "This", "Which"];
/// Comments of one word that ask a question and leave the answer to the reader.
const QUESTIONS: [&str; 6] = ["Why", "Which", "When", "Where", "Who", "How"];

/// Wording that a senior official and a lawyer corrected in messages, guides and papers, with words that they accept.
const CORRECTED: &[(&str, &str)] = &[
    ("職員の識別子は", "役職員等の識別子が"),
    ("この職員による操作", "この役職員等による操作"),
    ("要求の識別番号", "要求識別子"),
    ("内容が互いに矛盾", "共有範囲の内容に矛盾があります"),
    ("もう一度確かめて", "ご確認の上、再度"),
    ("その記載を除いて", "該当箇所を削除して"),
    ("当機関は行えません", "当機関が行うことはできません"),
    ("この操作は行えません", "この操作を行うことはできません"),
    ("両機関の覚書の内容が", "両機関のシステムが保持する覚書の内容が"),
    ("受入れが止まって", "受入れが停止して"),
    ("最近の意思", "同意が現在も有効であること"),
    ("必要な決裁が済んで", "必要な決裁が完了して"),
    ("やり直して", "再度実行して"),
    ("指定された操作がありません", "指定された操作を提供していません"),
    ("サービスを停止しています", "サービスの停止処理中です"),
    ("この版のシステム", "このバージョンのシステム"),
    ("つながっていません", "連鎖が確認できません"),
    ("夜間の一枚", "夜間対応早見表"),
    ("まだないもの", "未対応の機能"),
    ("見るところ", "確認箇所"),
    ("何が悪く", "異常の内容"),
    ("0 に向かう", "減少し、0 になる"),
    ("この機械", "このサーバ"),
    ("消音", "抑止"),
    ("何がどこで動くか", "構成"),
    ("自分の半分", "自機関の分"),
    ("作り直して比べ", "再構築し、現在の台帳と照合"),
    ("知らないキー", "定義されていないキー"),
    ("備えるべきもの", "要件"),
    ("回収され", "共有停止となった"),
    ("取り置", "退避"),
    ("拒まれ", "拒否され"),
    ("覚書はさらに", "覚書の有効期間は、更に"),
    ("紹介のお知らせ", "届出制度のご案内"),
    ("暦未確定", "祝日未確定"),
    ("旧版の利用", "影響を受けることが確認されたバージョン"),
    ("WAFはない", "WAFは未導入"),
    ("版の記載に誤り", "バージョンの記載に誤り"),
    ("この紹介に当たり", "このご案内に際し"),
    ("次の制度をご紹介", "次の届出を受け付けて"),
    ("転送すること及び", "転送し、又は"),
    ("提出の要否", "報告の要否"),
    ("提出があったこと", "届出があったこと"),
    ("事業所管大臣が判断", "委任先の府省）にご確認"),
    ("期限の定めはない", "期限の定めはありません"),
    ("感染した者", "その被害を受けた方"),
    ("個人情報を除いて", "該当箇所を削除して"),
    ("その操作を提供していません", "指定された操作を提供していません"),
    ("もう一度", "再度"),
    ("混み合って", "処理が集中して"),
    ("秘匿の措置", "秘匿処理の安全性"),
    ("登録や変更は", "登録、変更及び"),
    ("再質問", "再照会"),
    ("この求め", "この依頼"),
    ("何をすればよいか", "対処方法"),
    ("**終わり**", "**復旧の確認**"),
    ("二台の機械", "二台のサーバ"),
    ("頁", "台帳"),
    ("働き", "機能"),
    ("写して使い", "複製して使用し"),
    ("隣に書き", "同じフォルダに新しいファイルを作成し"),
    ("途中まで動く", "一部だけが起動する"),
    ("何が起きたかを明らかに", "原因を究明"),
    ("固定されないまま", "記録していない時間"),
    ("点検項目を6つ", "6項目の点検"),
    ("ログの保存は90日", "ログの保存期間は90日"),
    ("the Security Center of IPA", "the IT Security Center of IPA"),
    ("IPA's Security Center", "IPA's IT Security Center"),
];

/// Sentences for which officials and lawyers asked, and the place of each. Spaces and ends of lines do not count.
const ASKED_FOR: &[(&str, &[&str])] = &[
    (
        "docs/operations.md",
        &[
            "**Every February**, unless the program has been replaced by one with the new year",
            "IPA's own closing days are not taken into account.",
            "The legal office confirms them, and a paper of each kind of reporter, before the first one is handed over.",
            "A text that cites it states 第49条（現行第45条）",
            "Before IPA shares such information as an item, its legal office confirms that it may.",
        ],
    ),
    (
        "docs/operations.ja.md",
        &[
            "**毎年 2 月に**次の作業を行います",
            "IPA の休業日は IPA が定めるものであり、考慮しません。",
            "最初に渡す前に、法務の担当部署の確認を受けてください。",
            "「第49条（現行第45条）」と記載し",
            "IPA がこれらの情報を共有情報として提供する場合は、あらかじめ、法務の担当部署の確認を受けてください。",
            "覚書の有効期間は、更に 1 年間延長される。",
        ],
    ),
    ("docs/rules.md", &["IPA is no such organ, and its closing days are its own rules."]),
    ("proto/renkei/type/v1/agency.proto", &["乙: IT Security Center of the Information-technology Promotion Agency"]),
    (
        "proto/renkei/type/v1/incident.proto",
        &[
            "The line between business and public body is the law's",
            "(いわゆる規律移行法人, APPI annex 2, such as national university corporations and hospitals of public",
            "行政機関の長等: the head of an administrative organ",
            "which reports to PPC alone under Art. 68(1).",
        ],
    ),
    ("proto/renkei/type/v1/scope.proto", &["FIRST defines TLP:RED for named persons."]),
    (
        "shared/rpc/src/reason.rs",
        &[
            "時間内に処理が終わりませんでした。再度実行してください。登録・変更の場合は、同じ要求識別子を使用してください。",
            "覚書の有効期間外であるか、その延長に疑義があるため、新たに開始することはできません。",
            "データの消失からの復旧処理中です。完了するまで、登録、変更及び秘密に属する情報の閲覧はできません。",
        ],
    ),
];

/// A line of a comment: its place and its text without the slashes.
struct Line {
    place: String,
    text: String,
    /// True if neither the line before nor the line after belongs to the same comment.
    is_alone: bool,
}

#[test]
fn comments_begin_with_a_subject() {
    let lines = comment_lines();
    assert!(lines.len() > 5000, "the comments were not found");
    let clauses: Vec<&Line> = lines.iter().filter(|line| begins_with_clause(&line.text)).collect();
    let examples: Vec<String> = clauses.iter().map(|line| format!("{}: {}", line.place, line.text)).collect();
    assert!(
        clauses.len() * 100 <= lines.len() * MOST_CLAUSES,
        "{} of {} comment lines begin with a clause, more than {MOST_CLAUSES} %:\n{}",
        clauses.len(),
        lines.len(),
        examples.join("\n")
    );
}

#[test]
fn no_comment_only_repeats_a_name() {
    let lines = comment_lines();
    let fragments = lines.iter().filter(|line| line.is_alone && is_fragment(&line.text));
    let fragments: Vec<String> = fragments.map(|line| format!("{}: {}", line.place, line.text)).collect();
    assert!(
        fragments.is_empty(),
        "a comment gives a unit, a range, an error or a reason; these repeat a name:\n{}",
        fragments.join("\n")
    );
}

#[test]
fn fragments_and_clauses_are_recognised() {
    for text in ["The number.", "Its id.", "Why.", "A service.", "Which."] {
        assert!(is_fragment(text), "{text}");
    }
    for text in
        ["The number of the entry.", "Japanese.", "Both sides.", "Never used.", "PPC only.", "The link is down."]
    {
        assert!(!is_fragment(text), "{text}");
    }
    for text in ["What a caller gets.", "Whether it is open."] {
        assert!(begins_with_clause(text), "{text}");
    }
    for text in ["Whatever happens.", "The time when it ends."] {
        assert!(!begins_with_clause(text), "{text}");
    }
}

/// Every text of the product with one of the words that officials corrected.
#[test]
fn corrected_wording_does_not_come_back() {
    let root = checkout();
    let mut files = vec![root.join("README.md")];
    for folder in ["docs", "proto", "services", "shared", "tests"] {
        sources(&root.join(folder), &[".rs", ".proto", ".md", ".toml", ".snap", ".yml"], &mut files);
    }
    files.retain(|file| !file.ends_with("tests/suite/words.rs"));
    let texts: Vec<_> = files.iter().map(|file| (file, std::fs::read_to_string(file).unwrap())).collect();
    assert!(
        texts.iter().any(|(_, text)| text.contains("この手続に必要な決裁が完了していません。")),
        "no texts were found"
    );
    let found = texts.iter().flat_map(|(file, text)| {
        let wrong = CORRECTED.iter().filter(|(wrong, _)| text.contains(wrong));
        wrong.map(|(wrong, right)| format!("{}: {wrong} → {right}", file.display()))
    });
    assert_eq!(found.collect::<Vec<_>>(), [""; 0]);
    // The words that took their place are in use: nothing was merely left out.
    let unused = CORRECTED.iter().filter(|(_, right)| !texts.iter().any(|(_, text)| text.contains(right)));
    assert_eq!(unused.collect::<Vec<_>>(), [&("", ""); 0]);
}

#[test]
fn the_sentences_for_which_officials_asked_are_in_their_places() {
    let root = checkout();
    let joined = |text: &str| text.split_whitespace().collect::<String>();
    for (file, sentences) in ASKED_FOR {
        let text = joined(&std::fs::read_to_string(root.join(file)).unwrap());
        for sentence in *sentences {
            assert!(text.contains(&joined(sentence)), "{file}: {sentence}");
        }
    }
}

fn begins_with_clause(text: &str) -> bool {
    text.split(|next: char| !next.is_alphabetic()).next().is_some_and(|first| CLAUSES.contains(&first))
}

/// A comment of one word that is a question, or of an article or pronoun and one word.
fn is_fragment(text: &str) -> bool {
    let words: Vec<&str> = text.trim_end_matches('.').split(' ').collect();
    match words.as_slice() {
        [word] => text.ends_with('.') && QUESTIONS.contains(word),
        [first, second] => {
            text.ends_with('.') && POINTERS.contains(first) && second.chars().all(|next| next.is_ascii_lowercase())
        }
        _ => false,
    }
}

fn comment_lines() -> Vec<Line> {
    let root = checkout();
    let mut files = Vec::new();
    for folder in ["proto", "services", "shared", "tests"] {
        sources(&root.join(folder), &[".rs", ".proto"], &mut files);
    }
    files.sort();
    files.iter().flat_map(|file| lines_of(root, file)).collect()
}

fn sources(folder: &Path, ends: &[&str], files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !FOREIGN.contains(&name.as_str()) {
            sources(&path, ends, files);
        } else if ends.iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
}

fn lines_of(root: &Path, file: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(file).unwrap();
    let comments: Vec<Option<&str>> = text.lines().map(comment).collect();
    let shown = file.strip_prefix(root).unwrap().display();
    let mut lines = Vec::new();
    for (at, comment) in comments.iter().enumerate() {
        let Some(text) = comment.filter(|text| !text.is_empty()) else { continue };
        let before = at.checked_sub(1).and_then(|at| comments.get(at)).copied().flatten();
        let after = comments.get(at + 1).copied().flatten();
        let is_alone = before.is_none() && after.is_none();
        lines.push(Line { place: format!("{shown}:{}", at + 1), text: text.to_owned(), is_alone });
    }
    lines
}

/// The text of a line that is a comment and nothing else.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    let text = text.strip_prefix('/').or_else(|| text.strip_prefix('!')).unwrap_or(text);
    Some(text.trim())
}
