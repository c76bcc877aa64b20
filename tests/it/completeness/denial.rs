//! Every route refuses a caller without a key, one without the permission, and one of another organization.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::Permission;
use carillon_harness::{HttpEvent, Trigger};
use carillon_local::platform::{Port, Start};
use carillon_local::template::model::Route;
use carillon_local::{Platform, PlatformConfig, registry};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::root;

/// The functions that make things with an id, each after those whose ids its sample needs; and the name that routes give the id.
const MAKERS: [(&str, &str); 8] = [
    ("senders-create", "sender_id"),
    ("contacts-create", "contact_id"),
    ("lists-create", "list_id"),
    ("templates-create", "template_id"),
    ("imports-create", "import_id"),
    ("campaigns-create", "campaign_id"),
    ("messages-create", "message_id"),
    ("api-keys-create", "api_key_id"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_who_may_not() {
    let world = World::start().await;

    world.a_caller_without_a_key_is_unknown().await;
    world.a_key_without_the_permission_is_refused().await;
    world.what_belongs_to_another_organization_is_absent().await;

    world.platform.stop().await;
}

struct World {
    platform: Platform,
    client: Client,
    /// The secret texts of keys that may do everything, in two organizations.
    owner: String,
    stranger: String,
    _data: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = PlatformConfig::new(root(), data.path());
        // What requests put on queues stays there: no consumer changes what the next request finds.
        (config.port, config.pollers, config.schedules) = (Port::Exactly(0), Start::OnRequest, Start::OnRequest);
        let platform = Platform::start(config).await.unwrap();
        let owner = platform.bootstrap_organization("Owner").await.unwrap().expose().to_owned();
        let stranger = platform.bootstrap_organization("Stranger").await.unwrap().expose().to_owned();
        Self { platform, client: Client::new(), owner, stranger, _data: data }
    }

    async fn a_caller_without_a_key_is_unknown(&self) {
        for (route, _) in self.guarded_routes() {
            for key in [None, Some("car_unknown"), Some("unknown")] {
                let (status, problem) = self.call((&route.method, &dummy_path(&route)), key, None).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {} with the key {key:?}: {problem}", route.method, route.path);
                assert_eq!(problem["code"], "caller.unknown");
            }
        }
    }

    async fn a_key_without_the_permission_is_refused(&self) {
        let (one, other) = (Permission::ContactsRead, Permission::TemplatesRead);
        let (with_one, with_other) = (self.key_with(one).await, self.key_with(other).await);
        for (route, permission) in self.guarded_routes() {
            let key = if permission == one { &with_other } else { &with_one };
            let (status, problem) = self.call((&route.method, &dummy_path(&route)), Some(key), None).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {}: {problem}", route.method, route.path);
            assert_eq!(problem["code"], "caller.may_not");
            assert!(problem["detail"].as_str().unwrap().ends_with(permission.name()), "{problem}");
        }
    }

    async fn what_belongs_to_another_organization_is_absent(&self) {
        let ids = self.make_things().await;
        let mut named = BTreeSet::new();
        for (route, _) in self.guarded_routes() {
            let parts: Vec<&str> = ids.keys().copied().filter(|id| route.path.contains(&format!("{{{id}}}"))).collect();
            assert_eq!(parts.is_empty(), !route.path.contains("_id}"), "{} names an id that nothing makes", route.path);
            if parts.is_empty() {
                continue;
            }
            named.extend(parts);
            let mut answers = Vec::new();
            for sample in samples(&route.function, &ids) {
                answers.push(self.replay(&sample, &self.stranger).await);
            }
            // A sample of a body that breaks rules is refused for that, before anything is looked for.
            let refused = |(status, _): &(StatusCode, Value)| [StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY].contains(status);
            assert!(answers.iter().all(refused), "{} of another organization: {answers:?}", route.function);
            assert!(answers.iter().any(|(status, _)| *status == StatusCode::NOT_FOUND), "{}: {answers:?}", route.function);
        }
        // The owner's own calls come after all of the stranger's, because some of them delete.
        for (route, _) in self.guarded_routes().into_iter().filter(|(route, _)| route.path.contains("_id}") && route.method == "GET") {
            for sample in samples(&route.function, &ids) {
                let (status, answer) = self.replay(&sample, &self.owner).await;
                assert_ne!(status, StatusCode::NOT_FOUND, "{} of the own organization: {answer}", route.function);
            }
        }
        assert!(named.len() >= 6, "routes name {named:?} only");
    }

    /// The routes that need a permission.
    fn guarded_routes(&self) -> Vec<(Route, Permission)> {
        let entries = registry::entries();
        let routes = self.platform.deployment().routes.iter().filter_map(|route| {
            match entries.iter().find(|entry| entry.name == route.function).unwrap().trigger {
                Trigger::Http(permission) => Some((route.clone(), permission)),
                Trigger::Public(reason) => {
                    assert!(!reason.is_empty(), "{} does not say why it is public", route.function);
                    None
                }
                Trigger::Queue | Trigger::Schedule => panic!("{} is no route's", route.function),
            }
        });
        routes.collect()
    }

    async fn key_with(&self, permission: Permission) -> String {
        let body = json!({ "name": "narrow", "permissions": [permission] }).to_string();
        let (status, answer) = self.call(("POST", "/v1/api-keys"), Some(&self.owner), Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["secret"].as_str().unwrap().to_owned()
    }

    /// Makes one thing of each kind for the owner, from the sample events.
    async fn make_things(&self) -> BTreeMap<&'static str, String> {
        let mut ids = BTreeMap::new();
        for (maker, id) in MAKERS {
            let mut answers = Vec::new();
            for sample in samples(maker, &ids) {
                answers.push(self.replay(&sample, &self.owner).await);
            }
            let made = answers.iter().find_map(|(status, answer)| answer["id"].as_str().filter(|_| status.is_success()));
            let made = made.unwrap_or_else(|| panic!("{maker} made nothing with an id: {answers:?}")).to_owned();
            ids.insert(id, made);
        }
        ids
    }

    async fn replay(&self, sample: &HttpEvent, key: &str) -> (StatusCode, Value) {
        let path = match sample.raw_query_string.as_str() {
            "" => sample.raw_path.clone(),
            query => format!("{}?{query}", sample.raw_path),
        };
        self.call((&sample.request_context.http.method, &path), Some(key), sample.body.clone()).await
    }

    async fn call(&self, (method, path): (&str, &str), key: Option<&str>, body: Option<String>) -> (StatusCode, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.platform.url()));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

/// A path of the route, whatever stands in its parts.
fn dummy_path(route: &Route) -> String {
    route.path.replace(['{', '}'], "")
}

/// The sample events of a function, with the ids of things in place of their names.
fn samples(function: &str, ids: &BTreeMap<&str, String>) -> Vec<HttpEvent> {
    let folder = root().join("events").join(function);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let events = files.iter().map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        let text = ids.iter().fold(text, |text, (name, id)| text.replace(&format!("{{{{{name}}}}}"), id));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    events.collect()
}
