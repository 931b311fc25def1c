//! What a caller does about each reason: the reference of the contract and the command line print it.

use renkei_proto::options::v1::Reason;

/// The advice for a caller. The match has no default arm, so that a new reason does not compile without its advice.
#[must_use]
pub fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::Unspecified => "",
        Reason::FieldInvalid => {
            "Show the sentence of each field beside it; correct the request and use a new request id."
        }
        Reason::Malformed => "Generate the client's code from the contract of this service again.",
        Reason::OfficialMissing | Reason::OfficialInvalid => {
            "Send the id of the signed-in official as the metadata `renkei-official`."
        }
        Reason::PurposeMissing => "Ask the official for the purpose and send it as the metadata `renkei-purpose`.",
        Reason::RequestIdMissing => "Make a UUID for each new request, and keep it for its repetitions.",
        Reason::PageTokenInvalid => "Begin the list again; a token belongs to one query and one service.",
        Reason::ScopeEmpty | Reason::ScopeContradictory => "Show the field to the official, who changes the scope.",
        Reason::CodeMistyped => "Let the official compare the code with the paper.",
        Reason::PersonalInformation | Reason::IdentifiesReporter => {
            "Let the official take the passage out of the text."
        }
        Reason::CertificateIdentityMissing => "Use a certificate with a URI such as `spiffe://ppc/desk/intake`.",
        Reason::CallerUnknown => "Ask the operator to add the identity under `callers` in the configuration.",
        Reason::RoleMissing => "Call `WhoAmI` to see the roles; ask the operator for the role, or use another system.",
        Reason::WrongDirection => "The other agency does this; show the sentence.",
        Reason::BeyondScope => "Request consent (`RequestConsent`), or leave it; the attempt is on record.",
        Reason::OfficialBarred => "Show the sentence; an approver lifts the bar.",
        Reason::NotFound => "Treat hidden and missing alike.",
        Reason::CodeNotFound => "Let the official compare the code with the paper; wrong attempts are limited.",
        Reason::AlreadyExists => "Read what is there; ErrorInfo names it where it may be known.",
        Reason::WrongState => "Read the matter again and show its state.",
        Reason::AgreementNotInForce => "Show the sentence; matters that are open can be continued.",
        Reason::NotAReport => "Show the sentence; the reporter is referred to the scheme that fits.",
        Reason::CodeAlreadyUsed => "Show the sentence; the referral was followed up before.",
        Reason::RequestIdReused => "Use a new request id: the id belongs to another request.",
        Reason::AgreementDiffers => "Tell the operators of both agencies.",
        Reason::JournalStopped => {
            "Tell the operator, who finds the cause with `status` and lifts the stop with `resume`."
        }
        Reason::ConsentNotFresh => "Repeat while the link is up; the service has asked the originator for a statement.",
        Reason::NotProvenSafe => "Let the official prove that the table is safe.",
        Reason::ApprovalMissing => "State the number of the decision.",
        Reason::EtagStale => "Read the matter again, show what has changed, and let the official decide.",
        Reason::CursorUnknown | Reason::CursorTooOld => "Read the lists again and watch from their `as_of`.",
        Reason::Busy => "Repeat after the time of RetryInfo, with the same request id.",
        Reason::TooManyAttempts => "Stop until tomorrow (Japan).",
        Reason::TooLarge => "Send less: ErrorInfo names the limit.",
        Reason::TooManyWatchers => "Close a watch that is not needed; one watch serves a whole system.",
        Reason::WrongSide => "The other agency's service serves this method.",
        Reason::MethodUnknown => "Compare the versions: the service is older than the client's code.",
        Reason::Compressed => "Send messages uncompressed.",
        Reason::Draining | Reason::Recovering | Reason::DatabaseUnavailable | Reason::AuditUnavailable => {
            "Repeat after the time of RetryInfo, with the same request id."
        }
        Reason::ClockDoubted => "Repeat after the time of RetryInfo; the operator compares the clock.",
        Reason::Deadline => "Repeat with the same request id: a request that was carried out is answered again.",
        Reason::Internal => "Give the id in the message to the operator; repeat once with the same request id.",
        Reason::HeaderDiffers | Reason::FactDiffers | Reason::ContentDiffers => {
            "An entry of the other agency was refused; the operators compare their versions."
        }
        Reason::NotUnderstood => "Upgrade the service that stopped the journal; it goes on by itself.",
        Reason::AuthorDiffers
        | Reason::BadSignature
        | Reason::KeyUnknown
        | Reason::ChainBroken
        | Reason::OrderBroken
        | Reason::Fork => "Tell the operators: the runbook of the alert names the steps.",
        Reason::Gap => "Nothing: the missing entries are asked for.",
    }
}
