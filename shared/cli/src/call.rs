//! One call, or one for each page of a list.

use std::time::Duration;

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, ReflectMessage as _, Value};
use renkei_client::{Answer, CaseNumber, OfficialChannel, call_raw, request_id};
use renkei_proto::{
    evidence::v1::{LookUpMatterRequest, evidence_service_client::EvidenceServiceClient},
    r#type::v1::Agency,
};
use tonic::{Request, Response, Status};

use crate::{connect::Line, contract::constant, failure::Failure, options::Options};

/// The fields of requests that name a matter, for which a case number is accepted.
const NAMES: [&str; 4] = ["name", "matter", "matters", "parent"];

/// A line with what its calls have in common.
pub(crate) struct Caller {
    line: Line,
    deadline: Option<Duration>,
    retry_for: Duration,
}

impl Caller {
    /// The calls of these options over a line.
    pub(crate) fn new(line: Line, options: &Options) -> Self {
        Self { line, deadline: options.deadline, retry_for: options.retry_for.unwrap_or_default() }
    }

    /// The agency whose service is called.
    pub(crate) fn agency(&self) -> Agency {
        self.line.agency
    }

    /// The channel on behalf of the official.
    pub(crate) fn channel(&self) -> OfficialChannel {
        self.line.connection.on_behalf_of(self.line.official.clone())
    }

    async fn answered<T>(&self, call: impl AsyncFn() -> Result<Response<T>, Status>) -> Answer<T> {
        self.line.connection.answered(self.retry_for, call).await
    }

    /// Calls a method. A request that changes something gets an id unless it has one, a name that can only be one is filled
    /// in, and a case number in the place of a name becomes the name. With `all`, the pages of a list are one answer.
    pub(crate) async fn call(
        &self,
        method: &MethodDescriptor,
        mut request: DynamicMessage,
        all: bool,
    ) -> Result<DynamicMessage, Failure> {
        let id = identify(&mut request);
        fill_in(&mut request);
        self.look_up(&mut request).await?;
        let mut answer = self.once(method, &request, id.as_deref()).await?;
        while let Some(token) = next_page(&answer).filter(|_| all) {
            request.set_field_by_name("page_token", Value::String(token));
            let page = self.once(method, &request, id.as_deref()).await?;
            append(&mut answer, page);
        }
        Ok(answer)
    }

    async fn once(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
        request_id: Option<&str>,
    ) -> Result<DynamicMessage, Failure> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let bytes = request.encode_to_vec();
        let answer = self.answered(async || call_raw(self.channel(), &path, bytes.clone(), self.deadline).await).await;
        let answer = answer
            .map_err(|error| Failure::Call { error: Box::new(error), request_id: request_id.map(str::to_owned) })?;
        DynamicMessage::decode(method.output(), answer.as_slice())
            .map_err(|error| Failure::Output(format!("the answer cannot be read: {error}")))
    }

    /// Puts names into the place of case numbers.
    async fn look_up(&self, request: &mut DynamicMessage) -> Result<(), Failure> {
        for name in NAMES {
            let Some(field) = request.descriptor().get_field_by_name(name) else { continue };
            let mut value = request.get_field(&field).into_owned();
            match &mut value {
                Value::String(text) => self.name_of(text).await?,
                Value::List(texts) => {
                    for text in texts {
                        if let Value::String(text) = text {
                            self.name_of(text).await?;
                        }
                    }
                }
                _ => {}
            }
            request.set_field(&field, value);
        }
        Ok(())
    }

    /// Puts the name of a matter into the place of its case number; any other text stays as it is.
    pub(crate) async fn name_of(&self, text: &mut String) -> Result<(), Failure> {
        let Ok(number) = text.parse::<CaseNumber>() else { return Ok(()) };
        let client = EvidenceServiceClient::new(self.channel());
        let request = LookUpMatterRequest { case_number: number.to_string() };
        let asking = || {
            let mut asking = Request::new(request.clone());
            if let Some(deadline) = self.deadline {
                asking.set_timeout(deadline);
            }
            asking
        };
        let found = self.answered(async || client.clone().look_up_matter(asking()).await).await?;
        *text = found.name;
        Ok(())
    }
}

/// The id of a request that changes something, drawn where it has none.
fn identify(request: &mut DynamicMessage) -> Option<String> {
    let field = request.descriptor().get_field_by_name("request_id")?;
    let given = request.get_field(&field).as_str().unwrap_or_default().to_owned();
    let id = if given.is_empty() { request_id() } else { given };
    request.set_field(&field, Value::String(id.clone()));
    Some(id)
}

fn fill_in(request: &mut DynamicMessage) {
    for field in request.descriptor().fields().filter(|field| field.kind() == Kind::String) {
        if let Some(only) = constant(&field).filter(|_| !request.has_field(&field)) {
            request.set_field(&field, Value::String(only));
        }
    }
}

/// The token of the page after this one; `None` on the last page and for an answer that is no page.
pub(crate) fn next_page(answer: &DynamicMessage) -> Option<String> {
    let token = answer.get_field_by_name("next_page_token")?.as_str()?.to_owned();
    Some(token).filter(|token| !token.is_empty())
}

/// The list of messages in an answer of a method that lists.
pub(crate) fn list(answer: &DynamicMessage) -> Option<FieldDescriptor> {
    let answer = answer.descriptor();
    let mut lists = answer.fields().filter(|field| field.is_list() && matches!(field.kind(), Kind::Message(_)));
    lists.next().filter(|_| answer.name().starts_with("List") && lists.next().is_none())
}

/// Adds a page to those before it. The cursor `as_of` stays that of the first page, from which a watch misses nothing.
fn append(answer: &mut DynamicMessage, mut page: DynamicMessage) {
    let token = next_page(&page).unwrap_or_default();
    answer.set_field_by_name("next_page_token", Value::String(token));
    let Some(field) = list(answer) else { return };
    if let (Value::List(all), Value::List(more)) = (answer.get_field_mut(&field), page.get_field_mut(&field)) {
        all.append(more);
    }
}
