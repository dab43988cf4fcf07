# An AMI with haagent, etcd and Kubernetes in it: Debian 12, made by the script `bake` beside this file.
#
#   packer init haagent.pkr.hcl
#   packer build -var haagent_deb=haagent_0.1.0_amd64.deb -var etcd=3.6.16 -var kubernetes=1.33.2 \
#     -var checksums=SHA256SUMS haagent.pkr.hcl
#
# The machine that it bakes on needs no role: nothing of the cluster is asked for, and nothing of it gets in.

packer {
  required_version = ">= 1.9.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.8"
    }
  }
}

variable "haagent_deb" {
  type        = string
  description = "The package haagent, for the architecture of the image."
}

variable "architecture" {
  type        = string
  default     = "amd64"
  description = "arm64 or amd64, as Debian calls them."
  validation {
    condition     = contains(["arm64", "amd64"], var.architecture)
    error_message = "The architecture must be arm64 or amd64."
  }
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "subnet_id" {
  type        = string
  default     = null
  description = "Where the baking machine runs; unset: the default VPC."
}

variable "name" {
  type    = string
  default = "haagent"
}

variable "etcd" {
  type        = string
  default     = "debian"
  description = "A release as 3.6.16, for which checksums has a line; or debian."
}

variable "kubernetes" {
  type        = string
  default     = ""
  description = "A release as 1.33.2, for which checksums has a line; empty: no kubelet in the image."
}

variable "containerd" {
  type        = string
  default     = "debian"
  description = "A release as 2.1.4, for which checksums has a line; or debian."
}

variable "checksums" {
  type        = string
  default     = ""
  description = "A file as sha256sum prints it, of all that is downloaded. Without a line there, nothing is."
}

variable "images" {
  type        = list(string)
  default     = []
  description = "Archives of container images (OCI or docker) to have in the image."
}

variable "pull" {
  type        = string
  default     = "try"
  description = "Whether the images that a node runs are pulled into the image: try, yes (the bake fails without them) or no."
  validation {
    condition     = contains(["no", "try", "yes"], var.pull)
    error_message = "One of no, try and yes."
  }
}

variable "config" {
  type        = string
  default     = ""
  description = "A node configuration that every instance has, under what its user-data says."
}

variable "kms_key_id" {
  type        = string
  default     = null
  description = "Encrypts the image; unset: the account's default key for EBS."
}

variable "root_gib" {
  type    = number
  default = 8
}

locals {
  stamp         = formatdate("YYYYMMDDhhmmss", timestamp())
  work          = "/tmp/haagent-image"
  instance_type = { arm64 = "t4g.medium", amd64 = "t3.medium" }[var.architecture]
  # The name of Debian's image has the architecture as Debian calls it, its field as EC2 does.
  ec2_architecture = { arm64 = "arm64", amd64 = "x86_64" }[var.architecture]
  uploads = concat(
    [var.haagent_deb, "${path.root}/bake", "${path.root}/kubelet.service", "${path.root}/containerd.service",
    "${path.root}/kubelet-watchdog.conf", "${path.root}/containerd.toml", "${path.root}/modules-load.conf", "${path.root}/sysctl.conf"],
    compact([var.checksums, var.config]),
    var.images,
  )
  arguments = concat(
    ["--haagent", "${local.work}/${basename(var.haagent_deb)}", "--etcd", var.etcd],
    var.kubernetes == "" ? [] : ["--kubernetes", var.kubernetes, "--containerd", var.containerd, "--pull", var.pull],
    var.checksums == "" ? [] : ["--checksums", "${local.work}/${basename(var.checksums)}"],
    var.config == "" ? [] : ["--config", "${local.work}/${basename(var.config)}"],
    flatten([for image in var.images : ["--images", "${local.work}/${basename(image)}"]]),
  )
}

source "amazon-ebs" "node" {
  region        = var.region
  subnet_id     = var.subnet_id
  instance_type = local.instance_type
  ssh_username  = "admin"

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true
    filters = {
      name                = "debian-12-${var.architecture}-*"
      architecture        = local.ec2_architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # Of the baking machine, and of every instance whose launch template says nothing.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  imds_support = "v2.0"

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = var.root_gib
    delete_on_termination = true
  }

  ami_name        = "${var.name}-${var.architecture}-${local.stamp}"
  ami_description = "Debian 12 with haagent, etcd ${var.etcd}${var.kubernetes == "" ? "" : ", Kubernetes ${var.kubernetes}"}"
  encrypt_boot    = true
  kms_key_id      = var.kms_key_id
  ena_support     = true

  tags = {
    Name       = "${var.name}-${var.architecture}"
    etcd       = var.etcd
    kubernetes = var.kubernetes
    source     = "{{ .SourceAMIName }}"
  }
}

build {
  sources = ["source.amazon-ebs.node"]

  # cloud-init still installs and configures while the first login works.
  provisioner "shell" {
    inline = ["cloud-init status --wait >/dev/null || true", "mkdir -p ${local.work}"]
  }

  provisioner "file" {
    sources     = local.uploads
    destination = "${local.work}/"
  }

  # Nothing may run behind it: it removes what the build has left, the way in among it.
  provisioner "shell" {
    skip_clean = true
    inline = [
      "sudo bash ${local.work}/bake --this-machine ${join(" ", [for word in local.arguments : "'${word}'"])} && sudo rm -rf ${local.work}",
    ]
  }
}
