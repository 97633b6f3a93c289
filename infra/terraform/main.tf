data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  tags = merge(var.tags, { "starburst:stack" = var.name })

  # Built from names, not read from resources: a queue and its dead-letter queue name each other.
  queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}"
  dlq_arn   = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-dlq"
}
