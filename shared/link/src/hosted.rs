//! Sessions whose frames do not go over a connection of this process.

use renkei_proto::link::v1::link_status::State;

use crate::{
    host::{Host, Input},
    link::Link,
    session::{self, Output, OwnJournal},
    status,
};

/// Runs a session whose frames go another way than over a connection of this process, such as a simulated one. Returns the
/// state of the link afterwards, and the cause.
pub async fn session<H: Host>(
    link: &Link<H>,
    input: &mut impl Input,
    output: Output,
    own_journal: OwnJournal,
) -> (State, String) {
    let (state, cause) = status::after(&session::run(link, input, output, own_journal).await);
    if own_journal == OwnJournal::Sent {
        link.disconnected(state, cause.clone()).await;
    }
    (state, cause)
}
