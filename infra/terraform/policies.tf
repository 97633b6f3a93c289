# Policies for people and programs; attach them to users, groups or roles.

locals {
  repository_arn = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${var.name}-workers"

  producer_statements = concat([
    {
      Sid      = "Send"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = local.queue_arn
    },
    {
      Sid      = "Table"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      Resource = aws_dynamodb_table.this.arn
    },
    {
      Sid      = "Config"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = aws_ssm_parameter.config.arn
    },
    ], [for arn in aws_lambda_function.scaler[*].arn :
    {
      # Wakes the autoscaler at once instead of within the minute.
      Sid      = "Wake"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = arn
    }
    ], [for s in [
      {
        Sid      = "Arguments"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${local.bucket_arn}/in/*"
      },
      {
        Sid      = "Results"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "${local.bucket_arn}/out/*"
      },
      local.bucket_list_statement,
  ] : s if var.bucket_enabled], local.kms_statements)

  # What `starburst jobs rm` deletes.
  remove_statements = [for s in [
    {
      Sid      = "RemoveItems"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchWriteItem"]
      Resource = aws_dynamodb_table.this.arn
    },
    {
      Sid      = "RemoveObjects"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = ["${local.bucket_arn}/in/*", "${local.bucket_arn}/out/*"]
    },
  ] : s if s.Sid == "RemoveItems" || var.bucket_enabled]

  cluster_read_statements = [
    {
      Sid       = "Tasks"
      Effect    = "Allow"
      Action    = ["ecs:DescribeTasks", "ecs:ListTasks"]
      Resource  = "*" # ListTasks has no resource of the tasks'; the condition holds both
      Condition = local.in_cluster
    },
    {
      Sid      = "Definitions"
      Effect   = "Allow"
      Action   = ["ecs:DescribeTaskDefinition"]
      Resource = "*" # it has no resource
    },
    {
      Sid      = "Output"
      Effect   = "Allow"
      Action   = ["logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartLiveTail"]
      Resource = flatten([for arn in [aws_cloudwatch_log_group.workers.arn, aws_cloudwatch_log_group.stopped.arn] : [arn, "${arn}:*"]])
    },
  ]
}

# Submits jobs and reads their results.
resource "aws_iam_policy" "producer" {
  name        = "${var.name}-producer"
  description = "Submits Starburst jobs and reads their results"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.producer_statements })
  tags        = local.tags
}

# Puts tasks straight onto the queue, from any language, and nothing else.
resource "aws_iam_policy" "enqueuer" {
  name        = "${var.name}-enqueuer"
  description = "Puts tasks onto the Starburst queue"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "Send"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = local.queue_arn
    }], local.kms_statements)
  })
  tags = local.tags
}

# Watches, scales, stops and repairs; may do all that a producer may.
resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "Watches, scales, stops and repairs a Starburst stack"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.producer_statements, local.cluster_read_statements, local.remove_statements, [
      {
        Sid      = "Scale"
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
        Sid    = "DeadLetters"
        Effect = "Allow"
        Action = [
          "sqs:CancelMessageMoveTask", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
          "sqs:GetQueueUrl", "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask",
        ]
        Resource = local.dlq_arn
      },
      {
        Sid      = "Purge"
        Effect   = "Allow"
        Action   = ["sqs:PurgeQueue"]
        Resource = [local.queue_arn, local.dlq_arn]
      },
      {
        # What `starburst doctor --fix` sets right.
        Sid      = "MendQueues"
        Effect   = "Allow"
        Action   = ["sqs:SetQueueAttributes"]
        Resource = [local.queue_arn, local.dlq_arn]
      },
      {
        Sid      = "MendTable"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:UpdateTimeToLive"]
        Resource = aws_dynamodb_table.this.arn
      },
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "ec2:DescribeSubnets",
          "ecr:GetAuthorizationToken", "iam:SimulatePrincipalPolicy", "pricing:GetProducts",
          "servicequotas:GetServiceQuota", "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
        ]
        Resource = "*" # reads for `starburst doctor`, most of which have no resource
      },
      {
        # The doctor reads the image's architecture in the repository, which asks IAM for these.
        Sid      = "LookAtImages"
        Effect   = "Allow"
        Action   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.repository_arn
      },
      {
        # `starburst quota` counts the tasks of all clusters where CloudWatch has no figure.
        Sid      = "Count"
        Effect   = "Allow"
        Action   = ["ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks"]
        Resource = "*" # reads
      },
      {
        Sid      = "Quota"
        Effect   = "Allow"
        Action   = ["servicequotas:RequestServiceQuotaIncrease"]
        Resource = "arn:${local.partition}:servicequotas:${local.region}:${local.account}:fargate/*"
      },
    ])
  })
  tags = local.tags
}

# Ships the user's program: image, revision, service. May pass the two roles of the workers, no others.
resource "aws_iam_policy" "deployer" {
  name        = "${var.name}-deployer"
  description = "Ships programs to a Starburst stack"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.cluster_read_statements, [
      {
        Sid      = "Config"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = aws_ssm_parameter.config.arn
      },
      {
        Sid      = "Login"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*" # it has no resource
      },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = local.repository_arn
      },
      {
        # It has no resource; the tag, which a revision takes over from the one before, keeps it to this stack.
        Sid       = "Revise"
        Effect    = "Allow"
        Action    = ["ecs:RegisterTaskDefinition"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestTag/starburst:stack" = var.name } }
      },
      {
        Sid      = "TagRevision"
        Effect   = "Allow"
        Action   = ["ecs:TagResource"]
        Resource = "arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${var.name}-worker:*"
      },
      {
        Sid      = "Roll"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = local.service_arns
      },
      {
        Sid       = "Pass"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.worker.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        # Announces the program's handlers and waits for a worker's hello.
        Sid      = "Hello"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
        Resource = aws_dynamodb_table.this.arn
      },
    ], local.kms_statements)
  })
  tags = local.tags
}
