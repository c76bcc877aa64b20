//! POST /v1/templates: makes a template.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_templates::{TemplateDraft, Templates};
use serde::Deserialize;

/// Makes templates.
#[derive(Debug)]
pub struct TemplatesCreate {
    templates: Templates,
}

/// The template: `name`, `channel`, and `content` with the fields of that channel.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Body(TemplateDraft);

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        self.0.problems()
    }
}

impl HttpFunction for TemplatesCreate {
    const NAME: &'static str = "templates-create";
    const PERMISSION: Permission = Permission::TemplatesWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { templates: Templates::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let ids = (call.organization(), call.new_id());
        let templates = self.templates.by(&call.trail());
        let new = call.body.0.into_new()?;

        let template = templates.create(ids, new, call.moment).await?;

        Ok(Reply::created(&template).version(template.version))
    }
}
