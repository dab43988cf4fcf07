variable "cluster_name" {
  description = "DNS name of the cluster, as the tags of its volumes have it"
  type        = string
  validation {
    # The bucket's name is made of it, and has 63 characters at most.
    condition     = length(var.cluster_name) <= 44 && can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", var.cluster_name))
    error_message = "It must be a DNS name in lower case, of 44 characters at most, such as prod.example.com."
  }
}

variable "kubernetes_version" {
  description = "The version that the image has, such as 1.33.2"
  type        = string
  validation {
    condition     = can(regex("^1[.][0-9]+[.][0-9]+$", var.kubernetes_version))
    error_message = "It must be a whole version, such as 1.33.2."
  }
}

variable "image_id" {
  description = "The image with haagent, etcd and Kubernetes"
  type        = string
}

variable "administrators" {
  description = "ARNs of the roles and users that may read and change the state bucket beside the masters, who deploys this among them: who can is root in the cluster. Of a session its role, with its path; * stands for any part of a name"
  type        = list(string)
  validation {
    condition     = can(regex("^arn:[-a-z]+:iam::[0-9]+:(root|(role|user)/[-a-zA-Z0-9+=.@_/]*[a-zA-Z0-9][-a-zA-Z0-9+=.@_/*]*)(,arn:[-a-z]+:iam::[0-9]+:(root|(role|user)/[-a-zA-Z0-9+=.@_/]*[a-zA-Z0-9][-a-zA-Z0-9+=.@_/*]*))*$", join(",", var.administrators)))
    error_message = "Each must be the ARN of a role, of a user, or of the account's root, and there must be one; a name of * alone would be everybody."
  }
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "Subnets of the nodes, by member: a, b and c, each in a zone of its own; their instances must reach EC2 and S3"
  type        = object({ a = string, b = string, c = string })
}

variable "scheme" {
  description = "Whether the apiservers are reached from the VPC alone"
  type        = string
  default     = "internal"
  validation {
    condition     = contains(["internal", "internet-facing"], var.scheme)
    error_message = "It must be internal or internet-facing."
  }
}

variable "api_subnet_ids" {
  description = "Subnets of the load balancer of the apiservers, one a zone, where they are others than the nodes'"
  type        = list(string)
  default     = []
}

variable "api_clients" {
  description = "Addresses beside the nodes' own that may reach the apiservers; with an internet-facing load balancer the nodes come from those of their NAT gateways, which must be among them"
  type        = string
  default     = "10.0.0.0/8"
  validation {
    condition     = can(regex("^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+/[0-9]+$", var.api_clients))
    error_message = "It must be a block of addresses, such as 10.0.0.0/8."
  }
}

variable "overlay_port" {
  description = "UDP port of the pod network between nodes, VXLAN's of Flannel and Cilium; Calico has 4789"
  type        = number
  default     = 8472
}

variable "master_instance_type" {
  type    = string
  default = "m6i.large"
}

variable "worker_instance_type" {
  type    = string
  default = "m6i.large"
}

variable "workers_min" {
  description = "How many there are at first; who scales the group decides from then on"
  type        = number
  default     = 3
  validation {
    condition     = var.workers_min >= 0
    error_message = "It must be 0 or more."
  }
}

variable "workers_max" {
  type    = number
  default = 9
  validation {
    condition     = var.workers_max >= 0
    error_message = "It must be 0 or more."
  }
}

variable "root_device_name" {
  description = "As the image has it"
  type        = string
  default     = "/dev/xvda"
}

variable "root_volume_size" {
  description = "GiB of each node's own disk"
  type        = number
  default     = 20
  validation {
    condition     = var.root_volume_size >= 8
    error_message = "It must be 8 or more."
  }
}

variable "main_volume_size" {
  description = "GiB; volumes grow and never shrink"
  type        = number
  default     = 20
  validation {
    condition     = var.main_volume_size >= 10
    error_message = "It must be 10 or more."
  }
}

variable "events_volume_size" {
  description = "GiB"
  type        = number
  default     = 10
  validation {
    condition     = var.events_volume_size >= 10
    error_message = "It must be 10 or more."
  }
}

variable "volume_key_arn" {
  description = "ARN of the KMS key of the etcd volumes; empty for the account's own for EBS"
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(arn:[-a-z]+:kms:[-a-z0-9]+:[0-9]+:key/[-a-z0-9]+)?$", var.volume_key_arn))
    error_message = "It must be the ARN of a key, such as arn:aws:kms:eu-west-1:123456789012:key/..., or empty."
  }
}

variable "launching_timeout" {
  description = "Seconds; an instance whose agent has said nothing for so long is replaced"
  type        = number
  default     = 900
  validation {
    condition     = var.launching_timeout >= 30 && var.launching_timeout <= 7200
    error_message = "It must be from 30 to 7200."
  }
}

variable "terminating_timeout" {
  description = "Seconds; an instance whose agent has said nothing for so long is ended as it is"
  type        = number
  default     = 300
  validation {
    condition     = var.terminating_timeout >= 30 && var.terminating_timeout <= 7200
    error_message = "It must be from 30 to 7200."
  }
}

variable "token_issuer" {
  description = "Issuer of the account's web identity tokens, by which workers then prove who they are; 'aws iam get-outbound-web-identity-federation-info' prints it; empty for signed calls alone"
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(https://[-.a-zA-Z0-9]+)?$", var.token_issuer))
    error_message = "It must be an https URL without a path, or empty."
  }
}

variable "cloud_watch" {
  description = "How the nodes' metrics get to CloudWatch: none; embedded, lines of the journal for an agent of yours that ships them; or put, by the nodes themselves, which costs some 10 USD a month in metrics"
  type        = string
  default     = "none"
  validation {
    condition     = contains(["none", "embedded", "put"], var.cloud_watch)
    error_message = "It must be none, embedded or put."
  }
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic that hears of the alarms; empty for alarms that nobody is told of"
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(arn:[-a-z]+:sns:[-a-z0-9]+:[0-9]+:[-_a-zA-Z0-9]+)?$", var.alarm_topic_arn))
    error_message = "It must be the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:on-call, or empty."
  }
}
