"""Looks at an AWS endpoint from outside: with boto3, which nothing of the product uses.

    look.py policies STACK   actions by role and policy, as they were stored
    look.py function STACK   the autoscaler's variables
    look.py sizes STACK      desired and running counts of the services
    look.py waiting STACK    messages in the queue and the dead-letter queue
    look.py left STACK       everything that bears the stack's name

Each prints one JSON value.
"""

import json
import sys

import boto3


def client(service):
    return boto3.client(service, region_name="us-east-1")


def actions(document):
    found = set()
    for statement in document["Statement"]:
        action = statement["Action"]
        found.update([action] if isinstance(action, str) else action)
    return sorted(found)


def policies(stack):
    iam, out = client("iam"), {}
    for role in pages(iam, "list_roles", "Roles"):
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"] if owned(role["RoleName"], stack) else []:
            out[role["RoleName"]] = actions(iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"])
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        if owned(policy["PolicyName"], stack):
            version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
            out[policy["PolicyName"]] = actions(version["PolicyVersion"]["Document"])
    return out


def function(stack):
    return client("lambda").get_function_configuration(FunctionName=stack + "-scaler")["Environment"]["Variables"]


def sizes(stack):
    ecs = client("ecs")
    names = [arn.rsplit("/", 1)[1] for arn in ecs.list_services(cluster=stack)["serviceArns"]]
    services = ecs.describe_services(cluster=stack, services=names)["services"]
    return {s["serviceName"]: {"desired": s["desiredCount"], "running": s["runningCount"]} for s in services}


def waiting(stack):
    sqs, out = client("sqs"), {}
    for name in (stack, stack + "-dlq"):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        counts = sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"],
        )["Attributes"]
        out[name] = sum(int(v) for v in counts.values())
    return out


def owned(name, stack):
    return name == stack or name.startswith(stack + "-") or "/starburst/" + stack in name


def pages(api, call, key):
    if api.can_paginate(call):
        for page in api.get_paginator(call).paginate():
            yield from page[key]
    else:
        yield from getattr(api, call)()[key]


# Service, call, key of the answer, and the name in an entry.
LISTS = [
    ("sqs", "list_queues", "QueueUrls", lambda e: e.rsplit("/", 1)[1]),
    ("dynamodb", "list_tables", "TableNames", str),
    ("s3", "list_buckets", "Buckets", lambda e: e["Name"]),
    ("ecr", "describe_repositories", "repositories", lambda e: e["repositoryName"]),
    ("lambda", "list_functions", "Functions", lambda e: e["FunctionName"]),
    ("scheduler", "list_schedules", "Schedules", lambda e: e["Name"]),
    ("events", "list_rules", "Rules", lambda e: e["Name"]),
    ("logs", "describe_log_groups", "logGroups", lambda e: e["logGroupName"]),
    ("cloudwatch", "describe_alarms", "MetricAlarms", lambda e: e["AlarmName"]),
    ("ssm", "describe_parameters", "Parameters", lambda e: e["Name"]),
    ("iam", "list_roles", "Roles", lambda e: e["RoleName"]),
    ("iam", "list_policies", "Policies", lambda e: e["PolicyName"]),
]


def left(stack):
    found = []
    for service, call, key, name in LISTS:
        api = client(service)
        for entry in pages(api, call, key) if key != "QueueUrls" else api.list_queues().get(key, []):
            if owned(name(entry), stack):
                found.append(f"{service}: {name(entry)}")
    ecs = client("ecs")
    for c in ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]:
        if owned(c["clusterName"], stack) and c["status"] != "INACTIVE":
            found.append("ecs: " + c["clusterName"])
    found += ["ecs: " + arn for arn in ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"] if owned(arn.rsplit("/", 1)[1], stack)]
    tag = [{"Name": "tag:starburst:stack", "Values": [stack]}]
    ec2 = client("ec2")
    found += ["ec2: " + v["VpcId"] for v in ec2.describe_vpcs(Filters=tag)["Vpcs"]]
    found += ["ec2: " + v["SubnetId"] for v in ec2.describe_subnets(Filters=tag)["Subnets"]]
    found += ["ec2: " + v["GroupId"] for v in ec2.describe_security_groups(Filters=tag)["SecurityGroups"]]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("policies", "function", "sizes", "waiting", "left"):
        sys.exit(__doc__)
    json.dump(globals()[sys.argv[1]](sys.argv[2]), sys.stdout)
