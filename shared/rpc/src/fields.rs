//! A bound on the number of fields of a request, before any of it is decoded.
//!
//! A message of two MiB can consist of a million empty messages. Each becomes a value when it is decoded, which takes
//! hundreds of times as long as reading its two bytes, and meanwhile other calls wait for the processor. A normal
//! request has some hundred fields.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use prost_reflect::{Kind, MessageDescriptor};
use renkei_proto::options::v1::Reason;
use tonic::Status;
use tonic::body::Body;

use crate::contract;
use crate::error::Error;

/// The maximum number of fields of one request, including those of inner messages.
pub const FIELDS_MAX: usize = 20_000;

/// The maximum depth of inner messages that are examined; the decoder refuses deeper ones.
const DEPTH_MAX: usize = 100;

/// The size in bytes of the prefix of a message: the flag of compression, and the length.
const HEAD: usize = 5;

/// The request message of each unary method, by its path.
static REQUESTS: LazyLock<HashMap<String, MessageDescriptor>> = LazyLock::new(|| {
    let methods = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let unary = methods.filter(|method| !method.is_client_streaming());
    unary.map(|method| (contract::path(&method), method.input())).collect()
});

/// The body of a request to this path, within the bound.
pub(crate) fn bounded<B>(path: &str, body: B) -> Body
where
    B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
{
    match REQUESTS.get(path) {
        Some(message) => Body::new(Counted { body: Body::new(body), scan: Scan::new(message.clone()) }),
        None => Body::new(body),
    }
}

/// A body whose fields are counted as it arrives.
struct Counted {
    body: Body,
    scan: Scan,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && !this.scan.is_within(data)
        {
            let full = Error::Full { reason: Reason::TooLarge, limit: "fields in a message", most: FIELDS_MAX };
            return Poll::Ready(Some(Err(full.into())));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The position of the scan in a message. Bytes that cannot be a message are left to the decoder, which reports them.
enum State {
    Head(usize),
    Key(Varint),
    Number,
    Length(u32, Varint),
    Skip(usize),
    Over,
}

/// A number of which some bytes were read.
#[derive(Clone, Copy, Default)]
struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    /// Adds a byte. `Ok` when the number is complete; otherwise the incomplete number, or none if it is too long.
    fn with(self, byte: u8) -> Result<u64, Option<Self>> {
        let value = self.value | u64::from(byte & 0x7f).checked_shl(self.shift).unwrap_or_default();
        match (byte & 0x80, self.shift) {
            (0, _) => Ok(value),
            (_, 63..) => Err(None),
            _ => Err(Some(Self { value, shift: self.shift + 7 })),
        }
    }
}

/// The scan of the wire format, as far as fields are counted.
struct Scan {
    state: State,
    fields: usize,
    /// The number of bytes of the message that were read.
    at: usize,
    /// The messages around the next field, with the end of each; `None` for the outermost.
    around: Vec<(MessageDescriptor, Option<usize>)>,
}

impl Scan {
    fn new(message: MessageDescriptor) -> Self {
        Self { state: State::Head(HEAD), fields: 0, at: 0, around: vec![(message, None)] }
    }

    /// Reads more bytes. True while the fields are within the bound.
    fn is_within(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((byte, rest)) = bytes.split_first() {
            if let State::Skip(left) = self.state {
                let skipped = left.min(bytes.len());
                self.at += skipped;
                bytes = &bytes[skipped..];
                self.state = if left > skipped { State::Skip(left - skipped) } else { State::Key(Varint::default()) };
                continue;
            }
            if matches!(self.state, State::Over) {
                return true;
            }
            self.step(*byte);
            bytes = rest;
            if self.fields > FIELDS_MAX {
                return false;
            }
        }
        true
    }

    fn step(&mut self, byte: u8) {
        self.at += usize::from(!matches!(self.state, State::Head(_)));
        self.state = match self.state {
            // A compressed message is refused before it is read.
            State::Head(HEAD) if byte != 0 => State::Over,
            State::Head(1) => State::Key(Varint::default()),
            State::Head(left) => State::Head(left - 1),
            State::Number if byte & 0x80 != 0 => State::Number,
            State::Number => State::Key(Varint::default()),
            State::Key(key) => match key.with(byte) {
                Ok(key) => self.begin(key),
                Err(part) => part.map_or(State::Over, State::Key),
            },
            State::Length(number, length) => match length.with(byte) {
                Ok(length) => self.enter(number, length),
                Err(part) => part.map_or(State::Over, |part| State::Length(number, part)),
            },
            State::Skip(_) | State::Over => State::Over,
        };
    }

    /// A field begins.
    fn begin(&mut self, key: u64) -> State {
        self.fields += 1;
        while self.around.last().is_some_and(|(_, end)| end.is_some_and(|end| end < self.at)) {
            self.around.pop();
        }
        match (key & 7, u32::try_from(key >> 3)) {
            (0, _) => State::Number,
            (1, _) => State::Skip(8),
            (5, _) => State::Skip(4),
            (2, Ok(number)) => State::Length(number, Varint::default()),
            _ => State::Over,
        }
    }

    /// Begins a field with a length: an inner message is examined, anything else is skipped.
    fn enter(&mut self, number: u32, length: u64) -> State {
        let Ok(length) = usize::try_from(length) else { return State::Over };
        let field = self.around.last().and_then(|(message, _)| message.get_field(number));
        match field.map(|field| field.kind()) {
            Some(Kind::Message(message)) if self.around.len() < DEPTH_MAX => {
                self.around.push((message, self.at.checked_add(length)));
                State::Key(Varint::default())
            }
            _ if length == 0 => State::Key(Varint::default()),
            _ => State::Skip(length),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use prost::Message as _;
    use renkei_proto::{
        referral::v1::{PublishSchemeRequest, SchemeContent},
        r#type::v1::Text,
    };

    use super::*;

    const PUBLISH: &str = "/renkei.referral.v1.SchemeService/PublishScheme";

    /// The number of fields of a message that arrives in pieces of this size; `None` if there are too many.
    fn fields(message: &[u8], piece: usize) -> Option<usize> {
        let mut scan = Scan::new(REQUESTS[PUBLISH].clone());
        let framed = [&[0; HEAD], message].concat();
        framed.chunks(piece).all(|piece| scan.is_within(piece)).then_some(scan.fields)
    }

    fn scheme(links: usize) -> Vec<u8> {
        let text = || Some(Text { ja: "\u{8}\u{1}".repeat(300), en: String::new() });
        let content = SchemeContent { title: text(), links: vec![String::new(); links], ..SchemeContent::default() };
        let request = PublishSchemeRequest { scheme_id: "a".repeat(200), content: Some(content), ..Default::default() };
        request.encode_to_vec()
    }

    #[test]
    fn fields_are_counted_with_those_of_inner_messages_and_text_is_not_looked_into() {
        for piece in [1, 2, 7, 1 << 20] {
            // The id, the content, its title, the texts of that, and the links.
            assert_eq!(fields(&scheme(3), piece), Some(4 + 3));
            assert_eq!(fields(&scheme(FIELDS_MAX - 4), piece), Some(FIELDS_MAX));
            assert_eq!(fields(&scheme(FIELDS_MAX - 3), piece), None);
            // After the inner message, fields of the outer one follow: numbers of each width, and an unknown one.
            let after =
                [scheme(1), vec![0x78, 0x96, 0x01, 0x79], vec![0; 8], vec![0x7d], vec![0; 4], vec![0x7a, 0]].concat();
            assert_eq!(fields(&after, piece), Some(5 + 4));
        }
        let empty = [0x7a, 0].repeat(FIELDS_MAX + 1);
        assert_eq!(fields(&empty, 100), None);
    }

    #[test]
    fn bytes_that_are_not_a_message_are_left_to_the_decoder() {
        for noise in
            [&[0xff; 64][..], &[0x0b, 0x0c], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]]
        {
            assert!(fields(noise, 3).is_some());
        }
        assert_eq!(REQUESTS.get("/renkei.link.v1.LinkService/Exchange").map(|it| it.full_name().to_owned()), None);
        assert!(REQUESTS.len() > 10, "{}", REQUESTS.keys().next().unwrap());
    }
}
