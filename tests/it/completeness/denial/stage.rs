//! A platform whose requests have no consequences but their own, with organizations and members in it.

use carillon_contracts::{InvitationId, OrganizationId, Origin};
use carillon_identity::invitation::link_token;
use carillon_identity::security::{SecurityEventKind, SecurityEvents, Subject, Suspicion};
use carillon_identity::{IpRanges, OrganizationPatch, Organizations};
use carillon_kernel::Signer;
use carillon_local::Platform;
use carillon_local::platform::Start;
use carillon_testkit::{Answer, Api, Login, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::requests::Request;
use crate::journeys::config;

/// The platform.
pub(in crate::completeness) struct Stage {
    pub(in crate::completeness) platform: Platform,
    pub(in crate::completeness) operator: Api,
    signer: Signer,
    _data: tempfile::TempDir,
}

/// An organization with its first key and its owner's session.
pub(in crate::completeness) struct Organization {
    pub(in crate::completeness) id: OrganizationId,
    pub(in crate::completeness) key: Api,
    pub(in crate::completeness) person: Person,
    pub(in crate::completeness) owner: Login,
}

impl Stage {
    pub(in crate::completeness) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = config(data.path());
        // What requests put on queues stays there: no consumer changes what the next request finds.
        config.pollers = Start::OnRequest;
        let platform = Platform::start(config).await.unwrap();
        let operator = Api::new(platform.url(), platform.bootstrap_organization("Operators").await.unwrap().expose());
        let signer = Signer::new(&platform.setup_of("invitations-accept").unwrap().secret("LINK_KEY").unwrap());
        Self { platform, operator, signer, _data: data }
    }

    /// Makes an organization; no mail goes out here, so that the link is made as the mail would have it.
    pub(in crate::completeness) async fn organization(&self, name: &str) -> Organization {
        let person = Person::new(&format!("owner@{name}.example"));
        let made = self.operator.post("/v1/organizations", json!({ "name": name, "owner_email": person.email })).await.expect(201);
        let key = self.operator.with_key(made["api_key"]["secret"].as_str().unwrap());
        let id = made["id"].as_str().unwrap().parse().unwrap();
        let invitation = key.get("/v1/invitations").await.expect(200)["data"][0]["id"].take();
        let owner = self.accept((id, &invitation), &person).await;
        Organization { id, key, person, owner }
    }

    /// Makes a member with a role.
    pub(in crate::completeness) async fn member(&self, of: &Organization, role: &str, name: &str) -> Login {
        let person = Person::new(&format!("{name}@{}.example", of.id.to_string().replace('_', "-")));
        let invited = of.key.post("/v1/invitations", json!({ "email": person.email, "role": role })).await.expect(201);
        self.accept((of.id, &invited["id"]), &person).await
    }

    async fn accept(&self, (organization, invitation): (OrganizationId, &Value), person: &Person) -> Login {
        let invitation: InvitationId = invitation.as_str().unwrap().parse().unwrap();
        let token = link_token(&self.signer, organization, invitation);
        let body = json!({ "token": token, "name": person.name, "password": person.password });
        let _ = self.operator.as_nobody().post("/v1/invitations/accept", body).await.expect(201);
        self.log_in(person).await
    }

    /// Lets an organization be used from elsewhere only, which nobody can do from here.
    pub(in crate::completeness) async fn wall_in(&self, organization: OrganizationId) {
        let setup = self.platform.setup_of("organizations-update").unwrap();
        let ranges = IpRanges::try_from(vec!["203.0.113.0/24".parse().unwrap()]).unwrap();
        let patch = OrganizationPatch { allowed_ip_ranges: Some(ranges), ..OrganizationPatch::default() };
        let from = (setup.clock().now(), Some("203.0.113.9".parse().unwrap()));
        let _ = Organizations::from_setup(&setup).unwrap().update((organization, None), patch, from).await.unwrap();
    }

    /// Makes a security event of the owner's account, as a login would; gives its id.
    pub(in crate::completeness) async fn security_event(&self, of: &Organization) -> String {
        let setup = self.platform.setup_of("security-events-list").unwrap();
        let (origin, owner) = (Origin::default(), Some(of.owner.user));
        let subject = Subject { organization: of.id, user: owner, api_key: None, tell: None, origin: &origin };
        let events = SecurityEvents::from_setup(&setup).unwrap();
        events.record(&subject, &[Suspicion::of(SecurityEventKind::NewDevice)], (setup.clock().now(), &setup.ids())).await.unwrap();
        let listed = of.key.get("/v1/security/events").await.expect(200);
        listed["data"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Opens a session.
    pub(in crate::completeness) async fn log_in(&self, person: &Person) -> Login {
        self.operator.logged_in(person).await
    }

    /// Makes a request with these headers.
    pub(in crate::completeness) async fn send(&self, request: &Request, headers: &[(&'static str, String)]) -> Answer {
        let method = Method::from_bytes(request.method.as_bytes()).unwrap();
        let mut sent = self.operator.client().request(method, format!("{}{}", self.platform.url(), request.path));
        for (name, value) in headers {
            sent = sent.header(*name, value);
        }
        if let Some(body) = &request.body {
            sent = sent.header("content-type", "application/json").body(body.clone());
        }
        Api::answer(sent).await
    }
}

/// The header of a key or a token.
pub(in crate::completeness) fn bearer(text: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {text}"))]
}
