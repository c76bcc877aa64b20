//! A client of the HTTP API: what people and programs do, in their words.

use std::fmt;
use std::str::FromStr;

use carillon_contracts::{CampaignId, ContactId, ImportId, ListId, MessageId, SenderId};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A caller of one organization.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    url: String,
    key: String,
    headers: Vec<(String, String)>,
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub text: String,
}

/// A file that is imported, and what is done with it.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The body of the start.
    pub options: Value,
}

impl Answer {
    /// Gives the JSON of an answer that has the expected status.
    ///
    /// # Panics
    /// When the status is another one, with the whole answer.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The body as JSON, null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The dotted code of a problem document.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The pointers and codes of all problems of a problem document, in their order.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        problems(&self.json()["errors"])
    }
}

/// The pointers and codes of a list of problems.
fn problems(list: &Value) -> Vec<(String, String)> {
    let text = |problem: &Value, name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    list.as_array().into_iter().flatten().map(|problem| (text(problem, "pointer"), text(problem, "code"))).collect()
}

/// Reads the id of a thing that the API shows.
///
/// # Panics
/// When there is none.
#[track_caller]
fn id_of<T: FromStr>(thing: &Value) -> T
where
    T::Err: fmt::Debug,
{
    thing["id"].as_str().unwrap_or_else(|| panic!("no id in {thing}")).parse().expect("an id")
}

impl Api {
    /// Makes the client of the API at `url`, with an API key.
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { client, url: url.trim_end_matches('/').to_owned(), key: key.to_owned(), headers: Vec::new() }
    }

    /// Makes the same client with another key, or with the access token of a user.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Makes the same client without a key: nobody.
    #[must_use]
    pub fn as_nobody(&self) -> Self {
        self.with_key("")
    }

    /// Makes the same client with a header that all its calls send: a `user-agent`, or a `cookie`.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        Self { headers, ..self.clone() }
    }

    /// The HTTP client itself, for requests that are not the API's.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The API key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a call with a JSON body, none where it is null.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, (body, &[])).await
    }

    /// Makes a call with headers of its own.
    pub async fn call_with(&self, method: Method, path: &str, (body, headers): (&Value, &[(&str, &str)])) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !self.key.is_empty() {
            request = request.bearer_auth(&self.key);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        for (name, value) in self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        Self::answer(request).await
    }

    /// Sends a request.
    pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("the platform answers");
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = answer.headers().iter().map(header).collect();
        Answer { status: answer.status().as_u16(), headers, text: answer.text().await.expect("a text") }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &body).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, &body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, &Value::Null).await
    }

    /// Creates a contact.
    pub async fn create_contact(&self, contact: Value) -> ContactId {
        id_of(&self.post("/v1/contacts", contact).await.expect(201))
    }

    /// Creates a contact who wants mail.
    pub async fn create_subscriber(&self, email: &str) -> ContactId {
        let consent = json!({ "email": { "status": "subscribed", "source": "test" } });
        self.create_contact(json!({ "email": email, "first_name": "Ada", "consent": consent })).await
    }

    /// Reads a contact.
    pub async fn contact(&self, id: ContactId) -> Value {
        self.get(&format!("/v1/contacts/{id}")).await.expect(200)
    }

    /// Creates a list.
    pub async fn create_list(&self, name: &str) -> ListId {
        id_of(&self.post("/v1/lists", json!({ "name": name })).await.expect(201))
    }

    /// Puts contacts on a list.
    pub async fn add_members(&self, list: ListId, contacts: &[ContactId]) {
        for hundred in contacts.chunks(100) {
            let _ = self.post(&format!("/v1/lists/{list}/members"), json!({ "contacts": hundred })).await.expect(200);
        }
    }

    /// Creates a sender.
    pub async fn create_sender(&self, sender: Value) -> SenderId {
        id_of(&self.post("/v1/senders", sender).await.expect(201))
    }

    /// Uploads a file and asks to import it; gives the import and the answer to its start.
    pub async fn import_csv(&self, file: File) -> (ImportId, Answer) {
        let import = self.post("/v1/imports", Value::Null).await.expect(201);
        let url = import["upload"]["url"].as_str().expect("the upload's address");
        self.upload(url, file.bytes).await;
        let id: ImportId = id_of(&import);
        let options = if file.options.is_null() { json!({}) } else { file.options };
        (id, self.post(&format!("/v1/imports/{id}/start"), options).await)
    }

    /// Uploads a file to the address that an import gave.
    ///
    /// # Panics
    /// When the bucket does not take it.
    pub async fn upload(&self, url: &str, bytes: Vec<u8>) {
        let upload = self.client.put(url).header("content-type", "text/csv").body(bytes).send().await.expect("the bucket answers");
        assert!(upload.status().is_success(), "{}", upload.status());
    }

    /// Reads an import with its counts.
    pub async fn import(&self, id: ImportId) -> Value {
        self.get(&format!("/v1/imports/{id}")).await.expect(200)
    }

    /// Creates a campaign.
    pub async fn create_campaign(&self, campaign: Value) -> CampaignId {
        id_of(&self.post("/v1/campaigns", campaign).await.expect(201))
    }

    /// Sends a campaign.
    pub async fn send_campaign(&self, id: CampaignId) {
        let _ = self.steer(id, "send").await.expect(202);
    }

    /// Does something with a campaign: send, pause, resume, cancel, retry-failed, validate.
    pub async fn steer(&self, id: CampaignId, verb: &str) -> Answer {
        self.post(&format!("/v1/campaigns/{id}/{verb}"), Value::Null).await
    }

    /// Reads a campaign.
    pub async fn campaign(&self, id: CampaignId) -> Value {
        self.get(&format!("/v1/campaigns/{id}")).await.expect(200)
    }

    /// Reads the figures of a campaign.
    pub async fn figures(&self, id: CampaignId) -> Value {
        self.get(&format!("/v1/campaigns/{id}/statistics")).await.expect(200)["figures"].take()
    }

    /// Lists all recipients of a campaign, or those in one state.
    pub async fn recipients(&self, id: CampaignId, state: Option<&str>) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let mut path = format!("/v1/campaigns/{id}/recipients?limit=100");
            if let Some(state) = state {
                path.push_str(&format!("&state={state}"));
            }
            if let Some(cursor) = &cursor {
                path.push_str(&format!("&cursor={cursor}"));
            }
            let mut page = self.get(&path).await.expect(200);
            all.append(page["data"].as_array_mut().expect("recipients"));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return all;
            }
        }
    }

    /// Sends a single message.
    pub async fn send_message(&self, message: Value) -> MessageId {
        id_of(&self.post("/v1/messages", message).await.expect(202))
    }

    /// Reads a single message.
    pub async fn message(&self, id: MessageId) -> Value {
        self.get(&format!("/v1/messages/{id}")).await.expect(200)
    }

    /// Sets the fault knobs of a provider's stand-in: `ses` or `twilio`.
    pub async fn set_faults(&self, provider: &str, knobs: Value) {
        let _ = self.put(&format!("/_faults/{provider}"), knobs).await.expect(204);
    }

    /// Turns flags, `{"sign_up": {"enabled": false}}`; those that are not named are on.
    pub async fn turn_flags(&self, flags: Value) {
        let _ = self.put("/_flags", flags).await.expect(204);
    }

    /// Reads what the stand-ins were given to send, the newest first; the query as `/_outbox.json` takes it.
    pub async fn outbox(&self, query: &str) -> Value {
        self.get(&format!("/_outbox.json?limit=1000&{query}")).await.expect(200)
    }
}
