//! What the log says of everything that people do, and what it never says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use carillon_harness::{FIGURES, LogFormat, start_log};
use carillon_kernel::Clock;
use carillon_local::Platform;
use carillon_testkit::{Api, Browser, File, Login, Person};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::restart::{address, until};
use super::{config, run};

/// The setting by which the test below runs as the child process of another one.
const CHILD_FOLDER: &str = "CARILLON_TEST_LOGGING_FOLDER";
/// What the functions on Lambda log, and everything that code of ours says besides.
const FILTER: &str = "info,metrics=info,carillon=trace";
const ORIGIN: &str = "https://app.press.example";
/// The trace of one request, as API Gateway names it.
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

/// The files into which the child process writes.
const OUTPUTS: [&str; 2] = ["out.log", "err.log"];

/// What must never be read in a log: everything that was typed, shown or sent.
#[derive(Default)]
struct Unspeakable(BTreeSet<String>);

impl Unspeakable {
    fn of(&mut self, text: &str) -> String {
        assert!(text.len() > 5, "{text:?} may be found by chance");
        self.0.insert(text.to_owned());
        text.to_owned()
    }

    fn login(&mut self, login: &Login) {
        self.of(login.access_token());
        // The signature is what nobody may have; the parts before it are only ids.
        self.of(login.access_token().rsplit('.').next().unwrap());
        self.of(&login.refresh_token);
        self.of(login.refresh_token.split('.').next().unwrap());
        self.of(login.answer["csrf_token"].as_str().unwrap());
    }

    fn person(&mut self, email: &str, name: &str, password: &str) -> Person {
        self.of(email);
        // Also where it is encoded, in a path.
        self.of(email.split('@').next().unwrap());
        Person { email: email.to_owned(), name: self.of(name), password: self.of(password) }
    }
}

#[test]
fn the_log_tells_what_happened_and_no_secret_address_or_text() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut child = spawn(&folder);
        let (url, key) = address(&mut child.0, folder.path()).await;
        let mut never = Unspeakable::default();
        never.of(&key);
        let api = Api::new(&url, &key);

        let owner = an_account_is_made_and_used(&api, &mut never).await;
        a_browser_forgets_and_resets(&api, &owner, &mut never).await;
        a_program_calls(&owner.api, &mut never).await;
        contacts_come_in(&owner.api, &mut never).await;
        messages_go_out(&owner.api, &mut never).await;
        strangers_knock(&api, &mut never).await;

        // The lines of a message are written after it is done.
        until(async || written(folder.path()).contains("\"function\":\"sending-deliver-message\"")).await;
        drop(child);
        let log = written(folder.path());
        for text in &never.0 {
            let place = log.find(text.as_str()).map(|at| log[..at].lines().last().unwrap_or_default().to_owned());
            assert_eq!(place, None, "the log holds {text:?}");
        }
        the_lines_say_what_happened(&log, &owner);
    });
}

async fn an_account_is_made_and_used(api: &Api, never: &mut Unspeakable) -> Login {
    let person = never.person("wilhelmina.grauvogel@press.example", "Wilhelmina Grauvogel", "zither umbrella falcon");
    let _ = api.sign_up(&person, "Quillfeather Press").await.expect(202);
    let token = never.of(&api.mail_token(&person.email, "verify-email").await);
    let forged = never.of(&format!("{token}forged"));
    assert_eq!(api.post("/v1/auth/verify-email", json!({ "token": forged })).await.status, 422);
    assert_eq!(api.post("/v1/auth/verify-email", json!({ "token": token })).await.status, 204);
    let wrong = never.of("obelisk marmalade tundra");
    assert_eq!(api.log_in(&person.with_password(&wrong)).await.status, 401);

    let first = api.logged_in(&person).await;
    let second = first.refreshed().await;
    let third = second.refreshed().await;
    for login in [&first, &second, &third] {
        never.login(login);
    }
    assert_eq!(api.refresh(&first.refresh_token).await.status, 401, "a copy of an old token");

    let login = api.logged_in(&person).await;
    never.login(&login);
    let device = login.enrol_device(Clock::system().now()).await;
    for code in &device.recovery_codes {
        never.of(code);
    }
    let demand = api.log_in(&person).await.expect(200);
    never.of(demand["challenge"].as_str().unwrap().rsplit('.').next().unwrap());
    let made_up = never.of("qqqqq-qqqqq");
    assert_eq!(api.prove_login(&demand, json!({ "recovery_code": made_up })).await.status, 401);
    let proven = api.prove_login(&demand, json!({ "recovery_code": device.recovery_codes[0] })).await;
    let login = Login::of(api, proven);
    never.login(&login);
    login
}

async fn a_browser_forgets_and_resets(api: &Api, owner: &Login, never: &mut Unspeakable) {
    let person = never.person("ottokar.wendehals@press.example", "Ottokar Wendehals", "pebble cathedral ignition");
    let invitation = json!({ "email": person.email, "role": "marketer" });
    let _ = owner.api.post("/v1/invitations", invitation).await.expect(201);
    let accepted = api.accept_invitation(&person).await;
    assert!((200..300).contains(&accepted.status), "{}", accepted.text);

    let mut browser = Browser::new(api, ORIGIN);
    assert_eq!(browser.log_in(&person).await.status, 200);
    for value in browser.cookies.values() {
        never.of(value);
    }
    never.of(&browser.csrf);
    let mut forger = browser.clone();
    forger.csrf = never.of("made-up-csrf-token");
    assert_eq!(forger.send(Method::POST, "/v1/auth/logout", &Value::Null).await.status, 403);

    let _ = api.as_nobody().post("/v1/auth/password/forgot", json!({ "email": person.email })).await.expect(202);
    let token = never.of(&api.mail_token(&person.email, "reset-password").await);
    let next = never.of("gravel sonata ostrich pill");
    let reset = api.as_nobody().post("/v1/auth/password/reset", json!({ "token": token, "password": next })).await;
    assert_eq!(reset.status, 204, "{}", reset.text);
    assert_eq!(browser.send(Method::GET, "/v1/me", &Value::Null).await.status, 401, "a reset ends all sessions");
}

async fn a_program_calls(api: &Api, never: &mut Unspeakable) {
    let made = api.post("/v1/api-keys", json!({ "name": "importer", "permissions": ["contacts.read"] })).await.expect(201);
    let secret = never.of(made["secret"].as_str().unwrap());
    assert_eq!(api.with_key(&secret).get("/v1/contacts").await.status, 200);
    assert_eq!(api.with_key(&secret).get("/v1/templates").await.status, 403);
    let wrong = never.of(&secret.replace("car_", "car_9"));
    assert_eq!(api.with_key(&wrong).get("/v1/contacts").await.status, 401);
}

async fn contacts_come_in(api: &Api, never: &mut Unspeakable) {
    let contact = json!({
        "email": never.of("zacharias.uhu@guests.example"), "phone": never.of("+14155550142"),
        "first_name": never.of("Zacharias"), "last_name": never.of("Waldkauz-Uhu"),
    });
    api.create_contact(contact).await;
    let unreadable = never.of("neither-an-address-nor-a-phone");
    assert_eq!(api.post("/v1/contacts", json!({ "email": unreadable })).await.status, 422);
    let torn = never.of("{ \"email\": \"torn.open@guests.example\"");
    never.of("torn.open");
    let answer = Api::answer(api.client().post(format!("{}/v1/contacts", api.url())).bearer_auth(api.key()).body(torn)).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let _ = api.get(&format!("/v1/contacts?email={}", never.of("searched.for@guests.example").replace('@', "%40"))).await;
    let suppressed = never.of("leave.me.alone@guests.example");
    let _ = api.post("/v1/suppressions", json!({ "channel": "email", "address": suppressed })).await.expect(201);
    let gone = api.delete(&format!("/v1/suppressions/email/{}", suppressed.replace('@', "%40"))).await;
    assert!((200..300).contains(&gone.status), "{}", gone.text);
    let cell = never.of("a-cell-that-is-no-address");
    let csv = format!("email,first_name\n{},Kunigunde\n{cell},Nobody\n", never.of("kunigunde.spatz@guests.example"));
    never.of("Kunigunde");
    let (import, started) = api.import_csv(File { bytes: csv.into_bytes(), options: json!({ "consent": { "email": "a form" } }) }).await;
    let _ = started.expect(202);
    until(async || api.import(import).await["status"] == "completed").await;
}

async fn messages_go_out(api: &Api, never: &mut Unspeakable) {
    let mail = api.create_sender(json!({ "channel": "email", "address": "news@press.example", "name": "Press" })).await;
    let content = json!({ "subject": never.of("The heliotrope is in bloom"), "html": format!("<p>{} {{{{ door }}}}</p>", never.of("The cellar door opens with")) });
    let data = json!({ "door": never.of("four-seven-heliotrope") });
    let to = never.of("valentin.reiher@guests.example");
    let message = json!({ "channel": "email", "to": to, "sender_id": mail, "content": content, "data": data });
    let request = api.client().post(format!("{}/v1/messages", api.url())).bearer_auth(api.key()).header("x-amzn-trace-id", TRACE);
    let sent = Api::answer(request.json(&message)).await.expect(202)["id"].as_str().unwrap().parse().unwrap();
    until(async || api.message(sent).await["status"] == "delivered").await;
    let text = api.create_sender(json!({ "channel": "sms", "address": "+14155550100" })).await;
    let content = json!({ "body": never.of("Your table at the Blue Heron is ready") });
    let to = never.of("+14155550177");
    let texted = api.post("/v1/messages", json!({ "channel": "sms", "to": to, "sender_id": text, "content": content })).await;
    assert_eq!(texted.status, 202, "{}", texted.text);
    let inbound = json!({ "from": to, "to": "+14155550100", "body": never.of("STOP writing to the heron") });
    let _ = api.post("/_twilio/inbound", inbound).await.expect(201);
}

async fn strangers_knock(api: &Api, never: &mut Unspeakable) {
    let form = format!("From=%2B14155550188&Body={}", never.of("forged-inbound-text"));
    for path in ["/webhooks/twilio/inbound", "/webhooks/twilio/status/made-up-webhook-token"] {
        let request = api.client().post(format!("{}{path}", api.url())).header("x-twilio-signature", never.of("made-up-signature"));
        let answer = Api::answer(request.header("content-type", "application/x-www-form-urlencoded").body(form.clone())).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
    }
    never.of("made-up-webhook-token");
    let link = never.of("made-up-unsubscribe-link");
    assert_eq!(api.get(&format!("/u/{link}")).await.status, 404);
}

/// What alarms and people read: the function, the outcome, the code of a refusal, and who called, by ids.
fn the_lines_say_what_happened(log: &str, owner: &Login) {
    let lines: Vec<Value> = log.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    let is = |line: &Value, function: &str, status: u64| line["function"] == function && line["http.status"] == status;

    let refused = lines.iter().find(|line| is(line, "accounts-log-in", 401)).expect("a line of the refused login");
    assert_eq!((&refused["error"], &refused["level"]), (&json!("accounts.login_refused"), &json!("INFO")), "{refused}");
    assert!(refused["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{refused}");
    let made = lines.iter().find(|line| is(line, "contacts-create", 201)).expect("a line of the contact");
    let span = &made["spans"][0];
    assert_eq!(span["caller.id"], owner.user.to_string(), "{made}");
    assert_eq!(span["organization.id"], owner.organization.to_string(), "{made}");
    assert!(span["request.id"].is_string(), "{made}");
    assert!(lines.iter().any(|line| is(line, "templates-list", 403)), "a refusal for lack of a permission is told");

    the_trace_goes_on_through_the_queue(&lines);
    let figures = |function: &str| lines.iter().filter(|line| line["_aws"].is_object() && line["function"] == function).collect::<Vec<_>>();
    let denied = figures("accounts-log-in").iter().map(|line| line["denied"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(denied, 1, "one login was refused");
    let made = figures("contacts-create")[0];
    assert_eq!((&made["area"], &made["_aws"]["CloudWatchMetrics"][0]["Dimensions"]), (&json!("contacts"), &json!([["area"]])));
    let metrics = made["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().clone();
    for (name, _) in FIGURES {
        assert!(metrics.iter().any(|metric| metric["Name"] == name), "{name} is no metric of {metrics:?}");
    }
}

/// From the request that asks for a message to the consumer that delivers it.
fn the_trace_goes_on_through_the_queue(lines: &[Value]) {
    let root = TRACE.strip_prefix("Root=").unwrap();
    for function in ["messages-create", "sending-deliver-message"] {
        let is = |line: &&Value| line["function"] == function && line["spans"][0]["trace.id"] == root;
        assert!(lines.iter().any(|line| is(&line)), "no line of {function} names the trace");
    }
    let others = lines.iter().filter(|line| line["spans"][0]["trace.id"].as_str().is_some_and(|id| !id.is_empty() && id != root));
    assert!(others.count() > 10, "requests without a trace begin one");
}

fn written(folder: &Path) -> String {
    OUTPUTS.map(|file| String::from_utf8_lossy(&std::fs::read(folder.join(file)).unwrap()).into_owned()).concat()
}

/// Starts this very program again, to run the platform in a process whose outputs are files.
fn spawn(folder: &TempDir) -> Running {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["journeys::logs::the_platform_whose_log_is_read", "--exact", "--ignored", "--nocapture"]);
    let [out, err] = OUTPUTS.map(|file| Stdio::from(std::fs::File::create(folder.path().join(file)).unwrap()));
    Running(command.env(CHILD_FOLDER, folder.path()).stdout(out).stderr(err).spawn().unwrap())
}

/// A process that ends with its test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "runs as the child process of another test only"]
#[expect(clippy::disallowed_methods, reason = "what a child process is told comes in its environment")]
fn the_platform_whose_log_is_read() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let folder = Path::new(&folder);
    start_log(LogFormat::Json, FILTER);
    run(async {
        let platform = Platform::start(config(folder.join("data")).setting("ALLOWED_ORIGINS", ORIGIN)).await.unwrap();
        let key = platform.bootstrap_organization("Operators").await.unwrap();
        std::fs::write(folder.join("address"), format!("{} {}\n", platform.url(), key.expose())).unwrap();
        std::future::pending::<()>().await;
    });
}
