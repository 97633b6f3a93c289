# Everything that a security review asks for: a key of the account's own for all that is
# stored, no public addresses, flow logs, protection against deletion, a year of logs. The
# key costs $1 a month, and each endpoint its hours.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "Region of the stack."
  type        = string
  default     = "us-east-1"
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

# Who may use the key is said by IAM, but for the services that encrypt on their own.
resource "aws_kms_key" "starburst" {
  description             = "Starburst: queues, table, bucket, images, logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:*" } }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })
}

module "starburst" {
  source = "../.."

  name        = "starburst"
  kms_key_arn = aws_kms_key.starburst.arn

  private             = true
  zone_count          = 2
  interface_endpoints = ["ecr.api", "ecr.dkr", "kms", "logs", "sqs"]
  flow_log_days       = 365

  deletion_protection         = true
  log_retention_days          = 365
  container_insights          = "enabled"
  scaler_reserved_concurrency = 1

  alarm_emails   = ["oncall@example.com"]
  monthly_budget = 500
}

output "config" {
  description = "What `starburst init --from-terraform` reads."
  value       = module.starburst.config
}
