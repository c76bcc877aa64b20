//! GET /v1/templates: lists the organization's templates without their contents.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use carillon_templates::Templates;

/// Lists templates.
#[derive(Debug)]
pub struct TemplatesList {
    templates: Templates,
}

impl HttpFunction for TemplatesList {
    const NAME: &'static str = "templates-list";
    const PERMISSION: Permission = Permission::TemplatesRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { templates: Templates::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.templates.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page))
    }
}
