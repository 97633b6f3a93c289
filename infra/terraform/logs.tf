# Log groups are made here, so that they have a retention and go with the stack.

locals {
  # The names of workers' streams are <log_prefix>/<container>/<task>; `starburst logs` makes them.
  log_prefix = "worker"
}

resource "aws_cloudwatch_log_group" "workers" {
  #checkov:skip=CKV_AWS_158:Encrypted by CloudWatch Logs itself; kms_key_arn sets a key of the account's own
  #checkov:skip=CKV_AWS_338:Workers' output is for finding faults within days; log_retention_days raises it
  name              = "/starburst/${var.name}/workers"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_cloudwatch_log_group" "stopped" {
  #checkov:skip=CKV_AWS_158:Encrypted by CloudWatch Logs itself; kms_key_arn sets a key of the account's own
  #checkov:skip=CKV_AWS_338:Events of stopped tasks are for finding faults within days; log_retention_days raises it
  name              = "/aws/events/starburst/${var.name}/stopped"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_cloudwatch_log_group" "scaler" {
  #checkov:skip=CKV_AWS_158:Encrypted by CloudWatch Logs itself; kms_key_arn sets a key of the account's own
  #checkov:skip=CKV_AWS_338:Decisions are kept in the table; the function's output is for finding faults within days
  count = var.scaler_enabled ? 1 : 0

  name              = "/aws/lambda/${local.scaler_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:Encrypted by CloudWatch Logs itself; kms_key_arn sets a key of the account's own
  #checkov:skip=CKV_AWS_338:Flow logs are kept as long as flow_log_days says, which whoever wants them chooses
  count = local.flow_logs ? 1 : 0

  name              = "/starburst/${var.name}/flow"
  retention_in_days = var.flow_log_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}
