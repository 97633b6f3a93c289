locals {
  # Nobody speaks to a queue in the clear, whatever else allows it.
  queue_deny_plain = {
    Sid       = "DenyWithoutTLS"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
  queue_allow_organization = var.producer_organization_id == null ? [] : [{
    Sid       = "AllowProducersOfTheOrganization"
    Effect    = "Allow"
    Principal = { AWS = "*" }
    Action    = ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
    Condition = { StringEquals = { "aws:PrincipalOrgID" = var.producer_organization_id } }
  }]
}

resource "aws_sqs_queue" "tasks" {
  name                       = var.name
  visibility_timeout_seconds = var.visibility_seconds
  message_retention_seconds  = var.queue_retention_days * 86400
  max_message_size           = var.max_message_bytes

  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receives
  })
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for s in concat([local.queue_deny_plain], local.queue_allow_organization) : merge(s, { Resource = local.queue_arn })]
  })

  tags = local.tags
}

resource "aws_sqs_queue" "dead" {
  name                       = "${var.name}-dlq"
  visibility_timeout_seconds = var.visibility_seconds
  message_retention_seconds  = var.dlq_retention_days * 86400
  max_message_size           = var.max_message_bytes

  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.queue_deny_plain, { Resource = local.dlq_arn })]
  })

  tags = local.tags
}
