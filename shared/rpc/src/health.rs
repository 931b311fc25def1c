//! Health and reflection: what the port's own tools ask before they call.

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

/// What a service needs to be ready. The peer is not among it: its absence for days is a normal state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The database answers.
    Database,
    /// The own certificate and the revocation lists are valid.
    TrustMaterial,
}

/// Says whether the service is ready. It is not before every [`Need`] was reported as met.
pub struct Readiness {
    reporter: HealthReporter,
    services: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    database: bool,
    trust_material: bool,
    draining: bool,
}

impl Readiness {
    /// Readiness of these services, and of the server as a whole (the empty name).
    pub async fn new(services: &[&str]) -> Self {
        let services = std::iter::once("").chain(services.iter().copied()).map(str::to_owned).collect();
        let readiness = Self { reporter: HealthReporter::new(), services, state: Mutex::default() };
        readiness.publish(false).await;
        readiness
    }

    /// The service `grpc.health.v1.Health` that answers with it. Several ports may serve the same readiness.
    #[must_use]
    pub fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Reports that a need is met, or no longer is. Only a change reaches the watchers.
    pub async fn report(&self, need: Need, met: bool) {
        // Held until it is published, so that an older report never covers a newer one.
        let mut state = self.state.lock().await;
        let before = state.is_ready();
        match need {
            Need::Database => state.database = met,
            Need::TrustMaterial => state.trust_material = met,
        }
        if state.is_ready() != before {
            self.publish(!before).await;
        }
    }

    /// Whether every need is met.
    pub async fn is_ready(&self) -> bool {
        self.state.lock().await.is_ready()
    }

    /// The service shuts down: it is not ready any more, and the watchers' streams end, which would keep the port from
    /// draining.
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
        self.database && self.trust_material && !self.draining
    }
}

/// Why there is no reflection.
#[derive(Debug, thiserror::Error)]
pub enum ReflectionError {
    /// The embedded descriptors are not what they must be.
    #[error("the contract's descriptors cannot be read: {0}")]
    Descriptors(String),
    /// The reflection service does not take them.
    #[error("the contract's descriptors cannot be served: {0}")]
    Server(#[from] tonic_reflection::server::Error),
}

/// The reflection services of a port, in the version of today and in the one that older tools ask for. They list the
/// services and methods that `own` serves on `surface`, health, and themselves.
///
/// # Errors
/// [`ReflectionError`]; none with the descriptors that are built in.
pub fn reflection(
    own: Agency,
    surface: Surface,
) -> Result<
    (
        v1::ServerReflectionServer<impl v1::ServerReflection>,
        v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>,
    ),
    ReflectionError,
> {
    let served = served(own, surface)?;
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(&served)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok((builder().build_v1()?, builder().build_v1alpha()?))
}

/// The contract without the methods of the other side and port. Read as dynamic messages, so that the options stay.
fn served(own: Agency, surface: Surface) -> Result<Vec<u8>, ReflectionError> {
    let broken = |what: &str| ReflectionError::Descriptors(what.to_owned());
    let descriptor = contract::POOL
        .get_message_by_name("google.protobuf.FileDescriptorSet")
        .ok_or_else(|| broken("they do not describe themselves"))?;
    let mut set = DynamicMessage::decode(descriptor, FILE_DESCRIPTOR_SET).map_err(|error| broken(&error.to_string()))?;
    for file in messages(&mut set, "file") {
        let package = text(file, "package");
        let Some(services) = file.get_field_by_name_mut("service").and_then(Value::as_list_mut) else { continue };
        services.retain_mut(|service| {
            let Some(service) = service.as_message_mut() else { return false };
            let path = format!("/{package}.{}", text(service, "name"));
            let Some(methods) = service.get_field_by_name_mut("method").and_then(Value::as_list_mut) else {
                return false;
            };
            methods.retain(|method| {
                let name = method.as_message().map(|method| text(method, "name")).unwrap_or_default();
                let rule = renkei_proto::rule(&format!("{path}/{name}"));
                rule.is_some_and(|rule| rule.surface == surface && rule.served_by.contains(&own))
            });
            !methods.is_empty()
        });
    }
    Ok(set.encode_to_vec())
}

fn messages<'a>(message: &'a mut DynamicMessage, field: &str) -> impl Iterator<Item = &'a mut DynamicMessage> {
    let list = message.get_field_by_name_mut(field).and_then(Value::as_list_mut);
    list.into_iter().flatten().filter_map(Value::as_message_mut)
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
