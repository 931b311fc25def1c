//! Every method states its rule and its errors.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, MethodDescriptor, prost::Message as _};
use prost_types::FileDescriptorSet;
use renkei_proto::{
    Rule,
    options::v1::{Effect, Reason, Role, Surface},
    r#type::v1::Agency,
};

use crate::{methods, option, rules::Rules};

/// The beginnings of the names of methods that change nothing.
const READING: &[&str] = &["Get", "List", "LookUp", "Watch", "Search", "Check", "Verify"];

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
    let set = with_comments();
    for file in set.file.iter().filter(|file| file.package().starts_with("renkei.")) {
        for (s, service) in file.service.iter().enumerate() {
            for (m, method) in service.method.iter().enumerate() {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let place = [6, s, 2, m].map(|step| i32::try_from(step).unwrap());
                let locations = &file.source_code_info.as_ref().expect("source info").location;
                let location = locations.iter().find(|location| location.path == place).expect("a location");
                let reasons = renkei_proto::rule(&path).expect("a rule").reasons;
                let mut asked: Vec<&str> = reasons.iter().map(|reason| reason.id()).collect();
                assert!(!reasons.contains(&Reason::FieldInvalid), "{path}: FIELD_INVALID belongs to every call");
                asked.push(Reason::FieldInvalid.id());
                asked.sort_unstable();
                assert_eq!(documented(&path, location.leading_comments()), asked, "{path}: comment and rule differ");
            }
        }
    }
}

/// `Errors: A, B when so, C.` names A, B and C.
fn documented(path: &str, comment: &str) -> Vec<String> {
    let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, list) = comment.split_once("Errors: ").unwrap_or_else(|| panic!("{path}: no `Errors:` in its comment"));
    let list = list.strip_suffix('.').unwrap_or_else(|| panic!("{path}: the list of errors ends with a full stop"));
    let mut names: Vec<String> =
        list.split(", ").filter_map(|item| item.split(' ').next()).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The contract with its comments, which the embedded set does not contain.
fn with_comments() -> FileDescriptorSet {
    let set = include_bytes!(concat!(env!("OUT_DIR"), "/commented.binpb")).as_slice();
    assert_eq!(DescriptorPool::decode(set).unwrap().services().count(), crate::POOL.services().count());
    FileDescriptorSet::decode(set).unwrap()
}
