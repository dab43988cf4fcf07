# The etcd volumes. Each is the identity of its member, and outlives everything else here.

data "aws_subnet" "nodes" {
  for_each = local.members
  id       = var.subnet_ids[each.key]
  lifecycle {
    postcondition {
      condition     = self.vpc_id == var.vpc_id
      error_message = "Every subnet must be in vpc_id."
    }
  }
}

resource "aws_ebs_volume" "main" {
  for_each          = local.members
  availability_zone = data.aws_subnet.nodes[each.key].availability_zone
  type              = "gp3"
  size              = var.main_volume_size
  encrypted         = true
  kms_key_id        = var.volume_key_arn == "" ? null : var.volume_key_arn
  tags = merge(local.cluster_tags, {
    "Name"                      = "${each.key}.etcd-main.${var.cluster_name}"
    "k8s.io/role/control-plane" = "1"
    "k8s.io/etcd/main"          = "${each.key}/a,b,c"
  })
  lifecycle {
    prevent_destroy = true
    # What haagent has written stays; a new zone would be another, empty volume.
    ignore_changes = [
      tags["haagent.io/formatted-at"], tags["haagent.io/etcd-cluster-id"],
      tags_all["haagent.io/formatted-at"], tags_all["haagent.io/etcd-cluster-id"],
    ]
  }
}

resource "aws_ebs_volume" "events" {
  for_each          = local.members
  availability_zone = data.aws_subnet.nodes[each.key].availability_zone
  type              = "gp3"
  size              = var.events_volume_size
  encrypted         = true
  kms_key_id        = var.volume_key_arn == "" ? null : var.volume_key_arn
  tags = merge(local.cluster_tags, {
    "Name"                      = "${each.key}.etcd-events.${var.cluster_name}"
    "k8s.io/role/control-plane" = "1"
    "k8s.io/etcd/events"        = "${each.key}/a,b,c"
  })
  lifecycle {
    prevent_destroy = true
    ignore_changes = [
      tags["haagent.io/formatted-at"], tags["haagent.io/etcd-cluster-id"],
      tags_all["haagent.io/formatted-at"], tags_all["haagent.io/etcd-cluster-id"],
    ]
  }
}
