//! Walks the root stack and its nested stacks.

use std::path::Path;
use std::rc::Rc;

use serde_json::Map;

use super::model::{Deployment, Other};
use super::properties::{Known, Properties};
use super::route::{self, RouteParts};
use super::stack::Stack;
use super::{Parameters, TemplateError, bucket, flags, function, queue, table};

/// Types, or families of types, that need no wiring here. The stand-ins take the part of SES, SNS and Firehose.
const UNWIRED: [&str; 26] = [
    "AWS::ApiGatewayV2::Stage",
    "AWS::AppConfig::",
    "AWS::ApplicationAutoScaling::",
    "AWS::Athena::",
    "AWS::Backup::",
    "AWS::Budgets::",
    "AWS::CloudWatch::",
    "AWS::Glue::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::KinesisFirehose::",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::Logs::",
    "AWS::Route53::",
    "AWS::S3::BucketPolicy",
    "AWS::SES::",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::SecretsManager::",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::WAFv2::",
];

/// Reads the template at `file` and its nested stacks, without checking the whole.
pub(super) fn read(file: &Path, parameters: Parameters) -> Result<Deployment, TemplateError> {
    let root = Stack::root(file, parameters)?;
    let mut reader = Reader::default();
    reader.stack(&root)?;
    let mut deployment = reader.deployment;
    deployment.routes = reader.routes.join(&deployment.functions)?;
    Ok(deployment)
}

#[derive(Debug, Default)]
struct Reader {
    deployment: Deployment,
    routes: RouteParts,
}

impl Reader {
    fn stack(&mut self, stack: &Rc<Stack>) -> Result<(), TemplateError> {
        for (logical_id, kind) in stack.resources()? {
            match kind {
                "AWS::CloudFormation::Stack" | "AWS::Serverless::Application" => {
                    self.stack(&stack.nested(logical_id)?)?;
                }
                "AWS::Serverless::Function" => {
                    self.deployment.functions.push(function::read(stack, logical_id)?);
                }
                _ => self.resource(stack, logical_id, kind)?,
            }
        }
        Ok(())
    }

    fn resource(&mut self, stack: &Stack, logical_id: &str, kind: &str) -> Result<(), TemplateError> {
        let found = &mut self.deployment;
        let properties = |known: &Known| {
            let empty = Map::new();
            let raw = stack.raw_properties(logical_id).unwrap_or(&empty);
            Properties::resolve(stack, logical_id, raw, known)
        };
        let name = || {
            let name = stack.physical_name(logical_id, kind);
            name.map_err(|problem| stack.wrong(logical_id, problem))
        };
        match kind {
            "AWS::DynamoDB::Table" => {
                let table = table::read(logical_id, name()?, &properties(&table::KNOWN)?)?;
                found.tables.push(table);
            }
            "AWS::SQS::Queue" => {
                let queue = queue::read(logical_id, name()?, &properties(&queue::KNOWN)?)?;
                found.queues.push(queue);
            }
            "AWS::S3::Bucket" => {
                let bucket = bucket::read(logical_id, name()?, &properties(&bucket::KNOWN)?)?;
                found.buckets.push(bucket);
            }
            "AWS::SNS::Subscription" => {
                let subscription = queue::read_subscription(&properties(&queue::KNOWN_SUBSCRIPTION)?)?;
                found.subscriptions.push(subscription);
            }
            "AWS::AppConfig::HostedConfigurationVersion" => found.flags = Some(flags::read(&properties(&flags::KNOWN)?)?),
            "AWS::ApiGatewayV2::Api" => found.cors = RouteParts::api(&properties(&route::KNOWN_API)?)?,
            "AWS::ApiGatewayV2::Route" => self.routes.route(properties(&route::KNOWN_ROUTE)?),
            "AWS::ApiGatewayV2::Integration" => {
                let integration = properties(&route::KNOWN_INTEGRATION)?;
                self.routes.integration(name()?, integration)?;
            }
            "AWS::Lambda::Permission" => {
                self.routes.permission(&properties(&route::KNOWN_PERMISSION)?)?;
            }
            _ if is_unwired(kind) => {
                found.others.push(Other { file: stack.file.clone(), logical_id: logical_id.to_owned(), kind: kind.to_owned() })
            }
            _ => {
                let problem = format!("{kind} is not supported locally");
                return Err(stack.wrong(&format!("{logical_id}.Type"), problem));
            }
        }
        Ok(())
    }
}

fn is_unwired(kind: &str) -> bool {
    let matches = |entry: &&str| kind == *entry || (entry.ends_with("::") && kind.starts_with(*entry));
    UNWIRED.iter().any(matches)
}
