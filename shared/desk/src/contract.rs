//! The contract in the words of officials, and as it applies to a caller.

use renkei_domain::{calendar, moment::stamp};
use renkei_proto::{
    FactKind, NAMES, RULES,
    contract::v1::{
        CallerLimits, EnumNames, ListNamesRequest, ListNamesResponse, ServiceVersions, ValueName, WhoAmIRequest,
        WhoAmIResponse, contract_service_server::ContractService,
    },
    options::v1::Surface,
};
use renkei_rpc::{
    authorize::{IN_FLIGHT_EACH, LISTS_EACH},
    validate::{Call, DESK_MESSAGE_MAX},
};
use tonic::Request;

use crate::{
    desk::{Answer, Desk, open},
    watch::WATCHERS_EACH,
};

/// The implementation of `ContractService`.
pub(crate) struct Contract {
    desk: Desk,
}

impl Contract {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    fn caller(&self, call: &Call) -> WhoAmIResponse {
        let (own, now) = (self.desk.own, call.moment.now);
        let mut methods: Vec<String> = RULES
            .iter()
            .filter(|rule| rule.surface == Surface::Desk && rule.served_by.contains(&own))
            .filter(|rule| rule.roles.iter().any(|role| call.reader.roles.contains(role)))
            .map(|rule| rule.path.trim_start_matches('/').to_owned())
            .collect();
        methods.sort_unstable();
        let limit = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        WhoAmIResponse {
            agency: own.into(),
            caller: call.caller.clone(),
            roles: call.reader.roles.iter().map(|role| i32::from(*role)).collect(),
            unit: call.reader.unit.clone(),
            official: call.official.clone(),
            purpose: call.reader.purpose.into(),
            methods,
            limits: Some(CallerLimits {
                message_bytes: limit(DESK_MESSAGE_MAX),
                calls: limit(IN_FLIGHT_EACH),
                lists: limit(LISTS_EACH),
                watches: limit(WATCHERS_EACH),
            }),
            versions: Some(ServiceVersions {
                service: env!("CARGO_PKG_VERSION").to_owned(),
                holidays: self.desk.calendar.version().to_owned(),
                agreement_digest: self.desk.memorandum.digest_on(calendar::day(now)).to_vec(),
            }),
            time: Some(stamp(now)),
        }
    }
}

#[tonic::async_trait]
impl ContractService for Contract {
    async fn list_names(&self, request: Request<ListNamesRequest>) -> Answer<ListNamesResponse> {
        open(request, &self.desk, async |_, _: ListNamesRequest| {
            let value = |&(value, number, ja): &(&str, i32, &str)| ValueName {
                value: value.to_owned(),
                number,
                ja: ja.to_owned(),
            };
            let enums = NAMES.iter().map(|names| EnumNames {
                name: names.name.to_owned(),
                values: names.values.iter().map(value).collect(),
            });
            let facts = FactKind::ALL.iter().map(|kind| kind.rule()).map(|rule| ValueName {
                value: rule.name.to_owned(),
                number: i32::try_from(rule.number).unwrap_or_default(),
                ja: rule.ja.to_owned(),
            });
            Ok(ListNamesResponse { enums: enums.collect(), facts: facts.collect() })
        })
        .await
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Answer<WhoAmIResponse> {
        open(request, &self.desk, async |call, _: WhoAmIRequest| Ok(self.caller(&call))).await
    }
}
