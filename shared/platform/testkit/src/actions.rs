//! The actions that a role needs for the requests that were made with it, from the requests themselves.
//!
//! Source: service authorization references of DynamoDB, SQS and S3; of a transaction each part needs the action of its kind.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Something that was done, as policies name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// The action, such as `dynamodb:PutItem`.
    pub name: String,
    /// The table (and `/index/name`), the queue's URL, or the bucket's name and the key, divided by a slash.
    pub resource: String,
    /// The partition key without the ids in it, such as `ORG#*#MEMBERS`; empty where there is none.
    pub partition: String,
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

    /// Notes a request: of the services with a target (`DynamoDB_20120810.PutItem`) by its body, of S3 by method and address.
    pub(crate) fn note(&self, (target, method, uri): (&str, &str, &str), body: &Value) {
        let found = match target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB") => of_table(operation, body),
            Some(("AmazonSQS", operation)) => of_queue(operation, body),
            None if !uri.contains("/v2/email/") => of_bucket(method, uri),
            _ => Vec::new(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }
}

fn of_table(operation: &str, body: &Value) -> Vec<Action> {
    let action = |name: &str, part: &Value| {
        let table = part["TableName"].as_str().unwrap_or_default();
        let resource = part["IndexName"].as_str().map_or_else(|| table.to_owned(), |index| format!("{table}/index/{index}"));
        let key = part["Item"]["pk"]["S"].as_str().or_else(|| part["Key"]["pk"]["S"].as_str()).unwrap_or_default();
        Action { name: format!("dynamodb:{name}"), resource, partition: without_ids(key) }
    };
    let parts = |kinds: &[(&str, &str)]| {
        let items = body["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |item: &Value| {
            kinds.iter().filter(|(kind, _)| item[*kind].is_object()).map(|(kind, name)| action(name, &item[*kind])).collect::<Vec<_>>()
        };
        items.iter().flat_map(of).collect()
    };
    match operation {
        "TransactWriteItems" => {
            parts(&[("Put", "PutItem"), ("Update", "UpdateItem"), ("Delete", "DeleteItem"), ("ConditionCheck", "ConditionCheckItem")])
        }
        "TransactGetItems" => parts(&[("Get", "GetItem")]),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = |(table, asked): (&String, &Value)| {
                let keys = asked["Keys"].as_array().map(Vec::as_slice).unwrap_or_default();
                let of = |key: &Value| Action {
                    name: format!("dynamodb:{operation}"),
                    resource: table.clone(),
                    partition: without_ids(key["pk"]["S"].as_str().unwrap_or_default()),
                };
                keys.iter().map(of).collect::<Vec<_>>()
            };
            tables.flat_map(keys).collect()
        }
        _ => vec![action(operation, body)],
    }
}

fn of_queue(operation: &str, body: &Value) -> Vec<Action> {
    // A batch needs what a single one needs.
    let name = format!("sqs:{}", operation.trim_end_matches("Batch"));
    vec![Action { name, resource: body["QueueUrl"].as_str().unwrap_or_default().to_owned(), partition: String::new() }]
}

fn of_bucket(method: &str, uri: &str) -> Vec<Action> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let name = match method {
        "GET" if query.contains("list-type") => "s3:ListBucket",
        "GET" | "HEAD" => "s3:GetObject",
        "DELETE" => "s3:DeleteObject",
        _ => "s3:PutObject",
    };
    vec![Action { name: name.to_owned(), resource: path.trim_matches('/').to_owned(), partition: String::new() }]
}

/// `ORG#org_06ez…#MEMBERS` as `ORG#*#MEMBERS`: what is an id, a number or a hash differs from request to request.
fn without_ids(key: &str) -> String {
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let parts = key.split('#').map(|part| Some(part).filter(is_word).unwrap_or("*"));
    parts.collect::<Vec<_>>().join("#")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn noted(target: &str, (method, uri): (&str, &str), body: Value) -> Vec<(String, String, String)> {
        let actions = Actions::default();
        actions.note((target, method, uri), &body);
        actions.done().into_iter().map(|action| (action.name, action.resource, action.partition)).collect()
    }

    fn action(name: &str, resource: &str, partition: &str) -> (String, String, String) {
        (name.to_owned(), resource.to_owned(), partition.to_owned())
    }

    #[test]
    fn each_part_of_a_transaction_needs_the_action_of_its_kind() {
        let key = json!({ "TableName": "t", "Key": { "pk": { "S": "ORG#org_1#MEMBERS" } } });
        let item = json!({ "TableName": "t", "Item": { "pk": { "S": "RATE#org_1#29" } } });

        let done = noted(
            "DynamoDB_20120810.TransactWriteItems",
            ("POST", ""),
            json!({ "TransactItems": [{ "Put": item }, { "ConditionCheck": key }] }),
        );

        assert_eq!(done, [action("dynamodb:ConditionCheckItem", "t", "ORG#*#MEMBERS"), action("dynamodb:PutItem", "t", "RATE#*#*")]);
    }

    #[test]
    fn an_index_a_queue_and_an_object_are_resources() {
        let query = json!({ "TableName": "t", "IndexName": "gsi1" });
        assert_eq!(noted("DynamoDB_20120810.Query", ("POST", ""), query), [action("dynamodb:Query", "t/index/gsi1", "*")]);
        let batch = json!({ "QueueUrl": "http://host/0/q" });
        assert_eq!(noted("AmazonSQS.SendMessageBatch", ("POST", ""), batch), [action("sqs:SendMessage", "http://host/0/q", "")]);
        let object = ("HEAD", "http://127.0.0.1:1/bucket/exports/a.json?x-id=HeadObject");
        assert_eq!(noted("", object, Value::Null), [action("s3:GetObject", "bucket/exports/a.json", "")]);
        let list = ("GET", "http://127.0.0.1:1/bucket/?list-type=2&prefix=exports");
        assert_eq!(noted("", list, Value::Null), [action("s3:ListBucket", "bucket", "")]);
    }
}
