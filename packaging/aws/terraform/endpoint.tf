# The replicated endpoint.

resource "aws_lb" "api" {
  load_balancer_type = "network"
  internal           = !local.is_internet_facing
  subnets            = length(var.api_subnet_ids) > 0 ? var.api_subnet_ids : [var.subnet_ids.a, var.subnet_ids.b, var.subnet_ids.c]
  security_groups    = [aws_security_group.api.id]
  # Each zone's address leads to every master, so that a zone without one is no hole for its clients.
  enable_cross_zone_load_balancing = true
  tags                             = { KubernetesCluster = var.cluster_name }
}

resource "aws_lb_target_group" "api" {
  vpc_id      = var.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = 6443
  # With the client's address kept, a master that is led back to itself is never answered.
  preserve_client_ip = false
  # A group waits for this before the terminating hook begins.
  deregistration_delay   = 30
  connection_termination = true
  # Anonymous requests may ask /readyz. The certificate is not looked at.
  health_check {
    protocol            = "HTTPS"
    port                = "traffic-port"
    path                = "/readyz"
    matcher             = "200"
    interval            = 10
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
  tags = { KubernetesCluster = var.cluster_name }
}

resource "aws_lb_listener" "api" {
  load_balancer_arn = aws_lb.api.arn
  protocol          = "TCP"
  port              = 443
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

# Where workers ask to join: the load balancer of the apiservers, or an internal one beside it where that is public.
# Over a public one workers come from their NAT gateways' addresses, and masters compare a worker's address with
# EC2's. It is in the nodes' subnets: api_subnet_ids are public ones then.

resource "aws_lb" "join" {
  count                            = local.is_internet_facing ? 1 : 0
  load_balancer_type               = "network"
  internal                         = true
  subnets                          = [var.subnet_ids.a, var.subnet_ids.b, var.subnet_ids.c]
  security_groups                  = [aws_security_group.join[0].id]
  enable_cross_zone_load_balancing = true
  tags                             = { KubernetesCluster = var.cluster_name }
}

resource "aws_lb_target_group" "join" {
  vpc_id      = var.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = 3998
  # A master holds the address against EC2's. Masters ask nobody here, so that none is led back to itself.
  preserve_client_ip     = true
  deregistration_delay   = 30
  connection_termination = true
  health_check {
    protocol            = "TCP"
    port                = "traffic-port"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
  tags = { KubernetesCluster = var.cluster_name }
}

resource "aws_lb_listener" "join" {
  load_balancer_arn = local.is_internet_facing ? aws_lb.join[0].arn : aws_lb.api.arn
  protocol          = "TCP"
  port              = 3998
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.join.arn
  }
}
