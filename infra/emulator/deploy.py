"""Deploys `template.yaml` to an emulator of AWS, and writes down what came of it.

CloudFormation expands SAM inside nested stacks; the emulator does so only in the root. So this uploads the code with `sam package`, expands every
nested template with SAM's own translator, uploads those, and gives the root, which points at them, to `sam deploy`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ARTIFACTS = "carillon-artifacts"
STACK = "carillon"
NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")


def packaged(root: Path, work: Path) -> dict:
    """Uploads code and nested templates; gives the root template that names them."""
    output = work / "packaged.yaml"
    command = ["sam", "package", "--template-file", str(root / "template.yaml"), "--s3-bucket", ARTIFACTS]
    subprocess.run([*command, "--output-template-file", str(output), "--no-progressbar"], check=True, capture_output=True)
    return yaml_parse(output.read_text())


class Expansion:
    """Expands SAM in nested templates, each once."""

    def __init__(self, session: boto3.Session, parameters: dict[str, str], settings: dict[str, str]) -> None:
        self.s3 = session.client("s3")
        self.translator = Translator(ManagedPolicyLoader(session.client("iam")).load(), Parser())
        self.parameters = parameters
        self.settings = settings
        self.done: dict[str, str] = {}

    def nested(self, template: dict) -> dict:
        """Points every nested stack of a template at its expanded template; leaves out alarms of expressions and queries, which the
        emulator does not have."""
        template["Resources"] = {name: each for name, each in template["Resources"].items() if "Metrics" not in each.get("Properties", {})}
        for resource in template["Resources"].values():
            if resource["Type"] in NESTED:
                resource["Properties"]["TemplateURL"] = self.expanded(resource["Properties"]["TemplateURL"])
        return template

    def expanded(self, url: str) -> str:
        """Expands the template at a URL of the bucket; gives the URL of the result."""
        if url not in self.done:
            bucket, _, key = urlparse(url).path.lstrip("/").partition("/")
            body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
            template = self.nested(yaml_parse(body))
            if "Transform" in template:
                # The emulator has no CodeDeploy: an alias moves to its new version at once.
                template["Globals"]["Function"].pop("DeploymentPreference", None)
                template = self.translator.translate(template, parameter_values={})
            self.mend(template)
            name = f"expanded/{Path(key).name}.json"
            self.s3.put_object(Bucket=bucket, Key=name, Body=json.dumps(template).encode())
            # SAM takes URLs of S3 only; the emulator reads bucket and key out of them.
            self.done[url] = f"https://s3.amazonaws.com/{bucket}/{name}"
        return self.done[url]

    def mend(self, template: dict) -> None:
        """Gives values the types that CloudFormation makes of them, and the emulator does not: numbers from parameters, texts in
        environments. And gives every function the settings that lead to stand-ins instead of providers."""
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            scaling = properties.get("ScalingConfig", {})
            most = scaling.get("MaximumConcurrency")
            if isinstance(most, dict):
                scaling["MaximumConcurrency"] = int(self.parameters[most["Ref"]])
            if resource["Type"] == "AWS::Lambda::Function":
                variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
                variables.update({name: str(value) for name, value in variables.items() if isinstance(value, int)})
                variables.update(self.settings)


def defaults(root: dict) -> dict[str, str]:
    """The defaults of a template's parameters."""
    return {name: str(each["Default"]) for name, each in root["Parameters"].items() if "Default" in each}


def deploy(work: Path, root: dict, parameters: dict[str, str]) -> None:
    """Lets SAM deploy the root."""
    template = work / "root.json"
    template.write_text(json.dumps(root))
    overrides = [f"{name}='{value}'" for name, value in parameters.items()]
    command = ["sam", "deploy", "--template-file", str(template), "--stack-name", STACK, "--s3-bucket", ARTIFACTS]
    # When an update leaves a resource of a nested stack as it is, the emulator forgets its attributes; another tag each time leaves none.
    command += ["--tags", f"deployed={time.time_ns()}"]
    capabilities = ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset", "--no-progressbar"]
    done = subprocess.run([*command, *capabilities, "--parameter-overrides", *overrides], capture_output=True, text=True, check=False)
    (work / "deploy.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        sys.exit(f"the deployment failed, see {work / 'deploy.log'}:\n{done.stderr[-2000:]}")


class Deployment:
    """What CloudFormation made, read back from the emulator."""

    def __init__(self, session: boto3.Session) -> None:
        self.clients = {name: session.client(name) for name in ("cloudformation", "lambda", "sqs", "sns", "s3")}
        self.resources = list(self.within(STACK))

    def within(self, stack: str):
        """Lists the resources of a stack and of those within it."""
        for page in self.clients["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::CloudFormation::Stack":
                    yield from self.within(resource["PhysicalResourceId"])
                else:
                    yield resource

    def of(self, kind: str) -> list[dict]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource["ResourceType"] == kind]

    def functions(self, names: dict[str, str]) -> dict[str, dict]:
        """The functions by the name of their binary."""
        functions = {}
        for resource in self.of("AWS::Lambda::Function"):
            found = self.clients["lambda"].get_function_configuration(FunctionName=resource["PhysicalResourceId"])
            environment = found.get("Environment", {}).get("Variables", {})
            functions[names[resource["LogicalResourceId"]]] = {"physical_name": resource["PhysicalResourceId"], "environment": environment}
        return functions

    def queues(self) -> tuple[dict[str, str], dict[str, str]]:
        """The queues of work and those of dead letters: names and URLs."""
        urls = {resource["PhysicalResourceId"].rsplit("/", 1)[-1]: resource["PhysicalResourceId"] for resource in self.of("AWS::SQS::Queue")}
        dead = set()
        for url in urls.values():
            attributes = self.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"]).get("Attributes", {})
            if "RedrivePolicy" in attributes:
                dead.add(json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].rsplit(":", 1)[-1])
        return {name: url for name, url in urls.items() if name not in dead}, {name: url for name, url in urls.items() if name in dead}

    def exceptions(self, urls: dict[str, str]) -> dict:
        """The queue that hears of SES's exceptions."""
        for subscription in self.clients["sns"].list_subscriptions()["Subscriptions"]:
            if subscription["Protocol"] == "sqs":
                attributes = self.clients["sns"].get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
                url = urls[subscription["Endpoint"].rsplit(":", 1)[-1]]
                return {"topic_arn": subscription["TopicArn"], "queue_url": url, "raw": attributes.get("RawMessageDelivery") == "true"}
        raise LookupError("no queue hears of a topic")

    def events_prefix(self, bucket: str) -> str:
        """The start of the keys that a queue hears of."""
        notified = self.clients["s3"].get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"][0]
        rules = notified["Filter"]["Key"]["FilterRules"]
        return next(rule["Value"] for rule in rules if rule["Name"].lower() == "prefix").rstrip("/")

    def outputs(self) -> dict[str, str]:
        """The outputs of the root."""
        stack = self.clients["cloudformation"].describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def describe(self, names: dict[str, str], ports: dict) -> dict:
        """Everything that a test must know to talk to the deployment."""
        outputs = self.outputs()
        api = urlparse(outputs["ApiUrl"])
        work, dead = self.queues()
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        return {
            "endpoint": endpoint,
            "api": {"url": endpoint, "host": api.netloc},
            "front_port": ports["front"],
            "providers_port": ports["providers"],
            "functions": self.functions(names),
            "queues": work,
            "dead_letters": dead,
            "exceptions": self.exceptions(work | dead),
            "bucket": outputs["Bucket"],
            "prefix": self.events_prefix(outputs["Bucket"]),
            "tables": {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in self.of("AWS::DynamoDB::Table")},
        }


def function_names(root: Path) -> dict[str, str]:
    """The name of each function's binary, by its logical id: the last folder of its code."""
    names = {}
    for file in [root / "template.yaml", *sorted((root / "infra" / "stacks").glob("*.yaml"))]:
        for logical_id, resource in yaml_parse(file.read_text())["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                names[logical_id] = Path(resource["Properties"]["CodeUri"]).name
    return names


def main() -> None:
    """Packages, expands, deploys, describes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the folder of template.yaml")
    parser.add_argument("--work", type=Path, required=True, help="a folder for what is made on the way")
    parser.add_argument("--given", type=Path, required=True, help="a JSON object: parameters of the stack, settings of every function, ports")
    parser.add_argument("--output", type=Path, required=True, help="the file that the deployment is described in")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the stack, over those given")
    parser.add_argument("--packaged", type=Path, help="a root template that was packaged before, to be deployed again; none is packaged then")
    arguments = parser.parse_args()
    if not os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1:"):
        sys.exit("AWS_ENDPOINT_URL must name an emulator on 127.0.0.1: this never deploys to AWS")
    arguments.work.mkdir(parents=True, exist_ok=True)
    given = json.loads(arguments.given.read_text())
    parameters = given["parameters"] | dict(each.split("=", 1) for each in arguments.parameter)
    session = boto3.Session()
    session.client("s3").create_bucket(Bucket=ARTIFACTS)
    root = yaml_parse(arguments.packaged.read_text()) if arguments.packaged else packaged(arguments.root, arguments.work)
    root = Expansion(session, defaults(root) | parameters, given["settings"]).nested(root)
    deploy(arguments.work, root, parameters)
    described = Deployment(session).describe(function_names(arguments.root), given["ports"])
    arguments.output.write_text(json.dumps(described, indent=2))
    print(f"{len(described['functions'])} functions and {len(described['queues'])} queues are deployed")


if __name__ == "__main__":
    main()
