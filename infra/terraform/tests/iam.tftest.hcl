mock_provider "aws" {
  source = "./tests/mocks"
}

# The zip file is built elsewhere; any .zip that is there will do.
variables {
  scaler_zip = "./tests/empty.zip"
}

# Who may do what, action by action. A list that grows must grow here too, on purpose.

run "roles" {
  command = apply

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.worker.policy).Statement : s.Sid => s.Action } == {
      Queue                    = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
      Table                    = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      Protection               = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
      Objects                  = ["s3:GetObject", "s3:PutObject"]
      TellMissingFromForbidden = ["s3:ListBucket"]
    }
    error_message = "worker: ${aws_iam_role_policy.worker.policy}"
  }
  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.worker.policy).Statement : s.Sid => s.Resource } == {
      Queue                    = "arn:aws:sqs:eu-west-1:123456789012:starburst"
      Table                    = "arn:aws:dynamodb:eu-west-1:123456789012:table/starburst"
      Protection               = "arn:aws:ecs:eu-west-1:123456789012:task/starburst/*"
      Objects                  = ["arn:aws:s3:::starburst-123456789012-eu-west-1/in/*", "arn:aws:s3:::starburst-123456789012-eu-west-1/out/*"]
      TellMissingFromForbidden = "arn:aws:s3:::starburst-123456789012-eu-west-1"
    }
    error_message = "worker: ${aws_iam_role_policy.worker.policy}"
  }
  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Sid => s.Action } == {
      Login  = ["ecr:GetAuthorizationToken"]
      Pull   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Output = ["logs:CreateLogStream", "logs:PutLogEvents"]
    }
    error_message = "execution: ${aws_iam_role_policy.execution.policy}"
  }
  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.scaler[0].policy).Statement : s.Sid => s.Action } == {
      Queues                   = ["sqs:GetQueueAttributes"]
      Table                    = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      Services                 = ["ecs:DescribeServices", "ecs:UpdateService"]
      Stop                     = ["ecs:StopTask"]
      Limits                   = ["cloudwatch:GetMetricData", "ec2:DescribeSubnets", "ecs:DescribeTaskDefinition", "servicequotas:GetServiceQuota"]
      Count                    = ["ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks"]
      Output                   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Plans                    = ["s3:GetObject"]
      TellMissingFromForbidden = ["s3:ListBucket"]
    }
    error_message = "scaler: ${aws_iam_role_policy.scaler[0].policy}"
  }
  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.scaler[0].policy).Statement : s if s.Sid == "Stop"]) == {
      Sid       = "Stop", Effect = "Allow", Action = ["ecs:StopTask"], Resource = "arn:aws:ecs:eu-west-1:123456789012:task/starburst/*"
      Condition = { ArnEquals = { "ecs:cluster" = "arn:aws:ecs:eu-west-1:123456789012:cluster/starburst" } }
    }
    error_message = "the autoscaler may stop others' tasks: ${aws_iam_role_policy.scaler[0].policy}"
  }
  # A condition here would leave the quota unknown in every account with another cluster.
  assert {
    condition = alltrue([for p in [aws_iam_role_policy.scaler[0].policy, aws_iam_policy.operator.policy] :
      one([for s in jsondecode(p).Statement : s if s.Sid == "Count"]) == {
        Sid = "Count", Effect = "Allow", Action = ["ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks"], Resource = "*"
    }])
    error_message = "somebody cannot count the tasks of all clusters"
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.scaler[0].policy).Statement : s.Resource if s.Sid == "Services"]) == ["arn:aws:ecs:eu-west-1:123456789012:service/starburst/starburst", "arn:aws:ecs:eu-west-1:123456789012:service/starburst/starburst-on-demand"]
    error_message = "the autoscaler may size others' services: ${aws_iam_role_policy.scaler[0].policy}"
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.schedule[0].policy).Statement : [s.Action, s.Resource]] == [[["lambda:InvokeFunction"], "arn:aws:lambda:eu-west-1:123456789012:function:starburst-scaler"]]
    error_message = "schedule: ${aws_iam_role_policy.schedule[0].policy}"
  }
  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.deadman_rule[0].policy).Statement : s.Sid => s.Action } == {
      Start = ["ssm:StartAutomationExecution"]
      Pass  = ["iam:PassRole"]
    }
    error_message = "dead man's rule: ${aws_iam_role_policy.deadman_rule[0].policy}"
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.deadman_automation[0].policy).Statement : s.Action] == [["ecs:UpdateService"]]
    error_message = "dead man's automation: ${aws_iam_role_policy.deadman_automation[0].policy}"
  }

  # Who may assume them.
  assert {
    condition = alltrue([for role, service in {
      (aws_iam_role.worker.assume_role_policy)                = "ecs-tasks"
      (aws_iam_role.schedule[0].assume_role_policy)           = "scheduler"
      (aws_iam_role.deadman_rule[0].assume_role_policy)       = "events"
      (aws_iam_role.deadman_automation[0].assume_role_policy) = "ssm"
      } : jsondecode(role).Statement == [{
        Effect    = "Allow"
        Principal = { Service = "${service}.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }]])
    error_message = "a role may be assumed for another account"
  }
  assert {
    condition     = aws_iam_role.execution.assume_role_policy == aws_iam_role.worker.assume_role_policy && aws_ecs_task_definition.worker.task_role_arn == aws_iam_role.worker.arn
    error_message = "the roles of the workers"
  }
}

run "policies_of_people" {
  command = apply

  assert {
    condition = { for s in jsondecode(aws_iam_policy.producer.policy).Statement : s.Sid => s.Action } == {
      Send                     = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Table                    = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      Config                   = ["ssm:GetParameter"]
      Wake                     = ["lambda:InvokeFunction"]
      Arguments                = ["s3:GetObject", "s3:PutObject"]
      Results                  = ["s3:GetObject"]
      TellMissingFromForbidden = ["s3:ListBucket"]
    }
    error_message = "producer: ${aws_iam_policy.producer.policy}"
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_policy.enqueuer.policy).Statement : [s.Action, s.Resource]] == [[["sqs:GetQueueUrl", "sqs:SendMessage"], "arn:aws:sqs:eu-west-1:123456789012:starburst"]]
    error_message = "enqueuer: ${aws_iam_policy.enqueuer.policy}"
  }
  assert {
    condition = { for s in jsondecode(aws_iam_policy.operator.policy).Statement : s.Sid => s.Action if !contains([for p in jsondecode(aws_iam_policy.producer.policy).Statement : p.Sid], s.Sid) || s.Sid == "Tasks" } == {
      Tasks         = ["ecs:DescribeTasks", "ecs:ListTasks"]
      Definitions   = ["ecs:DescribeTaskDefinition"]
      Output        = ["logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartLiveTail"]
      Scale         = ["ecs:DescribeServices", "ecs:UpdateService"]
      Stop          = ["ecs:StopTask"]
      DeadLetters   = ["sqs:CancelMessageMoveTask", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"]
      Purge         = ["sqs:PurgeQueue"]
      MendQueues    = ["sqs:SetQueueAttributes"]
      RemoveItems   = ["dynamodb:BatchWriteItem"]
      RemoveObjects = ["s3:DeleteObject"]
      MendTable     = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:UpdateTimeToLive"]
      Look = [
        "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "ec2:DescribeSubnets", "ecr:GetAuthorizationToken",
        "iam:SimulatePrincipalPolicy", "pricing:GetProducts", "servicequotas:GetServiceQuota", "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
      ]
      LookAtImages = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Count        = ["ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks"]
      Quota        = ["servicequotas:RequestServiceQuotaIncrease"]
    }
    error_message = "operator: ${aws_iam_policy.operator.policy}"
  }
  assert {
    condition     = length([for p in jsondecode(aws_iam_policy.producer.policy).Statement : p if !contains(jsondecode(aws_iam_policy.operator.policy).Statement, p)]) == 0
    error_message = "an operator may do what a producer may: ${aws_iam_policy.operator.policy}"
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_policy.operator.policy).Statement : s.Condition if s.Sid == "Stop"]) == { ArnEquals = { "ecs:cluster" = "arn:aws:ecs:eu-west-1:123456789012:cluster/starburst" } }
    error_message = "an operator may stop others' tasks"
  }
  assert {
    condition = { for s in jsondecode(aws_iam_policy.deployer.policy).Statement : s.Sid => s.Action } == {
      Tasks       = ["ecs:DescribeTasks", "ecs:ListTasks"]
      Definitions = ["ecs:DescribeTaskDefinition"]
      Output      = ["logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartLiveTail"]
      Config      = ["ssm:GetParameter"]
      Login       = ["ecr:GetAuthorizationToken"]
      Push        = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
      Revise      = ["ecs:RegisterTaskDefinition"]
      TagRevision = ["ecs:TagResource"]
      Roll        = ["ecs:DescribeServices", "ecs:UpdateService"]
      Pass        = ["iam:PassRole"]
      Hello       = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    }
    error_message = "deployer: ${aws_iam_policy.deployer.policy}"
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_policy.deployer.policy).Statement : s if s.Sid == "Pass"]).Condition == { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } && length(one([for s in jsondecode(aws_iam_policy.deployer.policy).Statement : s.Resource if s.Sid == "Pass"])) == 2
    error_message = "a deployer passes more than the two roles"
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_policy.deployer.policy).Statement : s.Condition if s.Sid == "Revise"]) == { StringEquals = { "aws:RequestTag/starburst:stack" = "starburst" } }
    error_message = "a deployer registers task definitions of others"
  }
}

run "queue_policies" {
  command = apply

  variables {
    producer_organization_id = "o-a1b2c3d4e5"
  }
  assert {
    condition = jsondecode(aws_sqs_queue.tasks.policy).Statement == [
      {
        Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = { AWS = "*" }, Action = "sqs:*"
        Resource  = "arn:aws:sqs:eu-west-1:123456789012:starburst"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "AllowProducersOfTheOrganization", Effect = "Allow", Principal = { AWS = "*" }
        Action    = ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
        Resource  = "arn:aws:sqs:eu-west-1:123456789012:starburst"
        Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" } }
      },
    ]
    error_message = "queue: ${aws_sqs_queue.tasks.policy}"
  }
  # The other queue has a policy of its own: one that names the first protects nothing.
  assert {
    condition = jsondecode(aws_sqs_queue.dead.policy).Statement == [
      {
        Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = { AWS = "*" }, Action = "sqs:*"
        Resource  = "arn:aws:sqs:eu-west-1:123456789012:starburst-dlq"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
    error_message = "dead-letter queue: ${aws_sqs_queue.dead.policy}"
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this[0].policy).Statement[0].Effect == "Deny" && jsondecode(aws_s3_bucket_policy.this[0].policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "bucket: ${aws_s3_bucket_policy.this[0].policy}"
  }
}

run "a_key_of_the_accounts_own" {
  command = apply

  variables {
    kms_key_arn              = "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }
  assert {
    condition = alltrue([for p in [aws_iam_role_policy.worker.policy, aws_iam_role_policy.scaler[0].policy, aws_iam_role_policy.schedule[0].policy, aws_iam_policy.producer.policy, aws_iam_policy.enqueuer.policy, aws_iam_policy.operator.policy, aws_iam_policy.deployer.policy] :
      one([for s in jsondecode(p).Statement : s if s.Sid == "Keys"]) == {
        Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
    }])
    error_message = "somebody cannot use the key"
  }
  assert {
    condition = alltrue([
      aws_sqs_queue.tasks.kms_master_key_id == var.kms_key_arn,
      aws_sqs_queue.dead.kms_master_key_id == var.kms_key_arn, aws_sqs_queue.tasks.kms_data_key_reuse_period_seconds == 3600,
      aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn,
      one(aws_s3_bucket_server_side_encryption_configuration.this[0].rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn,
      aws_ecr_repository.workers[0].encryption_configuration[0].kms_key == var.kms_key_arn,
      aws_cloudwatch_log_group.workers.kms_key_id == var.kms_key_arn,
      aws_lambda_function.scaler[0].kms_key_arn == var.kms_key_arn,
    ])
    error_message = "something is not under the key"
  }
  assert {
    condition     = alltrue([for r in [aws_iam_role.worker, aws_iam_role.execution, aws_iam_role.scaler[0], aws_iam_role.schedule[0], aws_iam_role.deadman_rule[0], aws_iam_role.deadman_automation[0]] : r.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"])
    error_message = "a role is without the boundary"
  }
}

# IAM refuses a managed policy of more than 6,144 characters, and all inline policies of a role together beyond 10,240
# (IAM user guide, quotas). The rest is for longer regions, partitions and generated names than these.
run "policies_fit" {
  command = apply

  variables {
    name          = "a12345678901234567890123"
    service_count = 10
    kms_key_arn   = "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
  }
  assert {
    condition     = alltrue([for p in [aws_iam_policy.producer, aws_iam_policy.enqueuer, aws_iam_policy.operator, aws_iam_policy.deployer] : length(p.policy) < 5500])
    error_message = "operator ${length(aws_iam_policy.operator.policy)}, deployer ${length(aws_iam_policy.deployer.policy)} characters"
  }
  assert {
    condition     = alltrue([for p in [aws_iam_role_policy.scaler[0], aws_iam_role_policy.worker, aws_iam_role_policy.execution] : length(p.policy) < 9000])
    error_message = "scaler ${length(aws_iam_role_policy.scaler[0].policy)}, worker ${length(aws_iam_role_policy.worker.policy)} characters"
  }
}
