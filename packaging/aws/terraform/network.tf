# Who may connect to what. The groups name each other, so their rules stand by themselves.

resource "aws_security_group" "master" {
  name_prefix = "haagent-masters-"
  description = "Masters of ${var.cluster_name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "masters.${var.cluster_name}", KubernetesCluster = var.cluster_name }
}

resource "aws_security_group" "worker" {
  name_prefix = "haagent-workers-"
  description = "Workers of ${var.cluster_name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "workers.${var.cluster_name}", KubernetesCluster = var.cluster_name }
}

resource "aws_security_group" "api" {
  name_prefix = "haagent-api-"
  description = "The load balancer of ${var.cluster_name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "api.${var.cluster_name}", KubernetesCluster = var.cluster_name }
}

resource "aws_security_group" "join" {
  count       = local.is_internet_facing ? 1 : 0
  name_prefix = "haagent-join-"
  description = "The load balancer of ${var.cluster_name} for workers that join"
  vpc_id      = var.vpc_id
  tags        = { Name = "join.${var.cluster_name}", KubernetesCluster = var.cluster_name }
}

resource "aws_vpc_security_group_egress_rule" "master" {
  security_group_id = aws_security_group.master.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  description       = "everywhere"
}

resource "aws_vpc_security_group_egress_rule" "worker" {
  security_group_id = aws_security_group.worker.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  description       = "everywhere"
}

resource "aws_vpc_security_group_egress_rule" "api" {
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  description                  = "apiservers and their health"
}

resource "aws_vpc_security_group_ingress_rule" "api_from_clients" {
  security_group_id = aws_security_group.api.id
  cidr_ipv4         = var.api_clients
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "clients of the apiservers"
}

resource "aws_vpc_security_group_ingress_rule" "api_from_masters" {
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  description                  = "masters"
}

resource "aws_vpc_security_group_ingress_rule" "api_from_workers" {
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = aws_security_group.worker.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  description                  = "workers"
}

resource "aws_vpc_security_group_ingress_rule" "master_from_api" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  description                  = "the load balancer, to the apiserver"
}

# Pods reach the service "kubernetes" at the masters' own addresses, past the load balancer.
resource "aws_vpc_security_group_ingress_rule" "master_api_from_masters" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  description                  = "pods on masters, to the apiservers"
}

resource "aws_vpc_security_group_ingress_rule" "master_api_from_workers" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.worker.id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  description                  = "pods on workers, to the apiservers"
}

resource "aws_vpc_security_group_ingress_rule" "master_etcd_main" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 2379
  to_port                      = 2380
  description                  = "etcd main, clients and peers"
}

resource "aws_vpc_security_group_ingress_rule" "master_etcd_events" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 2389
  to_port                      = 2390
  description                  = "etcd events, clients and peers"
}

resource "aws_vpc_security_group_ingress_rule" "master_agent" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 3999
  to_port                      = 3999
  description                  = "agents, announcements and status"
}

resource "aws_vpc_security_group_ingress_rule" "worker_agent" {
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 3999
  to_port                      = 3999
  description                  = "agents, status"
}

resource "aws_vpc_security_group_ingress_rule" "master_kubelet" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 10250
  to_port                      = 10250
  description                  = "apiservers, to the kubelet"
}

resource "aws_vpc_security_group_ingress_rule" "worker_kubelet" {
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 10250
  to_port                      = 10250
  description                  = "apiservers, to the kubelet"
}

resource "aws_vpc_security_group_ingress_rule" "master_overlay_from_masters" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "udp"
  from_port                    = var.overlay_port
  to_port                      = var.overlay_port
  description                  = "pod network"
}

resource "aws_vpc_security_group_ingress_rule" "master_overlay_from_workers" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = aws_security_group.worker.id
  ip_protocol                  = "udp"
  from_port                    = var.overlay_port
  to_port                      = var.overlay_port
  description                  = "pod network"
}

resource "aws_vpc_security_group_ingress_rule" "worker_overlay_from_masters" {
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "udp"
  from_port                    = var.overlay_port
  to_port                      = var.overlay_port
  description                  = "pod network"
}

resource "aws_vpc_security_group_ingress_rule" "worker_overlay_from_workers" {
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = aws_security_group.worker.id
  ip_protocol                  = "udp"
  from_port                    = var.overlay_port
  to_port                      = var.overlay_port
  description                  = "pod network"
}

resource "aws_vpc_security_group_egress_rule" "api_join" {
  security_group_id            = local.join_security_group_id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 3998
  to_port                      = 3998
  description                  = "agents that let workers join"
}

resource "aws_vpc_security_group_ingress_rule" "api_join_from_workers" {
  security_group_id            = local.join_security_group_id
  referenced_security_group_id = aws_security_group.worker.id
  ip_protocol                  = "tcp"
  from_port                    = 3998
  to_port                      = 3998
  description                  = "workers that join"
}

resource "aws_vpc_security_group_ingress_rule" "master_join_from_api" {
  security_group_id            = aws_security_group.master.id
  referenced_security_group_id = local.join_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 3998
  to_port                      = 3998
  description                  = "the load balancer, to the agent"
}

# A master calls the machine that asks to join at the address that EC2 has for it.
resource "aws_vpc_security_group_ingress_rule" "worker_join_from_masters" {
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = aws_security_group.master.id
  ip_protocol                  = "tcp"
  from_port                    = 3998
  to_port                      = 3998
  description                  = "agents, callbacks"
}
