//! A small platform in two files, for the tests of templates and wiring.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Deployment, Parameters, TemplateError};

/// The root template of the fixture.
pub(crate) const ROOT: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: { Type: String, Default: local }
  SesEndpoint: { Type: String, Default: "" }
  Channels: { Type: CommaDelimitedList, Default: "email, sms" }
Mappings:
  Rates:
    local: { Batch: 50 }
    live: { Batch: 10 }
Conditions:
  IsLocal: !Equals [!Ref Stage, local]
  IsLive: !Not [!Condition IsLocal]
  Never: !And [!Condition IsLocal, !Condition IsLive]
  Always: !Or [!Condition IsLocal, !Condition IsLive]
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: api, ProtocolType: HTTP }
  ApiStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: { ApiId: !Ref Api, StageName: $default, AutoDeploy: true }
  LedgerTable:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: !Sub "${AWS::StackName}-ledger"
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - { AttributeName: pk, AttributeType: S }
        - { AttributeName: sk, AttributeType: S }
        - { AttributeName: due, AttributeType: N }
      KeySchema:
        - { AttributeName: pk, KeyType: HASH }
        - { AttributeName: sk, KeyType: RANGE }
      GlobalSecondaryIndexes:
        - IndexName: by-due
          KeySchema:
            - { AttributeName: sk, KeyType: HASH }
            - { AttributeName: due, KeyType: RANGE }
          Projection: { ProjectionType: KEYS_ONLY }
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }
      SSESpecification: { SSEEnabled: true }
  WorkDeadLetters:
    Type: AWS::SQS::Queue
  WorkQueue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", [!Ref AWS::StackName, work]]
      VisibilityTimeout: 60
      MessageRetentionPeriod: 1209600
      DelaySeconds: !If [IsLive, 5, !Ref AWS::NoValue]
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt WorkDeadLetters.Arn
        maxReceiveCount: 5
  LiveQueue:
    Type: AWS::SQS::Queue
    Condition: IsLive
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt WorkQueue.Arn
            Filter: { S3Key: { Rules: [{ Name: prefix, Value: events/ }] } }
  Events:
    Type: AWS::SNS::Topic
    Properties: { TopicName: events }
  EventsToWork:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref Events, Protocol: sqs, Endpoint: !GetAtt WorkQueue.Arn }
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties: { AlarmName: work-is-late }
  FirstFlags:
    Type: AWS::AppConfig::HostedConfigurationVersion
    Properties:
      ApplicationId: app
      ConfigurationProfileId: prof
      ContentType: application/json
      Content: |
        {"version": "1", "flags": {"work": {"name": "Work"}}, "values": {"work": {"enabled": true}}}
  Work:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: stacks/work.yaml
      Parameters:
        ApiId: !Ref Api
        LedgerTable: !Ref LedgerTable
        WorkQueueArn: !GetAtt WorkQueue.Arn
        WorkQueueUrl: !Ref WorkQueue
        BatchSize: !FindInMap [Rates, !Ref Stage, Batch]
        Channel: !Select [1, !Ref Channels]
        SesEndpoint: !Ref SesEndpoint
Outputs:
  Url: { Value: !GetAtt Work.Outputs.Url }
"#;

/// The nested template of the fixture.
pub(crate) const WORK: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  ApiId: { Type: String }
  LedgerTable: { Type: String }
  WorkQueueArn: { Type: String }
  WorkQueueUrl: { Type: String }
  BatchSize: { Type: Number }
  Channel: { Type: String }
  SesEndpoint: { Type: String }
Globals:
  Function:
    Runtime: provided.al2023
    Handler: bootstrap
    Timeout: 10
    MemorySize: 256
    AutoPublishAlias: live
    AutoPublishAliasAllProperties: true
    Environment:
      Variables:
        LEDGER_TABLE: !Ref LedgerTable
        LOG: info
Resources:
  WorkDo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../../target/lambda/work-do/
      MemorySize: 512
      Environment:
        Variables:
          LOG: debug
          QUEUE: !Ref WorkQueueUrl
          CHANNEL: !Ref Channel
          LITERAL: !Sub "${!kept} ${LedgerTable}-${AWS::Region}"
          SES: !Ref SesEndpoint
      Policies:
        - Version: "2012-10-17"
          Statement: [{ Effect: Allow, Action: dynamodb:GetItem, Resource: !Ref LedgerTable }]
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !Ref WorkQueueArn
            BatchSize: !Ref BatchSize
            MaximumBatchingWindowInSeconds: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 4 }
        Sweep:
          Type: ScheduleV2
          Properties: { ScheduleExpression: rate(5 minutes), Input: '{"sweep":true}' }
        Nightly:
          Type: Schedule
          Properties: { Schedule: cron(0 3 * * ? *), Enabled: false }
  WorkDoIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref ApiId
      IntegrationType: AWS_PROXY
      IntegrationUri: !Ref WorkDo.Alias
      PayloadFormatVersion: "2.0"
  WorkDoRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref ApiId
      RouteKey: POST /v1/work/{id}
      Target: !Sub integrations/${WorkDoIntegration}
  WorkDoPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref WorkDo.Alias
      Action: lambda:InvokeFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${ApiId}/*
Outputs:
  Url: { Value: !Ref WorkQueueUrl }
"#;

/// Writes both templates, with one text replaced in each, and reads them.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
    /// Overrides of the root's parameters.
    pub(crate) overrides: BTreeMap<String, String>,
}

impl Fixture {
    /// Writes the two templates.
    pub(crate) fn new(root: &str, work: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("stacks")).unwrap();
        std::fs::write(folder.path().join("template.yaml"), root).unwrap();
        std::fs::write(folder.path().join("stacks/work.yaml"), work).unwrap();
        Self { folder, overrides: BTreeMap::new() }
    }

    /// The root template's path.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("template.yaml")
    }

    /// Reads the templates.
    pub(crate) fn read(&self) -> Result<Deployment, TemplateError> {
        Deployment::read(
            &self.file(),
            Parameters {
                stack_name: "carillon".to_owned(),
                sqs_endpoint: "http://127.0.0.1:1".to_owned(),
                api_endpoint: "http://127.0.0.1:2".to_owned(),
                overrides: self.overrides.clone(),
            },
        )
    }
}
