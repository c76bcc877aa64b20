//! DELETE /v1/templates/{template_id}: deletes a template; campaigns that were sent keep what they froze.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_templates::Templates;

/// Deletes a template.
#[derive(Debug)]
pub struct TemplatesDelete {
    templates: Templates,
}

impl HttpFunction for TemplatesDelete {
    const NAME: &'static str = "templates-delete";
    const PERMISSION: Permission = Permission::TemplatesWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { templates: Templates::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let template = (call.organization(), call.path("template_id")?);

        self.templates.by(&call.trail()).delete(template, call.if_match()?).await?;

        Ok(Reply::no_content())
    }
}
