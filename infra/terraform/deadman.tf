# The dead man's switch. When the autoscaler has not run, or has only failed, for 15
# minutes, nobody watches the money: every service is set to zero from outside. Messages
# wait. Workers without a leader take no new work by themselves after the same time.

locals {
  deadman = var.scaler_enabled && var.alarms_enabled
}

# Errors has a data point for every run, 0 or 1: all failed is 1, none ran is missing. One
# metric says both.
resource "aws_cloudwatch_metric_alarm" "deadman" {
  count = local.deadman ? 1 : 0

  alarm_name          = "${var.name}-autoscaler-dead"
  alarm_description   = "The autoscaler of ${var.name} has not run, or only failed, for 15 minutes; its services are set to zero."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = local.scaler_name }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

resource "aws_cloudwatch_event_rule" "deadman" {
  count = local.deadman ? 1 : 0

  name        = "${var.name}-autoscaler-dead"
  description = "The autoscaler of ${var.name} is dead"
  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = [aws_cloudwatch_metric_alarm.deadman[0].arn]
    detail      = { state = { value = ["ALARM"] } }
  })
  tags = local.tags
}

resource "aws_cloudwatch_event_target" "deadman" {
  count = local.deadman ? 1 : 0

  rule     = aws_cloudwatch_event_rule.deadman[0].name
  arn      = "arn:${local.partition}:ssm:${local.region}:${local.account}:automation-definition/${aws_ssm_document.scale_to_zero[0].name}:$DEFAULT"
  role_arn = aws_iam_role.deadman_rule[0].arn
}

resource "aws_ssm_document" "scale_to_zero" {
  count = local.deadman ? 1 : 0

  name            = "${var.name}-scale-to-zero"
  document_type   = "Automation"
  document_format = "JSON"
  content = jsonencode({
    schemaVersion = "0.3"
    description   = "Sets every service of the Starburst stack ${var.name} to zero."
    assumeRole    = aws_iam_role.deadman_automation[0].arn
    mainSteps = [for i, s in local.services : {
      name      = "service${i + 1}"
      action    = "aws:executeAwsApi"
      onFailure = "Continue" # one service that cannot be reached must not save the others
      inputs    = { Service = "ecs", Api = "UpdateService", cluster = var.name, service = s.name, desiredCount = 0 }
    }]
  })
  tags = local.tags
}

resource "aws_iam_role" "deadman_automation" {
  count = local.deadman ? 1 : 0

  name                 = "${var.name}-scale-to-zero"
  description          = "Sets the Starburst services to zero"
  assume_role_policy   = local.trust["ssm"]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "deadman_automation" {
  count = local.deadman ? 1 : 0

  name = "scale-to-zero"
  role = aws_iam_role.deadman_automation[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Zero"
      Effect   = "Allow"
      Action   = ["ecs:UpdateService"]
      Resource = local.service_arns
    }]
  })
}

resource "aws_iam_role" "deadman_rule" {
  count = local.deadman ? 1 : 0

  name                 = "${var.name}-autoscaler-dead"
  description          = "Starts the automation that sets the Starburst services to zero"
  assume_role_policy   = local.trust["events"]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "deadman_rule" {
  count = local.deadman ? 1 : 0

  name = "start"
  role = aws_iam_role.deadman_rule[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Start"
        Effect   = "Allow"
        Action   = ["ssm:StartAutomationExecution"]
        Resource = "arn:${local.partition}:ssm:${local.region}:${local.account}:automation-definition/${var.name}-scale-to-zero:*"
      },
      {
        Sid       = "Pass"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = aws_iam_role.deadman_automation[0].arn
        Condition = { StringEquals = { "iam:PassedToService" = "ssm.amazonaws.com" } }
      },
    ]
  })
}
