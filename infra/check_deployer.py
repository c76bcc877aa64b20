"""Compares what CloudFormation's role in infra/deployer.yaml may do with what the platform's templates need.

AWS publishes for each type of resource which actions its creation, change and deletion take; cfn-lint brings these schemas along. Fails where the
role lacks one that no line of UNUSED explains, where it allows one that nothing needs, and where a line of UNUSED says nothing.
"""

import json
import re
import sys
from pathlib import Path

import cfnlint
from samcli.yamlhelper import yaml_parse

DEPLOYER = "infra/deployer.yaml"
SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas/resources"
# What SAM makes of a function with queues, schedules and a canary.
MADE_BY_SAM = {
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Version",
    "AWS::Scheduler::Schedule",
}
# Actions of features that the templates do not use, and why the role does without them.
UNUSED = {
    r"(billing|ec2|elasticfilesystem|kinesis|s3files|s3tables):.*": "no networks of one's own, file systems, streams, tables in buckets",
    r"(apigateway:(Tag|Untag)Resource|backup-storage:Mount|s3:DeleteBucket(Cors|Encryption|Lifecycle))": "IAM has no such action",
    r"apigateway:.*Certificate.*": "no mutual TLS",
    r"backup:.*(VaultLock|VaultNotifications|PutBackupVaultAccessPolicy|DeleteBackupVaultAccessPolicy).*": "vaults are not locked, and tell nobody",
    r"backup:GetBackupVaultNotifications": "the same",
    r"cloudformation:(SetStackPolicy|GetStackPolicy|UpdateTerminationProtection)": "nested stacks have no policies of their own",
    r"codedeploy:(RegisterOnPremisesInstance|ListDeployments)": "Lambda only",
    r"dynamodb:.*(Item|Query|Scan|Import.*)": "rows are nothing to a deployment",
    r"dynamodb:.*(Kinesis|Replica|ResourcePolicy|ContributorInsights).*": "no streams, replicas, policies of tables, insights",
    r"iam:.*(Group|User)Policy": "no users and groups",
    r"iam:.*PermissionsBoundary": "roles of the templates have none",
    r"kms:(DisableKey|EnableKey|Encrypt|ListAliases|RevokeGrant)": "keys are not switched off by a deployment",
    r"lambda:.*(ProvisionedConcurrency|CodeSigning|Scaling|CapacityProvider|AssociateRuntime|FunctionConcurrency).*": "not set in the templates",
    r"lambda:(Get|Put)(FunctionRecursionConfig|RuntimeManagementConfig)": "as Lambda has them by itself",
    r"logs:.*(Kms|DataProtection|Index|BearerToken|DeletionProtection|LogStream|LogEvents|DeleteResourcePolicy|DeleteRetentionPolicy).*": "not set",
    r"s3:.*(Object|OBJECT|Metadata|Accelerate|Analytics|Inventory|IntelligentTiering|Replication|Website|Logging|Abac|Metrics|Acl).*": "not set",
    r"s3:.*(ListTagsForResource|ListBucket|TagResource|UntagResource)": "tags of objects, and objects",
    r"ses:PutConfigurationSet(Archiving|Vdm|Sending|Tracking)Options": "not set",
    r"ses:PutEmailIdentityDkimSigningAttributes": "SES makes the keys of DKIM",
    r"sns:.*DataProtectionPolicy": "not set",
}


def types():
    """The types of resources in the platform's templates."""
    found = set(MADE_BY_SAM)
    for template in [Path("template.yaml"), *Path("infra/stacks").glob("*.yaml"), *Path("infra/parts").glob("*.yaml")]:
        resources = yaml_parse(template.read_text(encoding="utf-8"))["Resources"].values()
        found |= {resource["Type"] for resource in resources if not resource["Type"].startswith("AWS::Serverless::")}
    return found


def needed():
    """The actions that the schemas name, with the types that need them."""
    actions, wanted = {}, types()
    for file in SCHEMAS.glob("*.json"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        if schema.get("typeName") in wanted:
            for handler in ("create", "read", "update", "delete"):
                for action in schema.get("handlers", {}).get(handler, {}).get("permissions", []):
                    actions.setdefault(action, set()).add(schema["typeName"])
    return actions


def statements(value):
    """All statements below a value of the template."""
    if isinstance(value, list):
        for each in value:
            yield from statements(each)
    elif isinstance(value, dict):
        if value.get("Effect") == "Allow":
            yield value
        else:
            for each in value.values():
                yield from statements(each)


def allowed():
    """The actions that the role's policies allow."""
    resources = yaml_parse(Path(DEPLOYER).read_text(encoding="utf-8"))["Resources"]
    policies = [each["Properties"]["PolicyDocument"] for each in resources.values() if each["Type"] == "AWS::IAM::ManagedPolicy"]
    actions = (statement["Action"] for statement in statements(policies))
    return {action for each in actions for action in ([each] if isinstance(each, str) else each)}


# What the schemas do not name: CloudFormation's reading of secrets and parameters, of zips and nested templates, its transform; the delivery of an
# HTTP API's access log; tags of schedules and the roles that services make for themselves.
BESIDES = {
    "cloudformation:CreateChangeSet",
    "iam:ListRoleTags",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
}


def main():
    needs, allows = needed(), allowed()
    unused = {action for action in needs if any(re.fullmatch(pattern, action) for pattern in UNUSED)}
    problems = [f"lacks {action}, for {', '.join(sorted(needs[action]))}" for action in sorted(set(needs) - unused - allows)]
    problems += [f"allows {action}, which nothing needs" for action in sorted(allows - set(needs) - BESIDES)]
    problems += [f"allows {action}, which is said to be unused" for action in sorted((allows & unused) - BESIDES)]
    problems += [f"UNUSED: {pattern} matches nothing" for pattern in UNUSED if not any(re.fullmatch(pattern, action) for action in needs)]
    if problems:
        sys.exit(f"{DEPLOYER}, the role of CloudFormation:\n" + "\n".join(problems))
    print(f"{len(allows)} actions are allowed to deployments, as the resources of the templates need")


if __name__ == "__main__":
    main()
