//! What the policies of functions say, whatever was heard of their use: `tests/privileges.rs` compares them with that.

use std::collections::BTreeSet;

use carillon_xtask::privileges::Policies;
use carillon_xtask::privileges::policy::{Policy, Statement};
use serde_json::Value;

use super::{deployment, root};

/// What IAM takes of inline policies in one role, spaces aside (IAM and STS quotas).
const LARGEST_POLICIES: usize = 10_240;
/// Longer than the ARN of anything here.
const LONGEST_ARN: usize = 120;
/// The partitions of people and of what logs in.
const IDENTITIES: [&str; 3] = ["CREDENTIAL#*", "USER#*", "EMAIL#*"];
/// The stacks whose functions make and change them.
const OF_IDENTITY: [&str; 3] = ["accounts.yaml", "identity.yaml", "logins.yaml"];
const WRITES: [&str; 3] = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];

fn policies() -> Policies {
    Policies::read(&root()).unwrap()
}

/// All statements of a function, those that it shares with others included.
fn statements<'p>(policies: &'p Policies, policy: &'p Policy) -> impl Iterator<Item = &'p Statement> {
    policy.own.iter().chain(policy.shared.iter().filter_map(|name| policies.shared.get(name)).flatten())
}

fn is_of_a_table(statement: &Statement) -> bool {
    statement.actions.iter().any(|action| action.starts_with("dynamodb:"))
}

#[test]
fn nothing_is_granted_twice() {
    let policies = policies();

    for (function, policy) in &policies.functions {
        let own: Vec<Statement> = policy.own.iter().flat_map(Statement::parts).collect();
        for (at, part) in own.iter().enumerate() {
            let shared = statements(&policies, policy).skip(policy.own.len()).flat_map(Statement::parts);
            let again: Vec<Statement> = own[at + 1..].iter().cloned().chain(shared).filter(|other| part.overlaps(other)).collect();
            assert!(again.is_empty(), "{function}: {part:?} is also {again:?}");
        }
    }
}

#[test]
fn whoever_may_use_a_table_may_do_so_for_some_kinds_of_keys_only() {
    let policies = policies();
    let mut seen = 0;

    for (function, policy) in &policies.functions {
        for statement in statements(&policies, policy).filter(|statement| is_of_a_table(statement)) {
            assert!(
                !statement.keys.is_empty() && !statement.keys.iter().any(|key| key == "*"),
                "{function}: {statement:?} is for every key"
            );
            seen += 1;
        }
    }

    assert!(seen > 200, "{seen} statements were found");
}

#[test]
fn people_and_what_logs_in_are_written_by_functions_of_identity_only() {
    let policies = policies();

    for function in deployment().functions {
        if OF_IDENTITY.iter().any(|file| function.file.ends_with(file)) {
            continue;
        }
        let own = policies.functions[&function.name].own.iter().flat_map(Statement::parts);
        let identity = |part: &Statement| IDENTITIES.iter().any(|key| part.keys.iter().any(|own| own == key || own == "*"));
        let writes: Vec<Statement> = own.filter(|part| WRITES.contains(&part.actions[0].as_str()) && identity(part)).collect();
        assert!(writes.is_empty(), "{} may do {writes:?}", function.name);
    }
}

/// An index, a list of objects and what AWS knows no resource for are not understood at a glance.
#[test]
fn a_statement_that_does_not_explain_itself_has_a_name() {
    for function in deployment().functions {
        for statement in function.policies.as_array().into_iter().flatten().flat_map(|policy| policy["Statement"].as_array()).flatten() {
            let (actions, resource) = (statement["Action"].to_string(), statement["Resource"].to_string());
            let unclear = resource == r#""*""# || resource.contains("/index/") || actions.contains("s3:ListBucket");
            assert!(!unclear || statement["Sid"].is_string(), "{}: {statement}", function.name);
        }
    }
}

#[test]
fn sids_of_a_policy_differ_and_are_letters() {
    for function in deployment().functions {
        let statements = function.policies.as_array().into_iter().flatten().flat_map(|policy| policy["Statement"].as_array()).flatten();
        let sids: Vec<&str> = statements.filter_map(|statement| statement["Sid"].as_str()).collect();
        assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len(), "{}: {sids:?}", function.name);
        assert!(sids.iter().all(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{}: {sids:?}", function.name);
    }
}

#[test]
fn the_policies_of_a_function_fit_its_role() {
    for function in deployment().functions {
        let own = function.policies.as_array().into_iter().flatten().filter(|policy| policy["Ref"].is_null());
        let size: usize = own.map(size).sum();
        assert!(size < LARGEST_POLICIES, "{}: {size}", function.name);
    }
}

/// The size of a policy when its references are ARNs.
fn size(policy: &Value) -> usize {
    match policy {
        Value::Object(call) if call.contains_key("Ref") || call.keys().any(|name| name.starts_with("Fn::")) => LONGEST_ARN,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value) + 4).sum(),
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        other => other.to_string().len(),
    }
}
