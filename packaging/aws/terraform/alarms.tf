# Alarms on the nodes' own metrics, in whichever way they get to CloudWatch. What of silence is an alarm itself: a master
# that says nothing, and an etcd of which nobody says that it has a leader. With ignore an alarm stays as it was: one
# that stands is not over because nobody speaks any more. Of workers, who speaks less is mostly gone on purpose.

locals {
  has_cloud_watch = var.cloud_watch != "none"
  metrics_line    = local.has_cloud_watch ? "\nmetrics: {cloudWatch: {mode: ${var.cloud_watch}}}" : ""
  alarm_actions   = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  # Of each role as a whole.
  alarms = {
    etcd-main-no-quorum = {
      role        = "master"
      metric      = "EtcdMainHasLeader"
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 60
      periods     = 5
      missing     = "breaching"
      description = "No member of etcd main sees a leader, or none is heard of: nothing can be written. Start the masters that are down; 'haagent status --cluster' on any master, 'haagent explain QuorumLost'."
    }
    etcd-main-member-down = {
      role        = "master"
      metric      = "EtcdMainHealthyVoters"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 3
      period      = 300
      periods     = 3
      missing     = "ignore"
      description = "A member of etcd main does not answer. One more loss stops writes. Bring back the master that 'haagent status --cluster' names; 'haagent explain EtcdMemberDown'."
    }
    etcd-main-quota = {
      role        = "master"
      metric      = "EtcdMainQuotaUsed"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 95
      period      = 300
      periods     = 2
      missing     = "ignore"
      description = "The database of etcd main has almost reached its quota, at which it takes no writes. Delete what is not needed, or raise quotaBackendBytes; 'haagent explain EtcdQuotaNearlyUsed'."
    }
    etcd-main-backup-old = {
      role        = "master"
      metric      = "EtcdMainBackupAge"
      statistic   = "Minimum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 3600
      period      = 300
      periods     = 2
      missing     = "ignore"
      description = "The newest backup of etcd main is more than an hour old. Fix what the row of the backup in 'haagent status' names; 'haagent explain BackupFailing'."
    }
    etcd-main-backup-failing = {
      role        = "master"
      metric      = "EtcdMainBackupFailing"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      period      = 300
      periods     = 6
      missing     = "ignore"
      description = "Backups of etcd main fail on a master. Fix what the row of the backup in 'haagent status' names; 'haagent explain BackupFailing'."
    }
    etcd-events-no-quorum = {
      role        = "master"
      metric      = "EtcdEventsHasLeader"
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 60
      periods     = 5
      missing     = "breaching"
      description = "No member of etcd events sees a leader, or none is heard of: nothing can be written. Start the masters that are down; 'haagent status --cluster' on any master, 'haagent explain QuorumLost'."
    }
    etcd-events-member-down = {
      role        = "master"
      metric      = "EtcdEventsHealthyVoters"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 3
      period      = 300
      periods     = 3
      missing     = "ignore"
      description = "A member of etcd events does not answer. One more loss stops writes. Bring back the master that 'haagent status --cluster' names; 'haagent explain EtcdMemberDown'."
    }
    etcd-events-quota = {
      role        = "master"
      metric      = "EtcdEventsQuotaUsed"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 95
      period      = 300
      periods     = 2
      missing     = "ignore"
      description = "The database of etcd events has almost reached its quota, at which it takes no writes. Delete what is not needed, or raise quotaBackendBytes; 'haagent explain EtcdQuotaNearlyUsed'."
    }
    etcd-events-backup-old = {
      role        = "master"
      metric      = "EtcdEventsBackupAge"
      statistic   = "Minimum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 3600
      period      = 300
      periods     = 2
      missing     = "ignore"
      description = "The newest backup of etcd events is more than an hour old. Fix what the row of the backup in 'haagent status' names; 'haagent explain BackupFailing'."
    }
    etcd-events-backup-failing = {
      role        = "master"
      metric      = "EtcdEventsBackupFailing"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      period      = 300
      periods     = 6
      missing     = "ignore"
      description = "Backups of etcd events fail on a master. Fix what the row of the backup in 'haagent status' names; 'haagent explain BackupFailing'."
    }
    masters-certificate = {
      role        = "master"
      metric      = "CertificateTimeLeft"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 5184000
      period      = 300
      periods     = 3
      missing     = "ignore"
      description = "A certificate of a master ends within 60 days, and should have been renewed two months ago. Fix what the row pki in 'haagent status' names; 'haagent explain CertificatesNotRenewed'."
    }
    masters-authority = {
      role        = "master"
      metric      = "AuthorityTimeLeft"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 7776000
      period      = 300
      periods     = 3
      missing     = "ignore"
      description = "An authority of the cluster ends within 90 days, and all that it signed with it. Run 'haagent pki rotate' on a master."
    }
    masters-disk = {
      role        = "master"
      metric      = "DiskUsed"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 85
      period      = 300
      periods     = 3
      missing     = "ignore"
      description = "A filesystem of a master is filling up. Run the command that 'haagent status' on that master shows; 'haagent explain SpaceLow'."
    }
    workers-not-ready = {
      role        = "worker"
      metric      = "NodeReady"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 300
      periods     = 3
      missing     = "notBreaching"
      description = "A worker is not ready. 'haagent status --cluster' on a master names it; run 'haagent status' there."
    }
    workers-certificate = {
      role        = "worker"
      metric      = "CertificateRenewalFailing"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      period      = 300
      periods     = 6
      missing     = "notBreaching"
      description = "The certificates of a worker are not renewed. Fix what the row join in 'haagent status' there names; 'haagent explain CertificatesNotRenewed'."
    }
    workers-disk = {
      role        = "worker"
      metric      = "DiskUsed"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 85
      period      = 300
      periods     = 3
      missing     = "notBreaching"
      description = "A filesystem of a worker is filling up. Run the command that 'haagent status' on that worker shows; 'haagent explain SpaceLow'."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "masters" {
  for_each            = local.has_cloud_watch ? local.members : toset([])
  alarm_name          = "haagent-${var.cluster_name}-master-${each.key}-not-ready"
  alarm_description   = "The master of zone ${data.aws_subnet.nodes[each.key].availability_zone} is not ready, or is not heard of. 'haagent status --cluster' on another master says which; where its agent is gone, 'haagent explain AgentNotRunning'."
  namespace           = "haagent"
  metric_name         = "NodeReady"
  dimensions          = { Cluster = var.cluster_name, Role = "master", Zone = data.aws_subnet.nodes[each.key].availability_zone }
  statistic           = "Maximum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "roles" {
  for_each            = local.has_cloud_watch ? local.alarms : {}
  alarm_name          = "haagent-${var.cluster_name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "haagent"
  metric_name         = each.value.metric
  dimensions          = { Cluster = var.cluster_name, Role = each.value.role }
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
