# No way to the internet: private subnets, and AWS through endpoints. Four interface
# endpoints in two zones cost $58.40 a month, whether or not anything runs; with
# `-var endpoints_enabled=false` between bursts they cost nothing, and nothing works.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "Region of the stack."
  type        = string
  default     = "us-east-1"
}

variable "endpoints_enabled" {
  description = "Keep the interface endpoints, which are billed by the hour."
  type        = bool
  default     = true
}

module "starburst" {
  source = "../.."

  name                = "starburst"
  private             = true
  zone_count          = 2
  interface_endpoints = var.endpoints_enabled ? ["ecr.api", "ecr.dkr", "logs", "sqs"] : []
}

output "config" {
  description = "What `starburst init --from-terraform` reads."
  value       = module.starburst.config
}
