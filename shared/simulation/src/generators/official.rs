//! Officials who may not act any more (Art. 7(1)).

use crate::generator::Generator;

/// The officials who act; some of them are barred and unbarred.
const OTHERS: [&str; 3] = ["i-0007", "i-0008", "i-0009"];

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("bar an official", |it| {
        let id = it.draw.pick(&OTHERS).copied()?;
        Some(it.requests.barring(id).into())
    }),
    Generator::valid("unbar an official", |it| {
        let id = it.draw.pick(&OTHERS).copied()?;
        Some(it.requests.unbarring(id).into())
    }),
    Generator::forbidden("bar the peer's official", |it| {
        let mut request = it.requests.barring("i-0007");
        request.name = format!("agencies/{}/officials/i-0007", it.own().peer().id());
        Some(request.into())
    }),
];
