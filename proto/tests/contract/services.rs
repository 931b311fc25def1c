//! The rule of every service, and the methods that open a collection to readers.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::DynamicMessage;
use renkei_proto::{
    FactKind, SERVICES, ServiceRule,
    options::v1::{Effect, Role, Surface},
    r#type::v1::Agency,
};

use crate::{POOL, methods, option};

/// The rule that a service states for all of its methods.
const COMMON: [&str; 3] = ["surface", "served_by", "article"];

fn stated_by_method(method: &prost_reflect::MethodDescriptor) -> DynamicMessage {
    option(&method.options(), "renkei.options.v1.rule").unwrap()
}

#[test]
fn every_service_has_a_whole_rule_and_every_rule_a_service() {
    let services: BTreeSet<String> = methods().iter().map(|of| of.parent_service().full_name().to_owned()).collect();
    let ours = POOL.services().filter(|service| service.package_name().starts_with("renkei."));
    assert_eq!(services, ours.map(|service| service.full_name().to_owned()).collect(), "a service without methods");
    assert_eq!(services, SERVICES.iter().map(|rule| rule.name.to_owned()).collect());
    assert_eq!(services.len(), SERVICES.len());
    for ServiceRule { name, surface, served_by } in SERVICES {
        let service = POOL.get_service_by_name(name).unwrap();
        assert!(option(&service.options(), "renkei.options.v1.service_rule").is_some(), "{name} has no rule");
        assert_ne!(*surface, Surface::Unspecified, "{name}: surface");
        assert!(!served_by.is_empty() && !served_by.contains(&Agency::Unspecified), "{name}: served_by");
    }
}

#[test]
fn a_method_states_only_what_differs_from_its_service() {
    for method in methods() {
        let service = option(&method.parent_service().options(), "renkei.options.v1.service_rule").unwrap();
        let rule = stated_by_method(&method);
        for field in COMMON {
            let repeated =
                rule.has_field_by_name(field) && rule.get_field_by_name(field) == service.get_field_by_name(field);
            assert!(!repeated, "{} repeats the {field} of its service", method.full_name());
        }
    }
}

#[test]
fn every_collection_is_opened_to_readers_by_one_method() {
    let mut found: BTreeMap<String, Vec<&[Role]>> = BTreeMap::new();
    for method in methods() {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let rule = renkei_proto::rule(&path).unwrap();
        let reads = stated_by_method(&method).get_field_by_name("reads").unwrap().into_owned();
        for collection in reads.as_list().unwrap() {
            assert_eq!((rule.effect, rule.surface), (Effect::Read, Surface::Desk), "{path} reads {collection:?}");
            found.entry(collection.as_str().unwrap().to_owned()).or_default().push(rule.roles);
        }
    }
    let written = FactKind::ALL.iter().map(|kind| kind.rule().collection).filter(|collection| !collection.is_empty());
    let written: BTreeSet<String> = written.map(str::to_owned).collect();
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), written);
    for (collection, roles) in found {
        assert_eq!(roles, [renkei_proto::readers(&collection)], "{collection}");
    }
    assert_eq!(renkei_proto::readers("unknown"), []);
}
