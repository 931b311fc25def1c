//! The contract as the command line reads it: its descriptors, their comments, and a noun and a verb for every method.

use prost_reflect::{FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor};
use renkei_proto::{NAMES, RULES, options::v1::Surface};
use renkei_rpc::comment::COMMENTED;

/// The prepositions that a method's name leaves at its end when its noun is taken out, as in `RemindOfRecall`.
const LEFT: [&str; 2] = ["of", "about"];

/// The comment on what is at this place of a file, one line for each paragraph; empty if there is none.
pub(crate) fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    renkei_rpc::comment::comment(file, path).join("\n")
}

/// True for the message that JSON and options write as a text.
pub(crate) fn is_time(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.protobuf.Timestamp"
}

/// A method of the desk and its place among the commands.
pub(crate) struct Method {
    /// The first word of the service's name, such as `advice`, which the halves of a noun share.
    pub(crate) noun: String,
    /// The rest of the method's name, such as `submit-request`; empty where the noun alone is the name.
    pub(crate) verb: String,
    /// The method in the contract.
    pub(crate) descriptor: MethodDescriptor,
}

/// All methods of the desk, in the order of the contract.
pub(crate) fn methods() -> Vec<Method> {
    let desk = RULES.iter().filter(|rule| rule.surface == Surface::Desk);
    desk.filter_map(|rule| method(rule.path)).map(named).collect()
}

/// The method with this path; `/`, and all of the package, may be left out where the rest is clear.
pub(crate) fn method(path: &str) -> Option<MethodDescriptor> {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/')?;
    let is_meant = |full: &str| full == service || full.strip_suffix(service).is_some_and(|rest| rest.ends_with('.'));
    let service = COMMENTED.services().find(|known| is_meant(known.full_name()))?;
    service.methods().find(|known| known.name() == method)
}

fn named(descriptor: MethodDescriptor) -> Method {
    let noun = words(descriptor.parent_service().name()).swap_remove(0);
    let mut verb = words(descriptor.name());
    verb.retain(|word| *word != noun && *word != plural(&noun));
    if verb.last().is_some_and(|last| LEFT.contains(&last.as_str())) {
        verb.pop();
    }
    Method { noun, verb: verb.join("-"), descriptor }
}

fn plural(noun: &str) -> String {
    noun.strip_suffix('y').map_or_else(|| format!("{noun}s"), |stem| format!("{stem}ies"))
}

/// The words of a name such as `SubmitAdviceRequest`, in small letters; at least one.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter.is_uppercase() && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// The only value that a text of the contract may have, such as `linkStatus` for the name of the link's state.
pub(crate) fn constant(field: &FieldDescriptor) -> Option<String> {
    let rules = COMMENTED.get_extension_by_name("buf.validate.field")?;
    let options = field.options();
    let rules = options.get_extension(&rules);
    let of_text = rules.as_message()?.get_field_by_name("string")?;
    let text = of_text.as_message()?.get_field_by_name("const")?;
    text.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A name in capitals as options have it: `IN_FORCE` is `in-force`.
pub(crate) fn kebab(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// The value of an enum without the name of the enum, such as `in-force` for `STATE_IN_FORCE`.
pub(crate) fn short(list: &str, value: &str) -> String {
    let prefix = format!("{}-", words(list).join("-"));
    let value = kebab(value);
    value.strip_prefix(&prefix).map_or_else(|| value.clone(), str::to_owned)
}

/// The Japanese name of an enum's value; empty for the unspecified one.
pub(crate) fn japanese(list: &str, number: i32) -> &'static str {
    let names = NAMES.iter().find(|names| names.name == list);
    let value = names.and_then(|names| names.values.iter().find(|(_, known, _)| *known == number));
    value.map_or("", |(_, _, japanese)| japanese)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn name(path: &str) -> (String, String) {
        let method = named(method(path).unwrap_or_else(|| unreachable!("{path} does not exist")));
        (method.noun, method.verb)
    }

    #[test]
    fn every_method_of_the_desk_has_one_command_of_its_own() {
        let methods = methods();
        assert_eq!(methods.len(), RULES.iter().filter(|rule| rule.surface == Surface::Desk).count());
        assert!(methods.len() > 60);
        let commands: BTreeSet<_> = methods.iter().map(|method| (&method.noun, &method.verb)).collect();
        let paths: BTreeSet<_> = methods.iter().map(|method| method.descriptor.full_name()).collect();
        assert_eq!((commands.len(), paths.len()), (methods.len(), methods.len()));
        // A noun is a command itself or has verbs, never both.
        let alone = methods.iter().filter(|method| method.verb.is_empty()).map(|method| &method.noun);
        for noun in alone {
            assert_eq!(methods.iter().filter(|method| method.noun == *noun).count(), 1, "{noun}");
        }
    }

    #[test]
    fn commands_read_as_an_official_would_put_them() {
        for (path, noun, verb) in [
            ("AdviceAskingService/SubmitAdviceRequest", "advice", "submit-request"),
            ("AdviceGivingService/GiveAdvice", "advice", "give"),
            ("DutyService/ListDuties", "duty", "list"),
            ("RecallService/RemindOfRecall", "recall", "remind"),
            ("ItemService/AskAboutItem", "item", "ask"),
            ("ReferralService/FollowUpReferral", "referral", "follow-up"),
            ("ReferralService/GetReferralCounts", "referral", "get-counts"),
            ("renkei.contract.v1.ContractService/WhoAmI", "contract", "who-am-i"),
            ("/renkei.watch.v1.WatchService/Watch", "watch", ""),
        ] {
            assert_eq!(name(path), (noun.to_owned(), verb.to_owned()), "{path}");
        }
        assert!(method("Service/GetReferral").is_none() && method("ReferralService").is_none());
    }

    #[test]
    fn every_method_and_every_field_of_a_request_has_its_comment() {
        for method in methods() {
            let (service, request) = (method.descriptor.parent_service(), method.descriptor.input());
            assert_ne!(comment(&service.parent_file(), method.descriptor.path()), "", "{}", method.verb);
            for field in request.fields() {
                assert_ne!(comment(&request.parent_file(), field.path()), "", "{}", field.full_name());
            }
        }
    }

    #[test]
    fn a_name_that_cannot_be_another_is_known() {
        let constants = |path: &str| {
            let request = method(path).map(|method| method.input());
            request.iter().flat_map(|request| request.fields()).find_map(|field| constant(&field))
        };
        assert_eq!(constants("LinkStatusService/GetLinkStatus").as_deref(), Some("linkStatus"));
        assert_eq!(constants("ReferralService/GetReferral"), None);
    }

    #[test]
    fn the_values_of_enums_are_short_and_have_japanese_names() {
        assert_eq!(short("DutyKind", "DUTY_KIND_GIVE_ADVICE"), "give-advice");
        assert_eq!(short("Agency", "AGENCY_PPC"), "ppc");
        assert_eq!(japanese("renkei.referral.v1.Referral.State", 3), "紹介済");
        assert_eq!(japanese("renkei.referral.v1.Referral.State", 0), "");
    }
}
