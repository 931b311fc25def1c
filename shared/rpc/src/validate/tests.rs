#![expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]

use jiff::Timestamp;
use prost_reflect::{DynamicMessage, Value};
use renkei_proto::{
    RULES,
    evidence::v1::{CheckpointAuditRequest, ListEntriesRequest},
    link::v1::{Ask, ExchangeRequest, Frame, frame::Kind},
    r#type::v1::{Agency, Purpose},
};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;
use crate::contract;

const CHECKPOINT: &str = "/renkei.evidence.v1.EvidenceService/CheckpointAudit";
const LIST: &str = "/renkei.evidence.v1.EvidenceService/ListEntries";
const ID: &str = "3f0c9a52-7d1e-4c63-9b59-0f7a6f1f2e11";

fn source() -> Source {
    Source::new(|| Moment::new(Timestamp::UNIX_EPOCH, [7; 32]))
}

/// A request as the authorize layer passes it on.
fn request<M>(path: &str, caller: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Authorized {
        rule: renkei_proto::rule(path).unwrap(),
        caller: caller.to_owned(),
        roles: Vec::new(),
        official: "a1".to_owned(),
        unit: "first-unit".to_owned(),
        purpose: Purpose::Unspecified,
        traceparent: "trace".to_owned(),
        deadline: None,
    });
    request
}

fn checkpoint(id: &str) -> CheckpointAuditRequest {
    CheckpointAuditRequest { request_id: id.to_owned() }
}

fn open_it<M: Message + Validate>(path: &str, caller: &str, message: M) -> Result<Call, Status> {
    open(request(path, caller, message), &source(), &DigestKey::new(&[9; 32])).map(|opened| opened.call)
}

#[test]
fn a_sound_request_brings_its_caller_and_its_key() {
    let call = open_it(CHECKPOINT, "spiffe://ppc/desk/intake", checkpoint(ID)).unwrap();
    let Reader { unit, purpose, .. } = &call.reader;
    let texts = [&call.caller, &call.official, unit, call.rule.path, &call.request_id];
    assert_eq!(texts, ["spiffe://ppc/desk/intake", "a1", "first-unit", CHECKPOINT, ID]);
    assert_eq!(*purpose, Purpose::Unspecified);
    assert_eq!((call.digest.len(), call.traceparent.as_str()), (32, "trace"));
}

#[test]
fn a_repeat_has_the_same_digest_and_nothing_else_has() {
    let digest = |caller: &str, id: &str| open_it(CHECKPOINT, caller, checkpoint(id)).unwrap().digest;
    let first = digest("a", ID);
    assert_eq!(digest("a", ID), first);
    assert_ne!(digest("b", ID), first);
    assert_ne!(digest("a", "4f0c9a52-7d1e-4c63-9b59-0f7a6f1f2e11"), first);
    let key = |byte| DigestKey::new(&[byte; 32]);
    assert_ne!(key(1).digest("a", "m", b"x"), key(2).digest("a", "m", b"x"));
    assert_ne!(key(1).digest("a", "m", b"x"), key(1).digest("a", "n", b"x"));
    assert_ne!(key(1).digest("a", "b", b"x"), key(1).digest("a\0b", "", b"x"));
}

#[test]
fn a_request_without_id_is_told_so_and_anything_else_by_its_fields() {
    let refused = |path: &str, id: &str| open_it(path, "a", checkpoint(id)).err().unwrap();
    let missing = refused(CHECKPOINT, "");
    assert_eq!((missing.code(), reason_of(&missing)), (Code::InvalidArgument, Some(Reason::RequestIdMissing)));
    let fields = missing.get_details_bad_request().unwrap().field_violations;
    assert_eq!((fields.len(), fields[0].field.as_str()), (1, "request_id"));

    let malformed = refused(CHECKPOINT, "not-a-uuid");
    assert_eq!(reason_of(&malformed), Some(Reason::FieldInvalid));
    assert!(!malformed.message().contains("not-a-uuid"));
}

#[test]
fn reads_have_no_key_and_their_bounds_apply() {
    let list = |page_size| ListEntriesRequest { matter: "agreement".to_owned(), page_size, ..Default::default() };
    let call = open_it(LIST, "a", list(500)).unwrap();
    assert_eq!((call.request_id.as_str(), call.digest.len()), ("", 0));
    assert_eq!(reason_of(&open_it(LIST, "a", list(501)).err().unwrap()), Some(Reason::FieldInvalid));
}

#[test]
fn a_request_past_the_authorize_layer_is_a_fault() {
    let status = open(Request::new(checkpoint(ID)), &source(), &DigestKey::new(&[9; 32])).err().unwrap();
    assert_eq!(reason_of(&status), Some(Reason::Internal));
}

/// The premise of reading the id from encoded bytes, checked for the whole contract.
#[test]
fn the_id_of_every_mutating_request_is_found() {
    let mut found = 0;
    for method in contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let Some(rule) = renkei_proto::rule(&contract::path(&method)) else { continue };
        let mut message = DynamicMessage::new(method.input());
        assert_eq!(message.get_field_by_name("request_id").is_some(), rule.mutating, "{}", rule.path);
        if rule.mutating {
            assert_eq!(method.input().get_field_by_name("request_id").unwrap().number(), 1);
            message.set_field_by_name("request_id", Value::String(ID.to_owned()));
            assert_eq!(request_id(&message.encode_to_vec()), Some(ID));
            found += 1;
        }
    }
    assert_eq!(found, RULES.iter().filter(|rule| rule.mutating).count());
    assert!(found > 0);
}

#[test]
fn bytes_without_an_id_have_none() {
    for bytes in [&b""[..], b"\x12\x01a", b"\x08\x01", b"\x0a\x05ab", b"\x0a\x02\xff\xff", b"\x0a\xff\xff\xff\xff\xff"]
    {
        assert_eq!(request_id(bytes), None, "{bytes:?}");
    }
}

#[test]
fn a_frame_that_breaks_the_contract_is_refused() {
    let ask = |from_seq| ExchangeRequest {
        frame: Some(Frame { kind: Some(Kind::Ask(Ask { journal: Agency::Ppc.into(), from_seq })) }),
    };
    assert!(validated(ask(1)).is_ok());
    for from_seq in [0, 1 << 63, u64::MAX] {
        assert_eq!(validated(ask(from_seq)).unwrap_err().reason(), Reason::FieldInvalid, "{from_seq}");
    }
    assert_eq!(validated(ExchangeRequest::default()).unwrap_err().reason(), Reason::FieldInvalid);
}
