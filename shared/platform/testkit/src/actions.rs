//! The actions that a role needs for the requests that were made with it, from the requests themselves.
//!
//! Source: service authorization references of DynamoDB, SQS, S3, SES, KMS and `AppConfig`; of a transaction each part needs the action of
//! its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Something that was done, as policies name it; of one request, so that the keys are those that one statement has to allow together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// The action, such as `dynamodb:PutItem`; the request itself where no action is known for it, which no policy grants.
    pub name: String,
    /// The table (and `/index/name`), the queue's URL, the bucket's name and the key without ids, divided by a slash, or what the service
    /// calls it; `*` where AWS knows no resource.
    pub resource: String,
    /// The partition keys without the ids in them, such as `ORG#*#MEMBERS`, or the prefix of a list of objects.
    pub keys: BTreeSet<String>,
}

/// A request, as far as it tells what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'r> {
    /// Service and operation, such as `DynamoDB_20120810.PutItem`, where the service names them in a header.
    pub(crate) target: &'r str,
    /// The HTTP method.
    pub(crate) method: &'r str,
    /// The whole address.
    pub(crate) uri: &'r str,
}

/// The actions of one function; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Actions(Arc<Mutex<BTreeSet<Action>>>);

impl Actions {
    /// Everything that was done so far.
    #[must_use]
    pub fn done(&self) -> BTreeSet<Action> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what needs an action without a request that shows it; an object as `bucket/key`.
    pub fn note_used(&self, name: &str, resource: &str) {
        self.extend([action(name, without_names(resource), BTreeSet::new())]);
    }

    /// Notes a request: of the services with a target by its body, of the others by method and address.
    pub(crate) fn note(&self, asked: Asked<'_>, body: &Value) {
        self.extend(match asked.target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB") => of_table(operation, body),
            Some(("AmazonSQS", operation)) => of_queue(operation, body),
            Some(("TrentService", operation)) => of_key(operation),
            Some(_) => vec![unknown(asked.target)],
            None if path(asked.uri).starts_with("v2/email/") => of_mail(asked, body),
            None if ["configurationsessions", "configuration"].contains(&path(asked.uri)) => of_configuration(asked.method),
            None => of_bucket(asked.method, asked.uri),
        });
    }

    /// Notes that an object was absent: S3 says so only to who may list the bucket, and refuses others.
    pub(crate) fn note_absent(&self, asked: Asked<'_>) {
        if asked.target.is_empty() && !path(asked.uri).starts_with("v2/email/") {
            let object = without_names(path(asked.uri));
            let (bucket, key) = object.split_once('/').unwrap_or((&object, ""));
            self.extend([action("s3:ListBucket", bucket.to_owned(), BTreeSet::from([key.to_owned()]))]);
        }
    }

    fn extend(&self, found: impl IntoIterator<Item = Action>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }
}

fn action(name: &str, resource: String, keys: BTreeSet<String>) -> Action {
    Action { name: name.to_owned(), resource, keys }
}

fn unknown(request: &str) -> Action {
    action(request, "*".to_owned(), BTreeSet::new())
}

fn of_table(operation: &str, body: &Value) -> Vec<Action> {
    // Action and resource with all keys of the request.
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut add = |name: &str, resource: String, key: &str| {
        found.entry((format!("dynamodb:{name}"), resource)).or_default().insert(without_ids(key));
    };
    match operation {
        "TransactWriteItems" | "TransactGetItems" => {
            let kinds = [
                ("Put", "PutItem"),
                ("Update", "UpdateItem"),
                ("Delete", "DeleteItem"),
                ("ConditionCheck", "ConditionCheckItem"),
                ("Get", "GetItem"),
            ];
            for item in list(&body["TransactItems"]) {
                for (kind, name) in kinds.iter().filter(|(kind, _)| item[*kind].is_object()) {
                    add(name, table(&item[*kind]), key(&item[*kind]));
                }
            }
        }
        "BatchGetItem" | "BatchWriteItem" => {
            for (table, asked) in body["RequestItems"].as_object().into_iter().flatten() {
                for read in list(&asked["Keys"]) {
                    add(operation, table.clone(), read["pk"]["S"].as_str().unwrap_or_default());
                }
                for written in list(asked) {
                    let part = ["PutRequest", "DeleteRequest"].map(|kind| &written[kind]).into_iter().find(|part| part.is_object());
                    add(operation, table.clone(), part.map(key).unwrap_or_default());
                }
            }
        }
        "Query" => add(operation, table(body), partition(body)),
        _ => add(operation, table(body), key(body)),
    }
    found.into_iter().map(|((name, resource), keys)| action(&name, resource, keys)).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn table(part: &Value) -> String {
    let table = part["TableName"].as_str().unwrap_or_default();
    part["IndexName"].as_str().map_or_else(|| table.to_owned(), |index| format!("{table}/index/{index}"))
}

fn key(part: &Value) -> &str {
    ["Item", "Key"].iter().find_map(|place| part[*place]["pk"]["S"].as_str()).unwrap_or_default()
}

/// The partition of a query: the value of the first comparison of its condition, `#pk = :v0 AND …`.
fn partition(body: &Value) -> &str {
    let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
    let value = condition.split_once(" = ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    value.and_then(|value| body["ExpressionAttributeValues"][value]["S"].as_str()).unwrap_or_default()
}

fn of_queue(operation: &str, body: &Value) -> Vec<Action> {
    // A batch needs what a single one needs.
    let name = format!("sqs:{}", operation.trim_end_matches("Batch"));
    vec![action(&name, body["QueueUrl"].as_str().unwrap_or_default().to_owned(), BTreeSet::new())]
}

fn of_key(operation: &str) -> Vec<Action> {
    let names = if operation == "ReEncrypt" { vec!["ReEncryptFrom", "ReEncryptTo"] } else { vec![operation] };
    names.into_iter().map(|name| action(&format!("kms:{name}"), "VaultKeys".to_owned(), BTreeSet::new())).collect()
}

fn of_mail(asked: Asked<'_>, body: &Value) -> Vec<Action> {
    let of = |name: &str, resources: &[&str]| resources.iter().map(|at| action(name, (*at).to_owned(), BTreeSet::new())).collect();
    let sent = |name| {
        let with_set = body["ConfigurationSetName"].is_string();
        of(name, if with_set { &["ses/identity/*", "ses/configuration-set/*"] } else { &["ses/identity/*"] })
    };
    let parts: Vec<&str> = path(asked.uri).split('/').skip(2).collect();
    match (asked.method, parts.as_slice()) {
        ("POST", ["outbound-emails"]) => sent("ses:SendEmail"),
        ("POST", ["outbound-bulk-emails"]) => sent("ses:SendBulkEmail"),
        ("GET", ["account"]) => of("ses:GetAccount", &["*"]),
        ("GET", ["identities", _]) => of("ses:GetEmailIdentity", &["ses/identity/*"]),
        (method, parts) => vec![unknown(&format!("{method} v2/email/{}", parts.first().copied().unwrap_or_default()))],
    }
}

fn of_configuration(method: &str) -> Vec<Action> {
    let name = if method == "POST" { "StartConfigurationSession" } else { "GetLatestConfiguration" };
    vec![action(&format!("appconfig:{name}"), "appconfig".to_owned(), BTreeSet::new())]
}

fn of_bucket(method: &str, uri: &str) -> Vec<Action> {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let name = match method {
        "GET" if query.contains("list-type") => "s3:ListBucket",
        "GET" | "HEAD" => "s3:GetObject",
        "DELETE" => "s3:DeleteObject",
        _ => "s3:PutObject",
    };
    let prefix = query.split('&').find_map(|part| part.strip_prefix("prefix=")).map(|prefix| prefix.replace("%2F", "/"));
    vec![action(name, without_names(path(uri)), prefix.iter().map(|prefix| without_names(prefix)).collect())]
}

/// The path of an address, without slashes at its ends.
fn path(uri: &str) -> &str {
    let path = uri.split_once('?').map_or(uri, |(path, _)| path);
    path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path)).trim_matches('/')
}

/// `ORG#org_06ez…#MEMBERS` as `ORG#*#MEMBERS`: what is an id, a number or a hash differs from request to request. Of an id at the beginning
/// the kind is left: `org_06ez…#cmp_06ez…` is `org_*#*`.
fn without_ids(key: &str) -> String {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let kind =
        |part: &str| part.split_once('_').filter(|(kind, _)| kind.len() == 3).map_or("*".to_owned(), |(kind, _)| format!("{kind}_*"));
    let shown = |(place, part): (usize, &str)| match place {
        _ if is_word(part) => part.to_owned(),
        0 => kind(part),
        _ => "*".to_owned(),
    };
    key.split('#').enumerate().map(shown).collect::<Vec<_>>().join("#")
}

/// `bucket/imports/org_06ez…/imp_06ez….csv` as `bucket/imports/*/*`: folders keep their names, what lies in them does not.
fn without_names(key: &str) -> String {
    let is_folder = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    key.split('/').map(|part| Some(part).filter(is_folder).unwrap_or("*")).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn noted(target: &str, (method, uri): (&str, &str), body: Value) -> Vec<(String, String, Vec<String>)> {
        let actions = Actions::default();
        actions.note(Asked { target, method, uri }, &body);
        told(&actions)
    }

    fn told(actions: &Actions) -> Vec<(String, String, Vec<String>)> {
        actions.done().into_iter().map(|action| (action.name, action.resource, action.keys.into_iter().collect())).collect()
    }

    fn action(name: &str, resource: &str, keys: &[&str]) -> (String, String, Vec<String>) {
        (name.to_owned(), resource.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn each_part_of_a_transaction_needs_the_action_of_its_kind() {
        let key = json!({ "TableName": "t", "Key": { "pk": { "S": "ORG#org_1#MEMBERS" } } });
        let item = json!({ "TableName": "t", "Item": { "pk": { "S": "RATE#org_1#29" } } });
        let other = json!({ "TableName": "t", "Item": { "pk": { "S": "USER#usr_1" } } });

        let done = noted(
            "DynamoDB_20120810.TransactWriteItems",
            ("POST", ""),
            json!({ "TransactItems": [{ "Put": item }, { "ConditionCheck": key }, { "Put": other }] }),
        );

        let expected =
            [action("dynamodb:ConditionCheckItem", "t", &["ORG#*#MEMBERS"]), action("dynamodb:PutItem", "t", &["RATE#*#*", "USER#*"])];
        assert_eq!(done, expected);
    }

    #[test]
    fn keys_are_known_by_their_kinds() {
        let kinds = ["ORG#org_06ez#TAG#vip#07", "USER#usr_06ez", "org_06ez#cmp_06ez#P3", "ACTIVE", "06ez", ""].map(without_ids);

        assert_eq!(kinds, ["ORG#*#TAG#*#*", "USER#*", "org_*#*#*", "ACTIVE", "*", "*"]);
    }

    #[test]
    fn the_keys_of_a_batch_are_of_one_request() {
        let key = |key: &str| json!({ "pk": { "S": key }, "sk": { "S": "x" } });
        let read = json!({ "RequestItems": { "t": { "Keys": [key("ORG#org_1#A"), key("USER#usr_1")] } } });
        let written = json!({ "RequestItems": { "t": [{ "DeleteRequest": { "Key": key("ORG#org_1#A") } }] } });

        assert_eq!(
            noted("DynamoDB_20120810.BatchGetItem", ("POST", ""), read),
            [action("dynamodb:BatchGetItem", "t", &["ORG#*#A", "USER#*"])]
        );
        assert_eq!(
            noted("DynamoDB_20120810.BatchWriteItem", ("POST", ""), written),
            [action("dynamodb:BatchWriteItem", "t", &["ORG#*#A"])]
        );
    }

    #[test]
    fn an_index_a_queue_and_an_object_are_resources() {
        let query = json!({
            "TableName": "t",
            "IndexName": "gsi1",
            "KeyConditionExpression": "#gsi1pk = :v0 AND begins_with(#gsi1sk, :v1)",
            "ExpressionAttributeValues": { ":v0": { "S": "ORG#org_1#SUPPRESSIONS" }, ":v1": { "S": "a" } },
        });
        let found = noted("DynamoDB_20120810.Query", ("POST", ""), query);
        assert_eq!(found, [action("dynamodb:Query", "t/index/gsi1", &["ORG#*#SUPPRESSIONS"])]);
        let batch = json!({ "QueueUrl": "http://host/0/q" });
        assert_eq!(noted("AmazonSQS.SendMessageBatch", ("POST", ""), batch), [action("sqs:SendMessage", "http://host/0/q", &[])]);
        let object = ("HEAD", "http://127.0.0.1:1/bucket/exports/users/org_1.json?x-id=HeadObject");
        assert_eq!(noted("", object, Value::Null), [action("s3:GetObject", "bucket/exports/users/*", &[])]);
        let list = ("GET", "http://127.0.0.1:1/bucket/?list-type=2&prefix=exports%2Fusers%2Fusr_1");
        assert_eq!(noted("", list, Value::Null), [action("s3:ListBucket", "bucket", &["exports/users/*"])]);
    }

    #[test]
    fn mail_keys_and_configuration_have_their_actions_and_what_is_unknown_has_none() {
        let mail = json!({ "ConfigurationSetName": "events" });
        let sent = noted("", ("POST", "http://host/v2/email/outbound-bulk-emails"), mail);
        let set = action("ses:SendBulkEmail", "ses/configuration-set/*", &[]);
        assert_eq!(sent, [set, action("ses:SendBulkEmail", "ses/identity/*", &[])]);
        assert_eq!(noted("", ("GET", "http://host/v2/email/account"), Value::Null), [action("ses:GetAccount", "*", &[])]);
        assert_eq!(
            noted("", ("DELETE", "http://host/v2/email/suppression/addresses/a"), Value::Null),
            [action("DELETE v2/email/suppression", "*", &[])]
        );
        assert_eq!(noted("TrentService.Decrypt", ("POST", ""), Value::Null), [action("kms:Decrypt", "VaultKeys", &[])]);
        assert_eq!(
            noted("", ("GET", "http://host/configuration?configuration_token=x"), Value::Null),
            [action("appconfig:GetLatestConfiguration", "appconfig", &[])]
        );
        assert_eq!(noted("Other.Thing", ("POST", ""), Value::Null), [action("Other.Thing", "*", &[])]);
    }

    #[test]
    fn what_no_request_shows_is_noted_too() {
        let actions = Actions::default();

        actions.note_used("s3:PutObject", "bucket/imports/org_1/imp_1.csv");
        actions.note_absent(Asked { target: "", method: "HEAD", uri: "http://host/bucket/imports/org_1/imp_1.csv" });

        let expected = [action("s3:ListBucket", "bucket", &["imports/*/*"]), action("s3:PutObject", "bucket/imports/*/*", &[])];
        assert_eq!(told(&actions), expected);
    }
}
