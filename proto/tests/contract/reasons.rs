//! Names and numbers of the reasons: clients, stored refusals and the peer depend on both.

use renkei_proto::options::v1::Reason;

use crate::POOL;

/// The published reasons. A new reason gets a new line; an existing line never changes.
const PUBLISHED: &[(i32, &str)] = &[
    (0, "UNSPECIFIED"),
    (1, "FIELD_INVALID"),
    (2, "MALFORMED"),
    (3, "OFFICIAL_MISSING"),
    (4, "OFFICIAL_INVALID"),
    (5, "PURPOSE_MISSING"),
    (6, "REQUEST_ID_MISSING"),
    (7, "PAGE_TOKEN_INVALID"),
    (8, "SCOPE_EMPTY"),
    (9, "SCOPE_CONTRADICTORY"),
    (10, "CODE_MISTYPED"),
    (11, "PERSONAL_INFORMATION"),
    (12, "IDENTIFIES_REPORTER"),
    (20, "CERTIFICATE_IDENTITY_MISSING"),
    (30, "CALLER_UNKNOWN"),
    (31, "ROLE_MISSING"),
    (32, "WRONG_DIRECTION"),
    (33, "BEYOND_SCOPE"),
    (34, "OFFICIAL_BARRED"),
    (40, "NOT_FOUND"),
    (41, "CODE_NOT_FOUND"),
    (50, "ALREADY_EXISTS"),
    (60, "WRONG_STATE"),
    (61, "AGREEMENT_NOT_IN_FORCE"),
    (62, "NOT_A_REPORT"),
    (63, "CODE_ALREADY_USED"),
    (64, "REQUEST_ID_REUSED"),
    (65, "AGREEMENT_DIFFERS"),
    (66, "JOURNAL_STOPPED"),
    (67, "CONSENT_NOT_FRESH"),
    (68, "NOT_PROVEN_SAFE"),
    (69, "APPROVAL_MISSING"),
    (80, "ETAG_STALE"),
    (90, "CURSOR_UNKNOWN"),
    (91, "CURSOR_TOO_OLD"),
    (100, "BUSY"),
    (101, "TOO_MANY_ATTEMPTS"),
    (102, "TOO_LARGE"),
    (103, "TOO_MANY_WATCHERS"),
    (110, "WRONG_SIDE"),
    (111, "METHOD_UNKNOWN"),
    (112, "COMPRESSED"),
    (120, "DRAINING"),
    (121, "RECOVERING"),
    (122, "DATABASE_UNAVAILABLE"),
    (123, "AUDIT_UNAVAILABLE"),
    (124, "CLOCK_DOUBTED"),
    (130, "DEADLINE"),
    (140, "INTERNAL"),
    (150, "HEADER_DIFFERS"),
    (151, "FACT_DIFFERS"),
    (152, "CONTENT_DIFFERS"),
    (160, "NOT_UNDERSTOOD"),
    (161, "AUTHOR_DIFFERS"),
    (162, "BAD_SIGNATURE"),
    (163, "KEY_UNKNOWN"),
    (164, "CHAIN_BROKEN"),
    (165, "ORDER_BROKEN"),
    (166, "GAP"),
    (167, "FORK"),
];

#[test]
fn published_reasons_keep_their_names_and_numbers() {
    let list = POOL.get_enum_by_name("renkei.options.v1.Reason").expect("the contract has reasons");
    let mut reasons: Vec<(i32, &str)> = Vec::new();
    for value in list.values() {
        let reason = Reason::try_from(value.number()).expect("a known number");
        assert_eq!(value.name(), reason.as_str_name());
        reasons.push((value.number(), reason.id()));
    }
    assert_eq!(reasons, PUBLISHED);
}
