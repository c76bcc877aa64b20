//! All places where the platform keeps something: every item of every table, every object of every bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use carillon_local::Platform;
use flate2::read::DeflateDecoder;

/// One thing that is kept.
#[derive(Debug)]
pub struct Place {
    /// The table or the bucket, by its name in the template.
    pub store: String,
    /// The item's `entity`, or what takes its place; the first folders of an object's key.
    pub kind: String,
    /// The key.
    pub key: String,
    /// All that it holds, keys and attributes of indexes included.
    pub text: String,
}

impl Place {
    /// Tells whether it holds a text.
    pub fn holds(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// Lists everything that is kept.
pub async fn all(platform: &Platform) -> Vec<Place> {
    let mut places = Vec::new();
    for table in &platform.deployment().tables {
        let mut start = None;
        loop {
            let request = platform.clients().dynamodb.scan().table_name(&table.name).consistent_read(true);
            let page = request.set_exclusive_start_key(start).send().await.unwrap();
            for item in page.items.unwrap_or_default() {
                let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
                let (pk, sk, entity) = (text("pk"), text("sk"), text("entity"));
                let kind = if entity.is_empty() { kind_of(&pk, &sk) } else { entity };
                let packed = item.values().filter_map(|value| value.as_b().ok()).map(|bytes| inflated(bytes.as_ref()));
                let text = packed.fold(format!("{item:?}"), |text, packed| text + &packed);
                places.push(Place { store: table.logical_id.clone(), kind, key: format!("{pk} {sk}"), text });
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
    }
    for bucket in &platform.deployment().buckets {
        let s3 = &platform.clients().s3;
        let mut pages = s3.list_objects_v2().bucket(&bucket.name).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents.unwrap_or_default() {
                let key = object.key.unwrap();
                let body = s3.get_object().bucket(&bucket.name).key(&key).send().await.unwrap().body.collect().await.unwrap();
                let text = format!("{key} {}", String::from_utf8_lossy(&body.to_vec()));
                places.push(Place { store: bucket.logical_id.clone(), kind: kind_of(&key.replace('/', "#"), ""), key, text });
            }
        }
    }
    places
}

/// The kinds of places that hold one of some texts, each with an example's key.
pub fn kinds_that_hold<'a>(places: &'a [Place], texts: &[&str]) -> BTreeMap<(&'a str, &'a str), &'a str> {
    let holding = places.iter().filter(|place| texts.iter().any(|text| place.holds(text)));
    holding.map(|place| ((place.store.as_str(), place.kind.as_str()), place.key.as_str())).collect()
}

/// What an attribute of bytes holds, if it is packed text; other bytes hold ids.
fn inflated(bytes: &[u8]) -> String {
    let mut text = String::new();
    let is_packed = DeflateDecoder::new(bytes).read_to_string(&mut text).is_ok();
    if is_packed { text } else { String::new() }
}

/// The parts of keys that are the same for all things of a kind: words in capitals, and the first words of objects.
fn kind_of(pk: &str, sk: &str) -> String {
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let words: BTreeSet<&str> = pk.split('#').chain(sk.split('#')).filter(is_word).collect();
    if words.is_empty() {
        return pk.split('#').take(2).collect::<Vec<_>>().join("/");
    }
    words.into_iter().collect::<Vec<_>>().join("#")
}
