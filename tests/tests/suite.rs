//! The tests of the whole system: one program, one file per promise or noun.

#[path = "suite/advice.rs"]
mod advice;
#[path = "suite/advice_crossing.rs"]
mod advice_crossing;
#[path = "suite/advice_further.rs"]
mod advice_further;
#[path = "suite/advice_read.rs"]
mod advice_read;
#[path = "suite/advice_refusals.rs"]
mod advice_refusals;
#[path = "suite/agreement_versions.rs"]
mod agreement_versions;
#[path = "suite/altered.rs"]
mod altered;
#[path = "suite/bounds.rs"]
mod bounds;
#[path = "suite/certificates.rs"]
mod certificates;
#[path = "suite/checkout.rs"]
mod checkout;
#[path = "suite/circles.rs"]
mod circles;
#[path = "suite/claims.rs"]
mod claims;
#[path = "suite/client.rs"]
mod client;
#[path = "suite/clock.rs"]
mod clock;
#[path = "suite/code.rs"]
mod code;
#[path = "suite/command_line.rs"]
mod command_line;
#[path = "suite/command_line_renkei.rs"]
mod command_line_renkei;
#[path = "suite/compose.rs"]
mod compose;
#[path = "suite/config.rs"]
mod config;
#[path = "suite/consent.rs"]
mod consent;
#[path = "suite/consent_races.rs"]
mod consent_races;
#[path = "suite/counts.rs"]
mod counts;
#[path = "suite/delivery.rs"]
mod delivery;
#[path = "suite/disclosure.rs"]
mod disclosure;
#[path = "suite/disposal.rs"]
mod disposal;
#[path = "suite/duty.rs"]
mod duty;
#[path = "suite/evidence.rs"]
mod evidence;
#[path = "suite/floors.rs"]
mod floors;
#[path = "suite/holidays.rs"]
mod holidays;
#[path = "suite/idempotency.rs"]
mod idempotency;
#[path = "suite/item.rs"]
mod item;
#[path = "suite/item_refused.rs"]
mod item_refused;
#[path = "suite/item_validity.rs"]
mod item_validity;
#[path = "suite/lies.rs"]
mod lies;
#[path = "suite/limits.rs"]
mod limits;
#[path = "suite/lists.rs"]
mod lists;
#[path = "suite/loss.rs"]
mod loss;
#[path = "suite/missing_database.rs"]
mod missing_database;
#[path = "suite/names.rs"]
mod names;
#[path = "suite/neighbours.rs"]
mod neighbours;
#[path = "suite/notice.rs"]
mod notice;
#[path = "suite/nouns.rs"]
mod nouns;
#[path = "suite/official.rs"]
mod official;
#[path = "suite/operator.rs"]
mod operator;
#[path = "suite/outage.rs"]
mod outage;
#[path = "suite/paper.rs"]
mod paper;
#[path = "suite/printed.rs"]
mod printed;
#[path = "suite/processes.rs"]
mod processes;
#[path = "suite/readme.rs"]
mod readme;
#[path = "suite/recall_effect.rs"]
mod recall_effect;
#[path = "suite/receiver.rs"]
mod receiver;
#[path = "suite/recovery.rs"]
mod recovery;
#[path = "suite/reference.rs"]
mod reference;
#[path = "suite/referral.rs"]
mod referral;
#[path = "suite/refusal.rs"]
mod refusal;
#[path = "suite/replicas.rs"]
mod replicas;
#[path = "suite/scheme.rs"]
mod scheme;
#[path = "suite/scope.rs"]
mod scope;
#[path = "suite/secrecy.rs"]
mod secrecy;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "suite/secrets_shared.rs"]
mod secrets_shared;
#[path = "suite/seed.rs"]
mod seed;
#[path = "suite/server.rs"]
mod server;
#[path = "suite/session.rs"]
mod session;
#[path = "suite/signs.rs"]
mod signs;
#[path = "suite/status_page.rs"]
mod status_page;
#[path = "suite/stop.rs"]
mod stop;
#[path = "suite/stranger.rs"]
mod stranger;
#[path = "suite/tampering.rs"]
mod tampering;
#[path = "suite/term.rs"]
mod term;
#[path = "suite/trace.rs"]
mod trace;
#[path = "suite/trust.rs"]
mod trust;
#[path = "suite/units.rs"]
mod units;
#[path = "suite/verify.rs"]
mod verify;
#[path = "suite/watch.rs"]
mod watch;
#[path = "suite/words.rs"]
mod words;
