locals {
  # ECS starts some 500 tasks a minute in a service; several primaries start sooner.
  primary_capacity = var.spot ? "FARGATE_SPOT" : "FARGATE"
  primary_services = [for i in range(var.service_count) : {
    name     = i == 0 ? var.name : "${var.name}-${i + 1}"
    capacity = local.primary_capacity
  }]
  # Spot can run dry; the autoscaler then uses this one.
  fallback_services = var.spot ? [{ name = "${var.name}-on-demand", capacity = "FARGATE" }] : []
  services          = concat(local.primary_services, local.fallback_services)
  service_arns      = [for s in local.services : "arn:${local.partition}:ecs:${local.region}:${local.account}:service/${var.name}/${s.name}"]

  container = "worker"
  # Until the first deploy there is no image; the services stand at zero.
  image = var.image != null ? var.image : "${aws_ecr_repository.workers[0].repository_url}:none-yet"

  # What names the stack, for workers, autoscalers and callers alike.
  environment = merge({
    STARBURST_QUEUE_URL = aws_sqs_queue.tasks.id
    STARBURST_DLQ_URL   = aws_sqs_queue.dead.id
    STARBURST_TABLE     = aws_dynamodb_table.this.name
    STARBURST_FLEET     = var.fleet
    STARBURST_CLUSTER   = aws_ecs_cluster.this.name
    STARBURST_SERVICE   = var.name

    STARBURST_SERVICES          = join(",", local.primary_services[*].name)
    STARBURST_MAX_MESSAGE_BYTES = tostring(var.max_message_bytes)
    }, var.spot ? { STARBURST_FALLBACK_SERVICE = join(",", local.fallback_services[*].name) } : {},
  var.bucket_enabled ? { STARBURST_BUCKET = aws_s3_bucket.this[0].id } : {})
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:Container Insights bills per metric and month, much for bursts of hundreds of workers; container_insights turns it on
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  tags = local.tags
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_ecs_task_definition" "worker" {
  family                   = "${var.name}-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu_units
  memory                   = var.memory_mib
  task_role_arn            = aws_iam_role.worker.arn
  execution_role_arn       = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  # The root is read-only; /tmp is not. Fargate mounts a volume as root's with mode 0755, unless the image declares the
  # same absolute path as a VOLUME: then mode and owner are the image's (ECS developer guide, "Use bind mounts with
  # Amazon ECS"). Hence VOLUME /tmp with mode 1777, for a user other than root to write there.
  volume {
    name = "tmp"
  }
  dynamic "ephemeral_storage" {
    for_each = var.disk_gib > 20 ? [var.disk_gib] : []
    content {
      size_in_gib = ephemeral_storage.value
    }
  }

  container_definitions = jsonencode([merge({
    name                   = local.container
    image                  = local.image
    essential              = true
    cpu                    = var.cpu_units
    memory                 = var.memory_mib
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    privileged             = false
    stopTimeout            = 120 # Fargate's most; a worker that is stopped finishes or releases what it has
    linuxParameters        = { initProcessEnabled = true }
    ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    portMappings           = []
    systemControls         = []
    volumesFrom            = []
    environment = [for k, v in merge(var.worker_environment, local.environment, {
      STARBURST_ROLE  = "worker"
      STARBURST_SLOTS = tostring(var.slots)
      TMPDIR          = "/tmp"
      HOME            = "/tmp"
    }) : { name = k, value = v }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.workers.name
        awslogs-region        = local.region
        awslogs-stream-prefix = local.log_prefix
        # A worker must not stand still because its output cannot be delivered.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }, length(var.command) == 0 ? {} : { command = var.command })])

  tags = local.tags
}

resource "aws_ecs_service" "worker" {
  #checkov:skip=CKV_AWS_333:A public address is the cheapest way out, and the group lets nothing in; private = true goes without
  for_each = { for s in local.services : s.name => s.capacity }

  name            = each.key
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.worker.arn
  desired_count   = 0

  capacity_provider_strategy {
    capacity_provider = each.value
    weight            = 1
  }
  network_configuration {
    subnets          = local.subnets
    security_groups  = local.security_groups
    assign_public_ip = local.assign_public_ip
  }

  # A deploy may stop all old workers at once: messages wait, requests there are none.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 200
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  availability_zone_rebalancing = "DISABLED" # it would stop workers that are busy
  enable_ecs_managed_tags       = true
  enable_execute_command        = false
  propagate_tags                = "SERVICE"
  wait_for_steady_state         = false
  tags                          = local.tags

  lifecycle {
    # The autoscaler owns the count, and `starburst deploy` the revision.
    ignore_changes = [desired_count, task_definition]
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this, aws_iam_role_policy.execution, aws_iam_role_policy.worker]
}
