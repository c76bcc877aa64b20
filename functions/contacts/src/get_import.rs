//! GET /v1/imports/{import_id}: gives an import with its counts so far.

use carillon_contacts::import::Imports;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::import_view::ImportView;

/// Gives imports.
#[derive(Debug)]
pub struct ImportsGet {
    imports: Imports,
}

impl HttpFunction for ImportsGet {
    const NAME: &'static str = "imports-get";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { imports: Imports::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let progress = self.imports.progress(call.organization(), call.path("import_id")?).await?;

        Ok(Reply::ok(&ImportView::from(progress)))
    }
}
