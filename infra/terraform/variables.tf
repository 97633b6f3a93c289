variable "name" {
  description = "Name of the stack and prefix of all names. Several stacks live in one account under different names."
  type        = string
  default     = "starburst"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 24 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen: bucket names bound it."
  }
}

variable "fleet" {
  description = "Name under which the workers keep their ledgers in the table."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.fleet))
    error_message = "fleet must have 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "tags" {
  description = "Tags of every resource, beside starburst:stack, by which cost reports are grouped."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 45 && alltrue([for k, v in var.tags : can(regex("^.{1,128}$", k)) && !startswith(lower(k), "aws:") && k != "starburst:stack" && length(v) <= 256])
    error_message = "tags must be at most 45, with keys of 1 to 128 characters that do not begin with aws: and are not starburst:stack, and values of at most 256."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for queues, table, bucket, images, logs and the autoscaler. Default: keys that AWS owns, which cost nothing."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (not of an alias), arn:aws:kms:REGION:ACCOUNT:key/ID."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of every role, where the account demands one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket and the image repository with what is in them. Apply it first: destroy asks the state, not the variable."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
