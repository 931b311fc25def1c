//! The titles of matters, over all nouns that have one.

use std::collections::BTreeSet;

use renkei_domain::matter::Matter;
use renkei_proto::title::v1::{ListTitlesRequest, ListTitlesResponse, MatterTitle, title_service_server::TitleService};
use renkei_rpc::validate::Call;
use tonic::Request;

use crate::{
    advice,
    desk::{Answer, Desk, open_secrets},
    error::Error,
    item,
    read::{Readable, judged},
};

/// The implementation of `TitleService`.
pub(crate) struct Titles {
    desk: Desk,
}

impl Titles {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// The titles that the caller may read, in the order of the names.
    async fn list(&self, call: &Call, names: &[String]) -> Result<Vec<MatterTitle>, Error> {
        let mut pages = self.desk.store.pages(&names.iter().map(String::as_str).collect()).await?;
        let mut titles = Vec::with_capacity(names.len());
        for name in names {
            let page = pages.remove(name).unwrap_or_default();
            let Ok(it) = judged(&self.desk, call, Matter::of(name), page) else { continue };
            let title = self.title(&it).await?;
            titles.extend(title.map(|title| MatterTitle { matter: name.clone(), title }));
        }
        Ok(titles)
    }

    /// The title of a matter; `None` where there is nothing to show.
    async fn title(&self, it: &Readable) -> Result<Option<String>, Error> {
        match advice::title(&self.desk, it).await? {
            Some(title) => Ok(Some(title)),
            None => item::title(&self.desk, it).await,
        }
    }
}

#[tonic::async_trait]
impl TitleService for Titles {
    async fn list_titles(&self, request: Request<ListTitlesRequest>) -> Answer<ListTitlesResponse> {
        open_secrets(
            request,
            &self.desk,
            |it| &it.matters,
            async |call, it: ListTitlesRequest| {
                let titles = self.list(&call, &it.matters).await?;
                let found: BTreeSet<String> = titles.iter().map(|title| title.matter.clone()).collect();
                Ok((ListTitlesResponse { titles }, found))
            },
        )
        .await
    }
}
