mock_provider "aws" {
  source = "./tests/mocks"
}

# The zip file is built elsewhere; any .zip that is there will do.
variables {
  scaler_zip = "./tests/empty.zip"
}

run "defaults" {
  command = apply

  # The queue and its dead-letter queue.
  assert {
    condition = alltrue([
      aws_sqs_queue.tasks.name == "starburst",
      aws_sqs_queue.dead.name == "starburst-dlq",
      aws_sqs_queue.tasks.visibility_timeout_seconds == 60,
      aws_sqs_queue.tasks.sqs_managed_sse_enabled,
      aws_sqs_queue.dead.sqs_managed_sse_enabled,
    ])
    error_message = "queues: names, visibility or encryption"
  }
  assert {
    condition     = aws_sqs_queue.dead.message_retention_seconds > aws_sqs_queue.tasks.message_retention_seconds
    error_message = "the dead-letter queue must keep messages longer than the queue"
  }
  assert {
    condition = jsondecode(aws_sqs_queue.tasks.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:starburst-dlq"
      maxReceiveCount     = 20
    }
    error_message = "redrive policy: ${aws_sqs_queue.tasks.redrive_policy}"
  }
  assert {
    condition     = aws_sqs_queue.dead.redrive_allow_policy == jsonencode({ redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-west-1:123456789012:starburst"] })
    error_message = "only our queue may use the dead-letter queue: ${aws_sqs_queue.dead.redrive_allow_policy}"
  }

  # The table.
  assert {
    condition = alltrue([
      aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST",
      aws_dynamodb_table.this.hash_key == "pk",
      aws_dynamodb_table.this.range_key == "sk",
      aws_dynamodb_table.this.ttl[0].attribute_name == "exp",
      aws_dynamodb_table.this.ttl[0].enabled,
      aws_dynamodb_table.this.point_in_time_recovery[0].enabled,
      !aws_dynamodb_table.this.deletion_protection_enabled,
    ])
    error_message = "table: billing, keys, expiry or backups"
  }

  # The bucket.
  assert {
    condition = alltrue([
      aws_s3_bucket.this[0].bucket == "starburst-123456789012-eu-west-1",
      !aws_s3_bucket.this[0].force_destroy,
      aws_s3_bucket_public_access_block.this[0].block_public_acls,
      aws_s3_bucket_public_access_block.this[0].block_public_policy,
      aws_s3_bucket_public_access_block.this[0].ignore_public_acls,
      aws_s3_bucket_public_access_block.this[0].restrict_public_buckets,
      aws_s3_bucket_lifecycle_configuration.this[0].rule[0].expiration[0].days == 45,
    ])
    error_message = "bucket: name, public access or expiry"
  }

  # Images.
  assert {
    condition = alltrue([
      aws_ecr_repository.workers[0].image_tag_mutability == "IMMUTABLE",
      aws_ecr_repository.workers[0].image_scanning_configuration[0].scan_on_push,
      !aws_ecr_repository.workers[0].force_delete,
    ])
    error_message = "images: tags, scan or deletion"
  }

  # The autoscaler.
  assert {
    condition = alltrue([
      aws_lambda_function.scaler[0].runtime == "provided.al2023",
      aws_lambda_function.scaler[0].architectures == tolist(["arm64"]),
      aws_lambda_function.scaler[0].timeout == 120,
      aws_scheduler_schedule.scaler[0].schedule_expression == "rate(1 minute)",
      aws_scheduler_schedule.scaler[0].target[0].retry_policy[0].maximum_retry_attempts == 0,
      aws_lambda_function_event_invoke_config.scaler[0].maximum_retry_attempts == 0,
    ])
    error_message = "autoscaler: runtime, time or schedule"
  }
  assert {
    condition = alltrue([for k, v in {
      STARBURST_FLEET       = "default"
      STARBURST_CLUSTER     = "starburst"
      STARBURST_SERVICE     = "starburst"
      STARBURST_TABLE       = "starburst"
      STARBURST_BUCKET      = aws_s3_bucket.this[0].id
      STARBURST_MAX_WORKERS = "100"
      STARBURST_SLOTS       = "1"
    } : aws_lambda_function.scaler[0].environment[0].variables[k] == v])
    error_message = "autoscaler's environment: ${jsonencode(aws_lambda_function.scaler[0].environment[0].variables)}"
  }
  assert {
    condition     = length([for k in ["STARBURST_VCPU_QUOTA", "STARBURST_MAX_COST_PER_DAY", "STARBURST_MAX_COST_PER_HOUR"] : k if contains(keys(aws_lambda_function.scaler[0].environment[0].variables), k)]) == 0
    error_message = "a limit that nobody set must not be in the environment"
  }

  # Alarms: three metrics, so that standing still costs 30 cents for them.
  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.deadman[0].treat_missing_data == "breaching",
      aws_cloudwatch_metric_alarm.deadman[0].period * aws_cloudwatch_metric_alarm.deadman[0].evaluation_periods == 900,
      aws_cloudwatch_metric_alarm.dead_letters[0].treat_missing_data == "notBreaching",
      aws_cloudwatch_metric_alarm.oldest_message[0].threshold == 172800,
      length(aws_cloudwatch_metric_alarm.no_workers) == 0, # two metrics more would cost more than half a dollar
      length(aws_sns_topic.alarms) == 0,
      length(aws_budgets_budget.this) == 0,
    ])
    error_message = "alarms"
  }

  # The parameter and the output are the same.
  assert {
    condition     = aws_ssm_parameter.config.name == "/starburst/starburst/config" && aws_ssm_parameter.config.value == jsonencode(output.config)
    error_message = "the parameter must hold the output"
  }
  assert {
    condition = alltrue([for k, v in {
      schema      = 1, name = "starburst", region = "eu-west-1", account = "123456789012", visibility_seconds = 60, max_receives = 20,
      table       = "starburst", fleet = "default", cluster = "starburst", service = "starburst", task_family = "starburst-worker",
      container   = "worker", architecture = "ARM64", cpu_units = 1024, memory_mib = 2048, disk_gib = 20, slots = 1,
      max_workers = 100, vcpu_quota = 0, scaler_function = "starburst-scaler",
    } : output.config[k] == v])
    error_message = "config: ${jsonencode(output.config)}"
  }
}

run "nothing_that_was_not_asked_for" {
  command = apply

  variables {
    bucket_enabled = false
    scaler_enabled = false
    alarms_enabled = false
    image          = "registry.example.com/workers@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
  assert {
    condition = sum([
      length(aws_s3_bucket.this), length(aws_lambda_function.scaler), length(aws_scheduler_schedule.scaler), length(aws_ecr_repository.workers),
      length(aws_cloudwatch_metric_alarm.dead_letters), length(aws_cloudwatch_metric_alarm.oldest_message), length(aws_cloudwatch_metric_alarm.deadman),
      length(aws_ssm_document.scale_to_zero), length(aws_iam_role.scaler), length(aws_iam_role.schedule), length(aws_iam_role.deadman_rule),
    ]) == 0
    error_message = "something was made without being asked for"
  }
  assert {
    condition     = output.config.bucket == "" && output.config.scaler_function == "" && output.config.repository_url == "" && length(output.config.alarms) == 0
    error_message = "config names what there is not: ${jsonencode(output.config)}"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].image == "registry.example.com/workers@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    error_message = "the image that was given is not used"
  }
  assert {
    condition     = !contains([for e in jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].environment : e.name], "STARBURST_BUCKET")
    error_message = "the workers are told of a bucket that is not there"
  }
}

run "limits_and_warnings" {
  command = apply

  variables {
    vcpu_quota         = 64
    max_cost_per_hour  = 2.5
    max_cost_per_day   = 20
    alarm_emails       = ["oncall@example.com"]
    monthly_budget     = 300
    no_workers_minutes = 15
  }
  assert {
    condition = alltrue([for k, v in {
      STARBURST_VCPU_QUOTA = "64", STARBURST_MAX_COST_PER_HOUR = "2.5", STARBURST_MAX_COST_PER_DAY = "20"
    } : aws_lambda_function.scaler[0].environment[0].variables[k] == v])
    error_message = "the autoscaler does not know its limits: ${jsonencode(aws_lambda_function.scaler[0].environment[0].variables)}"
  }
  assert {
    condition = alltrue([for a in [aws_cloudwatch_metric_alarm.deadman[0], aws_cloudwatch_metric_alarm.dead_letters[0], aws_cloudwatch_metric_alarm.oldest_message[0], aws_cloudwatch_metric_alarm.no_workers[0]] :
    a.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:starburst-alarms"])])
    error_message = "an alarm tells nobody"
  }
  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.no_workers[0].evaluation_periods == 3,
      aws_cloudwatch_metric_alarm.no_workers[0].treat_missing_data == "notBreaching",
      { for q in aws_cloudwatch_metric_alarm.no_workers[0].metric_query : q.id => try([q.metric[0].metric_name, q.metric[0].stat, q.metric[0].dimensions["QueueName"]], [q.expression]) } == {
        alone   = ["IF(waiting > 0 AND FILL(held, 0) == 0, 1, 0)"]
        waiting = ["ApproximateNumberOfMessagesVisible", "Minimum", "starburst"]
        held    = ["ApproximateNumberOfMessagesNotVisible", "Maximum", "starburst"]
      },
      contains(output.config.alarms, "starburst-no-workers"),
    ])
    error_message = "the alarm of messages that wait without a worker: ${jsonencode(aws_cloudwatch_metric_alarm.no_workers[0].metric_query)}"
  }
  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "300" && one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:starburst:stack$starburst"])
    error_message = "the budget is not over the stack's tag"
  }
  assert {
    condition     = aws_sns_topic.alarms[0].kms_master_key_id == null
    error_message = "CloudWatch cannot publish to a topic under the default key"
  }
}

# Everything that can carry the tag of the stack does: the bill is grouped by it.
run "tags" {
  command = apply

  variables {
    name = "other"
    tags = { team = "risk" }
  }
  assert {
    condition = alltrue([for r in [
      aws_sqs_queue.tasks, aws_sqs_queue.dead, aws_dynamodb_table.this, aws_s3_bucket.this[0], aws_ecr_repository.workers[0], aws_ecs_cluster.this,
      aws_ecs_task_definition.worker, aws_ecs_service.worker["other"], aws_ecs_service.worker["other-on-demand"], aws_lambda_function.scaler[0],
      aws_cloudwatch_log_group.workers, aws_cloudwatch_log_group.scaler[0], aws_iam_role.worker, aws_iam_role.scaler[0], aws_vpc_endpoint.gateway["s3"],
    ] : r.tags["starburst:stack"] == "other" && r.tags["team"] == "risk"])
    error_message = "a resource lacks the stack's tag"
  }
  assert {
    condition     = aws_ecs_service.worker["other"].propagate_tags == "SERVICE"
    error_message = "the tasks lack the stack's tag"
  }
}
