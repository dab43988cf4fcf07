# What nodes may: policies/ has the statements.

resource "aws_iam_role" "master" {
  name_prefix        = "haagent-master-"
  assume_role_policy = templatefile("${path.module}/policies/trust.json", { dns_suffix = data.aws_partition.current.dns_suffix })
  tags               = { KubernetesCluster = var.cluster_name }
}

resource "aws_iam_role_policy" "master" {
  name = "haagent"
  role = aws_iam_role.master.id
  policy = templatefile("${path.module}/policies/masters.json", {
    partition  = data.aws_partition.current.partition
    region     = data.aws_region.current.region
    account    = data.aws_caller_identity.current.account_id
    cluster    = var.cluster_name
    bucket_arn = aws_s3_bucket.state.arn
  })
}

# Attaching a volume that is encrypted with a key of your own is EC2 asking KMS for a grant in the master's name.
resource "aws_iam_role_policy" "master_volume_key" {
  count = var.volume_key_arn == "" ? 0 : 1
  name  = "haagent-volume-key"
  role  = aws_iam_role.master.id
  policy = templatefile("${path.module}/policies/volume-key.json", {
    key_arn    = var.volume_key_arn
    region     = data.aws_region.current.region
    dns_suffix = data.aws_partition.current.dns_suffix
  })
}

resource "aws_iam_instance_profile" "master" {
  name_prefix = "haagent-master-"
  role        = aws_iam_role.master.name
}

resource "aws_iam_role" "worker" {
  name_prefix        = "haagent-worker-"
  assume_role_policy = templatefile("${path.module}/policies/trust.json", { dns_suffix = data.aws_partition.current.dns_suffix })
  tags               = { KubernetesCluster = var.cluster_name }
}

resource "aws_iam_role_policy" "worker" {
  name = "haagent"
  role = aws_iam_role.worker.id
  policy = templatefile("${path.module}/policies/workers.json", {
    partition = data.aws_partition.current.partition
    region    = data.aws_region.current.region
    account   = data.aws_caller_identity.current.account_id
    cluster   = var.cluster_name
  })
}

# Without it a worker proves itself by a signed call, which no policy has to allow.
resource "aws_iam_role_policy" "worker_join_token" {
  count  = var.token_issuer == "" ? 0 : 1
  name   = "haagent-join-token"
  role   = aws_iam_role.worker.id
  policy = templatefile("${path.module}/policies/join-token.json", { cluster = var.cluster_name })
}

resource "aws_iam_instance_profile" "worker" {
  name_prefix = "haagent-worker-"
  role        = aws_iam_role.worker.name
}

# Metrics know no resources: the namespace is what a permission can be limited to.
resource "aws_iam_role_policy" "master_metrics" {
  count  = var.cloud_watch == "put" ? 1 : 0
  name   = "haagent-metrics"
  role   = aws_iam_role.master.id
  policy = templatefile("${path.module}/policies/metrics.json", { region = data.aws_region.current.region })
}

resource "aws_iam_role_policy" "worker_metrics" {
  count  = var.cloud_watch == "put" ? 1 : 0
  name   = "haagent-metrics"
  role   = aws_iam_role.worker.id
  policy = templatefile("${path.module}/policies/metrics.json", { region = data.aws_region.current.region })
}
