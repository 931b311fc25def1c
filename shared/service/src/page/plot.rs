//! The backlog of the last hour as a drawing.

use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use super::cell::{section, when};
use crate::{
    language::Language,
    past::REMEMBERED,
    status::{BacklogSample, CONNECTED, Status},
};

/// The size of the drawing, in its own units, with room for the labels.
const WIDTH: u32 = 1080;
const HEIGHT: u32 = 150;
const LEFT: u32 = 36;
const TOP: u32 = 14;
const BOTTOM: u32 = 124;
const RIGHT: u32 = 1068;

/// The backlog of the last hour with its highest value, and the entry that waits longest.
pub(super) fn backlog(status: &Status, language: Language) -> Markup {
    let waiting = status.held.as_ref().and_then(|held| Some((held, held.oldest_waiting.as_ref()?)));
    let content = html! {
        (drawing(&status.backlog_hour, &status.as_of, language))
        @if let Some((held, it)) = waiting {
            p {
                (language.say("The oldest waits since ", "最も古い未受領の記録（作成日時：")) (when(&it.written_at, language))
                (language.say(": ", "）：")) (it.entry) " " (language.fact(&it.fact_type))
                // While the link is down its cause is shown above.
                @if status.link.state == CONNECTED {
                    (language.say(". ", "。")) (language.say(it.why.as_str(), held.why_ja(&status.link)))
                }
            }
        }
    };
    section("backlog", &language.say("Entries without a receipt, last hour", "未受領の記録（直近 1 時間）"), &content)
}

fn drawing(samples: &[BacklogSample], as_of: &str, language: Language) -> Markup {
    let highest = samples.iter().map(|it| it.backlog).max().unwrap_or_default();
    let now = samples.last().map_or(0, |it| it.backlog);
    let top = rounded(highest);
    let places = places(samples, as_of, top);
    let (line, area) = path(&places);
    let told = language.say(
        format!("Now {now}, at most {highest} in the last hour."),
        format!("現在 {now} 件、直近 1 時間の最大 {highest} 件"),
    );
    html! {
        figure {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby="plot" {
                title id="plot" { (told) }
                @for (value, y) in [(top, TOP), (0, BOTTOM)] {
                    line.grid x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                    text x=(LEFT - 8) y=(y + 4) text-anchor="end" { (value) }
                }
                path.area d=(area) {}
                path.line d=(line) {}
                @if let Some((x, y)) = places.last() {
                    circle.end cx=(x) cy=(y) r="4" {}
                }
                text x=(LEFT) y=(HEIGHT - 6) { (language.say("60 min ago", "60 分前")) }
                text x=(RIGHT) y=(HEIGHT - 6) text-anchor="end" { (language.say("now", "現在")) }
            }
            figcaption { (told) }
        }
    }
}

/// The next round number: 5, 10, 20, 50, 100 and so on.
fn rounded(highest: u64) -> u64 {
    let mut round = 5_u64;
    for factor in [2, 2, 5].into_iter().cycle() {
        if round >= highest {
            break;
        }
        // 5, 10, 20, then 50 in place of 100.
        round = if factor == 5 { round / 2 * 5 } else { round.saturating_mul(factor) };
    }
    round
}

/// The places of the samples in the drawing; none if the time of the answer cannot be read.
fn places(samples: &[BacklogSample], as_of: &str, top: u64) -> Vec<(u64, u64)> {
    let Ok(end) = as_of.parse::<Timestamp>() else { return Vec::new() };
    let place = |it: &BacklogSample| {
        let before = it.at.parse::<Timestamp>().map_or(0, |at| end.duration_since(at).as_secs());
        let left = part(RIGHT - LEFT, u64::try_from(before).unwrap_or_default(), REMEMBERED.as_secs().unsigned_abs());
        (u64::from(RIGHT).saturating_sub(left), u64::from(BOTTOM).saturating_sub(part(BOTTOM - TOP, it.backlog, top)))
    };
    samples.iter().map(place).collect()
}

/// The part of a length that a value is of its whole.
fn part(length: u32, value: u64, whole: u64) -> u64 {
    let part = u128::from(length) * u128::from(value) / u128::from(whole.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// The line through the places, each of which lasts until the next one, and the area below it.
fn path(places: &[(u64, u64)]) -> (String, String) {
    let (Some((first_x, first_y)), Some((last_x, _))) = (places.first(), places.last()) else {
        return Default::default();
    };
    let mut line = format!("M{first_x} {first_y}");
    for (x, y) in places.iter().skip(1) {
        // Writing to a text cannot fail.
        let _ = write!(line, "H{x}V{y}");
    }
    let area = format!("{line}H{last_x}V{BOTTOM}H{first_x}Z");
    (line, area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        let all = [0, 5, 6, 11, 21, 51, 101, 201, 999_999].map(rounded);
        assert_eq!(all, [5, 5, 10, 20, 50, 100, 200, 500, 1_000_000]);
        assert!(rounded(u64::MAX) > u64::MAX / 2);
    }

    #[test]
    fn the_line_steps_at_each_sample_and_ends_now() {
        let sample = |at: &str, backlog| BacklogSample { at: at.to_owned(), backlog };
        let all =
            [sample("2026-12-01T00:00:00Z", 0), sample("2026-12-01T00:30:00Z", 10), sample("2026-12-01T01:00:00Z", 5)];
        let places = places(&all, "2026-12-01T01:00:00Z", 10);
        assert_eq!(places, [(36, 124), (552, 14), (1068, 69)]);
        let (line, area) = path(&places);
        assert_eq!(line, "M36 124H552V14H1068V69");
        assert_eq!(area, "M36 124H552V14H1068V69H1068V124H36Z");
        assert_eq!(path(&[]), (String::new(), String::new()));
    }
}
