locals {
  alarm_topic   = length(var.alarm_emails) > 0 && var.alarms_enabled
  alarm_actions = concat(aws_sns_topic.alarms[*].arn, var.alarm_topic_arns)
}

# A topic under the key alias/aws/sns would be silent: CloudWatch cannot use that key.
resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:Alarms carry names and counts; the default key would keep CloudWatch from publishing, so kms_key_arn or none
  count = local.alarm_topic ? 1 : 0

  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
  tags              = local.tags
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = local.alarm_topic ? var.alarm_emails : toset([])

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count = var.alarms_enabled ? 1 : 0

  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Messages of ${var.name} could not be used; look with `starburst dlq ls`."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching" # SQS reports nothing of a queue that rests
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# Work that waits although somebody should do it: no workers, too few, or stuck.
resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  count = var.alarms_enabled ? 1 : 0

  alarm_name          = "${var.name}-oldest-message"
  alarm_description   = "The oldest message of ${var.name} has waited for more than ${local.oldest_seconds} s; look with `starburst doctor`."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.tasks.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = local.oldest_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# Messages wait, and nobody holds one: there is no worker, or none that takes any. Long before the oldest message's
# alarm, but two metrics, each billed as an alarm of its own.
resource "aws_cloudwatch_metric_alarm" "no_workers" {
  count = var.alarms_enabled && var.no_workers_minutes > 0 ? 1 : 0

  alarm_name          = "${var.name}-no-workers"
  alarm_description   = "Messages of ${var.name} have waited for ${var.no_workers_minutes} minutes, and no worker has taken one; look with `starburst scale explain` and `starburst doctor`."
  evaluation_periods  = var.no_workers_minutes / 5
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching" # as above
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags

  metric_query {
    id          = "alone"
    label       = "Messages wait and no worker has one"
    expression  = "IF(waiting > 0 AND FILL(held, 0) == 0, 1, 0)"
    return_data = true
  }
  # Of five minutes the least that waits and the most that is held: a moment's rest is no fault.
  dynamic "metric_query" {
    for_each = { waiting = ["ApproximateNumberOfMessagesVisible", "Minimum"], held = ["ApproximateNumberOfMessagesNotVisible", "Maximum"] }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value[0]
        dimensions  = { QueueName = aws_sqs_queue.tasks.name }
        stat        = metric_query.value[1]
        period      = 300
      }
    }
  }
}

locals {
  # A burst that waits for its turn is no fault; half the retention is.
  oldest_seconds = floor(var.queue_retention_days * 86400 / 2)
}
