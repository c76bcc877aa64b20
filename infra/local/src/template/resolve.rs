//! Resolves references, functions and conditions of a stack, as CloudFormation documents them.

use serde_json::{Map, Value};

use super::document::intrinsic;
use super::stack::Stack;
use super::{function, names};
use crate::embedded::{ACCOUNT_ID, REGION};

/// A resolved value; none stands for `AWS::NoValue`, which removes the property.
pub(super) type Resolved = Result<Option<Value>, String>;

impl Stack {
    /// Resolves references and functions in `value`, at any depth.
    pub(super) fn resolve(&self, value: &Value) -> Resolved {
        Ok(Some(match value {
            Value::Object(object) => {
                if let Some((name, argument)) = intrinsic(object) {
                    return self.call(name, argument);
                }
                let mut resolved = Map::new();
                for (key, item) in object {
                    resolved.extend(self.resolve(item)?.map(|item| (key.clone(), item)));
                }
                Value::Object(resolved)
            }
            Value::Array(items) => {
                let resolved = items.iter().map(|item| self.resolve(item));
                Value::Array(resolved.filter_map(Result::transpose).collect::<Result<_, _>>()?)
            }
            scalar => scalar.clone(),
        }))
    }

    fn call(&self, name: &str, argument: &Value) -> Resolved {
        match name {
            "Ref" => self.refer(argument.as_str().ok_or("Ref needs a name")?),
            "Fn::GetAtt" => self.get_attribute(argument).map(Some),
            "Fn::Sub" => self.substitute(argument).map(|text| Some(Value::String(text))),
            "Fn::Join" => self.join(argument).map(|text| Some(Value::String(text))),
            "Fn::If" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(condition), yes, no]) => self.resolve(if self.condition(condition)? { yes } else { no }),
                _ => Err("Fn::If needs a condition and two values".to_owned()),
            },
            "Fn::Select" => self.select(argument).map(Some),
            "Fn::Split" => self.split(argument).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument).map(Some),
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" => Err(format!("{name} belongs under Conditions")),
            _ => Err(format!("{name} is not supported")),
        }
    }

    fn refer(&self, name: &str) -> Resolved {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => Some(REGION),
            "AWS::AccountId" => Some(ACCOUNT_ID),
            "AWS::Partition" => Some("aws"),
            "AWS::StackName" => Some(self.name.as_str()),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => None,
        };
        if let Some(value) = pseudo {
            return Ok(Some(Value::from(value)));
        }
        if let Some(value) = self.values.get(name) {
            return Ok(Some(value.clone()));
        }
        if let Some(function) = name.strip_suffix(".Alias") {
            return self.alias(function).map(|arn| Some(Value::String(arn)));
        }
        let kind = self.kind_of(name)?;
        let physical_name = self.physical_name(name, kind)?;
        Ok(Some(Value::String(match kind {
            "AWS::SQS::Queue" => self.queue_url(&physical_name),
            _ if names::refers_by_arn(kind) => names::arn(kind, &physical_name).unwrap_or(physical_name),
            _ => physical_name,
        })))
    }

    /// The ARN of the alias that a function publishes. Source: AWS SAM, "Referencing generated resources".
    fn alias(&self, function: &str) -> Result<String, String> {
        let kind = self.kind_of(function)?;
        let arn = names::arn(kind, &self.physical_name(function, kind)?).filter(|_| kind == "AWS::Serverless::Function");
        let arn = arn.ok_or_else(|| format!("{function} ({kind}) has no alias"))?;
        Ok(format!("{arn}:{}", function::alias(self, function)?))
    }

    fn get_attribute(&self, argument: &Value) -> Result<Value, String> {
        let (logical_id, attribute) = match argument {
            Value::String(path) => path.split_once('.').ok_or("Fn::GetAtt needs a resource and an attribute")?,
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(logical_id), Value::String(attribute)] => (logical_id.as_str(), attribute.as_str()),
                _ => return Err("Fn::GetAtt needs a resource and an attribute".to_owned()),
            },
            _ => return Err("Fn::GetAtt needs a resource and an attribute".to_owned()),
        };
        let kind = self.kind_of(logical_id)?;
        if let Some(output) = attribute.strip_prefix("Outputs.") {
            let nested = self.nested(logical_id).map_err(|error| error.to_string())?;
            return nested.output(output);
        }
        let name = self.physical_name(logical_id, kind)?;
        let value = match (kind, attribute) {
            (_, "Arn") | ("AWS::SNS::Topic", "TopicArn") => names::arn(kind, &name),
            ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => Some(name),
            ("AWS::SQS::Queue", "QueueUrl") => Some(self.queue_url(&name)),
            ("AWS::ApiGatewayV2::Api", "ApiId") => Some(name),
            ("AWS::ApiGatewayV2::Api", "ApiEndpoint") => Some(self.surroundings.api_endpoint.clone()),
            _ => None,
        };
        value.map(Value::String).ok_or_else(|| format!("{logical_id} ({kind}) has no local attribute {attribute}"))
    }

    fn output(&self, name: &str) -> Result<Value, String> {
        let output = self.section("Outputs").get(name).and_then(|output| output.get("Value"));
        let value = output.ok_or_else(|| format!("{} has no output {name}", self.file.display()))?;
        self.resolve(value)?.ok_or_else(|| format!("the output {name} has no value"))
    }

    fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT_ID}/{name}", self.surroundings.sqs_endpoint)
    }

    fn kind_of(&self, logical_id: &str) -> Result<&str, String> {
        let resource = self.section("Resources").get(logical_id);
        let resource = resource.ok_or_else(|| format!("there is no parameter or resource {logical_id}"))?;
        if !self.exists(resource)? {
            return Err(format!("{logical_id} is not made, because its condition is false"));
        }
        resource.get("Type").and_then(Value::as_str).ok_or_else(|| format!("{logical_id} has no Type"))
    }

    fn substitute(&self, argument: &Value) -> Result<String, String> {
        let (template, own) = match argument {
            Value::String(template) => (template, None),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(template), Value::Object(own)] => (template, Some(own)),
                _ => return Err("Fn::Sub needs a text and values".to_owned()),
            },
            _ => return Err("Fn::Sub needs a text".to_owned()),
        };
        let mut filled = String::new();
        let mut rest = template.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or("Fn::Sub has ${ without }")?;
            filled.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                filled.push_str(&format!("${{{literal}}}"));
            } else {
                filled.push_str(&self.substituted(name, own)?);
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn substituted(&self, name: &str, own: Option<&Map<String, Value>>) -> Result<String, String> {
        let value = match own.and_then(|own| own.get(name)) {
            Some(value) => self.resolve(value)?,
            None if name.contains('.') => Some(self.get_attribute(&Value::from(name))?),
            None => self.refer(name)?,
        };
        text(&value.ok_or_else(|| format!("{name} has no value"))?)
    }

    fn join(&self, argument: &Value) -> Result<String, String> {
        let Some([Value::String(separator), items]) = argument.as_array().map(Vec::as_slice) else {
            return Err("Fn::Join needs a separator and a list".to_owned());
        };
        let texts = self.list(items)?.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.join(separator))
    }

    fn select(&self, argument: &Value) -> Result<Value, String> {
        let Some([index, items]) = argument.as_array().map(Vec::as_slice) else {
            return Err("Fn::Select needs an index and a list".to_owned());
        };
        let index = self.resolve(index)?.ok_or("Fn::Select needs an index")?;
        let index: usize = text(&index)?.parse().map_err(|_| "Fn::Select needs a number")?;
        let chosen = self.list(items)?.into_iter().nth(index);
        chosen.ok_or_else(|| format!("the list of Fn::Select has no item {index}"))
    }

    fn split(&self, argument: &Value) -> Result<Value, String> {
        let Some([Value::String(separator), source]) = argument.as_array().map(Vec::as_slice) else {
            return Err("Fn::Split needs a separator and a text".to_owned());
        };
        let source = text(&self.resolve(source)?.ok_or("Fn::Split needs a text")?)?;
        Ok(source.split(separator.as_str()).map(Value::from).collect())
    }

    fn find_in_map(&self, argument: &Value) -> Result<Value, String> {
        let keys = self.list(argument)?.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let [map, first, second] = keys.as_slice() else {
            return Err("Fn::FindInMap needs a map and two keys".to_owned());
        };
        let found = self.section("Mappings").get(map).and_then(|map| map.get(first)?.get(second));
        found.cloned().ok_or_else(|| format!("there is no {map}.{first}.{second} in Mappings"))
    }

    fn list(&self, value: &Value) -> Result<Vec<Value>, String> {
        match self.resolve(value)? {
            Some(Value::Array(items)) => Ok(items),
            _ => Err("a list is needed".to_owned()),
        }
    }

    pub(super) fn condition(&self, name: &str) -> Result<bool, String> {
        let condition = self.section("Conditions").get(name);
        self.truth(condition.ok_or_else(|| format!("there is no condition {name}"))?)
    }

    fn truth(&self, value: &Value) -> Result<bool, String> {
        let call = value.as_object().filter(|object| object.len() == 1);
        let Some((name, argument)) = call.and_then(|object| object.iter().next()) else {
            return Err("a condition is needed".to_owned());
        };
        let all = || argument.as_array().ok_or_else(|| format!("{name} needs a list"));
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().ok_or("Condition needs a name")?),
            "Fn::Equals" => match all()?.as_slice() {
                [left, right] => Ok(self.compared(left)? == self.compared(right)?),
                _ => Err("Fn::Equals needs two values".to_owned()),
            },
            "Fn::Not" => match all()?.as_slice() {
                [condition] => Ok(!self.truth(condition)?),
                _ => Err("Fn::Not needs one condition".to_owned()),
            },
            "Fn::And" => all()?.iter().try_fold(true, |truth, item| Ok(truth & self.truth(item)?)),
            "Fn::Or" => all()?.iter().try_fold(false, |truth, item| Ok(truth | self.truth(item)?)),
            _ => Err(format!("{name} is no condition")),
        }
    }

    fn compared(&self, value: &Value) -> Result<String, String> {
        self.resolve(value)?.map_or(Ok(String::new()), |value| text(&value))
    }
}

/// A scalar as CloudFormation makes text of it.
pub(super) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(format!("{value} is not a text")),
    }
}
