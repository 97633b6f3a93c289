# Who may do what. Each list is what that program calls, action by action; tests record
# the calls and fail on any that is missing here. `policies.tf` has those of people.

locals {
  kms_statements = [for arn in compact([var.kms_key_arn]) : {
    Sid      = "Keys"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = arn
  }]

  bucket_arn = "arn:${local.partition}:s3:::${var.name}-${local.account}-${local.region}"
  # ListBucket turns the refusal of an object that is not there into "not there".
  bucket_list_statement = {
    Sid      = "TellMissingFromForbidden"
    Effect   = "Allow"
    Action   = ["s3:ListBucket"]
    Resource = local.bucket_arn
  }

  cluster_arn = "arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${var.name}"
  task_arns   = "arn:${local.partition}:ecs:${local.region}:${local.account}:task/${var.name}/*"
  in_cluster  = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }

  # The confused deputy: AWS assumes these roles for things of this account only.
  trust = { for service in ["ecs-tasks", "events", "scheduler", "ssm", "vpc-flow-logs"] : service => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "${service}.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  }) }
}

resource "aws_iam_role" "worker" {
  name                 = "${var.name}-worker"
  description          = "What Starburst workers may do"
  assume_role_policy   = local.trust["ecs-tasks"]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "worker" {
  name = "worker"
  role = aws_iam_role.worker.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # Sending: children of a message, retries and the rest for idle workers.
        Sid      = "Queue"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
        Resource = local.queue_arn
      },
      {
        # No deletes, and no batch writes, which cannot be conditional and may delete.
        Sid      = "Table"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = aws_dynamodb_table.this.arn
      },
      {
        Sid      = "Protection"
        Effect   = "Allow"
        Action   = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
        Resource = local.task_arns
      },
      ], [for s in [
        {
          Sid      = "Objects"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = ["${local.bucket_arn}/in/*", "${local.bucket_arn}/out/*"]
        },
        local.bucket_list_statement,
    ] : s if var.bucket_enabled], local.kms_statements)
  })
}

resource "aws_iam_role_policy_attachment" "worker" {
  for_each = toset(var.worker_policy_arns)

  role       = aws_iam_role.worker.name
  policy_arn = each.value
}

# What ECS itself does to start a worker: fetch the image, write the output.
resource "aws_iam_role" "execution" {
  name                 = "${var.name}-execution"
  description          = "What ECS does to start Starburst workers"
  assume_role_policy   = local.trust["ecs-tasks"]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "execution" {
  name = "execution"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Login"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*" # it has no resource
      },
      {
        Sid      = "Pull"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.repository_arn
      },
      {
        Sid      = "Output"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.workers.arn}:*"
      },
    ]
  })
}

resource "aws_iam_role" "flow" {
  count = local.flow_logs ? 1 : 0

  name                 = "${var.name}-flow"
  description          = "Writes the flow logs of the Starburst network"
  assume_role_policy   = local.trust["vpc-flow-logs"]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "flow" {
  count = local.flow_logs ? 1 : 0

  name = "flow"
  role = aws_iam_role.flow[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Write"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.flow[0].arn}:*"
    }]
  })
}
