# Autoscaler, alarms, money.

variable "scaler_enabled" {
  description = "Run the autoscaler as a Lambda function once a minute. Without it, `starburst autoscale` or `starburst run` must."
  type        = bool
  default     = true
  nullable    = false
}

variable "scaler_zip" {
  description = "The autoscaler's zip file. Default: the one that `make lambda` leaves in dist/."
  type        = string
  default     = null

  validation {
    condition     = var.scaler_zip == null || can(regex("\\.zip$", var.scaler_zip))
    error_message = "scaler_zip must be the path of a .zip file."
  }
}

variable "scaler_architecture" {
  description = "Processor of the autoscaler's function, as its zip file was built: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.scaler_architecture)
    error_message = "scaler_architecture must be arm64 or x86_64."
  }
}

variable "scaler_reserved_concurrency" {
  description = "Reserved concurrency of the autoscaler's function; -1 reserves none, which is all that a new account's limit of 10 allows. One leader is held by a lease in the table, not by this."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = contains([-1, 1, 2], var.scaler_reserved_concurrency)
    error_message = "scaler_reserved_concurrency must be -1, 1 or 2."
  }
}

variable "scaler_environment" {
  description = "Further environment variables of the autoscaler, for instance its mode and goals (`starburst autoscale --help`)."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for k in keys(var.scaler_environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", k))])
    error_message = "scaler_environment's keys must be names of variables."
  }
}

variable "vcpu_quota" {
  description = "vCPUs that this stack may use at once, instead of what Service Quotas says; 0 asks Service Quotas."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.vcpu_quota >= 0 && floor(var.vcpu_quota) == var.vcpu_quota
    error_message = "vcpu_quota must be a whole number of vCPUs, or 0."
  }
}

variable "max_cost_per_hour" {
  description = "Dollars an hour at which no further worker is started; 0 means no limit."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.max_cost_per_hour >= 0
    error_message = "max_cost_per_hour must not be negative."
  }
}

variable "max_cost_per_day" {
  description = "Dollars a day at which the stack stops; 0 means no limit."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.max_cost_per_day >= 0
    error_message = "max_cost_per_day must not be negative."
  }
}

variable "alarms_enabled" {
  description = "Make the alarms and the dead-man switch, three metrics at about $0.10 a month each."
  type        = bool
  default     = true
  nullable    = false
}

variable "no_workers_minutes" {
  description = "Ring when messages wait for so many minutes and no worker takes any; 0 makes no such alarm. It reads two metrics, about $0.20 a month together. Fargate takes a minute or two to start the first worker."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = contains([0, 5, 10, 15, 20, 30, 45, 60], var.no_workers_minutes)
    error_message = "no_workers_minutes must be 0, 5, 10, 15, 20, 30, 45 or 60."
  }
}

variable "alarm_emails" {
  description = "Addresses that alarms and the budget write to. Each must confirm once."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for a in var.alarm_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", a))])
    error_message = "alarm_emails must be e-mail addresses."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that exist and that alarms are published to."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.alarm_topic_arns) <= 4 && alltrue([for a in var.alarm_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", a))])
    error_message = "alarm_topic_arns must be at most 4 ARNs of SNS topics."
  }
}

variable "monthly_budget" {
  description = "Dollars a month that a budget over the stack's tag warns at, at 80 % forecast and 100 % actual; 0 makes none. Needs alarm_emails, and the tag starburst:stack activated for cost allocation. It lags by up to a day: what stops is max_cost_per_day."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.monthly_budget >= 0 && (var.monthly_budget == 0 || length(var.alarm_emails) > 0)
    error_message = "monthly_budget must not be negative, and needs alarm_emails: a budget that tells nobody is none."
  }
}
