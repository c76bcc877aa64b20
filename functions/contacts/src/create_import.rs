//! POST /v1/imports: makes an import, with the address to which its file is to be uploaded.

use carillon_contacts::import::{Import, Imports};
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::import_view::NewImportView;

/// Makes imports.
#[derive(Debug)]
pub struct ImportsCreate {
    imports: Imports,
}

impl HttpFunction for ImportsCreate {
    const NAME: &'static str = "imports-create";
    const PERMISSION: Permission = Permission::ContactsImport;
    // Whoever has the upload's address may upload: it is not kept.
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { imports: Imports::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let import = self.imports.by(&call.trail()).create(Import::new(call.organization(), call.new_id(), call.moment)).await?;

        let url = self.imports.upload_url(&import).await?;

        Ok(Reply::created(&NewImportView::new(import, url, call.moment)))
    }
}
