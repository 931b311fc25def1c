//! The contract in the words of officials.

use renkei_proto::{
    FactKind, NAMES,
    contract::v1::{
        EnumNames, ListNamesRequest, ListNamesResponse, ValueName, contract_service_server::ContractService,
    },
};
use tonic::Request;

use crate::desk::{Answer, Desk, open};

/// The implementation of `ContractService`.
pub(crate) struct Contract {
    desk: Desk,
}

impl Contract {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
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
}
