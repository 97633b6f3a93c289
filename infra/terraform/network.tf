# Three networks to choose from. The default has public subnets, public addresses and
# no way in: it costs nothing while nothing runs. `private` has no way out but
# endpoints, and `vpc` is one that exists.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:Only the first zone_count by name are used; a zone that AWS adds sorts behind them
  count = var.vpc == null ? 1 : 0

  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  own_vpc          = var.vpc == null
  own_group        = local.own_vpc || length(try(var.vpc.security_group_ids, [])) == 0
  flow_logs        = local.own_vpc && var.flow_log_days > 0
  zones            = local.own_vpc ? slice(data.aws_availability_zones.available[0].names, 0, min(var.zone_count, length(data.aws_availability_zones.available[0].names))) : []
  vpc_id           = local.own_vpc ? aws_vpc.this[0].id : var.vpc.id
  subnets          = local.own_vpc ? aws_subnet.workers[*].id : var.vpc.subnet_ids
  security_groups  = local.own_group ? [aws_security_group.workers[0].id] : var.vpc.security_group_ids
  assign_public_ip = local.own_vpc ? !var.private : var.vpc.assign_public_ip
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Flow logs bill per gigabyte, and the group lets nothing in; flow_log_days turns them on
  count = local.own_vpc ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = var.name })
}

# The group that AWS makes with every network lets its members in; taken over, it lets in nobody.
resource "aws_default_security_group" "this" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = "${var.name}-default-unused" })
}

resource "aws_subnet" "workers" {
  count = local.own_vpc ? length(local.zones) : 0

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = local.zones[count.index]
  cidr_block              = cidrsubnet(var.vpc_cidr, 3, count.index)
  map_public_ip_on_launch = false # the service asks for an address where one is wanted
  tags                    = merge(local.tags, { Name = "${var.name}-${local.zones[count.index]}" })
}

resource "aws_internet_gateway" "this" {
  count = local.own_vpc && !var.private ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = var.name })
}

resource "aws_route_table" "workers" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = "${var.name}-workers" })
}

resource "aws_route" "internet" {
  count = local.own_vpc && !var.private ? 1 : 0

  route_table_id         = aws_route_table.workers[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "workers" {
  count = local.own_vpc ? length(local.zones) : 0

  subnet_id      = aws_subnet.workers[count.index].id
  route_table_id = aws_route_table.workers[0].id
}

# Nothing comes in. What goes out goes to AWS, over TLS.
resource "aws_security_group" "workers" {
  count = local.own_group ? 1 : 0

  name        = "${var.name}-workers"
  description = "Starburst workers: no ingress, HTTPS out"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-workers" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count = local.own_group ? 1 : 0

  security_group_id = aws_security_group.workers[0].id
  description       = "HTTPS to AWS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_flow_log" "this" {
  count = local.flow_logs ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn    = aws_iam_role.flow[0].arn
  tags            = local.tags
}
