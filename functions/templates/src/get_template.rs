//! GET /v1/templates/{template_id}: gives a template with its content and the variables that it uses.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_templates::{Template, Templates, Variable};
use serde::Serialize;

/// Gives a template.
#[derive(Debug)]
pub struct TemplatesGet {
    templates: Templates,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    template: &'a Template,
    variables: Vec<Variable>,
}

impl HttpFunction for TemplatesGet {
    const NAME: &'static str = "templates-get";
    const PERMISSION: Permission = Permission::TemplatesRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { templates: Templates::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let template = self.templates.get((call.organization(), call.path("template_id")?)).await?;

        let variables = template.content.variables();
        Ok(Reply::ok(&Shown { template: &template, variables }).version(template.version))
    }
}
