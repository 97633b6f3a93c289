# What moto cannot store, copied beside the module by the tests.

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
}

# Accepted and never returned: the provider would wait for it.
resource "aws_sqs_queue" "dead" {
  redrive_allow_policy = null
}

# Returned with other white space.
resource "aws_sqs_queue" "tasks" {
  lifecycle {
    ignore_changes = [redrive_policy]
  }
}

# Returned as EC2's, without strategy and tags' settings.
resource "aws_ecs_service" "worker" {
  lifecycle {
    ignore_changes = [
      desired_count, task_definition, # as in the module
      availability_zone_rebalancing, capacity_provider_strategy, deployment_controller, enable_ecs_managed_tags, health_check_grace_period_seconds, launch_type,
    ]
  }
}
