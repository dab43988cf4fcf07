# Machines. A new version of a template is for the instances that are launched from then on: nothing here replaces
# what runs.

resource "aws_launch_template" "master" {
  name_prefix            = "haagent-master-"
  image_id               = var.image_id
  instance_type          = var.master_instance_type
  vpc_security_group_ids = [aws_security_group.master.id]
  iam_instance_profile {
    arn = aws_iam_instance_profile.master.arn
  }
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    # Keys with a slash cannot be shown there.
    instance_metadata_tags = "disabled"
  }
  block_device_mappings {
    device_name = var.root_device_name
    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_size
      encrypted             = true
      delete_on_termination = true
    }
  }
  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "master.${var.cluster_name}", KubernetesCluster = var.cluster_name }
  }
  user_data = base64encode(templatefile("${path.module}/master.yaml", {
    cluster           = var.cluster_name
    endpoint          = aws_lb.api.dns_name
    bucket            = aws_s3_bucket.state.id
    version           = var.kubernetes_version
    overlay_port      = var.overlay_port
    worker_role       = aws_iam_role.worker.name
    worker_profile    = aws_iam_instance_profile.worker.name
    token_issuer_line = var.token_issuer == "" ? "" : "\n  tokenIssuer: \"${var.token_issuer}\""
    metrics_line      = local.metrics_line
  }))
  lifecycle {
    precondition {
      condition     = var.alarm_topic_arn == "" || local.has_cloud_watch
      error_message = "alarm_topic_arn needs cloud_watch, embedded or put; without it there are no alarms."
    }
  }
}

resource "aws_launch_template" "worker" {
  name_prefix            = "haagent-worker-"
  image_id               = var.image_id
  instance_type          = var.worker_instance_type
  vpc_security_group_ids = [aws_security_group.worker.id]
  iam_instance_profile {
    arn = aws_iam_instance_profile.worker.arn
  }
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    # Keys with a slash cannot be shown there.
    instance_metadata_tags = "disabled"
  }
  block_device_mappings {
    device_name = var.root_device_name
    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_size
      encrypted             = true
      delete_on_termination = true
    }
  }
  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "worker.${var.cluster_name}", KubernetesCluster = var.cluster_name }
  }
  user_data = base64encode(templatefile("${path.module}/worker.yaml", {
    cluster            = var.cluster_name
    endpoint           = aws_lb.api.dns_name
    bucket             = aws_s3_bucket.state.id
    version            = var.kubernetes_version
    overlay_port       = var.overlay_port
    master_role        = aws_iam_role.master.name
    join_endpoint_line = local.is_internet_facing ? "\n  joinEndpoint: \"https://${aws_lb.join[0].dns_name}:3998\"" : ""
    metrics_line       = local.metrics_line
  }))
}

resource "aws_autoscaling_group" "masters" {
  for_each                  = local.members
  name                      = "masters-${each.key}.${var.cluster_name}"
  vpc_zone_identifier       = [var.subnet_ids[each.key]]
  min_size                  = 1
  desired_capacity          = 1
  max_size                  = 1
  health_check_type         = "EC2"
  health_check_grace_period = 300
  target_group_arns         = [aws_lb_target_group.api.arn, aws_lb_target_group.join.arn]
  launch_template {
    id      = aws_launch_template.master.id
    version = aws_launch_template.master.latest_version
  }
  initial_lifecycle_hook {
    name                 = "haagent-launching"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = var.launching_timeout
    default_result       = "ABANDON"
  }
  initial_lifecycle_hook {
    name                 = "haagent-terminating"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = var.terminating_timeout
    default_result       = "CONTINUE"
  }
  tag {
    key                 = "Name"
    value               = "masters-${each.key}.${var.cluster_name}"
    propagate_at_launch = true
  }
  tag {
    key                 = "KubernetesCluster"
    value               = var.cluster_name
    propagate_at_launch = true
  }
  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }
  tag {
    key                 = "k8s.io/role/control-plane"
    value               = "1"
    propagate_at_launch = true
  }
  # An instance may wait long for what it must not do without: anyone who applies does not wait for it.
  wait_for_capacity_timeout = "0"
  # Made after, and taken away before, what a handover needs, the ways to it among that.
  depends_on = [
    aws_ebs_volume.main, aws_ebs_volume.events, aws_s3_bucket_policy.state, aws_iam_role_policy.master,
    aws_iam_role_policy.master_volume_key, aws_lb_listener.api,
    aws_vpc_security_group_egress_rule.master, aws_vpc_security_group_ingress_rule.master_etcd_main,
    aws_vpc_security_group_ingress_rule.master_etcd_events, aws_vpc_security_group_ingress_rule.master_agent,
    aws_vpc_security_group_ingress_rule.api_from_masters, aws_vpc_security_group_egress_rule.api,
    aws_vpc_security_group_ingress_rule.master_from_api,
  ]
}

# No desired_capacity: each apply would set back what an autoscaler has decided.
resource "aws_autoscaling_group" "workers" {
  name                      = "workers.${var.cluster_name}"
  vpc_zone_identifier       = [var.subnet_ids.a, var.subnet_ids.b, var.subnet_ids.c]
  min_size                  = var.workers_min
  max_size                  = var.workers_max
  health_check_type         = "EC2"
  health_check_grace_period = 300
  launch_template {
    id      = aws_launch_template.worker.id
    version = aws_launch_template.worker.latest_version
  }
  initial_lifecycle_hook {
    name                 = "haagent-launching"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = var.launching_timeout
    default_result       = "ABANDON"
  }
  initial_lifecycle_hook {
    name                 = "haagent-terminating"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = var.terminating_timeout
    default_result       = "CONTINUE"
  }
  tag {
    key                 = "Name"
    value               = "workers.${var.cluster_name}"
    propagate_at_launch = true
  }
  tag {
    key                 = "KubernetesCluster"
    value               = var.cluster_name
    propagate_at_launch = true
  }
  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }
  tag {
    key                 = "k8s.io/role/node"
    value               = "1"
    propagate_at_launch = true
  }
  # An instance may wait long for what it must not do without: anyone who applies does not wait for it.
  wait_for_capacity_timeout = "0"
  # Without them its agent cannot let the group go on.
  depends_on = [
    aws_iam_role_policy.worker, aws_iam_role_policy.worker_join_token, aws_vpc_security_group_egress_rule.worker,
  ]
}
