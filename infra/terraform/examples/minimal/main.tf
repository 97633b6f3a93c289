# The whole stack with its defaults: public subnets without a way in, Fargate Spot,
# about $0.40 a month while nothing runs.

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

module "starburst" {
  source = "../.."

  name = "starburst"
}

output "config" {
  description = "What `starburst init --from-terraform` reads."
  value       = module.starburst.config
}
