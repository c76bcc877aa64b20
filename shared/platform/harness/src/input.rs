//! Reads a JSON body or a query, and tells everything that is wrong with it at once.

use std::collections::{BTreeMap, BTreeSet};

use carillon_kernel::{Failure, Kind, Problem};
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::function::Input;

/// How many shape errors are looked for: a body with more is told of these.
const MOST_PROBLEMS: usize = 50;

/// Reads a body; an empty one stands for `{}`.
pub(crate) fn read_body<B: Input>(bytes: &[u8]) -> Result<B, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("the body is not UTF-8".to_owned()))?;
    let value = if text.trim().is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_str(text).map_err(|error| unreadable(format!("the body is not JSON: {error}")))?
    };
    if !value.is_object() {
        return Err(unreadable("the body must be a JSON object".to_owned()));
    }
    read(value, "")
}

/// Reads a query, whose values are texts: numbers and booleans are recognised by their form.
pub(crate) fn read_query<Q: Input>(raw: &str) -> Result<Q, Failure> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(raw).map_err(|error| unreadable(format!("the query cannot be read: {error}")))?;
    let mut map = Map::new();
    for (name, text) in pairs {
        let value = match text.parse::<u64>() {
            Ok(number) if name == "limit" => Value::from(number),
            _ => Value::String(text),
        };
        map.insert(name, value);
    }
    read(Value::Object(map), "?")
}

fn read<T: Input>(mut value: Value, mark: &str) -> Result<T, Failure> {
    let mut problems = Vec::new();
    let mut struck = Struck::default();
    let parsed: T = loop {
        match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(parsed) => break parsed,
            Err(error) => {
                let path: Vec<Segment> = error.path().iter().cloned().collect();
                let found = problem(&path, &error.inner().to_string(), mark);
                problems.push(Problem { pointer: struck.original(&found.pointer), ..found });
                if problems.len() >= MOST_PROBLEMS || !strike(&mut value, &path, &error.inner().to_string(), &mut struck) {
                    break T::default();
                }
            }
        }
    };
    let shape: Vec<String> = problems.iter().map(|problem| problem.pointer.clone()).collect();
    let of_rules = parsed.problems().into_iter().map(|found| Problem { pointer: struck.original(&found.pointer), ..found });
    problems.extend(of_rules.filter(|found| !shape.contains(&found.pointer)));
    if problems.is_empty() { Ok(parsed) } else { Err(Failure::invalid(problems)) }
}

fn problem(path: &[Segment], message: &str, mark: &str) -> Problem {
    let mut pointer = if mark == "?" { mark.to_owned() } else { String::new() };
    let mut parts: Vec<String> = path.iter().filter_map(part).collect();
    if let Some(field) = unknown_field(message).filter(|field| parts.last() != Some(field)) {
        parts.push(field);
    }
    for part in parts {
        if mark != "?" {
            pointer.push('/');
        }
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    let code = if message.starts_with("unknown field") { "request.unknown_field" } else { "request.type" };
    Problem::new(pointer, code, message)
}

fn part(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Map { key } => Some(key.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

fn unknown_field(message: &str) -> Option<String> {
    message.strip_prefix("unknown field `")?.split('`').next().map(str::to_owned)
}

/// The elements that were removed from lists, by the list's pointer as the client sent it: those behind them moved up.
#[derive(Debug, Default)]
struct Struck(BTreeMap<String, BTreeSet<usize>>);

impl Struck {
    /// Gives the pointer that a place had in what the client sent.
    fn original(&self, pointer: &str) -> String {
        let Some((first, rest)) = pointer.split_once('/') else { return pointer.to_owned() };
        let mut whole = first.to_owned();
        for part in rest.split('/') {
            let moved = match (self.0.get(&whole), part.parse::<usize>()) {
                (Some(struck), Ok(index)) => {
                    struck.iter().fold(index, |index, gone| if *gone <= index { index + 1 } else { index }).to_string()
                }
                _ => part.to_owned(),
            };
            whole.push('/');
            whole.push_str(&moved);
        }
        whole
    }

    fn strike(&mut self, list: &str, index: usize) {
        let element = self.original(&format!("{list}/{index}"));
        if let Some((list, index)) = element.rsplit_once('/') {
            self.0.entry(list.to_owned()).or_default().extend(index.parse::<usize>());
        }
    }
}

/// Removes what is wrong, so that the rest can be read; false when it cannot be found.
fn strike(value: &mut Value, path: &[Segment], message: &str, struck: &mut Struck) -> bool {
    let mut parts: Vec<String> = path.iter().filter_map(part).collect();
    if let Some(field) = unknown_field(message).filter(|field| parts.last() != Some(field)) {
        parts.push(field);
    }
    let Some(last) = parts.pop() else { return false };
    let mut place = value;
    let list: String = parts.iter().flat_map(|part| ["/".to_owned(), part.replace('~', "~0").replace('/', "~1")]).collect();
    for part in parts {
        let inner = match place {
            Value::Object(map) => map.get_mut(&part),
            Value::Array(list) => part.parse::<usize>().ok().and_then(|index| list.get_mut(index)),
            _ => None,
        };
        let Some(inner) = inner else { return false };
        place = inner;
    }
    match place {
        Value::Object(map) => map.remove(&last).is_some(),
        Value::Array(items) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                struck.strike(&list, index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn unreadable(detail: String) -> Failure {
    Failure::new(Kind::Unreadable, "request.unreadable", detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Body {
        name: Option<String>,
        age: Option<u8>,
        inner: Inner,
        marks: Vec<u8>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        flag: bool,
    }

    impl Input for Body {
        fn problems(&self) -> Vec<Problem> {
            self.name.is_none().then(|| Problem::new("/name", "body.name", "a name is needed")).into_iter().collect()
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let failure = read_body::<Body>(br#"{"age": "old", "colour": 1, "inner": {"flag": 3, "x": 1}}"#).unwrap_err();

        let mut pointers: Vec<&str> = failure.problems.iter().map(|problem| problem.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/age", "/colour", "/inner/flag", "/inner/x", "/name"]);
    }

    #[test]
    fn a_field_of_the_wrong_type_is_not_also_called_missing() {
        let failure = read_body::<Body>(br#"{"name": 3}"#).unwrap_err();

        assert_eq!(failure.problems.len(), 1);
    }

    #[test]
    fn every_bad_element_of_a_list_is_named_by_its_own_place() {
        let failure = read_body::<Body>(br#"{"name": "x", "marks": ["a", 1, "b", 2, "c"]}"#).unwrap_err();

        let pointers: Vec<&str> = failure.problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/marks/0", "/marks/2", "/marks/4"]);
    }

    #[test]
    fn what_is_not_json_is_unreadable() {
        for body in ["{", "[1]", "3", "\"x\""] {
            assert_eq!(read_body::<Body>(body.as_bytes()).unwrap_err().kind, Kind::Unreadable, "{body}");
        }
    }

    #[test]
    fn a_query_has_the_same_rules() {
        let failure = read_query::<crate::Listing>("limit=1000&cursor=%20&colour=red").unwrap_err();

        let mut pointers: Vec<&str> = failure.problems.iter().map(|problem| problem.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["?colour", "?cursor", "?limit"]);
    }
}
