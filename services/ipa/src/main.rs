//! The service of the IT Security Center of IPA (独立行政法人情報処理推進機構セキュリティセンター).

use std::process::ExitCode;

use renkei_proto::r#type::v1::Agency;

fn main() -> ExitCode {
    renkei_service::main(Agency::Ipa)
}
