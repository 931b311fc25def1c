//! The official on whose behalf a system calls.

use std::{borrow::Cow, time::Duration};

use renkei_proto::r#type::v1::Purpose;
use thiserror::Error;
use tonic::{
    GrpcMethod, Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

/// The deadline of a call that names none: the service's own. Streams have none.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The methods of the desk that stream.
const STREAMS: [&str; 1] = ["Watch"];

/// The greatest number of characters in an official's id.
const ID_MAX: usize = 64;

/// A channel whose calls name an official. Every generated client can be made of it.
pub type OfficialChannel = InterceptedService<Channel, Official>;

/// The official on whose behalf calls are made, and the purpose for which they read.
///
/// An id is whatever the agency calls its officials by; it never reaches the other agency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Official {
    id: Cow<'static, str>,
    purpose: Purpose,
}

/// A text that is not the id of an official.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an official's id is 1 to {ID_MAX} of A-Z a-z 0-9 . _ @ -")]
pub struct OfficialIdError;

impl Official {
    /// An official who names no purpose.
    ///
    /// # Errors
    /// [`OfficialIdError`] unless the id is 1 to 64 of `[A-Za-z0-9._@-]`.
    pub fn new(id: impl Into<String>) -> Result<Self, OfficialIdError> {
        let id = id.into();
        if !is_id(&id) {
            return Err(OfficialIdError);
        }
        Ok(Self { id: Cow::Owned(id), purpose: Purpose::Unspecified })
    }

    /// An official with an id that is written in the source, for constants.
    ///
    /// # Panics
    /// If [`Official::new`] would refuse the id. In a constant, the compiler refuses it.
    pub const fn from_static(id: &'static str) -> Self {
        assert!(is_id(id), "not the id of an official");
        Self { id: Cow::Borrowed(id), purpose: Purpose::Unspecified }
    }

    /// The same official for a purpose, as methods that return shared content require it (memorandum, Art. 7(2)).
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// The official's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

const fn is_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'.' | b'_' | b'@' | b'-')) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= ID_MAX
}

impl Interceptor for Official {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (key, value) in [("renkei-official", &*self.id), ("renkei-purpose", &self.purpose.id())] {
            // Both are plain ASCII, so they are always values of metadata.
            if let Some(value) = MetadataValue::try_from(value).ok().filter(|value| !value.is_empty()) {
                request.metadata_mut().insert(key, value);
            }
        }
        let streams = request.extensions().get::<GrpcMethod<'_>>().is_some_and(|it| STREAMS.contains(&it.method()));
        if !streams && !request.metadata().contains_key("grpc-timeout") {
            request.set_timeout(CALL_TIMEOUT);
        }
        Ok(request)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use prost_reflect::DescriptorPool;
    use renkei_proto::FILE_DESCRIPTOR_SET;

    use super::*;

    fn sent(official: &Official, method: Option<&'static str>) -> Request<()> {
        let mut request = Request::new(());
        if let Some(method) = method {
            request.extensions_mut().insert(GrpcMethod::new("renkei.watch.v1.WatchService", method));
        }
        official.clone().call(request).unwrap()
    }

    #[test]
    fn an_id_has_up_to_64_letters_digits_and_four_signs() {
        for right in ["t", "tanaka.taro@ppc_1-2", &"a".repeat(64)] {
            assert_eq!(Official::new(right).unwrap().id(), right);
        }
        for wrong in ["", "tanaka taro", "田中", "a\nb", &"a".repeat(65)] {
            assert_eq!(Official::new(wrong), Err(OfficialIdError));
        }
    }

    #[test]
    fn calls_name_the_official_and_a_purpose_where_there_is_one() {
        const TANAKA: Official = Official::from_static("tanaka");
        let plain = sent(&TANAKA, None);
        assert_eq!(plain.metadata().get("renkei-official").unwrap(), "tanaka");
        assert_eq!(plain.metadata().get("renkei-purpose"), None);
        let reading = sent(&TANAKA.with_purpose(Purpose::IncidentResponse), None);
        assert_eq!(reading.metadata().get("renkei-purpose").unwrap(), "incident_response");
    }

    #[test]
    fn calls_have_a_deadline_and_streams_have_none() {
        let tanaka = Official::from_static("tanaka");
        assert_eq!(sent(&tanaka, None).metadata().get("grpc-timeout").unwrap(), "10000000u");
        assert_eq!(sent(&tanaka, Some("Watch")).metadata().get("grpc-timeout"), None);
        let mut shorter = Request::new(());
        shorter.set_timeout(Duration::from_secs(1));
        let shorter = tanaka.clone().call(shorter).unwrap();
        assert_eq!(shorter.metadata().get("grpc-timeout").unwrap(), "1000000u");
    }

    #[test]
    fn the_methods_that_stream_are_known() {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let streams = pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .filter(|method| method.is_server_streaming() && method.parent_service().name() != "LinkService")
            .map(|method| method.name().to_owned());
        assert_eq!(streams.collect::<Vec<_>>(), STREAMS);
    }
}
