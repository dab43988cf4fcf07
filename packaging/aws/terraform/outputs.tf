output "endpoint" {
  description = "The replicated endpoint"
  value       = "https://${aws_lb.api.dns_name}"
}

output "state" {
  description = "Where authorities and backups are"
  value       = "s3://${aws_s3_bucket.state.id}/${var.cluster_name}"
}

output "master_role_name" {
  description = "For policies of what runs on masters beside haagent"
  value       = aws_iam_role.master.name
}

output "worker_role_name" {
  description = "For policies of what runs on workers beside haagent"
  value       = aws_iam_role.worker.name
}

output "master_security_group_id" {
  value = aws_security_group.master.id
}

output "worker_security_group_id" {
  value = aws_security_group.worker.id
}

output "api_security_group_id" {
  description = "For more clients of the apiservers than api_clients names"
  value       = aws_security_group.api.id
}
