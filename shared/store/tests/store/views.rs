//! Views for people: real times and words, and nothing that is encrypted or secret.

use renkei_book::StoppedByPeer;
use renkei_proto::{link::v1::Stop, options::v1::Reason, r#type::v1::Agency};
use sqlx::Row as _;

use super::{
    acts::publish,
    database::Engine,
    rebuild::history,
    side::{OFFICIAL, Side, on_each, tamper},
};

/// 2026-06-01T00:00:00.123456Z.
const INSTANT: i64 = 1_780_272_000_123_456;

/// The first column of a query's first row, as text.
async fn first(side: &Side, sql: &str) -> String {
    let column = format!("SELECT CAST(it AS TEXT) FROM ({sql}) AS one");
    side.rows(&column).await.first().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()).unwrap_or_default()
}

/// An expression that gives an instant as the test compares it.
fn instant(side: &Side, column: &str) -> String {
    match side.database.engine() {
        Engine::Sqlite => column.to_owned(),
        Engine::Postgres => format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
    }
}

#[test]
fn times_are_real_and_to_the_microsecond() {
    on_each(async |database| {
        let pair = history(database).await;
        let ppc = &pair.ppc;
        for table in [
            "entry SET written_us = {at}, arrived_us = {at}",
            "receipt SET at_us = {at}",
            "call SET at_us = {at}",
            "event SET at_us = {at}",
            "head SET written_us = {at}, receipted_us = {at}",
        ] {
            tamper(&ppc.database, &format!("UPDATE {}", table.replace("{at}", &INSTANT.to_string()))).await;
        }
        let times = [
            ("readable_entry", "written_at"),
            ("readable_entry", "arrived_at"),
            ("readable_entry WHERE journal = 'ppc' AND receipted_at IS NOT NULL", "receipted_at"),
            ("readable_entry WHERE journal = 'ppc' AND refused_at IS NOT NULL", "refused_at"),
            ("readable_head", "last_written_at"),
            ("readable_head WHERE whose = 'own'", "receipted_at"),
            ("readable_receipt", "signed_at"),
            ("readable_call", "at"),
            ("readable_matter", "opened_at"),
            ("readable_matter", "changed_at"),
            ("readable_feed", "at"),
        ];
        for (view, column) in times {
            let shown = first(ppc, &format!("SELECT {} AS it FROM {view}", instant(ppc, column))).await;
            assert_eq!(shown, "2026-06-01T00:00:00.123456Z", "{view} {column}");
            if ppc.database.engine() == Engine::Postgres {
                let kind = first(ppc, &format!("SELECT pg_typeof({column}) AS it FROM {view}")).await;
                assert_eq!(kind, "timestamp with time zone", "{view} {column}");
            }
        }
    });
}

#[test]
fn events_are_described_in_words() {
    on_each(async |database| {
        let pair = history(database).await;
        let (ppc, ipa) = (&pair.ppc, &pair.ipa);
        let one = async |side: &Side, sql: &str| first(side, sql).await;
        let own = ppc.heads().own.seq;
        assert_eq!(
            one(ppc, "SELECT MAX(number) AS it FROM readable_entry WHERE journal = 'ppc'").await,
            own.to_string()
        );
        assert_eq!(
            one(ppc, "SELECT number AS it FROM readable_entry WHERE refused_at IS NOT NULL").await,
            own.to_string()
        );
        assert_eq!(
            one(ipa, "SELECT number AS it FROM readable_entry WHERE refused_at IS NOT NULL").await,
            own.to_string()
        );
        assert_eq!(one(ppc, "SELECT official AS it FROM readable_call").await, OFFICIAL);
        let heads = "SELECT whose || ' ' || last || ' ' || backlog AS it FROM readable_head WHERE journal = 'ppc'";
        assert_eq!(one(ppc, heads).await, format!("own {own} 0"));
        assert_eq!(one(ipa, "SELECT whose AS it FROM readable_head WHERE journal = 'ppc'").await, "peer");
        let scheme = "FROM readable_matter WHERE matter = 'agencies/ppc/schemes/leak'";
        assert_eq!(one(ppc, &format!("SELECT last_fact AS it {scheme}")).await, "scheme_published");
        assert_eq!(one(ppc, "SELECT stop_reason AS it FROM readable_head WHERE whose = 'own'").await, "");
        let reasons = [
            Reason::NotUnderstood,
            Reason::AuthorDiffers,
            Reason::BadSignature,
            Reason::KeyUnknown,
            Reason::ChainBroken,
            Reason::OrderBroken,
            Reason::Gap,
            Reason::Fork,
        ];
        // Only an entry that was written and has no receipt can be stopped.
        ppc.act(publish(Agency::Ppc, "stopped")).await.unwrap();
        let seq = ppc.heads().own.seq;
        for reason in reasons {
            let stop = Stop { seq, reason: reason.into(), journal: Agency::Ppc.into() };
            ppc.run(StoppedByPeer { stop }).await.unwrap();
            let stop = "SELECT stopped_at_number || ' ' || stop_reason AS it FROM readable_head WHERE whose = 'own'";
            assert_eq!(one(ppc, stop).await, format!("{seq} {}", reason.id()));
        }
    });
}

#[test]
fn nothing_secret_is_shown() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let columns = match side.database.engine() {
            Engine::Sqlite => {
                "SELECT p.name, p.type FROM sqlite_schema s JOIN pragma_table_info(s.name) p WHERE s.type = 'view'"
            }
            Engine::Postgres => {
                "SELECT column_name::text, data_type::text FROM information_schema.columns \
                 WHERE table_name LIKE 'readable%'"
            }
        };
        let rows = side.rows(columns).await;
        assert!(rows.len() > 40, "{}", rows.len());
        for row in rows {
            let (name, kind): (String, String) = (row.get(0), row.get(1));
            assert!(!["BLOB", "bytea"].contains(&kind.as_str()), "{name} is bytes");
        }
    });
}
