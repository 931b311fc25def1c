//! Versions of pages, for optimistic concurrency.

use aws_lc_rs::digest::{SHA256, digest};
use renkei_domain::page::Page;
use renkei_proto::r#type::v1::Agency;

/// The version of an agency's half of a page: 16 hex digits of its SHA-256.
pub fn etag(page: &Page, own: Agency) -> String {
    let hash = digest(&SHA256, &page.encode_half(own));
    hex::encode(&hash.as_ref()[..8])
}
