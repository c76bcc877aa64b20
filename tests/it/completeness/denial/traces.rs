//! What requests leave behind: the items of all tables, and the messages in all queues.

use std::collections::BTreeMap;
use std::time::Duration;

use carillon_dynamo::Value;

use super::stage::{Organization, Stage};
use super::things::Ids;

/// The items by table and key, each as a text that is the same whenever the item is.
pub(super) type Items = BTreeMap<String, String>;

/// Reads all items but the counters of requests, which count refused ones, too.
pub(super) async fn items(stage: &Stage) -> Items {
    let mut items = Items::new();
    let client = &stage.platform.clients().dynamodb;
    for table in &stage.platform.deployment().tables {
        let mut start = None;
        loop {
            let page = client.scan().table_name(&table.name).set_exclusive_start_key(start).send().await.unwrap();
            for item in page.items.unwrap_or_default() {
                let item: BTreeMap<_, _> = item.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
                let key = |name: &str| item.get(name).cloned().unwrap_or_default();
                if !key("pk").starts_with("RATE#") {
                    items.insert(format!("{} {} {}", table.logical_id, key("pk"), key("sk")), format!("{item:?}"));
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
    }
    items
}

/// The items that name an organization, its members or its things, but for what another one keeps in its own place: a draft may name
/// whatever its writer wants.
pub(super) fn about(items: &Items, ids: &Ids, other: &Organization) -> Items {
    let (names, other) = (|text: &str| ids.texts().any(|id| text.contains(id)), other.id.to_string());
    let is_about = |(key, item): &(&String, &String)| names(key) || (names(item) && !key.contains(&other));
    items.iter().filter(is_about).map(|(key, item)| (key.clone(), item.clone())).collect()
}

/// Counts the messages of all queues that have any; nothing takes them away here.
pub(super) async fn messages(stage: &Stage) -> BTreeMap<String, [u64; 3]> {
    stage.platform.settle_within(Duration::ZERO).await.err().map(|left| left.queues).unwrap_or_default()
}

/// Nothing came, went or changed.
#[track_caller]
pub(super) fn assert_same(before: &Items, after: &Items) {
    assert!(!before.is_empty());
    let differs = |(key, item): &(&String, &String)| before.get(*key) != Some(*item);
    let changed: Vec<_> = after.iter().filter(differs).map(|(key, item)| (key, before.get(key), item)).collect();
    let gone: Vec<_> = before.keys().filter(|key| !after.contains_key(*key)).collect();
    assert!(changed.is_empty() && gone.is_empty(), "a request that was refused had an effect: {changed:#?}, and {gone:?} are gone");
}

/// A value as text; members of maps and sets in their order.
fn text(value: &Value) -> String {
    match value {
        Value::S(text) | Value::N(text) => text.clone(),
        Value::L(list) => format!("{:?}", list.iter().map(text).collect::<Vec<_>>()),
        Value::M(map) => format!("{:?}", map.iter().map(|(name, value)| (name, text(value))).collect::<BTreeMap<_, _>>()),
        Value::Ss(set) | Value::Ns(set) => {
            let mut set = set.clone();
            set.sort();
            format!("{set:?}")
        }
        other => format!("{other:?}"),
    }
}
