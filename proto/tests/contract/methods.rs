//! Every method states its rule and its errors.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, MethodDescriptor, prost::Message as _};
use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, method_options::IdempotencyLevel};
use renkei_proto::{
    Rule,
    options::v1::{Effect, Reason, Role, Surface},
    r#type::v1::Agency,
};
use serde_json::Value;

use crate::{methods, option, rules::Rules};

/// The number of roles of a desk's callers: all but that of the peer.
const DESK_ROLES: usize = 7;

/// The beginnings of the names of methods that change nothing.
const READING: &[&str] = &["Get", "List", "LookUp", "Watch", "Search", "Check", "Verify", "WhoAmI"];

fn rule(method: &MethodDescriptor) -> &'static Rule {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    renkei_proto::rule(&path).unwrap_or_else(|| panic!("{path} has no rule"))
}

fn reads(method: &MethodDescriptor) -> bool {
    let rests = READING.iter().filter_map(|verb| method.name().strip_prefix(verb));
    rests.into_iter().any(|rest| !rest.starts_with(char::is_lowercase))
}

fn mutates(method: &MethodDescriptor) -> bool {
    !reads(method) && method.name() != "Exchange"
}

#[test]
fn every_method_has_a_whole_rule_and_every_rule_a_method() {
    for method in methods() {
        let name = method.full_name();
        assert!(option(&method.options(), "renkei.options.v1.rule").is_some(), "{name} has no rule");
        let rule = rule(&method);
        assert!(!rule.roles.is_empty() && !rule.roles.contains(&Role::Unspecified), "{name}: roles");
        assert!(!rule.served_by.is_empty() && !rule.served_by.contains(&Agency::Unspecified), "{name}: served_by");
        assert_ne!(rule.surface, Surface::Unspecified, "{name}: surface");
        assert_ne!(rule.effect, Effect::Unspecified, "{name}: effect");
        assert!(rule.article.is_empty() || rule.effect != Effect::Serve, "{name}: what serves has no article");
    }
    let paths: BTreeSet<&str> = renkei_proto::RULES.iter().map(|rule| rule.path).collect();
    assert_eq!((paths.len(), renkei_proto::RULES.len()), (methods().len(), methods().len()));
}

#[test]
fn the_peer_calls_the_link_and_nobody_else_does() {
    for method in methods() {
        let rule = rule(&method);
        let link = rule.surface == Surface::Link;
        assert_eq!(link, rule.roles.contains(&Role::Peer), "{}", method.full_name());
        assert!(!link || rule.roles.len() == 1, "{}: the link is for the peer alone", method.full_name());
    }
}

#[test]
fn reading_methods_read_and_the_others_do_not() {
    for method in methods() {
        assert_eq!(reads(&method), rule(&method).effect == Effect::Read, "{}", method.full_name());
    }
}

#[test]
fn every_mutating_request_carries_a_request_id() {
    for method in methods() {
        let name = method.full_name();
        let field = method.input().get_field_by_name("request_id");
        assert_eq!(field.is_some(), mutates(&method), "{name}: request_id");
        assert_eq!(rule(&method).mutating, mutates(&method), "{name}: the table of rules");
        if let Some(field) = field {
            assert!(Rules::of(&field).uuid, "{name}: request_id is a UUID");
            assert_eq!(field.number(), 1, "{name}: request_id stands first");
        }
    }
}

#[test]
fn the_documented_statuses_are_those_of_the_rule() {
    for (path, comment) in comments_of_methods() {
        let reasons = renkei_proto::rule(&path).expect("a rule").reasons;
        let mut asked: Vec<&str> = reasons.iter().map(|reason| reason.id()).collect();
        assert!(!reasons.contains(&Reason::FieldInvalid), "{path}: FIELD_INVALID belongs to every call");
        asked.push(Reason::FieldInvalid.id());
        asked.sort_unstable();
        assert_eq!(documented(&path, &comment), asked, "{path}: comment and rule differ");
    }
}

#[test]
fn the_documented_callers_are_those_of_the_rule() {
    for (path, comment) in comments_of_methods() {
        let rule = renkei_proto::rule(&path).expect("a rule");
        assert!(comment.contains(&format!(" {} Errors: ", callers(rule))), "{path}: {}", callers(rule));
    }
}

/// The sentences of a method's comment about its callers.
fn callers(rule: &Rule) -> String {
    let name = |role: &Role| role.as_str_name().trim_start_matches("ROLE_").to_lowercase();
    let roles: Vec<String> = rule.roles.iter().map(name).collect();
    let of = match rule.served_by {
        [agency] => format!(" of {}", agency.id().to_uppercase()),
        _ => String::new(),
    };
    let who = if roles.len() == DESK_ROLES { "every system".to_owned() } else { roles.join(", ") };
    let mut said = match rule.surface {
        Surface::Link => "Callers: the peer.".to_owned(),
        _ if rule.purpose => format!("Callers: {who}{of}, with official and purpose."),
        _ => format!("Callers: {who}{of}, with official."),
    };
    if !rule.article.is_empty() {
        said.push_str(&format!(" Article {}.", rule.article));
    }
    if rule.secret {
        said.push_str(" The read is recorded.");
    }
    said
}

/// Clients may repeat every call: a request id makes the repetition of a writing call harmless. Only a read of which no record is
/// kept has no side effect, so that a cache may answer it.
#[test]
fn every_method_of_the_desk_states_that_it_may_be_repeated() {
    for method in methods().iter().filter(|method| rule(method).surface == Surface::Desk) {
        let options = method.method_descriptor_proto().options.clone().unwrap_or_default();
        let is_plain = rule(method).effect == Effect::Read && !rule(method).secret;
        let expected = if is_plain { IdempotencyLevel::NoSideEffects } else { IdempotencyLevel::Idempotent };
        assert_eq!(options.idempotency_level(), expected, "{}", method.full_name());
    }
}

/// gRPC libraries read `service_config.json`: which services there are, how long a call may take, and what may be repeated.
#[test]
fn the_service_config_names_every_service_of_the_desk_and_repeats_what_nobody_answered() {
    let config: Value = serde_json::from_str(include_str!("../../service_config.json")).unwrap();
    let (mut named, mut streams) = (BTreeSet::new(), BTreeSet::new());
    for part in config["methodConfig"].as_array().unwrap() {
        let policy = &part["retryPolicy"];
        for name in part["name"].as_array().unwrap() {
            let service = name["service"].as_str().unwrap().to_owned();
            assert!(named.insert(service.clone()), "{service} is named twice");
            if policy.is_null() {
                assert!(part["timeout"].is_null(), "{service}: a stream has no time limit");
                streams.insert(service);
            } else {
                assert_eq!(policy["retryableStatusCodes"], serde_json::json!(["UNAVAILABLE"]), "{service}");
            }
        }
    }
    let desk: Vec<_> = methods().into_iter().filter(|method| rule(method).surface == Surface::Desk).collect();
    let service = |method: &MethodDescriptor| method.parent_service().full_name().to_owned();
    assert_eq!(named, desk.iter().map(service).collect());
    assert_eq!(streams, desk.iter().filter(|method| method.is_server_streaming()).map(service).collect());
}

#[test]
fn every_service_of_the_desk_explains_its_metadata() {
    let set = with_comments();
    for file in set.file.iter().filter(|file| file.package().starts_with("renkei.")) {
        for (s, service) in file.service.iter().enumerate() {
            let of = |method: &MethodDescriptorProto| {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                renkei_proto::rule(&path).expect("a rule")
            };
            let is_desk = service.method.iter().any(|method| of(method).surface == Surface::Desk);
            let has_purpose = service.method.iter().any(|method| of(method).purpose);
            let comment = comment(file, &[6, s]);
            assert_eq!(comment.contains("`renkei-official`"), is_desk, "{}", service.name());
            assert_eq!(comment.contains("`renkei-purpose`"), has_purpose, "{}", service.name());
        }
    }
}

/// The comment of each method, by its path, with single spaces.
fn comments_of_methods() -> Vec<(String, String)> {
    let mut comments = Vec::new();
    for file in with_comments().file.iter().filter(|file| file.package().starts_with("renkei.")) {
        for (s, service) in file.service.iter().enumerate() {
            for (m, method) in service.method.iter().enumerate() {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                comments.push((path, comment(file, &[6, s, 2, m])));
            }
        }
    }
    comments
}

/// The comment before a part of a file, with single spaces.
fn comment(file: &FileDescriptorProto, place: &[usize]) -> String {
    let place: Vec<i32> = place.iter().map(|step| i32::try_from(*step).unwrap()).collect();
    let locations = &file.source_code_info.as_ref().expect("source info").location;
    let location = locations.iter().find(|location| location.path == place).expect("a location");
    location.leading_comments().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `Errors: A, B when so, C.` names A, B and C.
fn documented(path: &str, comment: &str) -> Vec<String> {
    let (_, list) = comment.split_once("Errors: ").unwrap_or_else(|| panic!("{path}: no `Errors:` in its comment"));
    let list = list.strip_suffix('.').unwrap_or_else(|| panic!("{path}: the list of errors ends with a full stop"));
    let mut names: Vec<String> =
        list.split(", ").filter_map(|item| item.split(' ').next()).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The contract with its comments, which the embedded set does not contain.
fn with_comments() -> FileDescriptorSet {
    let set = renkei_proto::COMMENTED_DESCRIPTOR_SET;
    assert_eq!(DescriptorPool::decode(set).unwrap().services().count(), crate::POOL.services().count());
    FileDescriptorSet::decode(set).unwrap()
}
