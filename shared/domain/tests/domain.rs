//! What the rules of the memorandum promise, held against two agencies in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod domain {
    mod acts;
    mod catalogue;
    mod choice;
    mod content;
    mod convergence;
    mod counts;
    mod crossing;
    mod direction;
    mod ground;
    mod introduction;
    mod journal;
    mod model;
    mod notice;
    mod pairs;
    mod referral;
    mod scheme;
    mod standing;
    mod statutory;
}
