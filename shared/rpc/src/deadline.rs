//! Deadlines: the time limit of a call, read from `grpc-timeout` and passed on.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

/// The time limit of a unary call that names no deadline.
pub const DEFAULT: Duration = Duration::from_secs(10);

/// The longest time limit of a unary call, whatever deadline it names.
pub const MOST: Duration = Duration::from_secs(60);

/// The time that each hop subtracts, so that its own answer arrives before the caller gives up.
pub const SHAVED: Duration = Duration::from_millis(20);

/// The time by which a unary call that arrives now must be answered. An unreadable deadline counts as none.
pub(crate) fn of_unary(headers: &HeaderMap, now: Instant) -> Instant {
    let asked = headers.get("grpc-timeout").and_then(read);
    // The server around us also ends the call at the caller's deadline, but without details, so ours comes earlier.
    now + asked.map_or(DEFAULT, |asked| (asked - SHAVED.min(asked / 4)).min(MOST))
}

/// The time that remains for an inner call; `None` if none remains.
pub(crate) fn left(deadline: Instant, now: Instant) -> Option<Duration> {
    deadline.checked_duration_since(now)?.checked_sub(SHAVED).filter(|left| !left.is_zero())
}

/// Reads one to eight digits and a unit, the format of the gRPC protocol.
fn read(value: &HeaderValue) -> Option<Duration> {
    let (digits, unit) = value.to_str().ok()?.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use super::*;

    fn given(text: &str) -> Duration {
        let now = Instant::now();
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-timeout"),
            HeaderValue::from_str(text).unwrap(),
        )]);
        of_unary(&headers, now) - now
    }

    #[test]
    fn every_unit_is_read() {
        let read = |text| read(&HeaderValue::from_static(text));
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("3S"), Some(Duration::from_secs(3)));
        assert_eq!(read("40m"), Some(Duration::from_millis(40)));
        assert_eq!(read("50u"), Some(Duration::from_micros(50)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for bad in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", " 1S", "1 S", "123456789n", "1SS"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_deadline_is_clamped_and_comes_before_the_callers() {
        assert_eq!(given("5S"), Duration::from_millis(4980));
        assert_eq!(given("8m"), Duration::from_millis(6));
        assert_eq!(given("0S"), Duration::ZERO);
        assert_eq!(given("1H"), MOST);
        assert_eq!(given("99999999H"), MOST);
        assert_eq!(given("soon"), DEFAULT);
        let now = Instant::now();
        assert_eq!(of_unary(&HeaderMap::new(), now) - now, DEFAULT);
    }

    #[test]
    fn a_call_made_on_the_way_gets_what_is_left() {
        let now = Instant::now();
        assert_eq!(left(now + Duration::from_secs(1), now), Some(Duration::from_millis(980)));
        assert_eq!(left(now + SHAVED, now), None);
        assert_eq!(left(now, now + SHAVED), None);
    }
}
