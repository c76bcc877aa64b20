//! The things whose ids routes name: how each is made, and an id of its kind that nobody has.

use std::collections::BTreeMap;

use carillon_contracts::{
    ApiKeyId, CampaignId, ContactId, ExportId, ImportId, InvitationId, ListId, MessageId, OrganizationId, RoleId, SecurityEventId,
    SenderId, SessionId, TemplateId, UserId, VerificationId,
};
use serde_json::Value;

use super::requests::{Guarded, guarded};
use super::stage::{Organization, Stage, bearer};

/// The one id that is not made here.
pub(in crate::completeness) const ORGANIZATION: &str = "organization_id";
/// The names of ids in routes and samples.
pub(in crate::completeness) const NAMES: [&str; 17] = [
    "sender_id",
    "contact_id",
    "list_id",
    "template_id",
    "import_id",
    "campaign_id",
    "message_id",
    "api_key_id",
    "role_id",
    "invitation_id",
    "export_id",
    "audit_export_id",
    "verification_id",
    "user_id",
    "session_id",
    "security_event_id",
    ORGANIZATION,
];
/// The functions that make things with an id, each after those whose ids its sample needs.
pub(in crate::completeness) const MAKERS: [(&str, &str); 13] = [
    ("senders-create", "sender_id"),
    ("contacts-create", "contact_id"),
    ("lists-create", "list_id"),
    ("templates-create", "template_id"),
    ("imports-create", "import_id"),
    ("campaigns-create", "campaign_id"),
    ("messages-create", "message_id"),
    ("api-keys-create", "api_key_id"),
    ("roles-create", "role_id"),
    ("invitations-create", "invitation_id"),
    ("me-export", "export_id"),
    ("audit-exports-create", "audit_export_id"),
    ("audit-verifications-create", "verification_id"),
];

/// The ids by their names.
#[derive(Debug, Clone, Default)]
pub(in crate::completeness) struct Ids(BTreeMap<&'static str, String>);

impl Ids {
    /// The id of a thing; its name where there is none yet.
    pub(in crate::completeness) fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    /// The ids with another one in place of one of them.
    pub(in crate::completeness) fn with(&self, name: &'static str, id: &str) -> Self {
        let mut ids = self.clone();
        ids.0.insert(name, id.to_owned());
        ids
    }

    /// All ids.
    pub(in crate::completeness) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

/// Makes one of each from the samples, as the organization's owner; besides, a member, and another session of the owner, from a
/// device that is new, which makes a security event.
pub(in crate::completeness) async fn make(stage: &Stage, of: &Organization) -> Ids {
    let routes = guarded(stage.platform.deployment(), &carillon_local::registry::entries());
    let mut ids = Ids::default().with(ORGANIZATION, &of.id.to_string());
    for (maker, name) in MAKERS {
        let guarded = routes.iter().find(|guarded| guarded.route.function == maker).unwrap();
        ids = ids.with(name, &made(stage, of, (guarded, &ids)).await);
    }
    let member = stage.member(of, "viewer", "member").await;
    let other = stage.operator.with_header("user-agent", "new/1").logged_in(&of.person).await;
    let events = of.owner.api.get("/v1/security/events").await.expect(200);
    let event = events["data"][0]["id"].as_str().unwrap_or_else(|| panic!("no event in {events}"));
    ids.with("user_id", &member.user.to_string()).with("session_id", &other.session.to_string()).with("security_event_id", event)
}

/// Makes a thing; gives its id.
async fn made(stage: &Stage, of: &Organization, (guarded, ids): (&Guarded, &Ids)) -> String {
    let mut answers = Vec::new();
    for request in guarded.requests(ids) {
        answers.push(stage.send(&request, &bearer(of.owner.access_token())).await);
    }
    let made: Vec<Value> = answers.iter().filter(|answer| answer.status < 300).map(|answer| answer.json()["id"].clone()).collect();
    let id = made.first().and_then(Value::as_str);
    id.unwrap_or_else(|| panic!("{} made nothing with an id: {answers:?}", guarded.route.function)).to_owned()
}

/// An id that nobody has.
pub(in crate::completeness) fn absent(name: &str) -> String {
    const BYTES: [u8; 16] = *b"\x01\x90nobody has it!";
    match name {
        "sender_id" => SenderId::from_bytes(BYTES).to_string(),
        "contact_id" => ContactId::from_bytes(BYTES).to_string(),
        "list_id" => ListId::from_bytes(BYTES).to_string(),
        "template_id" => TemplateId::from_bytes(BYTES).to_string(),
        "import_id" => ImportId::from_bytes(BYTES).to_string(),
        "campaign_id" => CampaignId::from_bytes(BYTES).to_string(),
        "message_id" => MessageId::from_bytes(BYTES).to_string(),
        "api_key_id" => ApiKeyId::from_bytes(BYTES).to_string(),
        "role_id" => RoleId::from_bytes(BYTES).to_string(),
        "invitation_id" => InvitationId::from_bytes(BYTES).to_string(),
        "export_id" | "audit_export_id" => ExportId::from_bytes(BYTES).to_string(),
        "user_id" => UserId::from_bytes(BYTES).to_string(),
        "verification_id" => VerificationId::from_bytes(BYTES).to_string(),
        "security_event_id" => SecurityEventId::from_bytes(BYTES).to_string(),
        "session_id" => SessionId::from_bytes(BYTES).to_string(),
        ORGANIZATION => OrganizationId::from_bytes(BYTES).to_string(),
        other => panic!("nothing is known of {other}"),
    }
}
