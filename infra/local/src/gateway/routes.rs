//! Which route a request takes: the one with the most fixed segments from the left, a greedy `{name+}` last.

use std::collections::BTreeMap;

use crate::template::model::Route;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    // In the order of preference.
    Fixed(String),
    Parameter(String),
    Greedy(String),
}

/// All routes, the preferred first.
#[derive(Debug)]
pub(super) struct Routes(Vec<(Vec<Segment>, Route)>);

/// A route and the parts of the path that it names, as the client wrote them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'r> {
    pub(super) route: &'r Route,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    /// Sorts the routes by preference.
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut sorted: Vec<_> = routes.iter().map(|route| (route.path.split('/').map(segment).collect(), route.clone())).collect();
        sorted.sort_by(|left: &(Vec<Segment>, Route), right| (&left.0, left.1.method == "ANY").cmp(&(&right.0, right.1.method == "ANY")));
        Self(sorted)
    }

    /// Finds the route of a request.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let path: Vec<&str> = path.split('/').collect();
        self.0.iter().filter(|(_, route)| route.method == method || route.method == "ANY").find_map(|(segments, route)| {
            let parameters = matched(segments, &path)?;
            Some(Found { route, parameters })
        })
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        None => Segment::Fixed(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            Some(greedy) => Segment::Greedy(greedy.to_owned()),
            None => Segment::Parameter(name.to_owned()),
        },
    }
}

fn matched(segments: &[Segment], path: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = path;
    for segment in segments {
        let (first, after) = rest.split_first()?;
        match segment {
            Segment::Fixed(text) if text == first => {}
            Segment::Fixed(_) => return None,
            Segment::Parameter(_) if first.is_empty() => return None,
            Segment::Parameter(name) => {
                parameters.insert(name.clone(), (*first).to_owned());
            }
            Segment::Greedy(name) => {
                parameters.insert(name.clone(), rest.join("/"));
                return Some(parameters);
            }
        }
        rest = after;
    }
    rest.is_empty().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let routes = keys.iter().map(|key| {
            let (method, path) = key.split_once(' ').unwrap();
            Route { method: method.to_owned(), path: path.to_owned(), function: (*key).to_owned(), payload_version: "2.0".to_owned() }
        });
        Routes::new(&routes.collect::<Vec<_>>())
    }

    #[test]
    fn a_fixed_segment_wins_over_a_parameter_and_a_greedy_one_comes_last() {
        let routes = routes(&["GET /v1/{proxy+}", "GET /v1/contacts/{id}", "GET /v1/contacts/export", "ANY /v1/contacts/export"]);
        let taken = |method: &str, path: &str| routes.find(method, path).map(|found| found.route.function.as_str());

        assert_eq!(taken("GET", "/v1/contacts/export"), Some("GET /v1/contacts/export"));
        assert_eq!(taken("POST", "/v1/contacts/export"), Some("ANY /v1/contacts/export"));
        assert_eq!(taken("GET", "/v1/contacts/con_1"), Some("GET /v1/contacts/{id}"));
        assert_eq!(taken("GET", "/v1/contacts/con_1/tags"), Some("GET /v1/{proxy+}"));
        assert_eq!(taken("DELETE", "/v1/contacts/con_1"), None);
        assert_eq!(taken("GET", "/v2"), None);
    }

    #[test]
    fn the_parts_that_a_route_names_are_found() {
        let routes = routes(&["PUT /v1/lists/{list_id}/members/{contact_id}"]);

        let found = routes.find("PUT", "/v1/lists/lst_1/members/con%202").unwrap();

        let expected = [("contact_id", "con%202"), ("list_id", "lst_1")];
        assert_eq!(found.parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(routes.find("PUT", "/v1/lists//members/con_2"), None, "an empty part names nothing");
    }
}
