mock_provider "aws" {
  source = "./tests/mocks"
}

# The zip file is built elsewhere; any .zip that is there will do.
variables {
  scaler_zip = "./tests/empty.zip"
}

run "spot_with_a_fallback" {
  command = apply

  assert {
    condition = { for n, s in aws_ecs_service.worker : n => one(s.capacity_provider_strategy).capacity_provider } == {
      starburst           = "FARGATE_SPOT"
      starburst-on-demand = "FARGATE"
    }
    error_message = "services: ${jsonencode({ for n, s in aws_ecs_service.worker : n => s.capacity_provider_strategy })}"
  }
  assert {
    condition     = alltrue([for s in aws_ecs_service.worker : s.desired_count == 0 && s.deployment_minimum_healthy_percent == 0 && !s.enable_execute_command && s.availability_zone_rebalancing == "DISABLED"])
    error_message = "a service starts something, waits for something, or stops busy workers"
  }
  assert {
    condition     = aws_lambda_function.scaler[0].environment[0].variables["STARBURST_SERVICES"] == "starburst" && aws_lambda_function.scaler[0].environment[0].variables["STARBURST_FALLBACK_SERVICE"] == "starburst-on-demand"
    error_message = "the autoscaler does not know its services"
  }
}

run "on_demand_only" {
  command = apply

  variables {
    spot = false
  }
  assert {
    condition     = { for n, s in aws_ecs_service.worker : n => one(s.capacity_provider_strategy).capacity_provider } == { starburst = "FARGATE" }
    error_message = "services: ${jsonencode(keys(aws_ecs_service.worker))}"
  }
}

run "several_services" {
  command = apply

  variables {
    service_count = 3
    max_workers   = 15000
  }
  assert {
    condition     = output.service_names == ["starburst", "starburst-2", "starburst-3", "starburst-on-demand"] && [for s in output.config.services : s.capacity] == ["FARGATE_SPOT", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE"]
    error_message = "services: ${jsonencode(output.config.services)}"
  }
  assert {
    condition     = aws_lambda_function.scaler[0].environment[0].variables["STARBURST_SERVICES"] == "starburst,starburst-2,starburst-3"
    error_message = "the autoscaler does not know its services"
  }
  assert {
    condition     = [for s in jsondecode(aws_ssm_document.scale_to_zero[0].content).mainSteps : s.inputs.service] == ["starburst", "starburst-2", "starburst-3", "starburst-on-demand"]
    error_message = "the dead man's switch forgets a service"
  }
}

run "the_container" {
  command = apply

  variables {
    slots              = 4
    disk_gib           = 50
    cpu_units          = 4096
    memory_mib         = 8192
    command            = ["worker", "--exec", "--", "./simulate.sh", "{}"]
    worker_environment = { OMP_NUM_THREADS = "1" }
  }
  assert {
    condition = alltrue([for k, v in {
      name = "worker", user = "65532:65532", readonlyRootFilesystem = true, privileged = false, stopTimeout = 120, essential = true,
    } : jsondecode(aws_ecs_task_definition.worker.container_definitions)[0][k] == v])
    error_message = "container: ${aws_ecs_task_definition.worker.container_definitions}"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].linuxParameters == { initProcessEnabled = true }
    error_message = "children of a worker that die would not be reaped"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].mountPoints == [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    error_message = "there is nowhere to write"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].command == ["worker", "--exec", "--", "./simulate.sh", "{}"]
    error_message = "the command"
  }
  assert {
    condition = { for e in jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].environment : e.name => e.value } == {
      OMP_NUM_THREADS     = "1"
      HOME                = "/tmp"
      TMPDIR              = "/tmp"
      STARBURST_ROLE      = "worker"
      STARBURST_SLOTS     = "4"
      STARBURST_QUEUE_URL = aws_sqs_queue.tasks.id
      STARBURST_DLQ_URL   = aws_sqs_queue.dead.id
      STARBURST_TABLE     = "starburst"
      STARBURST_BUCKET    = aws_s3_bucket.this[0].id
      STARBURST_FLEET     = "default"
      STARBURST_CLUSTER   = "starburst"
      STARBURST_SERVICE   = "starburst"

      STARBURST_SERVICES          = "starburst"
      STARBURST_FALLBACK_SERVICE  = "starburst-on-demand"
      STARBURST_MAX_MESSAGE_BYTES = "262144"
    }
    error_message = "environment: ${jsonencode(jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].environment)}"
  }
  assert {
    condition = alltrue([
      aws_ecs_task_definition.worker.cpu == "4096",
      aws_ecs_task_definition.worker.memory == "8192",
      aws_ecs_task_definition.worker.ephemeral_storage[0].size_in_gib == 50,
      aws_ecs_task_definition.worker.runtime_platform[0].cpu_architecture == "ARM64",
      aws_ecs_task_definition.worker.network_mode == "awsvpc",
      one(aws_ecs_task_definition.worker.volume).name == "tmp",
    ])
    error_message = "size or platform"
  }
}
