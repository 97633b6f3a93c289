# What MiniStack cannot store, copied beside the module by the tests.

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
}

# Alarms are returned without most of what they say, so that a plan is never empty; and
# there is no CreateDocument, so that the dead man's switch has nothing to start.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count = 0
}
resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  count = 0
}
resource "aws_cloudwatch_metric_alarm" "deadman" {
  count = 0
}
resource "aws_cloudwatch_event_rule" "deadman" {
  count = 0
}
resource "aws_cloudwatch_event_target" "deadman" {
  count = 0
}
resource "aws_ssm_document" "scale_to_zero" {
  count = 0
}

# Returned without the setting.
resource "aws_ecs_service" "worker" {
  lifecycle {
    ignore_changes = [
      desired_count, task_definition, # as in the module
      availability_zone_rebalancing,
    ]
  }
}
