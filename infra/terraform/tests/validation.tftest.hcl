# Every variable with a rule is given values on the wrong side of it, as many at once as do
# not judge each other; internal/deployed holds that no variable is left out.

mock_provider "aws" {
  source = "./tests/mocks"
}

# The zip file is built elsewhere; any .zip that is there will do.
variables {
  scaler_zip = "./tests/empty.zip"
}

run "wrong_1" {
  command = plan

  variables {
    name                        = "ab"
    fleet                       = ""
    tags                        = { "aws:x" = "y" }
    kms_key_arn                 = "alias/mine"
    permissions_boundary_arn    = "boundary"
    log_retention_days          = 8
    visibility_seconds          = 29
    max_receives                = 9
    queue_retention_days        = 0
    max_message_bytes           = 131071
    producer_organization_id    = "org"
    bucket_expiry_days          = 30
    image_keep                  = 1
    architecture                = "arm"
    cpu_units                   = 1000
    disk_gib                    = 19
    slots                       = 0
    max_workers                 = 0
    image                       = "Not An Image"
    command                     = [""]
    worker_environment          = { "STARBURST_TABLE" = "mine" }
    worker_policy_arns          = ["policy"]
    container_insights          = "on"
    vpc                         = { "id" = "vpc", "subnet_ids" = ["subnet-0123456789abcdef0"] }
    vpc_cidr                    = "10.0.0.0/8"
    zone_count                  = 0
    interface_endpoints         = ["com amazonaws"]
    flow_log_days               = 2
    scaler_zip                  = "bootstrap"
    scaler_architecture         = "ARM64"
    scaler_reserved_concurrency = 0
    scaler_environment          = { "a-b" = "c" }
    vcpu_quota                  = -1
    max_cost_per_hour           = -1
    max_cost_per_day            = -0.01
    no_workers_minutes          = 7
    alarm_emails                = ["nobody"]
    alarm_topic_arns            = ["topic"]
  }
  expect_failures = [
    var.name,
    var.fleet,
    var.tags,
    var.kms_key_arn,
    var.permissions_boundary_arn,
    var.log_retention_days,
    var.visibility_seconds,
    var.max_receives,
    var.queue_retention_days,
    var.max_message_bytes,
    var.producer_organization_id,
    var.bucket_expiry_days,
    var.image_keep,
    var.architecture,
    var.cpu_units,
    var.disk_gib,
    var.slots,
    var.max_workers,
    var.image,
    var.command,
    var.worker_environment,
    var.worker_policy_arns,
    var.container_insights,
    var.vpc,
    var.vpc_cidr,
    var.zone_count,
    var.interface_endpoints,
    var.flow_log_days,
    var.scaler_zip,
    var.scaler_architecture,
    var.scaler_reserved_concurrency,
    var.scaler_environment,
    var.vcpu_quota,
    var.max_cost_per_hour,
    var.max_cost_per_day,
    var.no_workers_minutes,
    var.alarm_emails,
    var.alarm_topic_arns,
  ]
}

run "wrong_2" {
  command = plan

  variables {
    name                 = "Upper"
    fleet                = "a b"
    tags                 = { "starburst:stack" = "mine" }
    visibility_seconds   = 43201
    max_receives         = 1001
    queue_retention_days = 14
    max_message_bytes    = 1048577
    bucket_expiry_days   = 3651
    image_keep           = 1001
    memory_mib           = 1024
    disk_gib             = 201
    slots                = 257
    max_workers          = 5001
    worker_environment   = { "1x" = "y" }
    vpc                  = { "id" = "vpc-0123456789abcdef0", "subnet_ids" = [] }
    vpc_cidr             = "10.0.0.0/25"
    zone_count           = 7
    vcpu_quota           = 1.5
    monthly_budget       = -1
  }
  expect_failures = [
    var.name,
    var.fleet,
    var.tags,
    var.visibility_seconds,
    var.max_receives,
    var.queue_retention_days,
    var.max_message_bytes,
    var.bucket_expiry_days,
    var.image_keep,
    var.memory_mib,
    var.disk_gib,
    var.slots,
    var.max_workers,
    var.worker_environment,
    var.vpc,
    var.vpc_cidr,
    var.zone_count,
    var.vcpu_quota,
    var.monthly_budget,
  ]
}

run "wrong_3" {
  command = plan

  variables {
    name               = "ends-with-"
    dlq_retention_days = 4
    memory_mib         = 16384
    service_count      = 0
    vpc                = { "id" = "vpc-0123456789abcdef0", "subnet_ids" = ["subnet-0123456789abcdef0"], "security_group_ids" = ["mine"] }
    vpc_cidr           = "ten"
    monthly_budget     = 10
  }
  expect_failures = [
    var.name,
    var.dlq_retention_days,
    var.memory_mib,
    var.service_count,
    var.vpc,
    var.vpc_cidr,
    var.monthly_budget,
  ]
}

run "wrong_4" {
  command = plan

  variables {
    name               = "a123456789012345678901234"
    dlq_retention_days = 15
    service_count      = 11
  }
  expect_failures = [
    var.name,
    var.dlq_retention_days,
    var.service_count,
  ]
}

run "a_zip_that_is_not_there" {
  command = plan
  variables {
    scaler_zip = "./tests/none.zip"
  }
  expect_failures = [aws_lambda_function.scaler]
}
