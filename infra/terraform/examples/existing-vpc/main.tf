# Workers in a network that exists. Its subnets need a way to SQS, DynamoDB, S3, ECR
# and CloudWatch Logs: a NAT gateway, endpoints, or public addresses.

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

variable "vpc_id" {
  description = "The network."
  type        = string
  default     = "vpc-0123456789abcdef0"
}

variable "subnet_ids" {
  description = "The workers' subnets, in as many zones as possible: Spot capacity is found by zone."
  type        = list(string)
  default     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

module "starburst" {
  source = "../.."

  name = "starburst"
  vpc = {
    id         = var.vpc_id
    subnet_ids = var.subnet_ids
  }
}

output "config" {
  description = "What `starburst init --from-terraform` reads."
  value       = module.starburst.config
}
