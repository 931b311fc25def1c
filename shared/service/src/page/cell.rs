//! Parts of the page that several sections use.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::language::Language;

/// A time that is written in UTC, in the zone of the language; other text as it is.
pub(super) fn when(at: &str, language: Language) -> Markup {
    match at.parse::<Timestamp>() {
        Ok(instant) => html! { time datetime=(at) { (language.clock(instant)) } },
        Err(_) => html! { (at) },
    }
}

/// The same, or a dash.
pub(super) fn when_any(at: Option<&str>, language: Language) -> Markup {
    at.map_or_else(|| html! { "–" }, |at| when(at, language))
}

/// A section with its heading, by which the section is known to a screen reader.
pub(super) fn section(id: &str, heading: &str, content: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            (content)
        }
    }
}
