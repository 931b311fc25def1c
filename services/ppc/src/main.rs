//! The service of the Personal Information Protection Commission (個人情報保護委員会).

use std::process::ExitCode;

use renkei_proto::r#type::v1::Agency;

fn main() -> ExitCode {
    renkei_service::main(Agency::Ppc)
}
