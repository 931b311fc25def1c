//! Health and reflection: the services that tools use before they call.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use renkei_proto::{FILE_DESCRIPTOR_SET, options::v1::Surface, r#type::v1::Agency};
use tokio::sync::Mutex;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::{Builder, v1, v1alpha};

use crate::contract;

/// The service that reports whether its port is ready.
pub const HEALTH: &str = "grpc.health.v1.Health";

/// The services that describe the contract to tools, in the current version and in that of older tools.
pub const REFLECTION: [&str; 2] = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// A condition of readiness. The peer is not one of them, because its absence for days is a normal state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The database answers.
    Database,
    /// The own certificate and the revocation lists are valid.
    TrustMaterial,
    /// The clock is not doubted.
    Clock,
}

/// The readiness of a service. It is ready only after every [`Need`] was reported as met.
pub struct Readiness {
    reporter: HealthReporter,
    services: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    database: bool,
    trust_material: bool,
    clock: bool,
    draining: bool,
}

impl Readiness {
    /// The readiness of these services, and of the server as a whole (the empty name).
    pub async fn new(services: &[&str]) -> Self {
        let services = std::iter::once("").chain(services.iter().copied()).map(str::to_owned).collect();
        let readiness = Self { reporter: HealthReporter::new(), services, state: Mutex::default() };
        readiness.publish(false).await;
        readiness
    }

    /// The service `grpc.health.v1.Health` that reports it. Several ports may serve the same readiness.
    #[must_use]
    pub fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Reports whether a need is met. Only a change reaches the watchers.
    pub async fn report(&self, need: Need, met: bool) {
        // The lock is kept until the state is published, so that an older report never covers a newer one.
        let mut state = self.state.lock().await;
        let before = state.is_ready();
        match need {
            Need::Database => state.database = met,
            Need::TrustMaterial => state.trust_material = met,
            Need::Clock => state.clock = met,
        }
        if state.is_ready() != before {
            self.publish(!before).await;
        }
    }

    /// True if every need is met.
    pub async fn is_ready(&self) -> bool {
        self.state.lock().await.is_ready()
    }

    /// Ends readiness for the shutdown, and ends the watchers' streams, which would keep the port from draining.
    pub async fn drain(&self) {
        let mut state = self.state.lock().await;
        state.draining = true;
        self.publish(false).await;
        let mut reporter = self.reporter.clone();
        for service in &self.services {
            reporter.clear_service_status(service).await;
        }
    }

    async fn publish(&self, ready: bool) {
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in &self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

impl State {
    fn is_ready(&self) -> bool {
        self.database && self.trust_material && self.clock && !self.draining
    }
}

/// The reason for which there is no reflection.
#[derive(Debug, thiserror::Error)]
pub enum ReflectionError {
    /// The embedded descriptors are invalid.
    #[error("the contract's descriptors cannot be read: {0}")]
    Descriptors(&'static str),
    /// The reflection service does not accept the descriptors.
    #[error("the contract's descriptors cannot be served: {0}")]
    Server(#[from] tonic_reflection::server::Error),
}

/// The reflection services of an agency's desk, in the current version and in that of older tools. They list the
/// services and methods that the agency serves there, health, and themselves.
///
/// # Errors
/// [`ReflectionError`]; never with the built-in descriptors.
pub fn reflection(
    own: Agency,
) -> Result<
    (
        v1::ServerReflectionServer<impl v1::ServerReflection>,
        v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>,
    ),
    ReflectionError,
> {
    // The descriptors live as long as the process, because the services borrow them.
    static PPC: Served = Served::new(|| served(Agency::Ppc));
    static IPA: Served = Served::new(|| served(Agency::Ipa));
    let served = match own {
        Agency::Ppc => &PPC,
        Agency::Ipa => &IPA,
        Agency::Unspecified => return Err(ReflectionError::Descriptors("of no agency")),
    };
    let served = served.as_ref().map_err(|broken| ReflectionError::Descriptors(broken))?;
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(served)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok((builder().build_v1()?, builder().build_v1alpha()?))
}

type Served = LazyLock<Result<Vec<u8>, &'static str>>;

/// The contract without the methods of the other side and port. It is read as dynamic messages, so that the options are
/// kept.
fn served(own: Agency) -> Result<Vec<u8>, &'static str> {
    let descriptor = contract::POOL
        .get_message_by_name("google.protobuf.FileDescriptorSet")
        .ok_or("they do not describe themselves")?;
    let mut set = DynamicMessage::decode(descriptor, FILE_DESCRIPTOR_SET).map_err(|_| "they are not descriptors")?;
    for file in set.get_field_by_name_mut("file").and_then(Value::as_list_mut).into_iter().flatten() {
        let Some(file) = file.as_message_mut() else { continue };
        let package = text(file, "package");
        keep(file, "service", |service| {
            let path = format!("/{package}.{}", text(service, "name"));
            keep(service, "method", |method| {
                let rule = renkei_proto::rule(&format!("{path}/{}", text(method, "name")));
                rule.is_some_and(|rule| rule.surface == Surface::Desk && rule.served_by.contains(&own))
            })
        });
    }
    Ok(set.encode_to_vec())
}

/// Keeps the items of a repeated field that the judge accepts; true if any are left.
fn keep(message: &mut DynamicMessage, field: &str, mut judge: impl FnMut(&mut DynamicMessage) -> bool) -> bool {
    let Some(list) = message.get_field_by_name_mut(field).and_then(Value::as_list_mut) else { return false };
    list.retain_mut(|item| item.as_message_mut().is_some_and(&mut judge));
    !list.is_empty()
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::DescriptorPool;
    use tokio_stream::StreamExt as _;
    use tonic::Request;
    use tonic_health::pb::{HealthCheckRequest, health_server::Health as _};

    use super::*;

    async fn ask(readiness: &Readiness, service: &str) -> i32 {
        let health = HealthService::from_health_reporter(readiness.reporter.clone());
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(Request::new(request)).await.unwrap().into_inner().status
    }

    #[tokio::test]
    async fn a_service_is_ready_while_every_need_is_met() {
        const SERVICE: &str = "renkei.watch.v1.WatchService";
        let readiness = Readiness::new(&[SERVICE]).await;
        let steps = [
            (Need::Clock, true, false),
            (Need::Database, true, false),
            (Need::TrustMaterial, true, true),
            (Need::Clock, false, false),
            (Need::Clock, true, true),
            (Need::Database, false, false),
            (Need::Database, true, true),
            (Need::TrustMaterial, false, false),
        ];
        assert_eq!(ask(&readiness, "").await, 2);
        for (need, met, ready) in steps {
            readiness.report(need, met).await;
            assert_eq!(readiness.is_ready().await, ready);
            for service in ["", SERVICE] {
                assert_eq!(ask(&readiness, service).await, if ready { 1 } else { 2 });
            }
        }
    }

    #[tokio::test]
    async fn watchers_learn_of_the_end_and_go() {
        let readiness = Readiness::new(&[]).await;
        for need in [Need::Database, Need::TrustMaterial, Need::Clock] {
            readiness.report(need, true).await;
        }
        let health = HealthService::from_health_reporter(readiness.reporter.clone());
        let mut watching = health.watch(Request::new(HealthCheckRequest::default())).await.unwrap().into_inner();
        assert_eq!(watching.next().await.unwrap().unwrap().status, 1);
        readiness.drain().await;
        assert_eq!(watching.next().await.unwrap().unwrap().status, 2);
        assert!(watching.next().await.is_none());
        readiness.report(Need::Database, false).await;
        assert!(!readiness.is_ready().await);
    }

    #[test]
    fn reflection_shows_what_the_desk_serves_with_its_options() {
        for own in [Agency::Ppc, Agency::Ipa] {
            let pool = DescriptorPool::decode(served(own).unwrap().as_slice()).unwrap();
            let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
            let shown: BTreeSet<String> = methods.map(|method| contract::path(&method)).collect();
            let wanted: BTreeSet<String> = renkei_proto::RULES
                .iter()
                .filter(|rule| rule.surface == Surface::Desk && rule.served_by.contains(&own))
                .map(|rule| rule.path.to_owned())
                .collect();
            assert_eq!(shown, wanted);
            assert!(pool.get_service_by_name("renkei.link.v1.LinkService").is_none());
            let method = pool.services().next().unwrap().methods().next().unwrap();
            let rule = pool.get_extension_by_name("renkei.options.v1.rule").unwrap();
            assert!(method.options().has_extension(&rule));
            // Tools print the details of errors by it.
            assert!(pool.get_message_by_name("google.rpc.ErrorInfo").is_some());
            assert!(reflection(own).is_ok());
        }
    }
}
