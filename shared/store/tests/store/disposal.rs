//! Disposal: the texts that an agency has erased are in no row and no file of its database, and do not come back.

use renkei_book::{Cause, ConfirmOfficials, HelloVerdict, PeerHolds, content};
use renkei_domain::{
    noun::item::{copies::last_of, current},
    page::Journal,
};
use renkei_proto::{
    journal::v1::fact::Fact,
    sharing::v1::{
        DisposalGround, ItemDisposed, ItemDisposedContent, ItemQuestionAnswered, ItemQuestionAnsweredContent,
        ItemQuestionAsked, ItemQuestionAskedContent,
    },
    r#type::v1::Agency,
};
use renkei_store::Store;
use sqlx::Row as _;

use super::{
    acts::Act,
    database::{Database, Engine},
    link::{Pair, arrive, carry},
    sharing::{everybody, item, share},
    side::{Side, connect, on_each, options_at, peer_held, tamper},
};

/// The act by which an agency erases every text of an item of IPA.
pub fn dispose(own: Agency, n: u64) -> Act {
    let matter = item(n);
    Act::new(matter.clone(), move |stage, _| {
        let peer_seq = last_of(stage.page(&matter.to_string()), own.peer());
        let disposed = ItemDisposed { ground: DisposalGround::RetentionEnded.into(), peer_seq };
        let decision = ItemDisposedContent { approval: "決裁１号".to_owned() };
        stage.write(&matter, Fact::ItemDisposed(disposed), content(&decision), 0)
    })
}

/// The act by which PPC asks about an item, or IPA answers.
fn words(own: Agency, n: u64) -> Act {
    let matter = item(n);
    Act::new(matter.clone(), move |stage, _| {
        let seen = stage.page(&matter.to_string());
        if own == Agency::Ppc {
            let revision = current(seen, Agency::Ipa).map_or(0, |it| it.mark.seq);
            // So long that a server stores it outside the row.
            let asked = ItemQuestionAskedContent { question: "いつの情報ですか。".repeat(400) };
            return stage.write(&matter, Fact::ItemQuestionAsked(ItemQuestionAsked {}), content(&asked), revision);
        }
        let question = last_of(seen, Agency::Ppc);
        let answered = ItemQuestionAnsweredContent { answer: "昨日の情報です。".to_owned() };
        stage.write(&matter, Fact::ItemQuestionAnswered(ItemQuestionAnswered {}), content(&answered), question)
    })
}

/// What a database has of the contents of an item: everything that is needed to read them.
async fn sealed(database: &Database, n: u64) -> Vec<Vec<u8>> {
    let mut connection = connect(database).await;
    let rows =
        format!("SELECT ciphertext, wrapped_key, nonce FROM entry WHERE matter = '{}' AND nonce IS NOT NULL", item(n));
    let rows = sqlx::query(sqlx::AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
    rows.iter().flat_map(|row| [0, 1, 2].map(|column| row.get::<Vec<u8>, _>(column))).collect()
}

/// The number of these bytes of which a part occurs in files of the database. Long ones are stored in pieces.
fn in_files(database: &Database, sealed: &[Vec<u8>]) -> usize {
    let files = database.own_files().into_iter().map(|file| std::fs::read(file).unwrap_or_default());
    // The search of texts is fast without optimization, too.
    let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
    let files: Vec<String> = files.map(|file| text(&file)).collect();
    let parts = |bytes: &[u8]| {
        let part = bytes.len().min(32);
        [0, (bytes.len() - part) / 2, bytes.len() - part].map(|at| text(&bytes[at..at + part]))
    };
    let occurs = |bytes: &[u8]| parts(bytes).iter().any(|part| files.iter().any(|file| file.contains(part)));
    sealed.iter().filter(|bytes| occurs(bytes)).count()
}

/// The kinds of an item's entries in both journals whose content a side still has.
async fn kept(side: &Side, n: u64) -> Vec<String> {
    let mut kept = Vec::new();
    for journal in [Journal::Of(Agency::Ipa), Journal::Of(Agency::Ppc)] {
        for held in side.entries(journal).await {
            assert_eq!(held.content_present, held.entry.content.is_some());
            if held.content_present && held.header.matter == item(n).to_string() {
                kept.push(held.header.fact_type);
            }
        }
    }
    kept
}

/// A pair of which each has an item with a revision, a question and its answer, and another item.
async fn shared(database: Database) -> Pair {
    let pair = Pair::new(database).await;
    pair.ipa.act(share(1, everybody())).await.unwrap();
    pair.ipa.act(share(1, everybody())).await.unwrap();
    pair.ipa.act(share(2, everybody())).await.unwrap();
    pair.settle().await;
    // Behind the texts of the first item are others, so that no file becomes shorter without them.
    for n in [1, 2] {
        pair.ppc.act(words(Agency::Ppc, n)).await.unwrap();
    }
    pair.settle().await;
    pair.ipa.act(words(Agency::Ipa, 1)).await.unwrap();
    pair.settle().await;
    pair
}

const SHARED: [&str; 4] =
    ["threat_information_published", "threat_information_published", "item_question_answered", "item_question_asked"];

#[test]
fn a_disposal_erases_what_is_there_and_nothing_else() {
    on_each(async |database| {
        let pair = shared(database).await;
        let [before, other] = [sealed(&pair.ppc.database, 1).await, sealed(&pair.ppc.database, 2).await];
        assert_eq!((before.len(), in_files(&pair.ppc.database, &before)), (12, 12), "the search finds them");

        pair.ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();
        assert_eq!(in_files(&pair.ppc.database, &before), 0, "they are gone when the act is answered");
        assert_eq!(in_files(&pair.ppc.database, &other), other.len());
        pair.settle().await;
        assert_eq!(kept(&pair.ppc, 1).await, ["item_disposed"]);
        assert_eq!(kept(&pair.ppc, 2).await, ["threat_information_published", "item_question_asked"]);
        assert_eq!(kept(&pair.ipa, 1).await, [&SHARED[..], &["item_disposed"]].concat());

        // What comes later is a new text.
        pair.ipa.act(share(1, everybody())).await.unwrap();
        pair.settle().await;
        pair.ppc.act(words(Agency::Ppc, 1)).await.unwrap();
        pair.settle().await;
        let later = ["threat_information_published", "item_disposed", "item_question_asked"];
        assert_eq!(kept(&pair.ppc, 1).await, later);
        pair.ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();
        assert_eq!(kept(&pair.ppc, 1).await, ["item_disposed"]);
        pair.settle().await;
        pair.assert_equal().await;
        for side in [&pair.ppc, &pair.ipa] {
            assert_eq!(side.audit().await, []);
        }
    });
}

/// The originator may erase its own texts, also before they are sent.
#[test]
fn a_text_that_its_author_erased_is_sent_without_it() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ipa.act(share(1, everybody())).await.unwrap();
        pair.ipa.act(dispose(Agency::Ipa, 1)).await.unwrap();
        pair.settle().await;
        for side in [&pair.ppc, &pair.ipa] {
            assert_eq!(kept(side, 1).await, ["item_disposed"]);
            assert_eq!(side.audit().await, []);
        }
        pair.assert_equal().await;
    });
}

/// Fetches the own journal and the peer's back into a database that has lost them.
async fn recover(pair: &Pair) {
    let (ppc, ipa) = (&pair.ppc, &pair.ipa);
    let held = PeerHolds { head: ipa.heads().peer.head(), is_proved: true };
    assert_eq!(ppc.store.standing(&held).await.unwrap(), HelloVerdict::Behind);
    ppc.store.rewind(held.head, &ppc.source.moment()).await.unwrap();
    let from = ppc.heads().own.seq + 1;
    let back = ipa.store.entries(Journal::Of(Agency::Ppc), from, 256).await.unwrap();
    arrive(ppc, Agency::Ppc, back.into_iter().map(|held| held.entry).collect()).await.unwrap();
    carry(ipa, ppc, 256).await;
    ppc.run(ppc.store.reopening(Cause::FetchedBack).await.unwrap()).await.unwrap();
    pair.settle().await;
}

#[test]
fn a_lost_database_gets_no_erased_text_back_from_the_peer() {
    on_each(async |database| {
        let pair = shared(database).await;
        pair.ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();
        pair.settle().await;
        let fresh = Database::new(pair.ppc.database.engine());
        pair.ppc.store.close().await;
        let pair = Pair { ppc: Side::new(Agency::Ppc, fresh).await, ..pair };
        recover(&pair).await;
        assert_eq!(kept(&pair.ppc, 1).await, ["item_disposed"]);
        assert_eq!(kept(&pair.ppc, 2).await, ["threat_information_published", "item_question_asked"]);
        assert_eq!(kept(&pair.ipa, 1).await.len(), 5, "the peer has them");
        assert_eq!(pair.ppc.number("SELECT erasing FROM store").await, 0, "they were never written");
        pair.assert_equal().await;
        assert_eq!(pair.ppc.audit().await, []);
    });
}

#[test]
fn a_backup_from_before_loses_the_text_when_the_disposal_comes_back() {
    on_each(async |database| {
        let Pair { ppc, ipa } = shared(database).await;
        let before = sealed(&ppc.database, 1).await;
        let today = ppc.end().await;
        let backup = today.copy();
        let pair = Pair { ppc: Side::restored(Agency::Ppc, today).await, ipa };
        pair.ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();
        pair.settle().await;
        pair.ppc.store.close().await;

        let pair = Pair { ppc: Side::restored(Agency::Ppc, backup).await, ..pair };
        assert_eq!(in_files(&pair.ppc.database, &before), before.len());
        recover(&pair).await;
        assert_eq!(kept(&pair.ppc, 1).await, ["item_disposed"]);
        assert_eq!(in_files(&pair.ppc.database, &before), 0);
        pair.assert_equal().await;
        assert_eq!(pair.ppc.audit().await, []);
    });
}

#[test]
fn an_entry_that_was_set_aside_loses_its_text_too() {
    on_each(async |database| {
        let pair = shared(database).await;
        for n in [1, 2] {
            pair.ppc.act(words(Agency::Ppc, n)).await.unwrap();
        }
        let lost = pair.ppc.heads().own.seq;
        pair.ppc.store.rewind(peer_held(lost), &pair.ppc.source.moment()).await.unwrap();
        let aside = pair.ppc.rows("SELECT sealed, wrapped_key FROM aside ORDER BY seq").await;
        let aside: Vec<[Vec<u8>; 2]> = aside.iter().map(|row| [row.get(0), row.get(1)]).collect();
        // An official must examine them. This connection leaves nothing behind either.
        let secure = if pair.ppc.database.engine() == Engine::Sqlite { "PRAGMA secure_delete = ON; " } else { "" };
        pair.ppc.tamper(&format!("{secure}UPDATE aside SET reason = 'WRONG_STATE'")).await;
        pair.ppc.run(pair.ppc.store.reopening(Cause::GivenUp("試験".to_owned())).await.unwrap()).await.unwrap();
        let nobody = ConfirmOfficials { own: Agency::Ppc, barred: [].into(), reason: "試験".to_owned() };
        pair.ppc.run(nobody).await.unwrap();
        pair.ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();

        let left = pair.ppc.store.aside().await.unwrap();
        let left: Vec<(String, bool)> = left.into_iter().map(|it| (it.matter, it.content.is_some())).collect();
        assert_eq!(left, [(item(1).to_string(), false), (item(2).to_string(), true)]);
        assert_eq!(in_files(&pair.ppc.database, &aside[0]), 0);
        assert_eq!(in_files(&pair.ppc.database, &aside[1]), 2);
    });
}

/// A server keeps former rows for whoever may still see them.
#[test]
fn what_an_old_session_sees_is_not_called_gone() {
    on_each(async |database| {
        let pair = shared(database).await;
        let before = sealed(&pair.ppc.database, 1).await;
        let mut old = connect(&pair.ppc.database).await;
        let begin = match pair.ppc.database.engine() {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        for statement in [begin, "SELECT turn FROM head"] {
            sqlx::query(statement).execute(&mut old).await.unwrap();
        }
        pair.ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();
        assert!(in_files(&pair.ppc.database, &before) > 0);
        sqlx::query("COMMIT").execute(&mut old).await.unwrap();
        pair.ppc.store.clean_files().await;
        assert_eq!(in_files(&pair.ppc.database, &before), 0, "it was remembered");
    });
}

/// While something reads SQLite's file its log cannot be emptied; a server's account may not own the tables.
#[test]
fn what_is_left_in_files_is_remembered_until_it_is_gone() {
    on_each(async |database| {
        let Pair { ppc, ipa } = shared(database).await;
        let (before, engine) = (sealed(&ppc.database, 1).await, ppc.database.engine());
        let database = ppc.end().await;
        let url = match engine {
            Engine::Sqlite => database.url().to_owned(),
            Engine::Postgres => {
                for statement in [
                    "CREATE ROLE disposal_desk LOGIN",
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO disposal_desk",
                ] {
                    tamper(&database, statement).await;
                }
                database.url().replace("user=postgres", "user=disposal_desk")
            }
        };
        let ppc = Side::on(Store::open(options_at(Agency::Ppc, &url)).await.unwrap(), database, 77);
        let mut reader = connect(&ppc.database).await;
        if engine == Engine::Sqlite {
            for statement in ["BEGIN", "SELECT turn FROM head"] {
                sqlx::query(statement).execute(&mut reader).await.unwrap();
            }
        }
        ppc.act(dispose(Agency::Ppc, 1)).await.unwrap();
        assert_eq!(kept(&ppc, 1).await, ["item_disposed"], "no row has them");
        assert!(in_files(&ppc.database, &before) > 0);
        let left = ppc.number("SELECT erasing FROM store").await;
        assert!(left > 0);
        ppc.store.clean_files().await;
        assert_eq!(ppc.number("SELECT erasing FROM store").await, left);

        match engine {
            Engine::Sqlite => drop(sqlx::query("COMMIT").execute(&mut reader).await.unwrap()),
            Engine::Postgres => ppc.tamper("VACUUM (FULL) aside, entry").await,
        }
        let database = ppc.end().await;
        let ppc = Side::on(Store::open(options_at(Agency::Ppc, &url)).await.unwrap(), database, 78);
        assert_eq!(in_files(&ppc.database, &before), 0, "the next start has removed them");
        let pair = Pair { ppc, ipa };
        pair.settle().await;
        pair.assert_equal().await;
    });
}
