//! PATCH /v1/templates/{template_id}: changes a template by a merge patch; campaigns that were sent keep what they froze.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use carillon_templates::{TemplateDraft, Templates};
use serde::Deserialize;

/// Changes a template.
#[derive(Debug)]
pub struct TemplatesUpdate {
    templates: Templates,
}

/// What to change; what must hold afterwards is checked on the changed template.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Body(TemplateDraft);

impl Input for Body {}

impl HttpFunction for TemplatesUpdate {
    const NAME: &'static str = "templates-update";
    const PERMISSION: Permission = Permission::TemplatesWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { templates: Templates::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let ids = (call.organization(), call.path("template_id")?);
        let seen = call.if_match()?;

        let template = self.templates.by(&call.trail()).update(ids, seen, call.body.0, call.moment).await?;

        Ok(Reply::ok(&template).version(template.version))
    }
}
