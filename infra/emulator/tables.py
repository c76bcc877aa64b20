"""What an operator does to tables with the `aws` command line, for the rehearsal of a restore: saving, losing, restoring, looking.

On AWS the backups are those of AWS Backup or of point-in-time recovery; the emulator has DynamoDB's own, from which the same new table is made.
"""

import sys

import boto3

DYNAMODB = boto3.client("dynamodb")


def items(table: str):
    """Every item of a table."""
    for page in DYNAMODB.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def save(table: str) -> None:
    """Makes a backup, and prints its ARN."""
    print(DYNAMODB.create_backup(TableName=table, BackupName="before-the-loss")["BackupDetails"]["BackupArn"])


def lose(table: str) -> None:
    """Deletes every item; the table itself must be protected."""
    try:
        DYNAMODB.delete_table(TableName=table)
        sys.exit(f"{table} could be deleted")
    except DYNAMODB.exceptions.ClientError as refused:
        if refused.response["Error"]["Code"] != "ValidationException":
            raise
    for item in items(table):
        DYNAMODB.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})


def restore(backup: str, table: str) -> None:
    """Restores a backup into a new table, and sets what a restore leaves out, as infra/README.md tells operators."""
    DYNAMODB.restore_table_from_backup(BackupArn=backup, TargetTableName=table)
    DYNAMODB.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    DYNAMODB.update_time_to_live(TableName=table, TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True})
    DYNAMODB.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    DYNAMODB.update_table(TableName=table, DeletionProtectionEnabled=True)


def count(table: str) -> None:
    """Prints how many items a table has."""
    print(sum(1 for _ in items(table)))


def indexes(table: str) -> None:
    """Prints the names of a table's indexes."""
    described = DYNAMODB.describe_table(TableName=table)["Table"]
    print(" ".join(sorted(index["IndexName"] for index in described.get("GlobalSecondaryIndexes", []))))


{each.__name__: each for each in (save, lose, restore, count, indexes)}[sys.argv[1]](*sys.argv[2:])
