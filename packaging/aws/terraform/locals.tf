locals {
  members = toset(["a", "b", "c"])

  cluster_tags = {
    "KubernetesCluster"                         = var.cluster_name
    "kubernetes.io/cluster/${var.cluster_name}" = "owned"
  }
}
