//! The policies of functions, as the templates write them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use carillon_local::template;
use serde_json::Value;

use super::Heard;

/// The conditions that are compared with what was heard: operator, key.
const ON_KEYS: [(&str, &str); 2] = [("ForAllValues:StringLike", "dynamodb:LeadingKeys"), ("StringLike", "s3:prefix")];
/// The conditions that narrow a statement further than anybody listens.
const UNHEARD: [(&str, &str); 2] =
    [("ForAllValues:StringEquals", "dynamodb:Attributes"), ("StringEqualsIfExists", "dynamodb:ReturnValues")];

/// A statement that allows something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// Single actions.
    pub actions: Vec<String>,
    /// What they are allowed for, by the parameter that brings the ARN: `EntitiesTableArn/index/gsi1`.
    pub resources: Vec<String>,
    /// Patterns of the partition keys, or of the prefixes of a list of objects; none is every key.
    pub keys: Vec<String>,
}

/// What one function may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// The statements of its own.
    pub own: Vec<Statement>,
    /// The policies that it shares with others, by their names in the root template.
    pub shared: Vec<String>,
}

/// The policies of all functions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// Those of several functions, by their names.
    pub shared: BTreeMap<String, Vec<Statement>>,
    /// Those of one function each.
    pub functions: BTreeMap<String, Policy>,
}

impl Statement {
    /// Whether this statement alone allows something that was done in one request.
    #[must_use]
    pub fn allows(&self, heard: &Heard) -> bool {
        let of_keys = || !heard.keys.is_empty() && heard.keys.iter().all(|key| self.keys.iter().any(|pattern| is_like(pattern, key)));
        self.actions.contains(&heard.action)
            && self.resources.iter().any(|resource| is_like(resource, &heard.resource))
            && (self.keys.is_empty() || of_keys())
    }

    /// The parts that can be of use each by itself: action, resource, and one pattern of keys.
    pub fn parts(&self) -> impl Iterator<Item = Statement> {
        let keys: Vec<Vec<String>> = match self.keys.as_slice() {
            [] => vec![Vec::new()],
            keys => keys.iter().map(|key| vec![key.clone()]).collect(),
        };
        self.actions.iter().flat_map(move |action| {
            let keys = keys.clone();
            self.resources.iter().flat_map(move |resource| {
                let (action, resource) = (action.clone(), resource.clone());
                keys.clone().into_iter().map(move |keys| Statement {
                    actions: vec![action.clone()],
                    resources: vec![resource.clone()],
                    keys,
                })
            })
        })
    }

    /// Whether something could be allowed by this part and by another one.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let both = |one: &[String], two: &[String]| one.iter().any(|one| two.iter().any(|two| is_like(one, two) || is_like(two, one)));
        let keys = self.keys.is_empty() || other.keys.is_empty() || both(&self.keys, &other.keys);
        self.actions.iter().any(|action| other.actions.contains(action)) && both(&self.resources, &other.resources) && keys
    }

    /// Whether something that was done in one request has to do with this part.
    #[must_use]
    pub fn touches(&self, heard: &Heard) -> bool {
        self.actions.contains(&heard.action)
            && self.resources.iter().any(|resource| is_like(resource, &heard.resource))
            && (self.keys.is_empty() || heard.keys.iter().any(|key| self.keys.iter().any(|pattern| is_like(pattern, key))))
    }
}

impl Policies {
    /// Reads the templates of the repository at `root`.
    ///
    /// # Errors
    /// Says which template cannot be read, or which policy is not understood.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut policies = Self::default();
        let mut files = vec![root.join("template.yaml")];
        for file in std::fs::read_dir(root.join("infra/stacks"))? {
            files.push(file?.path());
        }
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
            let document = template::written(file).map_err(io::Error::other)?;
            for (name, resource) in document.get("Resources").and_then(Value::as_object).into_iter().flatten() {
                policies.add((name, resource)).map_err(|problem| io::Error::other(format!("{}: {name}: {problem}", file.display())))?;
            }
        }
        Ok(policies)
    }

    fn add(&mut self, (name, resource): (&str, &Value)) -> Result<(), String> {
        let properties = &resource["Properties"];
        if resource["Type"] == "AWS::IAM::ManagedPolicy" {
            self.shared.insert(name.to_owned(), statements(&properties["PolicyDocument"])?);
        } else if resource["Type"] == "AWS::Serverless::Function" {
            let code = properties["CodeUri"].as_str().unwrap_or_default();
            let function = code.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            self.functions.insert(function.to_owned(), Policy::of(&properties["Policies"])?);
        }
        Ok(())
    }

    /// Whether a function may do something.
    #[must_use]
    pub fn allow(&self, function: &str, heard: &Heard) -> bool {
        self.functions.get(function).is_some_and(|policy| policy.own.iter().any(|statement| statement.allows(heard)))
            || self.by_shared(function, heard)
    }

    /// Whether a function may do something by a policy that it shares with others.
    #[must_use]
    pub fn by_shared(&self, function: &str, heard: &Heard) -> bool {
        let names = self.functions.get(function).map(|policy| policy.shared.as_slice()).unwrap_or_default();
        let statements = names.iter().filter_map(|name| self.shared.get(name)).flatten();
        statements.into_iter().any(|statement| statement.allows(heard))
    }
}

impl Policy {
    fn of(policies: &Value) -> Result<Self, String> {
        let mut policy = Self::default();
        for written in policies.as_array().into_iter().flatten() {
            match written["Ref"].as_str() {
                Some(parameter) => policy.shared.push(parameter.trim_end_matches("Arn").to_owned()),
                None => policy.own.extend(statements(written)?),
            }
        }
        Ok(policy)
    }
}

fn statements(document: &Value) -> Result<Vec<Statement>, String> {
    let written = document["Statement"].as_array().ok_or_else(|| format!("{document} is no policy with statements"))?;
    written.iter().map(statement).collect()
}

fn statement(written: &Value) -> Result<Statement, String> {
    if written["Effect"] != "Allow" {
        return Err(format!("{written} does not allow"));
    }
    let mut keys = Vec::new();
    for (operator, tests) in written["Condition"].as_object().into_iter().flatten() {
        for (key, values) in tests.as_object().into_iter().flatten() {
            if ON_KEYS.contains(&(operator, key)) {
                keys.extend(texts(values)?);
            } else if !UNHEARD.contains(&(operator, key)) {
                return Err(format!("the condition {operator} on {key} is not understood"));
            }
        }
    }
    Ok(Statement { actions: texts(&written["Action"])?, resources: texts(&written["Resource"])?, keys })
}

/// The texts of a value, references by what they name: `${BucketArn}/imports/*` is `BucketArn/imports/*`, `EntitiesTable.Arn` is
/// `EntitiesTableArn`, a list such as `DeadLettersArns` is `*DeadLettersArn`; of a choice the last, which stands where nothing special is
/// asked for.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => Ok(items.iter().map(texts).collect::<Result<Vec<_>, _>>()?.concat()),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Object(call) => match call.iter().next() {
            Some((name, Value::String(text))) if name == "Ref" => Ok(vec![match text.strip_suffix("Arns") {
                Some(kind) => format!("*{kind}Arn"),
                None => text.clone(),
            }]),
            Some((name, Value::String(text))) if name == "Fn::GetAtt" => Ok(vec![text.replace('.', "")]),
            Some((name, Value::String(text))) if name == "Fn::Sub" => Ok(vec![text.replace("${", "").replace('}', "")]),
            Some((name, Value::Array(choice))) if name == "Fn::If" => choice.last().map_or_else(|| Ok(Vec::new()), texts),
            _ => Err(format!("{value} is not understood")),
        },
        other => Err(format!("{other} is not understood")),
    }
}

/// Tells whether a text is like a pattern, in which `*` stands for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| text.get(at..).is_some_and(|text| is_like(rest, text)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(action: &str, resource: &str, keys: &[&str]) -> Heard {
        Heard { action: action.to_owned(), resource: resource.to_owned(), keys: keys.iter().map(|key| (*key).to_owned()).collect() }
    }

    fn read(statements: Value) -> Vec<Statement> {
        Policy::of(&json!([{ "Version": "2012-10-17", "Statement": statements }])).unwrap().own
    }

    #[test]
    fn a_statement_allows_its_actions_on_its_resources_and_its_keys() {
        let [table, folder] = read(json!([
            {
                "Effect": "Allow",
                "Action": ["dynamodb:PutItem", "dynamodb:BatchGetItem"],
                "Resource": { "Ref": "EntitiesTableArn" },
                "Condition": { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["USER#*", "ORG#*#MEMBERS"] } },
            },
            { "Effect": "Allow", "Action": "s3:PutObject", "Resource": { "Fn::Sub": "${BucketArn}/imports/*" } },
        ]))
        .try_into()
        .unwrap();

        let put = |keys: &[&str]| table.allows(&heard("dynamodb:PutItem", "EntitiesTableArn", keys));
        assert!(put(&["USER#*"]) && put(&["USER#*", "ORG#*#MEMBERS"]));
        assert!(!put(&["CREDENTIAL#*"]) && !put(&["USER#*", "CREDENTIAL#*"]), "every key of a request must be allowed");
        assert!(!put(&[]), "a key that nobody heard is not known to be allowed");
        assert!(!table.allows(&heard("dynamodb:UpdateItem", "EntitiesTableArn", &["USER#*"])));
        assert!(!table.allows(&heard("dynamodb:PutItem", "EntitiesTableArn/index/gsi1", &["USER#*"])));
        assert!(folder.allows(&heard("s3:PutObject", "BucketArn/imports/*/*", &[])));
        assert!(!folder.allows(&heard("s3:PutObject", "BucketArn/exports/*", &[])));
        assert_eq!((table.parts().count(), folder.parts().count()), (4, 1));
    }

    #[test]
    fn a_list_is_everything_of_its_kind_and_a_choice_is_its_last() {
        let restored = json!({ "Fn::If": ["Restored", { "Ref": "OtherTableArn" }, { "Fn::GetAtt": "EntitiesTable.Arn" }] });
        let resource = json!([{ "Ref": "DeadLettersArns" }, restored]);
        let [both] = read(json!([{ "Effect": "Allow", "Action": "sqs:DeleteMessage", "Resource": resource }])).try_into().unwrap();

        let allows = |resource| both.allows(&heard("sqs:DeleteMessage", resource, &[]));
        assert!(allows("NoticesDeadLettersArn") && allows("EntitiesTableArn"));
        assert!(!allows("NoticesQueueArn") && !allows("OtherTableArn"));
    }

    #[test]
    fn a_policy_that_is_not_understood_is_an_error() {
        let statement = |changed: Value| {
            let mut statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
            statement.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
            Policy::of(&json!([{ "Statement": [statement] }]))
        };

        assert!(statement(json!({})).is_ok());
        for changed in [
            json!({ "Effect": "Deny" }),
            json!({ "Condition": { "StringEquals": { "aws:SourceIp": "192.0.2.1" } } }),
            json!({ "Resource": { "Fn::Join": ["A", ["b", "c"]] } }),
        ] {
            assert!(statement(changed.clone()).is_err(), "{changed}");
        }
        assert!(Policy::of(&json!(["AmazonS3FullAccess"])).is_err());
    }
}
