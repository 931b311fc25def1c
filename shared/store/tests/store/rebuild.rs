//! Pages and everything beside them are made again from the journals, to the byte.

use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use renkei_store::Rebuilt;
use sqlx::{Row as _, any::AnyRow};

use super::{
    acts::{follow_up, give, issue, notice, publish, revise, revise_judgement, withdraw, withdraw_notice, wrong_code},
    database::Database,
    link::{Pair, arrive, forge, forged_scheme, impose, refusal},
    side::{Side, on_each},
};

/// Two registers in which something of every kind was done, a lie of PPC included.
pub async fn history(database: Database) -> Pair {
    let pair = Pair::new(database).await;
    let (ppc, ipa) = (&pair.ppc, &pair.ipa);
    for (side, own) in [(ppc, Agency::Ppc), (ipa, Agency::Ipa)] {
        for id in ["leak", "virus", "old"] {
            side.act(publish(own, id)).await.unwrap();
        }
        side.act(revise(own, "virus")).await.unwrap();
        side.act(withdraw(own, "old")).await.unwrap();
        let _refused = side.act(wrong_code(own)).await;
    }
    pair.settle().await;
    for n in 1..=3 {
        ppc.act(issue(Agency::Ppc, n, "leak", &format!("report-{n}"))).await.unwrap();
        ipa.act(issue(Agency::Ipa, n, "virus", &format!("filing-{n}"))).await.unwrap();
    }
    ppc.act(give(Agency::Ppc, 1)).await.unwrap();
    ppc.act(give(Agency::Ppc, 2)).await.unwrap();
    ppc.act(revise_judgement(Agency::Ppc, 2)).await.unwrap();
    pair.settle().await;
    ipa.act(follow_up(Agency::Ipa, 1, "virus")).await.unwrap();
    let notice = ppc.act(notice()).await.unwrap();
    let (_, number) = renkei_domain::matter::parse_entry_name(&notice.entry).unwrap();
    pair.settle().await;
    ppc.act(withdraw_notice(number)).await.unwrap();

    let mut lie = forged_scheme(ppc, "liar").await;
    forge(&mut lie, Agency::Ppc, |header| header.fact_sha256 = vec![7; 32]);
    impose(ppc, &lie).await;
    pair.settle().await;
    assert_eq!(refusal(ipa, Agency::Ppc, ppc.heads().own.seq).await, Some(Reason::FactDiffers));
    pair
}

const TABLES: [&str; 4] = [
    "SELECT matter, opened_turn, changed_turn, page, local, seal FROM page ORDER BY matter",
    "SELECT noun, audience, opened_turn, matter FROM visible ORDER BY noun, audience, opened_turn, matter",
    "SELECT kind, value, matter FROM lookup ORDER BY kind, value, matter",
    "SELECT kind, year, last FROM counter ORDER BY kind, year",
];

/// Everything that follows from the journals, in its present state.
async fn cache(side: &Side) -> Vec<Vec<String>> {
    let cell = |row: &AnyRow, column: usize| {
        let text = row.try_get::<String, _>(column).or_else(|_| row.try_get::<i64, _>(column).map(|it| it.to_string()));
        text.unwrap_or_else(|_| format!("{:02x?}", row.get::<Vec<u8>, _>(column)))
    };
    let mut all = Vec::new();
    for table in TABLES {
        for row in side.rows(table).await {
            all.push((0..row.len()).map(|column| cell(&row, column)).collect());
        }
    }
    all
}

async fn rebuilt(side: &Side, write: bool) -> Rebuilt {
    side.store.rebuild(write).await.unwrap()
}

#[test]
fn a_rebuild_gives_the_same_bytes() {
    on_each(async |database| {
        let pair = history(database).await;
        pair.assert_equal().await;
        for side in [&pair.ppc, &pair.ipa] {
            let before = cache(side).await;
            let found = rebuilt(side, true).await;
            assert_eq!(found.differing, Vec::<String>::new(), "what was written bit by bit is what the journals make");
            assert_eq!(found.pages, u64::try_from(side.number("SELECT COUNT(*) FROM page").await).unwrap());
            assert_eq!(found.entries, u64::try_from(side.number("SELECT COUNT(*) FROM entry").await).unwrap());

            for table in ["page", "visible", "lookup", "counter"] {
                side.tamper(&format!("DELETE FROM {table}")).await;
            }
            assert_ne!(rebuilt(side, true).await.differing, Vec::<String>::new());
            assert_eq!(cache(side).await, before);
            let lies = side.audit().await;
            assert_eq!(lies.len(), 1, "the lie is stored by both");
        }
    });
}

#[test]
fn every_damage_is_found_and_repaired() {
    let named = "agencies/ppc/schemes/leak";
    let where_named = format!("WHERE matter = '{named}'");
    let cases = [
        // These bytes are not a page.
        (format!("UPDATE page SET page = {{ff}} {where_named}"), named),
        // These bytes are another page.
        (format!("UPDATE page SET page = (SELECT page FROM page WHERE matter = 'agreement') {where_named}"), named),
        (format!("UPDATE page SET local = {{ff}} {where_named}"), named),
        (format!("UPDATE page SET opened_turn = opened_turn + 1 {where_named}"), named),
        (format!("UPDATE page SET changed_turn = changed_turn + 1 {where_named}"), named),
        (format!("DELETE FROM page {where_named}"), named),
        ("INSERT INTO page SELECT 'agencies/ppc/schemes/zzz', 1, 1, page, local, seal FROM page WHERE matter = 'agreement'".to_owned(), "agencies/ppc/schemes/zzz"),
        (format!("DELETE FROM visible {where_named}"), "lists"),
        ("UPDATE visible SET opened_turn = opened_turn + 1".to_owned(), "lists"),
        ("DELETE FROM lookup WHERE kind = 'code/ppc'".to_owned(), "lookups"),
        ("INSERT INTO lookup VALUES ('code/ppc', 'ZZZZ', 'agreement')".to_owned(), "lookups"),
        ("UPDATE counter SET last = last + 1 WHERE year = 0".to_owned(), "counters"),
        ("DELETE FROM counter WHERE kind = 'referral'".to_owned(), "counters"),
    ];
    on_each(async |database| {
        let pair = history(database).await;
        let side = pair.ppc;
        let right = cache(&side).await;
        let bytes = if side.database.url().starts_with("sqlite") { "x'ff'" } else { "'\\xff'" };
        for (damage, expected) in &cases {
            side.tamper(&damage.replace("{ff}", bytes)).await;
            let damaged = cache(&side).await;
            assert_ne!(damaged, right, "{damage}");

            assert_eq!(rebuilt(&side, false).await.differing, [*expected], "{damage}");
            assert_eq!(cache(&side).await, damaged, "only looking changes nothing: {damage}");
            assert_eq!(rebuilt(&side, true).await.differing, [*expected], "{damage}");
            assert_eq!(cache(&side).await, right, "{damage}");
        }
        side.act(publish(Agency::Ppc, "after")).await.unwrap();
        side.audit().await;
    });
}

/// The journal has more entries than a rebuild processes at once.
#[test]
fn a_long_journal_is_rebuilt_in_pieces() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let issued = (1..=300).map(|n| pair.ppc.act(issue(Agency::Ppc, n, "leak", "report")));
        assert!(futures::future::join_all(issued).await.iter().all(Result::is_ok));
        assert_eq!(pair.ppc.audit().await, []);
        assert_eq!(rebuilt(&pair.ppc, false).await.pages, 2 + 300 - 1);
        while arrive_next(&pair).await {}
        assert_eq!(pair.ipa.audit().await, []);
        pair.assert_equal().await;
    });
}

async fn arrive_next(pair: &Pair) -> bool {
    let next = pair.ipa.heads().peer.seq + 1;
    let held = pair.ppc.store.entries(renkei_domain::page::Journal::Of(Agency::Ppc), next, 256).await.unwrap();
    let entries: Vec<_> = held.into_iter().map(|held| held.entry).collect();
    let some = !entries.is_empty();
    arrive(&pair.ipa, Agency::Ppc, entries).await.unwrap();
    some
}
