//! The promises of the rules of the memorandum, tested with two agencies in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod rules {
    mod acts;
    mod advice;
    mod advice_acts;
    mod advice_due;
    mod catalogue;
    mod choice;
    mod consent;
    mod consent_acts;
    mod consent_request;
    mod consent_visibility;
    mod content;
    mod convergence;
    mod counts;
    mod crossing;
    mod direction;
    mod disclosure;
    mod duty;
    mod ground;
    mod introduction;
    mod item;
    mod item_acts;
    mod journal;
    mod misdirection;
    mod model;
    mod notice;
    mod noun;
    mod official;
    mod pairs;
    mod play;
    mod recall;
    mod referral;
    mod scheme;
    mod scope;
    mod soundness;
    mod stage;
    mod standing;
    mod states;
    mod statutory;
}
