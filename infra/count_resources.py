"""Prints how many CloudFormation resources each template becomes, and fails where they are too many.

CloudFormation takes 500 resources a stack (AWS CloudFormation user guide, "Understand CloudFormation quotas"); SAM makes
several of one function, so the expanded template is what counts.
"""

import logging
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

MOST = 450


class NoManagedPolicies:
    """The templates name no managed policy that SAM would have to look up."""

    def load(self):
        return {}


def expanded(path):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            # The translator takes packaged code only.
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    return transform(template, {}, NoManagedPolicies())


def main(paths):
    counts = {path: len(expanded(path)["Resources"]) for path in paths}
    for path, count in counts.items():
        print(f"{count:4} resources  {path}")
    crowded = [path for path, count in counts.items() if count > MOST]
    if crowded:
        sys.exit(f"more than {MOST} resources: split {', '.join(crowded)}")


# The translator warns of telemetry that nobody collects here.
logging.disable(logging.WARNING)
main(sys.argv[1:])
