"""Prints how many CloudFormation resources each template becomes, and what the whole costs while nobody uses it; fails where a template is
too large.

CloudFormation takes 500 resources a stack (AWS CloudFormation user guide, "Understand CloudFormation quotas"); SAM makes
several of one function, so the expanded template is what counts.
"""

import logging
import re
import sys
from collections import Counter
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

MOST = 450
ROOT = "template.yaml"
# The figures of the harness: each is a metric of each area in every hour with a call (shared/platform/harness/src/log.rs).
FIGURES = Path("shared/platform/harness/src/log.rs")
# What CloudWatch takes for one a month, in us-east-1; a filter costs by the metric that it writes, as long as it writes.
PRICES = {"alarms": 0.10, "dashboards": 3.00, "metrics": 0.30}
# What an account has for nothing, each month (Amazon CloudWatch pricing, "Free tier").
FREE = {"alarms": 10, "dashboards": 3, "metrics": 10}
AREA = "infra/parts/area.yaml"
KINDS = {"AWS::CloudWatch::Alarm": "alarms", "AWS::CloudWatch::Dashboard": "dashboards", "AWS::Logs::MetricFilter": "filters"}
NESTED = "AWS::CloudFormation::Stack"


class NoManagedPolicies:
    """The templates name no managed policy that SAM would have to look up."""

    def load(self):
        return {}


def expanded(path):
    """The resources of a template as CloudFormation gets them."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            # The translator takes packaged code only.
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    return transform(template, {}, NoManagedPolicies())["Resources"]


def watchers(path, stacks):
    """How many alarms, dashboards and filters a stack has, with those nested in it; all that conditions may leave out counted."""
    counts = Counter()
    for resource in stacks[path].values():
        if resource["Type"] == NESTED:
            nested = str(Path(path).parent / resource["Properties"]["TemplateURL"])
            counts += watchers(nested, stacks) + Counter({nested: 1})
        elif resource["Type"] in KINDS:
            counts[KINDS[resource["Type"]]] += 1
    return counts


def figures():
    """How many figures the harness writes for each area."""
    listed = re.search(r"pub const FIGURES: \[\(&str, &str\); (\d+)\]", FIGURES.read_text(encoding="utf-8"))
    return int(listed.group(1))


def main(paths):
    stacks = {path: expanded(path) for path in paths}
    for path, resources in stacks.items():
        print(f"{len(resources):4} resources  {path}")
    if ROOT in stacks:
        counts = watchers(ROOT, stacks)
        # A filter's metric counts in the hours in which it counts something; the figures of an area in those with a call.
        counts["metrics"] = counts["filters"] + figures() * counts[AREA]
        for name, price in PRICES.items():
            cost = max(counts[name] - FREE[name], 0) * price
            print(f"{counts[name]:4} {name:<10} {cost:6.2f} USD a month at most, {FREE[name]} of an account being free")
        print(f"{counts['filters']:4} metric filters, free but for their metrics")
    crowded = [path for path, resources in stacks.items() if len(resources) > MOST]
    if crowded:
        sys.exit(f"more than {MOST} resources: split {', '.join(crowded)}")


# The translator warns of telemetry that nobody collects here.
logging.disable(logging.WARNING)
main(sys.argv[1:])
