mock_provider "aws" {
  source = "./tests/mocks"
}

# The zip file is built elsewhere; any .zip that is there will do.
variables {
  scaler_zip = "./tests/empty.zip"
}

run "public_by_default" {
  command = apply

  assert {
    condition     = length(aws_subnet.workers) == 3 && [for s in aws_subnet.workers : s.cidr_block] == ["10.83.0.0/19", "10.83.32.0/19", "10.83.64.0/19"]
    error_message = "a subnet in each of three zones: ${jsonencode(aws_subnet.workers[*].cidr_block)}"
  }
  assert {
    condition     = alltrue([for s in aws_subnet.workers : !s.map_public_ip_on_launch])
    error_message = "a subnet gives everything a public address"
  }
  assert {
    condition = alltrue([for s in aws_ecs_service.worker :
      s.network_configuration[0].assign_public_ip
      && s.network_configuration[0].subnets == toset(aws_subnet.workers[*].id)
      && s.network_configuration[0].security_groups == toset([aws_security_group.workers[0].id])
    ])
    error_message = "workers are not where they belong"
  }
  # Asserted here: a scanner passes an open rule that names no ports.
  assert {
    condition = alltrue([
      aws_vpc_security_group_egress_rule.https[0].ip_protocol == "tcp",
      aws_vpc_security_group_egress_rule.https[0].from_port == 443,
      aws_vpc_security_group_egress_rule.https[0].to_port == 443,
      length(aws_vpc_security_group_ingress_rule.endpoints) == 0,
      length(aws_default_security_group.this) == 1,
    ])
    error_message = "nothing comes in, and only HTTPS goes out"
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["dynamodb", "s3"]) && alltrue([for e in aws_vpc_endpoint.gateway : e.vpc_endpoint_type == "Gateway"])
    error_message = "the free gateway endpoints"
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_flow_log.this) == 0
    error_message = "something that bills by the hour is on by default"
  }
}

run "private" {
  command = apply

  variables {
    private       = true
    zone_count    = 2
    flow_log_days = 30
  }
  assert {
    condition     = length(aws_internet_gateway.this) == 0 && length(aws_route.internet) == 0 && alltrue([for s in aws_ecs_service.worker : !s.network_configuration[0].assign_public_ip])
    error_message = "there is a way to the internet"
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "sqs"]) && alltrue([for e in aws_vpc_endpoint.interface : e.private_dns_enabled])
    error_message = "endpoints: ${jsonencode(keys(aws_vpc_endpoint.interface))}"
  }
  assert {
    condition     = aws_vpc_endpoint.interface["sqs"].service_name == "com.amazonaws.eu-west-1.sqs"
    error_message = "the endpoint of another region"
  }
  assert {
    condition = alltrue([
      aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443,
      aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443,
      aws_vpc_security_group_ingress_rule.endpoints[0].referenced_security_group_id == aws_security_group.workers[0].id,
    ])
    error_message = "endpoints let in more than the workers' HTTPS"
  }
  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && aws_cloudwatch_log_group.flow[0].retention_in_days == 30
    error_message = "flow logs"
  }
}

run "private_between_bursts" {
  command = plan

  variables {
    private             = true
    interface_endpoints = []
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "an endpoint is billed between bursts"
  }
}

run "a_network_that_exists" {
  command = apply

  variables {
    vpc = { id = "vpc-0123456789abcdef0", subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"], security_group_ids = ["sg-0123456789abcdef0"] }
  }
  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.workers) + length(aws_security_group.workers) + length(aws_vpc_endpoint.gateway) + length(aws_default_security_group.this) == 0
    error_message = "the stack made a network although one was given"
  }
  assert {
    condition = alltrue([for s in aws_ecs_service.worker :
      !s.network_configuration[0].assign_public_ip
      && s.network_configuration[0].subnets == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
      && s.network_configuration[0].security_groups == toset(["sg-0123456789abcdef0"])
    ])
    error_message = "workers are not in the network that was given"
  }
  assert {
    condition     = output.config.subnets == tolist(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]) && output.vpc_id == "vpc-0123456789abcdef0"
    error_message = "config does not name the network"
  }
}

run "a_network_that_exists_with_a_group_of_ours" {
  command = apply

  variables {
    vpc = { id = "vpc-0123456789abcdef0", subnet_ids = ["subnet-0123456789abcdef0"], assign_public_ip = true }
  }
  assert {
    condition     = aws_security_group.workers[0].vpc_id == "vpc-0123456789abcdef0" && alltrue([for s in aws_ecs_service.worker : s.network_configuration[0].assign_public_ip])
    error_message = "the group or the public address"
  }
}
