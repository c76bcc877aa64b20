//! POST /v1/templates/{template_id}/preview: renders a template as a contact would get it, or with given fields.

use carillon_contacts::Contacts;
use carillon_contracts::{ContactId, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Kind, Nothing, Reply, Setup, SetupError};
use carillon_identity::Organizations;
use carillon_templates::{Context, Templates};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Renders previews.
#[derive(Debug)]
pub struct TemplatesPreview {
    templates: Templates,
    contacts: Contacts,
    organizations: Organizations,
    public_url: String,
}

/// For whom to render: the fields of a contact, those given laid over them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    contact_id: Option<ContactId>,
    fields: Map<String, Value>,
}

impl Input for Body {}

impl HttpFunction for TemplatesPreview {
    const NAME: &'static str = "templates-preview";
    const PERMISSION: Permission = Permission::TemplatesRead;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            templates: Templates::from_setup(setup)?,
            contacts: Contacts::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            public_url: setup.text("PUBLIC_URL")?,
        })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let mut fields = match call.body.contact_id {
            None => Map::new(),
            Some(_) if !call.caller.may(Permission::ContactsRead) => return Err(may_not_read_contacts()),
            Some(contact) => self.contacts.get(call.organization(), contact).await?.fields(),
        };
        fields.extend(call.body.fields.clone());
        let organization = self.organizations.get(call.organization()).await?;

        let (names, values): (Vec<String>, Vec<Value>) = fields.into_iter().unzip();
        let context = Context::of_values(&names, &values)
            .with_organization(String::from(organization.name))
            // A link that unsubscribes nobody.
            .with_unsubscribe_url(format!("{}/u/preview", self.public_url));
        let preview = self.templates.preview((call.organization(), call.path("template_id")?), &context).await?;

        Ok(Reply::ok(&preview))
    }
}

/// A preview shows what a contact's fields hold, so that whoever asks for it must be allowed to read them.
fn may_not_read_contacts() -> Failure {
    Failure::new(Kind::Forbidden, "caller.may_not", format!("the API key lacks the permission {}", Permission::ContactsRead))
}
