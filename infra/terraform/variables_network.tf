variable "vpc" {
  description = "A network that exists, instead of one of the stack's own: its id, the subnets of the workers, security groups (default: one of the stack's own without ingress), and whether workers get public addresses. Subnets need a way to SQS, DynamoDB, S3, ECR and CloudWatch Logs."
  type = object({
    id                 = string
    subnet_ids         = list(string)
    security_group_ids = optional(list(string), [])
    assign_public_ip   = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.vpc == null ? true : can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc.id))
    error_message = "vpc.id must look like vpc-0123456789abcdef0."
  }
  validation {
    condition     = var.vpc == null ? true : length(var.vpc.subnet_ids) >= 1 && length(var.vpc.subnet_ids) <= 16 && alltrue([for s in var.vpc.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", s))])
    error_message = "vpc.subnet_ids must be 1 to 16 (ECS) ids such as subnet-0123456789abcdef0."
  }
  validation {
    condition     = var.vpc == null ? true : length(var.vpc.security_group_ids) <= 5 && alltrue([for s in var.vpc.security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", s))])
    error_message = "vpc.security_group_ids must be at most 5 (ECS) ids such as sg-0123456789abcdef0."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the stack's own network. Each zone's subnet gets an eighth, the most one can do without planning; a worker takes one address."
  type        = string
  default     = "10.83.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 block from /16 to /24."
  }
}

variable "zone_count" {
  description = "Availability zones of the stack's own network. More zones find more Spot capacity; interface endpoints are billed per zone."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.zone_count >= 1 && var.zone_count <= 6 && floor(var.zone_count) == var.zone_count
    error_message = "zone_count must be a whole number from 1 to 6."
  }
}

variable "private" {
  description = "Give the stack's own network no way to the internet: private subnets, and AWS through endpoints. Endpoints are billed while nothing runs; see interface_endpoints."
  type        = bool
  default     = false
  nullable    = false
}

variable "interface_endpoints" {
  description = "Services that the private network reaches through interface endpoints, each about $7.30 a month and zone. An empty list between bursts saves that; nothing works meanwhile."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "sqs"]
  nullable    = false

  validation {
    condition     = alltrue([for s in var.interface_endpoints : can(regex("^[a-z0-9][a-z0-9.-]+$", s))])
    error_message = "interface_endpoints must be names of services as in com.amazonaws.REGION.NAME, for instance sqs."
  }
}

variable "flow_log_days" {
  description = "Keep flow logs of the stack's own network for so many days; 0 means none."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_log_days)
    error_message = "flow_log_days must be 0 or one of the periods that CloudWatch Logs knows, up to 731."
  }
}
