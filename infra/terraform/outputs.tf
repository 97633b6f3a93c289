locals {
  # README.md has the table of keys; `starburst init` reads this from either place.
  config = {
    schema                = 1
    name                  = var.name
    region                = local.region
    account               = local.account
    queue_url             = aws_sqs_queue.tasks.id
    queue_arn             = local.queue_arn
    dlq_url               = aws_sqs_queue.dead.id
    dlq_arn               = local.dlq_arn
    visibility_seconds    = var.visibility_seconds
    max_receives          = var.max_receives
    max_message_bytes     = var.max_message_bytes
    retention_seconds     = var.queue_retention_days * 86400
    dlq_retention_seconds = var.dlq_retention_days * 86400
    table                 = aws_dynamodb_table.this.name
    bucket                = join("", aws_s3_bucket.this[*].id)
    fleet                 = var.fleet
    cluster               = aws_ecs_cluster.this.name
    cluster_arn           = local.cluster_arn
    service               = var.name
    services              = [for i, s in local.services : { name = s.name, arn = local.service_arns[i], capacity = s.capacity }]
    task_family           = aws_ecs_task_definition.worker.family
    container             = local.container
    architecture          = var.architecture
    cpu_units             = var.cpu_units
    memory_mib            = var.memory_mib
    disk_gib              = var.disk_gib
    slots                 = var.slots
    max_workers           = var.max_workers
    vcpu_quota            = var.vcpu_quota
    repository_url        = join("", aws_ecr_repository.workers[*].repository_url)
    task_role_arn         = aws_iam_role.worker.arn
    execution_role_arn    = aws_iam_role.execution.arn
    subnets               = local.subnets
    security_groups       = local.security_groups
    assign_public_ip      = local.assign_public_ip
    log_group             = aws_cloudwatch_log_group.workers.name
    log_prefix            = local.log_prefix
    stopped_log_group     = aws_cloudwatch_log_group.stopped.name
    scaler_function       = var.scaler_enabled ? local.scaler_name : ""
    alarms                = concat(aws_cloudwatch_metric_alarm.dead_letters[*].alarm_name, aws_cloudwatch_metric_alarm.oldest_message[*].alarm_name, aws_cloudwatch_metric_alarm.no_workers[*].alarm_name, aws_cloudwatch_metric_alarm.deadman[*].alarm_name)
    environment           = local.environment
  }
}

resource "aws_ssm_parameter" "config" {
  #checkov:skip=CKV2_AWS_34:It holds names and settings, no secrets, and is read by all who use the stack
  name        = "/starburst/${var.name}/config"
  description = "Starburst stack ${var.name}: what `starburst init --stack ${var.name}` reads"
  type        = "String"
  value       = jsonencode(local.config)
  tier        = "Intelligent-Tiering" # standard and free up to 4 KiB, which ten services and six subnets exceed
  tags        = local.tags
}

output "config" {
  description = "All that the command line needs; the SSM parameter holds the same."
  value       = local.config
}

output "config_parameter_name" {
  description = "The SSM parameter with the stack's configuration."
  value       = aws_ssm_parameter.config.name
}

output "environment" {
  description = "The variables that describe the stack to any program of Starburst's."
  value       = local.environment
}

output "queue_url" {
  description = "The queue."
  value       = aws_sqs_queue.tasks.id
}

output "queue_arn" {
  description = "The queue."
  value       = local.queue_arn
}

output "dlq_url" {
  description = "The dead-letter queue."
  value       = aws_sqs_queue.dead.id
}

output "dlq_arn" {
  description = "The dead-letter queue."
  value       = local.dlq_arn
}

output "table_name" {
  description = "The table."
  value       = aws_dynamodb_table.this.name
}

output "bucket_name" {
  description = "The bucket; empty without one."
  value       = join("", aws_s3_bucket.this[*].id)
}

output "repository_url" {
  description = "The image repository; empty with an outside image."
  value       = join("", aws_ecr_repository.workers[*].repository_url)
}

output "log_group_name" {
  description = "The workers' output."
  value       = aws_cloudwatch_log_group.workers.name
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "service_names" {
  description = "The services that the autoscaler sizes, the fallback last."
  value       = [for s in local.services : s.name]
}

output "scaler_function_name" {
  description = "The autoscaler's function; empty without one."
  value       = var.scaler_enabled ? local.scaler_name : ""
}

output "producer_policy_arn" {
  description = "Policy of who submits jobs and reads results."
  value       = aws_iam_policy.producer.arn
}

output "enqueuer_policy_arn" {
  description = "Policy of programs that put tasks straight onto the queue."
  value       = aws_iam_policy.enqueuer.arn
}

output "operator_policy_arn" {
  description = "Policy of who watches, scales, stops and repairs."
  value       = aws_iam_policy.operator.arn
}

output "deployer_policy_arn" {
  description = "Policy of who ships programs."
  value       = aws_iam_policy.deployer.arn
}

output "worker_role_arn" {
  description = "The role of the workers' tasks."
  value       = aws_iam_role.worker.arn
}

output "execution_role_arn" {
  description = "The role with which ECS starts the workers."
  value       = aws_iam_role.execution.arn
}

output "vpc_id" {
  description = "The network."
  value       = local.vpc_id
}

output "subnet_ids" {
  description = "Where workers run."
  value       = local.subnets
}

output "security_group_ids" {
  description = "The workers' security groups."
  value       = local.security_groups
}
