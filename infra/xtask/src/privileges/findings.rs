//! What is wrong between policies and what was heard.

use std::collections::BTreeSet;
use std::fmt;

use super::policy::Statement;
use super::unheard::Unheard;
use super::{Heard, Policies, Record};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A function does what nothing grants: AWS would refuse it.
    Lacks(String, Heard),
    /// A policy grants what its function, or none of its functions, was heard to use.
    Unused(String, Part),
    /// A function has a policy that it shares with others, and uses nothing of it.
    Needless(String, String),
    /// The list of what no test reaches names what is not granted, or what was heard.
    Listed(String, String),
}

/// One action on one resource, and where it is so, for one pattern of keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    action: String,
    resource: String,
    key: Option<String>,
}

impl Part {
    fn of(statement: &Statement) -> Self {
        let first = |texts: &[String]| texts.first().cloned();
        let (action, resource) = (first(&statement.actions), first(&statement.resources));
        Self { action: action.unwrap_or_default(), resource: resource.unwrap_or_default(), key: first(&statement.keys) }
    }

    fn is(&self, listed: &Unheard) -> bool {
        self.action == listed.action && self.resource == listed.resource && listed.key.is_none_or(|key| self.key.as_deref() == Some(key))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(function, Heard { action, resource, keys }) if keys.is_empty() => {
                write!(formatter, "{function} does {action} on {resource}, which nothing grants")
            }
            Self::Lacks(function, Heard { action, resource, keys }) => {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                write!(formatter, "{function} does {action} on {resource} for {}, which no one statement grants", keys.join(", "))
            }
            Self::Unused(function, Part { action, resource, key: None }) => {
                write!(formatter, "{function} is granted {action} on {resource}, which nothing used")
            }
            Self::Unused(function, Part { action, resource, key: Some(key) }) => {
                write!(formatter, "{function} is granted {action} on {resource} for {key}, which nothing used")
            }
            Self::Needless(function, policy) => write!(formatter, "{function} has {policy}, of which it used nothing"),
            Self::Listed(function, action) => {
                write!(formatter, "{function} is listed as needing {action} without being heard, which is not granted, or was heard")
            }
        }
    }
}

/// Compares what was heard with what is granted, but for what is known to be heard by no test.
#[must_use]
pub fn findings(policies: &Policies, record: &Record, unheard: &[Unheard]) -> BTreeSet<Finding> {
    let mut found = BTreeSet::new();
    let mut listed: BTreeSet<usize> = (0..unheard.len()).collect();
    let nothing = BTreeSet::new();
    for (function, heard) in record {
        let beyond = heard.iter().filter(|one| !policies.allow(function, one));
        found.extend(beyond.map(|one| Finding::Lacks(function.clone(), one.clone())));
    }
    for (function, policy) in &policies.functions {
        let heard = record.get(function).unwrap_or(&nothing);
        // What a shared policy allows anyway proves no need of a function's own.
        let own = |one: &&Heard| !policies.by_shared(function, one);
        for part in policy.own.iter().flat_map(Statement::parts).filter(|part| !heard.iter().filter(own).any(|one| part.touches(one))) {
            let part = Part::of(&part);
            match unheard.iter().position(|entry| entry.function == function && part.is(entry)) {
                Some(entry) => {
                    listed.remove(&entry);
                }
                None => {
                    found.insert(Finding::Unused(function.clone(), part));
                }
            }
        }
        let uses =
            |name: &&String| heard.iter().any(|one| policies.shared.get(*name).is_some_and(|all| all.iter().any(|by| by.allows(one))));
        let needless = policy.shared.iter().filter(|name| !uses(name));
        found.extend(needless.map(|name| Finding::Needless(function.clone(), name.clone())));
    }
    found.extend(of_shared(policies, record));
    found.extend(
        listed.into_iter().filter_map(|at| unheard.get(at)).map(|entry| Finding::Listed(entry.function.into(), entry.action.into())),
    );
    found
}

/// What shared policies grant and none of their functions used.
fn of_shared(policies: &Policies, record: &Record) -> BTreeSet<Finding> {
    let mut found = BTreeSet::new();
    for (name, statements) in &policies.shared {
        let holders = policies.functions.iter().filter(|(_, policy)| policy.shared.contains(name));
        let heard: Vec<&Heard> = holders.filter_map(|(function, _)| record.get(function)).flatten().collect();
        let unused = statements.iter().flat_map(Statement::parts).filter(|part| !heard.iter().any(|one| part.touches(one)));
        found.extend(unused.map(|part| Finding::Unused(name.clone(), Part::of(&part))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::policy::Policy;
    use super::*;

    fn statement(actions: &[&str], resource: &str, keys: &[&str]) -> Statement {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Statement { actions: owned(actions), resources: vec![resource.to_owned()], keys: owned(keys) }
    }

    fn heard(action: &str, resource: &str, keys: &[&str]) -> Heard {
        Heard { action: action.to_owned(), resource: resource.to_owned(), keys: keys.iter().map(|key| (*key).to_owned()).collect() }
    }

    /// One function, `lists-get`, which counts requests by a shared policy.
    fn policies(own: Vec<Statement>) -> Policies {
        let shared = vec![statement(&["dynamodb:UpdateItem"], "T", &["RATE#*"])];
        Policies {
            shared: [("GatePolicy".to_owned(), shared)].into(),
            functions: [("lists-get".to_owned(), Policy { own, shared: vec!["GatePolicy".to_owned()] })].into(),
        }
    }

    fn told(own: Vec<Statement>, done: Vec<Heard>, unheard: &[Unheard]) -> Vec<String> {
        let record = Record::from([("lists-get".to_owned(), done.into_iter().collect())]);
        findings(&policies(own), &record, unheard).iter().map(ToString::to_string).collect()
    }

    fn counted() -> Heard {
        heard("dynamodb:UpdateItem", "T", &["RATE#*#*"])
    }

    #[test]
    fn a_policy_that_grants_what_is_done_has_no_findings() {
        let own = vec![statement(&["dynamodb:GetItem", "dynamodb:Query"], "T", &["ORG#*#LISTS", "ORG#*#LIST#*"])];
        let done = vec![
            counted(),
            heard("dynamodb:GetItem", "T", &["ORG#*#LISTS"]),
            heard("dynamodb:GetItem", "T", &["ORG#*#LIST#*"]),
            heard("dynamodb:Query", "T", &["ORG#*#LISTS"]),
            heard("dynamodb:Query", "T", &["ORG#*#LIST#*"]),
        ];

        assert_eq!(told(own, done, &[]), Vec::<String>::new());
    }

    #[test]
    fn more_and_less_than_what_is_done_are_found() {
        let own = vec![statement(&["dynamodb:GetItem"], "T", &["ORG#*#LISTS", "USER#*"]), statement(&["sqs:SendMessage"], "Q", &[])];
        let done = vec![counted(), heard("dynamodb:GetItem", "T", &["ORG#*#LISTS"]), heard("dynamodb:PutItem", "T", &["ORG#*#LISTS"])];

        assert_eq!(
            told(own, done, &[]),
            [
                "lists-get does dynamodb:PutItem on T for ORG#*#LISTS, which no one statement grants",
                "lists-get is granted dynamodb:GetItem on T for USER#*, which nothing used",
                "lists-get is granted sqs:SendMessage on Q, which nothing used",
            ]
        );
    }

    #[test]
    fn keys_of_one_request_are_allowed_together_or_not_at_all() {
        let apart = vec![statement(&["dynamodb:BatchGetItem"], "T", &["A#*"]), statement(&["dynamodb:BatchGetItem"], "T", &["B#*"])];
        let both = vec![counted(), heard("dynamodb:BatchGetItem", "T", &["A#*", "B#*"])];

        assert_eq!(told(apart, both, &[]), ["lists-get does dynamodb:BatchGetItem on T for A#*, B#*, which no one statement grants"]);
    }

    #[test]
    fn what_a_shared_policy_grants_is_not_granted_again() {
        let own = vec![statement(&["dynamodb:UpdateItem"], "T", &[])];

        assert_eq!(told(own, vec![counted()], &[]), ["lists-get is granted dynamodb:UpdateItem on T, which nothing used"]);
        assert_eq!(
            told(vec![], vec![], &[]),
            [
                "GatePolicy is granted dynamodb:UpdateItem on T for RATE#*, which nothing used",
                "lists-get has GatePolicy, of which it used nothing"
            ]
        );
    }

    #[test]
    fn what_no_test_reaches_is_listed_and_nothing_else_is() {
        let listed = [Unheard { function: "lists-get", action: "dynamodb:ConditionCheckItem", resource: "T", key: None, why: "a race" }];
        let own = vec![statement(&["dynamodb:ConditionCheckItem"], "T", &[])];
        let done = heard("dynamodb:ConditionCheckItem", "T", &["A#*"]);
        let needless =
            ["lists-get is listed as needing dynamodb:ConditionCheckItem without being heard, which is not granted, or was heard"];

        assert_eq!(told(own.clone(), vec![counted()], &listed), Vec::<String>::new());
        assert_eq!(told(own, vec![counted(), done], &listed), needless);
        assert_eq!(told(vec![], vec![counted()], &listed), needless);
    }
}
