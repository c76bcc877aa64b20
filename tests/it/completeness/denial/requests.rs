//! The requests: the sample events of every route that needs a permission.

use std::fmt;

use carillon_contracts::Permission;
use carillon_harness::{Entry, HttpEvent, Trigger};
use carillon_local::template::Deployment;
use carillon_local::template::model::Route;

use super::super::root;
use super::things::{Ids, NAMES};

/// A route with the permission that its function needs, and its samples.
pub(in crate::completeness) struct Guarded {
    pub(in crate::completeness) route: Route,
    pub(in crate::completeness) permission: Permission,
    pub(in crate::completeness) samples: Vec<Sample>,
}

/// A sample event, with names in place of ids.
pub(in crate::completeness) struct Sample {
    text: String,
}

/// A request that was made of a sample.
#[derive(Debug, Clone)]
pub(in crate::completeness) struct Request {
    pub(in crate::completeness) method: String,
    pub(in crate::completeness) path: String,
    pub(in crate::completeness) body: Option<String>,
}

/// The routes that need a permission; the others say why they need none.
pub(in crate::completeness) fn guarded(deployment: &Deployment, entries: &[Entry]) -> Vec<Guarded> {
    let mut all = Vec::new();
    for route in &deployment.routes {
        match entries.iter().find(|entry| entry.name == route.function).unwrap().trigger {
            Trigger::Http(permission) => {
                let guarded = Guarded { route: route.clone(), permission, samples: samples(&route.function) };
                guarded.has_samples_with_its_ids();
                all.push(guarded);
            }
            Trigger::Public(reason) => assert!(!reason.is_empty(), "{} does not say why it is public", route.function),
            Trigger::Queue | Trigger::Schedule => panic!("{} is no route's", route.function),
        }
    }
    assert!(!all.is_empty());
    all
}

impl Guarded {
    /// The requests of all samples.
    pub(in crate::completeness) fn requests(&self, ids: &Ids) -> Vec<Request> {
        self.samples.iter().map(|sample| sample.request(self, ids)).collect()
    }

    /// Every sample is one of this route, and every id in the path is named.
    fn has_samples_with_its_ids(&self) {
        let Route { path, function, .. } = &self.route;
        assert!(!self.samples.is_empty(), "{function} has no sample");
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).filter(|name| name.ends_with("_id"));
        for name in named {
            assert!(NAMES.contains(&name), "{function}: nothing is known of {name}");
            assert!(self.samples.iter().all(|sample| sample.ids().contains(&name)), "{function}: a sample does not name {name}");
        }
    }

    fn is_of_this(&self, method: &str, path: &str) -> bool {
        let (parts, wanted): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), self.route.path.split('/').collect());
        let fits = |(part, wanted): (&&str, &&str)| wanted.starts_with('{') || part == wanted;
        self.route.method == method && parts.len() == wanted.len() && parts.iter().zip(&wanted).all(fits)
    }
}

impl Sample {
    /// The names of the ids in it.
    pub(in crate::completeness) fn ids(&self) -> Vec<&'static str> {
        NAMES.into_iter().filter(|name| self.text.contains(&mark(name))).collect()
    }

    /// The request with ids in place of their names.
    pub(in crate::completeness) fn request(&self, guarded: &Guarded, ids: &Ids) -> Request {
        let text = NAMES.iter().fold(self.text.clone(), |text, name| text.replace(&mark(name), ids.get(name)));
        assert!(!text.contains("_id}}"), "{}: an id that nothing makes in {text}", guarded.route.function);
        let event: HttpEvent = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", guarded.route.function));
        let HttpEvent { raw_path, raw_query_string: query, body, request_context, .. } = event;
        let method = request_context.http.method;
        assert!(guarded.is_of_this(&method, &raw_path), "{method} {raw_path} is no sample of {}", guarded.route.function);
        let path = if query.is_empty() { raw_path } else { format!("{raw_path}?{query}") };
        Request { method, path, body }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// The samples of a function, in the order of their names.
pub(in crate::completeness) fn samples(function: &str) -> Vec<Sample> {
    let folder = root().join("events").join(function);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| Sample { text: std::fs::read_to_string(file).unwrap() }).collect()
}

fn mark(name: &str) -> String {
    format!("{{{{{name}}}}}")
}
