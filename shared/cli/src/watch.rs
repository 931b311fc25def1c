//! The change feed as lines for programs, which goes on where it ended.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use clap::{Arg, ArgMatches, Command, value_parser};
use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage as _};
use renkei_client::Watch;
use renkei_proto::{
    r#type::v1::Agency,
    watch::v1::{Event, WatchResponse},
};
use renkei_rpc::comment::COMMENTED;
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
};

use crate::{
    call::Caller,
    failure::Failure,
    options::Output,
    terminal::{harmless_json, say},
};

/// Adds the options of the feed to its command.
pub(crate) fn with_options(command: Command) -> Command {
    command.args([
        Arg::new("matter").long("matter").value_name("NAME").help("The name or case number of the only matter to watch"),
        Arg::new("from").long("from").value_name("CURSOR").help(
            "The cursor after which to begin: that of an event, or `asOf` of a list; `-` for everything that the feed \
             still has. By default, changes from now on",
        ),
        Arg::new("cursor-file").long("cursor-file").value_name("FILE").value_parser(value_parser!(PathBuf)).help(
            "The file with the last cursor, rewritten after each event is printed. If it exists, the watch begins there, \
             and --from does not count",
        ),
    ])
}

/// Prints events until Ctrl-C or SIGTERM.
pub(crate) async fn run(matches: &ArgMatches, caller: &Caller, output: Output) -> Result<(), Failure> {
    let file = matches.get_one::<PathBuf>("cursor-file").map(PathBuf::as_path);
    let kept = file.map(read).transpose()?.flatten();
    let from = kept.or_else(|| matches.get_one::<String>("from").cloned()).unwrap_or_default();
    let mut matter = matches.get_one::<String>("matter").cloned().unwrap_or_default();
    caller.name_of(&mut matter).await?;
    let mut ends = [ends(SignalKind::interrupt())?, ends(SignalKind::terminate())?];
    let [interrupt, terminate] = &mut ends;
    tokio::select! {
        ended = follow(caller, &from, &matter, file, output) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

fn ends(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Output(error.to_string()))
}

async fn follow(caller: &Caller, from: &str, matter: &str, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let mut watch = Watch::open(caller.channel(), from, matter).await?;
    // From here on, a restart misses nothing, also before the first event.
    keep(file, watch.cursor())?;
    loop {
        let event = watch.event().await?;
        let cursor = watch.cursor().to_owned();
        let line = match output {
            Output::Cloudevents => cloud_event(&event, &cursor, caller.agency())?.to_string(),
            Output::Json | Output::Table => {
                json(&dynamic(&WatchResponse { cursor, event: Some(event) }, "WatchResponse")?)?.to_string()
            }
        };
        let line = harmless_json(&format!("{line}\n"));
        // While a reader does not read, the thread that writes to it waits. The thread that hears of Ctrl-C is another one.
        let printed = spawn_blocking(move || say(&line)).await;
        printed.map_err(|error| Failure::Output(error.to_string()))??;
        // The event is printed first: after a crash in between it is printed again, as a CloudEvent with the same id.
        keep(file, watch.cursor())?;
    }
}

/// An event as a CloudEvent of version 1.0 in JSON. Its id is a digest of the event, because the service states another cursor
/// for the same event each time; the cursor is an extension beside it.
fn cloud_event(event: &Event, cursor: &str, agency: Agency) -> Result<Json, Failure> {
    let message = dynamic(event, "Event")?;
    let change = message.fields().find(|(field, _)| field.containing_oneof().is_some());
    let kind = change.and_then(|(_, change)| change.as_message().map(DynamicMessage::descriptor));
    // A change that only a later version knows is still a change of the feed.
    let kind = kind.unwrap_or_else(|| message.descriptor());
    let data = json(&message)?;
    let mut told = json!({
        "specversion": "1.0",
        "id": hex::encode(digest(&SHA256, &event.encode_to_vec())),
        "source": format!("spiffe://{}/desk/service", agency.id()),
        "type": format!("dev.{}", kind.full_name()),
        "time": data["time"],
        "cursor": cursor,
        "datacontenttype": "application/json",
        "data": data,
    });
    for (name, value) in [("subject", &event.matter), ("traceparent", &event.traceparent)] {
        if !value.is_empty() {
            told[name] = Json::from(value.as_str());
        }
    }
    Ok(told)
}

/// A message of the feed's package by its descriptor.
fn dynamic(message: &impl Message, name: &str) -> Result<DynamicMessage, Failure> {
    let descriptor = COMMENTED.get_message_by_name(&format!("renkei.watch.v1.{name}"));
    let descriptor = descriptor.ok_or_else(|| Failure::Output("the contract is incomplete".to_owned()))?;
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| Failure::Output(error.to_string()))
}

fn json(message: &DynamicMessage) -> Result<Json, Failure> {
    serde_json::to_value(message).map_err(|error| Failure::Output(error.to_string()))
}

/// The cursor in a file; `None` if there is no such file yet, or an empty one.
fn read(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|cursor| !cursor.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Usage(format!("{}: {error}", file.display()))),
    }
}

/// Puts the cursor into the file as a whole, so that a crash leaves either the former one or this one.
fn keep(file: Option<&Path>, cursor: &str) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    replace(file, cursor).map_err(|error| Failure::Output(format!("{}: {error}", file.display())))
}

fn replace(file: &Path, cursor: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut next = NamedTempFile::new_in(folder)?;
    writeln!(next, "{cursor}")?;
    next.as_file().sync_all()?;
    next.persist(file)?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use renkei_proto::watch::v1::{EntryApplied, LinkChanged, event::Change};

    use super::*;

    #[test]
    fn an_event_is_a_cloud_event_with_what_the_standard_requires() {
        let applied = EntryApplied { entry: "agencies/ppc/entries/4".to_owned(), ..EntryApplied::default() };
        let event = Event {
            time: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            matter: "agencies/ppc/referrals/1".to_owned(),
            traceparent: String::new(),
            change: Some(Change::EntryApplied(applied)),
        };
        let told = cloud_event(&event, "c4", Agency::Ppc).unwrap();
        let expected = json!({
            "specversion": "1.0", "id": told["id"], "cursor": "c4", "source": "spiffe://ppc/desk/service",
            "type": "dev.renkei.watch.v1.EntryApplied", "subject": "agencies/ppc/referrals/1",
            "time": "2026-12-01T00:00:00Z", "datacontenttype": "application/json",
            "data": {
                "time": "2026-12-01T00:00:00Z", "matter": "agencies/ppc/referrals/1",
                "entryApplied": { "entry": "agencies/ppc/entries/4" },
            },
        });
        assert_eq!(told, expected);
        assert_eq!(told["id"], cloud_event(&event, "another", Agency::Ppc).unwrap()["id"]);
        let of_link = Event { change: Some(Change::LinkChanged(LinkChanged { connected: true })), ..Event::default() };
        let told = cloud_event(&of_link, "c5", Agency::Ipa).unwrap();
        assert_ne!(told["id"], expected["id"]);
        assert_eq!((&told["type"], told.get("subject")), (&json!("dev.renkei.watch.v1.LinkChanged"), None));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_a_missing_file_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cursor");
        assert!(read(&file).unwrap().is_none());
        for cursor in ["one", "two"] {
            keep(Some(&file), cursor).unwrap();
            assert_eq!(read(&file).unwrap().as_deref(), Some(cursor));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
    }
}
