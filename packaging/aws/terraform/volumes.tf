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

locals {
  zones = distinct([
    data.aws_subnet.nodes["a"].availability_zone,
    data.aws_subnet.nodes["b"].availability_zone,
    data.aws_subnet.nodes["c"].availability_zone,
  ])
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
    # What haagent has written stays. Zone and key never change: a change would be another, empty volume, and is one
    # already where the zone is not known until the apply. What is given otherwise is refused below.
    ignore_changes = [
      availability_zone, kms_key_id,
      tags["haagent.io/formatted-at"], tags["haagent.io/formatting"], tags["haagent.io/etcd-cluster-id"],
      tags_all["haagent.io/formatted-at"], tags_all["haagent.io/formatting"], tags_all["haagent.io/etcd-cluster-id"],
    ]
    precondition {
      condition     = length(local.zones) == 3
      error_message = "Each master group needs a zone of its own: the three subnets must be in three zones."
    }
    postcondition {
      condition     = self.availability_zone == data.aws_subnet.nodes[each.key].availability_zone
      error_message = "The volume is in another zone than the subnet now given for its master, and cannot follow it."
    }
    postcondition {
      condition     = var.volume_key_arn == "" || self.kms_key_id == var.volume_key_arn
      error_message = "The volume is encrypted with another key than volume_key_arn, and a volume's key cannot be changed."
    }
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
      availability_zone, kms_key_id,
      tags["haagent.io/formatted-at"], tags["haagent.io/formatting"], tags["haagent.io/etcd-cluster-id"],
      tags_all["haagent.io/formatted-at"], tags_all["haagent.io/formatting"], tags_all["haagent.io/etcd-cluster-id"],
    ]
    precondition {
      condition     = length(local.zones) == 3
      error_message = "Each master group needs a zone of its own: the three subnets must be in three zones."
    }
    postcondition {
      condition     = self.availability_zone == data.aws_subnet.nodes[each.key].availability_zone
      error_message = "The volume is in another zone than the subnet now given for its master, and cannot follow it."
    }
    postcondition {
      condition     = var.volume_key_arn == "" || self.kms_key_id == var.volume_key_arn
      error_message = "The volume is encrypted with another key than volume_key_arn, and a volume's key cannot be changed."
    }
  }
}
