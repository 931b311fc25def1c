//! Calls by path and bytes, for programs that know the contract by its descriptors and not by generated code.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::official::OfficialChannel;

/// Calls a method that does not stream, such as `/renkei.referral.v1.ReferralService/GetReferral`. `request` and the answer
/// are encoded messages. The call ends after `deadline`, or after [`CALL_TIMEOUT`](crate::CALL_TIMEOUT) where there is none.
///
/// # Errors
/// The status of the call, or of the connection.
pub async fn call_raw(
    channel: OfficialChannel,
    path: &str,
    request: Vec<u8>,
    deadline: Option<Duration>,
) -> Result<Response<Vec<u8>>, Status> {
    let mut request = Request::new(request);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    let path = PathAndQuery::try_from(path).map_err(unsent)?;
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(unsent)?;
    client.unary(request, path, Raw).await
}

#[expect(clippy::disallowed_methods, reason = "generated clients make the same of an error before a call")]
fn unsent(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Status {
    Status::from_error(error.into())
}

/// Encoded messages as they are, for clients and servers of tonic.
#[derive(Clone, Copy, Debug)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
