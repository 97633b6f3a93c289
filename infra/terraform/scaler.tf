# The autoscaler: a function that runs once a minute, and for almost all of the minute
# while there is work. A lease in the table makes one of several the leader.

locals {
  scaler_name = "${var.name}-scaler"
  scaler_zip  = coalesce(var.scaler_zip, "${path.module}/../../dist/starburst-lambda-${var.scaler_architecture}.zip")
}

resource "aws_iam_role" "scaler" {
  count = var.scaler_enabled ? 1 : 0

  name        = local.scaler_name
  description = "What the Starburst autoscaler may do"
  # Lambda names no account in what it assumes a role with.
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "scaler" {
  count = var.scaler_enabled ? 1 : 0

  name = "scaler"
  role = aws_iam_role.scaler[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "Queues"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes"]
        Resource = [local.queue_arn, local.dlq_arn]
      },
      {
        Sid      = "Table"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = aws_dynamodb_table.this.arn
      },
      {
        # The count only: no other revision without iam:PassRole.
        Sid      = "Services"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = local.service_arns
      },
      {
        Sid       = "Stop"
        Effect    = "Allow"
        Action    = ["ecs:StopTask"]
        Resource  = local.task_arns
        Condition = local.in_cluster
      },
      {
        Sid      = "Limits"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetMetricData", "ec2:DescribeSubnets", "ecs:DescribeTaskDefinition", "servicequotas:GetServiceQuota"]
        Resource = "*" # reads without a resource; the quotas' are AWS's own
      },
      {
        # Of all clusters: the quota is the account's. Where CloudWatch has no figure of what is used, tasks are
        # counted; one cluster that may not be looked at leaves the quota unknown, and nothing starts.
        Sid      = "Count"
        Effect   = "Allow"
        Action   = ["ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks"]
        Resource = "*" # reads
      },
      {
        Sid      = "Output"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.scaler[0].arn}:*"
      },
      ], [for s in [
        {
          # Plans of jobs that do not fit an item.
          Sid      = "Plans"
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = "${local.bucket_arn}/in/*"
        },
        local.bucket_list_statement,
    ] : s if var.bucket_enabled], local.kms_statements)
  })
}

resource "aws_lambda_function" "scaler" {
  #checkov:skip=CKV_AWS_115:A new account's limit of 10 leaves nothing to reserve, and the lease already allows one leader; scaler_reserved_concurrency reserves
  #checkov:skip=CKV_AWS_116:The next minute's run repairs what one missed; a decision from a stale event must not be repeated
  #checkov:skip=CKV_AWS_117:It talks to AWS's own endpoints only; a network of its own would need billed endpoints or a gateway
  #checkov:skip=CKV_AWS_173:Its variables are names, no secrets; kms_key_arn encrypts them with a key of the account's own
  #checkov:skip=CKV_AWS_272:A signing profile belongs to the whole account; the plan shows the zip file's SHA-256
  count = var.scaler_enabled ? 1 : 0

  function_name    = local.scaler_name
  description      = "Starburst autoscaler: sizes the services of ${var.name}"
  role             = aws_iam_role.scaler[0].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.scaler_architecture]
  filename         = local.scaler_zip
  source_code_hash = try(filebase64sha256(local.scaler_zip), null)
  memory_size      = 128
  timeout          = 120
  kms_key_arn      = var.kms_key_arn

  reserved_concurrent_executions = var.scaler_reserved_concurrency

  environment {
    variables = merge(
      local.environment,
      {
        STARBURST_MAX_WORKERS = tostring(var.max_workers)
        STARBURST_SLOTS       = tostring(var.slots)
        STARBURST_SUBNETS     = join(",", local.subnets)
      },
      { for k, v in {
        STARBURST_VCPU_QUOTA        = var.vcpu_quota
        STARBURST_MAX_COST_PER_HOUR = var.max_cost_per_hour
        STARBURST_MAX_COST_PER_DAY  = var.max_cost_per_day
      } : k => tostring(v) if v > 0 },
      var.scaler_environment,
    )
  }
  tracing_config {
    mode = "PassThrough"
  }

  tags = local.tags

  lifecycle {
    precondition {
      condition     = fileexists(local.scaler_zip)
      error_message = "There is no ${local.scaler_zip}: build the autoscaler with `make lambda`, name another with scaler_zip, or set scaler_enabled = false."
    }
  }

  depends_on = [aws_iam_role_policy.scaler, aws_cloudwatch_log_group.scaler]
}

# The last word is the lease's: a run that is late or repeated finds another leader.
resource "aws_lambda_function_event_invoke_config" "scaler" {
  count = var.scaler_enabled ? 1 : 0

  function_name                = aws_lambda_function.scaler[0].function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}

resource "aws_iam_role" "schedule" {
  count = var.scaler_enabled ? 1 : 0

  name                 = "${var.name}-schedule"
  description          = "Starts the Starburst autoscaler once a minute"
  assume_role_policy   = local.trust["scheduler"]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "schedule" {
  count = var.scaler_enabled ? 1 : 0

  name = "schedule"
  role = aws_iam_role.schedule[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "Invoke"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = aws_lambda_function.scaler[0].arn
    }], local.kms_statements)
  })
}

resource "aws_scheduler_schedule" "scaler" {
  #checkov:skip=CKV_AWS_297:The schedule holds a function's name and no payload; kms_key_arn encrypts it with a key of the account's own
  count = var.scaler_enabled ? 1 : 0

  name                = local.scaler_name
  description         = "Starburst autoscaler of ${var.name}"
  schedule_expression = "rate(1 minute)"
  kms_key_arn         = var.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_lambda_function.scaler[0].arn
    role_arn = aws_iam_role.schedule[0].arn
    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}
