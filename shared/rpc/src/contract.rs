//! The services and methods that may exist, read from descriptors: those of the contract, and the two services of every
//! gRPC server.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use renkei_proto::FILE_DESCRIPTOR_SET;

/// The descriptors. If a set cannot be read, its services are unknown, and an unknown service stops the start
/// ([`crate::authorize::check_rules`]).
pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    for set in [
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ] {
        let _ = pool.decode_file_descriptor_set(set);
    }
    pool
});

/// The service with this name, such as `renkei.watch.v1.WatchService`.
pub(crate) fn service(name: &str) -> Option<ServiceDescriptor> {
    POOL.get_service_by_name(name)
}

/// A method's path in requests.
pub(crate) fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// True if a method sends or receives more than one message.
pub(crate) fn is_streaming(method: &MethodDescriptor) -> bool {
    method.is_client_streaming() || method.is_server_streaming()
}
