//! The rule of every method: those of the contract, and those of the foreign services health and reflection.

use renkei_proto::{
    Rule,
    options::v1::{Effect, Role, Surface},
    r#type::v1::Agency,
};

use crate::{contract, health::HEALTH};

/// The reason for which a port must not start with its services.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Neither the contract nor a foreign service has this name.
    #[error("the service {0} has no descriptor, so nobody knows its methods")]
    UnknownService(String),
    /// A method has no rule.
    #[error("the method {0} has no rule, so nobody may call it: give it the option renkei.options.v1.rule")]
    NoRule(String),
    /// A method belongs to the other port.
    #[error("the method {0} belongs to the other port")]
    WrongPort(String),
}

/// Checks that every method of these services has a rule for this port. It is called before the port is opened.
///
/// # Errors
/// [`RuleError`], for the first method without a rule.
pub fn check_rules(surface: Surface, services: &[&str]) -> Result<(), RuleError> {
    for name in services {
        let service = contract::service(name).ok_or_else(|| RuleError::UnknownService((*name).to_owned()))?;
        for path in service.methods().map(|method| contract::path(&method)) {
            let rule = rule(surface, &path).ok_or_else(|| RuleError::NoRule(path.clone()))?;
            if rule.surface != surface {
                return Err(RuleError::WrongPort(path));
            }
        }
    }
    Ok(())
}

/// The roles of the desk: any of its systems.
pub(super) const DESK: &[Role] =
    &[Role::Intake, Role::Casework, Role::Sharing, Role::Approver, Role::Reader, Role::Operator, Role::Auditor];

/// The rules of services outside the contract. They need neither official nor purpose.
pub(super) static FOREIGN: &[Rule] = &[
    foreign("/grpc.health.v1.Health/Check", Surface::Desk, DESK),
    foreign("/grpc.health.v1.Health/Watch", Surface::Desk, DESK),
    foreign("/grpc.health.v1.Health/Check", Surface::Link, &[Role::Peer]),
    foreign("/grpc.health.v1.Health/Watch", Surface::Link, &[Role::Peer]),
    foreign("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Surface::Desk, DESK),
    foreign("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Surface::Desk, DESK),
];

const fn foreign(path: &'static str, surface: Surface, roles: &'static [Role]) -> Rule {
    Rule {
        path,
        name: path,
        surface,
        served_by: &[Agency::Ppc, Agency::Ipa],
        article: "",
        roles,
        effect: Effect::Serve,
        secret: false,
        purpose: false,
        mutating: false,
        reasons: &[],
    }
}

pub(super) fn rule(surface: Surface, path: &str) -> Option<&'static Rule> {
    let foreign = || FOREIGN.iter().find(|rule| rule.path == path && rule.surface == surface);
    renkei_proto::rule(path).or_else(foreign)
}

pub(super) fn is_health(rule: &Rule) -> bool {
    rule.path.strip_prefix('/').and_then(|path| path.strip_prefix(HEALTH)).is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn is_foreign(rule: &Rule) -> bool {
    FOREIGN.iter().any(|row| row.path == rule.path)
}
