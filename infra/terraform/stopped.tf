# Why workers ended: ECS forgets a stopped task after an hour, so its last state is
# written down. EventBridge may write to groups under /aws/events/ that a resource
# policy opens; a region has ten such policies, which bounds the stacks in one.

resource "aws_cloudwatch_event_rule" "stopped" {
  name        = "${var.name}-stopped"
  description = "Stopped tasks of the cluster ${var.name}"
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail      = { clusterArn = [local.cluster_arn], lastStatus = ["STOPPED"] }
  })
  tags = local.tags
}

resource "aws_cloudwatch_event_target" "stopped" {
  rule = aws_cloudwatch_event_rule.stopped.name
  arn  = aws_cloudwatch_log_group.stopped.arn
}

resource "aws_cloudwatch_log_resource_policy" "stopped" {
  policy_name = "starburst-${var.name}-stopped"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Events"
      Effect    = "Allow"
      Principal = { Service = ["delivery.logs.amazonaws.com", "events.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.stopped.arn}:*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}
