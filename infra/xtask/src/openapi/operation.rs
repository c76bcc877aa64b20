//! One route as an operation.

use carillon_contracts::Permission;
use carillon_harness::{HttpEvent, Trigger};
use carillon_local::template::model::Route;
use serde_json::{Map, Value, json};

use super::components;
use super::source::Source;

/// What is known of a route.
pub(super) struct Operation<'a> {
    pub(super) route: &'a Route,
    pub(super) trigger: Trigger,
    pub(super) source: &'a Source,
    /// The sample events, each with the name of its file.
    pub(super) samples: Vec<(String, HttpEvent)>,
}

impl Operation<'_> {
    /// Writes the operation, or says what its source lacks.
    pub(super) fn document(&self) -> Result<Value, String> {
        let route = format!("{} {}", self.route.method, self.route.path);
        let lacks = |what: &str| format!("the source of {} {what}", self.route.function);
        let summary = self.source.summary(&route).ok_or_else(|| lacks(&format!("does not begin with the line //! {route}: …")))?;
        let answer = self.source.answer().ok_or_else(|| lacks("does not show how it answers"))?;
        let mut operation = json!({
            "operationId": self.route.function,
            "tags": [self.source.area],
            "summary": summary,
            "description": self.description(),
            "security": self.security(),
            "parameters": self.parameters(),
        });
        if let Some(fields) = operation.as_object_mut() {
            fields.extend(self.request_body().map(|body| ("requestBody".to_owned(), body)));
            fields.insert("responses".to_owned(), self.responses(answer).into());
        }
        Ok(operation)
    }

    fn description(&self) -> String {
        let who = match self.trigger {
            Trigger::Http(permission) => format!("Needs the permission `{permission}`."),
            Trigger::Public(reason) => format!("Public: {reason}."),
            Trigger::Queue | Trigger::Schedule => String::new(),
        };
        self.source.about_query().map_or_else(|| who.clone(), |query| format!("{who} Parameters: {query}"))
    }

    fn security(&self) -> Value {
        match self.trigger {
            Trigger::Http(permission) => {
                let schemes: &[&str] = match permission {
                    // One's own account is no program's, and the platform is no user's.
                    Permission::AccountUse => &["AccessToken", "SessionCookie"],
                    Permission::PlatformOperate => &["ApiKey"],
                    permission if permission.is_for_keys() => &["ApiKey", "AccessToken", "SessionCookie"],
                    _ => &["AccessToken", "SessionCookie"],
                };
                schemes.iter().map(|scheme| json!({ *scheme: [permission.name()] })).collect()
            }
            _ => json!([]),
        }
    }

    fn is_guarded(&self) -> bool {
        matches!(self.trigger, Trigger::Http(_))
    }

    fn is_signed(&self) -> bool {
        self.samples.iter().any(|(_, event)| event.headers.contains_key("x-twilio-signature"))
    }

    fn parameters(&self) -> Vec<Value> {
        let shared = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
        let own =
            |place: &str, name: &str| json!({ "name": name, "in": place, "required": place != "query", "schema": { "type": "string" } });
        let mut parameters: Vec<Value> = path_parameters(&self.route.path).map(|name| own("path", name)).collect();
        parameters.extend(self.source.query().into_iter().map(|name| match name {
            "limit" => shared("Limit"),
            "cursor" => shared("Cursor"),
            name => own("query", name),
        }));
        if self.is_guarded() && self.route.method == "POST" && self.source.keeps_answer() {
            parameters.push(shared("IdempotencyKey"));
        }
        if self.source.takes_version() {
            parameters.push(shared("IfMatch"));
        }
        if self.is_signed() {
            parameters.push(own("header", "X-Twilio-Signature"));
        }
        parameters
    }

    /// The body: its fields are shown by the samples.
    fn request_body(&self) -> Option<Value> {
        let mut content = Map::new();
        if self.source.takes_body() {
            content.insert("application/json".to_owned(), json!({ "schema": { "type": "object" } }));
        }
        for (name, event) in &self.samples {
            let Some(body) = &event.body else { continue };
            let media = event.headers.get("content-type").and_then(|whole| whole.split(';').next()).unwrap_or("application/json");
            let described = content.entry(media).or_insert_with(|| json!({ "schema": { "type": "object" } }));
            if let (Some(value), Some(described)) = (example(media, body), described.as_object_mut()) {
                let examples = described.entry("examples").or_insert_with(|| json!({}));
                examples.as_object_mut()?.insert(name.clone(), json!({ "value": value }));
            }
        }
        (!content.is_empty()).then(|| json!({ "required": true, "content": content }))
    }

    fn responses(&self, (status, media): (u16, &str)) -> Map<String, Value> {
        let mut done = Map::from_iter([("description".to_owned(), Value::from(meaning(status)))]);
        if self.source.gives_version() {
            done.insert("headers".to_owned(), json!({ "ETag": { "$ref": "#/components/headers/ETag" } }));
        }
        if !media.is_empty() {
            done.insert("content".to_owned(), json!({ media: { "schema": self.schema(media) } }));
        }
        let mut responses = Map::from_iter([(status.to_string(), done.into())]);
        for status in self.failures() {
            let response = match (status, media) {
                // People see this one.
                (404, "text/html") => {
                    json!({ "description": "The link is none of ours.", "content": { media: { "schema": { "type": "string" } } } })
                }
                _ => components::failure(status),
            };
            responses.insert(status.to_string(), response);
        }
        responses
    }

    fn schema(&self, media: &str) -> Value {
        match media {
            "application/json" if self.source.query().contains(&"cursor") => json!({ "$ref": "#/components/schemas/Page" }),
            "application/json" => json!({ "type": "object" }),
            _ => json!({ "type": "string" }),
        }
    }

    /// The statuses of the answers when it fails.
    fn failures(&self) -> Vec<u16> {
        let (guarded, reads) = (self.is_guarded(), self.route.method == "GET");
        let applies = [
            (400, guarded || !reads),
            (401, guarded),
            (403, guarded || self.is_signed()),
            (404, self.route.path.contains('{')),
            (409, guarded && !reads),
            (422, guarded),
            (429, true),
            (500, true),
            (503, guarded || !reads),
        ];
        applies.into_iter().filter(|(_, applies)| *applies).map(|(status, _)| status).collect()
    }
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn example(media: &str, body: &str) -> Option<Value> {
    match media {
        "application/json" => serde_json::from_str(body).ok(),
        "application/x-www-form-urlencoded" => {
            let fields: Vec<(String, String)> = serde_urlencoded::from_str(body).ok()?;
            Some(fields.into_iter().map(|(name, value)| (name, Value::from(value))).collect::<Map<_, _>>().into())
        }
        _ => None,
    }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        201 => "It was made.",
        202 => "It was taken on and goes on by itself.",
        204 => "It was done, and there is nothing to show.",
        _ => "It was done.",
    }
}
