# Queue, table, bucket, images.

variable "visibility_seconds" {
  description = "How long a dead worker's messages stay hidden. A live one renews its leases, however long a task takes."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.visibility_seconds >= 30 && var.visibility_seconds <= 43200 && floor(var.visibility_seconds) == var.visibility_seconds
    error_message = "visibility_seconds must be a whole number from 30 (a lease is renewed after a third of it) to 43200 (SQS: 12 hours)."
  }
}

variable "max_receives" {
  description = "After how many receives a message goes to the dead-letter queue. It is no attempt count: every release and restart raises it."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.max_receives >= 10 && var.max_receives <= 1000 && floor(var.max_receives) == var.max_receives
    error_message = "max_receives must be a whole number from 10 (releases and restarts count as receives) to 1000 (SQS)."
  }
}

variable "queue_retention_days" {
  description = "How long a message may wait in the queue."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.queue_retention_days >= 1 && var.queue_retention_days <= 13 && floor(var.queue_retention_days) == var.queue_retention_days
    error_message = "queue_retention_days must be a whole number from 1 to 13: the dead-letter queue must keep messages longer, and SQS keeps none longer than 14 days."
  }
}

variable "dlq_retention_days" {
  description = "How long a message may stay in the dead-letter queue, counted from when it was first sent."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.dlq_retention_days <= 14 && var.dlq_retention_days > var.queue_retention_days && floor(var.dlq_retention_days) == var.dlq_retention_days
    error_message = "dlq_retention_days must be a whole number of at most 14 and above queue_retention_days: a message keeps the time it was first sent, and would expire on arrival."
  }
}

variable "max_message_bytes" {
  description = "The largest message; larger arguments go through the bucket. SQS takes 1048576, the provider from 6.8 on; older ones at most the default."
  type        = number
  default     = 262144
  nullable    = false

  validation {
    condition     = var.max_message_bytes >= 131072 && var.max_message_bytes <= 1048576 && floor(var.max_message_bytes) == var.max_message_bytes
    error_message = "max_message_bytes must be a whole number from 131072 (a chunk of tasks needs room) to 1048576 (SQS)."
  }
}

variable "producer_organization_id" {
  description = "AWS organization whose other accounts may send to the queue. Default: this account's principals only, by their own policies."
  type        = string
  default     = null

  validation {
    condition     = var.producer_organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.producer_organization_id))
    error_message = "producer_organization_id must look like o-a1b2c3d4e5."
  }
}

variable "point_in_time_recovery" {
  description = "Keep continuous backups of the table for 35 days, about $0.20 per GB and month."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the table, by anybody, until this is false again."
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket_enabled" {
  description = "Make the bucket for arguments and results that do not fit a message or an item. Without it they are refused."
  type        = bool
  default     = true
  nullable    = false
}

variable "bucket_expiry_days" {
  description = "After how many days objects of the bucket are deleted. It must outlive the jobs' items in the table, which expire after 30 days unless extended."
  type        = number
  default     = 45
  nullable    = false

  validation {
    condition     = var.bucket_expiry_days >= 31 && var.bucket_expiry_days <= 3650 && floor(var.bucket_expiry_days) == var.bucket_expiry_days
    error_message = "bucket_expiry_days must be a whole number from 31 (jobs expire after 30 days) to 3650."
  }
}

variable "image_keep" {
  description = "How many images the repository keeps; older ones are deleted."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.image_keep >= 2 && var.image_keep <= 1000 && floor(var.image_keep) == var.image_keep
    error_message = "image_keep must be a whole number from 2 (the one in use and the one to roll back to) to 1000."
  }
}
