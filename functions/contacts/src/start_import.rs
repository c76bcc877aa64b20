//! POST /v1/imports/{import_id}/start: looks at the uploaded file and starts its import.

use carillon_contacts::import::{ImportOptions, Imports};
use carillon_contacts::limits;
use carillon_contracts::message::{ImportChunkRequested, QueueMessage};
use carillon_contracts::{Channel, Permission};
use carillon_flags::{Flag, Flags};
use carillon_harness::{Call, Failure, HttpFunction, Input, Kind, Nothing, Problem, Reply, Setup, SetupError};
use carillon_kernel::IdSource;
use carillon_outbox::Outbox;
use serde::Deserialize;

use crate::import_view::ImportView;

/// Starts imports.
#[derive(Debug)]
pub struct ImportsStart {
    flags: Flags,
    imports: Imports,
    outbox: Outbox,
    ids: IdSource,
}

/// What is done with the rows: `mapping`, `default_region`, `consent`, `list_ids`, `tags`, `update_existing`.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Body(ImportOptions);

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.0.list_ids.len() > limits::LISTS {
            problems.push(Problem::new("/list_ids", "imports.too_many", "a contact is on at most 50 lists"));
        }
        if self.0.tags.len() > limits::TAGS {
            problems.push(Problem::new("/tags", "imports.too_many", "a contact has at most 30 tags"));
        }
        for channel in Channel::ALL {
            if self.0.consent.of(channel).is_some_and(|source| source.trim().is_empty() || source.chars().count() > 200) {
                let detail = "say in 1 to 200 characters where the consent was given, or leave it out";
                problems.push(Problem::new(format!("/consent/{channel}"), "imports.consent_source", detail));
            }
        }
        problems
    }
}

impl HttpFunction for ImportsStart {
    const NAME: &'static str = "imports-start";
    const PERMISSION: Permission = Permission::ContactsImport;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        // Read here, so that a missing setting shows at the start and not in the outbox.
        setup.text(ImportChunkRequested::QUEUE)?;
        Ok(Self {
            flags: Flags::from_setup(setup)?,
            imports: Imports::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("import_id")?);
        if !self.flags.is_on(Flag::Imports, call.moment).await {
            // Nothing is lost: the uploaded file can be started later.
            return Err(Failure::new(Kind::Forbidden, "imports.closed", "no imports are started at present"));
        }
        let imports = self.imports.by(&call.trail());
        let import = imports.prepare(place, call.body.0, call.moment).await?;
        let (write, ticket) = self.outbox.write(&import.first_chunk(), call.moment, &self.ids)?;

        let import = imports.start(import, write).await?;
        self.outbox.dispatch(ticket).await;

        let progress = self.imports.progress(import.organization, import.id).await?;
        Ok(Reply::accepted(&ImportView::from(progress)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_consent_needs_its_source() {
        let body: Body = serde_json::from_str(r#"{"consent":{"email":" ","sms":"shop"}}"#).unwrap();

        let pointers: Vec<String> = body.problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/consent/email"]);
    }
}
