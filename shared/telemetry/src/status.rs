//! The gRPC status codes as telemetry names and judges them.

/// The name of a gRPC status code, as in `rpc.status_code`. A number outside the standard becomes `UNKNOWN`, as in a
/// gRPC client.
pub(crate) fn name(code: i32) -> &'static str {
    match code {
        0 => "OK",
        1 => "CANCELLED",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

/// True if a call that ended with this code failed from the point of view of its side.
///
/// A client failed unless the code is OK. A server failed only if the fault is its own: a refusal is normal work
/// (semantic conventions 1.45, gRPC).
pub(crate) fn is_failure(code: i32, is_server: bool) -> bool {
    let name = name(code);
    if is_server {
        matches!(name, "UNKNOWN" | "DEADLINE_EXCEEDED" | "UNIMPLEMENTED" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS")
    } else {
        name != "OK"
    }
}

#[cfg(test)]
mod tests {
    use super::{is_failure, name};

    #[test]
    fn a_server_fails_only_by_its_own_fault() {
        let failed: Vec<&str> = (0..=16).filter(|code| is_failure(*code, true)).map(name).collect();
        assert_eq!(failed, ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]);
    }

    #[test]
    fn a_client_fails_by_every_code_but_ok() {
        assert!(!is_failure(0, false));
        assert!((1..=16).all(|code| is_failure(code, false)));
    }

    #[test]
    fn a_number_outside_the_standard_is_unknown() {
        assert_eq!(name(-1), "UNKNOWN");
        assert_eq!(name(17), "UNKNOWN");
    }
}
