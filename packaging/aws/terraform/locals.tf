locals {
  members = toset(["a", "b", "c"])

  is_internet_facing = var.scheme == "internet-facing"
  # Of the load balancer that workers join over.
  join_security_group_id = local.is_internet_facing ? aws_security_group.join[0].id : aws_security_group.api.id

  cluster_tags = {
    "KubernetesCluster"                         = var.cluster_name
    "kubernetes.io/cluster/${var.cluster_name}" = "owned"
  }
}
