//! The contract in the words of officials.

use renkei_proto::{
    NAMES,
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
            Ok(ListNamesResponse { enums: enums.collect() })
        })
        .await
    }
}
