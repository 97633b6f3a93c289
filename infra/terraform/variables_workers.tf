variable "architecture" {
  description = "Processor of the workers: ARM64, which costs a fifth less, or X86_64."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture must be ARM64 or X86_64."
  }
}

variable "cpu_units" {
  description = "CPU of a worker; 1024 units are one vCPU."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu_units)
    error_message = "cpu_units must be a size of Fargate: 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "memory_mib" {
  description = "Memory of a worker."
  type        = number
  default     = 2048
  nullable    = false

  validation {
    condition = contains(lookup({
      "256"   = [512, 1024, 2048]
      "512"   = [for g in range(1, 5) : g * 1024]
      "1024"  = [for g in range(2, 9) : g * 1024]
      "2048"  = [for g in range(4, 17) : g * 1024]
      "4096"  = [for g in range(8, 31) : g * 1024]
      "8192"  = [for g in range(16, 61, 4) : g * 1024]
      "16384" = [for g in range(32, 121, 8) : g * 1024]
    }, tostring(var.cpu_units), [var.memory_mib]), var.memory_mib)
    error_message = "memory_mib is no size that Fargate has for cpu_units. It has 512 to 2048 MiB for 256 units, 1 to 4 GiB for 512, 2 to 8 for 1024, 4 to 16 for 2048, 8 to 30 for 4096, 16 to 60 in steps of 4 for 8192, 32 to 120 in steps of 8 for 16384."
  }
}

variable "disk_gib" {
  description = "Disk of a worker; the first 20 GiB are free."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.disk_gib >= 20 && var.disk_gib <= 200 && floor(var.disk_gib) == var.disk_gib
    error_message = "disk_gib must be a whole number from 20 to 200 (Fargate)."
  }
}

variable "slots" {
  description = "Tasks that a worker runs at once."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.slots >= 1 && var.slots <= 256 && floor(var.slots) == var.slots
    error_message = "slots must be a whole number from 1 to 256."
  }
}

variable "max_workers" {
  description = "The most workers that the autoscaler runs, over all services."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.max_workers >= 1 && var.max_workers <= 5000 * var.service_count && floor(var.max_workers) == var.max_workers
    error_message = "max_workers must be a whole number from 1 to 5000 for each service of service_count (ECS: tasks per service)."
  }
}

variable "spot" {
  description = "Run workers on Fargate Spot, with an On-Demand service to fall back on. False: On-Demand only."
  type        = bool
  default     = true
  nullable    = false
}

variable "service_count" {
  description = "Primary services. ECS starts at most 500 tasks a minute in each, so that bursts of thousands start sooner with several."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.service_count >= 1 && var.service_count <= 10 && floor(var.service_count) == var.service_count
    error_message = "service_count must be a whole number from 1 to 10 (DescribeServices: 10 a call; the fallback service is not counted)."
  }
}

variable "image" {
  description = "Image of the workers, where it is not `starburst deploy` that sets it. Default: the stack's own repository, until the first deploy without an image."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[a-z0-9][a-z0-9._:/-]*[a-z0-9](:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$", var.image))
    error_message = "image must be a reference such as registry/name:tag or registry/name@sha256:DIGEST."
  }
}

variable "command" {
  description = "Command of the worker's container. Default: the image's own."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.command) <= 64 && alltrue([for c in var.command : length(c) > 0])
    error_message = "command must have at most 64 words, none of them empty."
  }
}

variable "worker_environment" {
  description = "Further environment variables of the workers. No secrets: whoever may describe the task definition reads them."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for k in keys(var.worker_environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", k)) && !startswith(k, "STARBURST_")])
    error_message = "worker_environment's keys must be names of variables and must not begin with STARBURST_, which the stack sets."
  }
}

variable "worker_policy_arns" {
  description = "Policies for what the tasks themselves need, for instance to read a data set; attached to the workers' role."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.worker_policy_arns) <= 10 && alltrue([for a in var.worker_policy_arns : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", a))])
    error_message = "worker_policy_arns must be at most 10 ARNs of IAM policies."
  }
}

variable "container_insights" {
  description = "Container Insights of the cluster: disabled, enabled or enhanced. It bills about $0.07 per metric and month, which adds up for bursts of hundreds of workers."
  type        = string
  default     = "disabled"
  nullable    = false

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights must be disabled, enabled or enhanced."
  }
}
