# State: authorities, the service account's key, backups. All of it stays together: without what stands beside it, the
# kept bucket would be one with a master's keys in it and neither versions nor a policy.

resource "aws_s3_bucket" "state" {
  bucket = "${replace(var.cluster_name, ".", "-")}-state-${data.aws_caller_identity.current.account_id}"
  tags   = local.cluster_tags
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id
  versioning_configuration {
    status = "Enabled"
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket                  = aws_s3_bucket.state.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  # Of versions, so it comes after them.
  bucket = aws_s3_bucket_versioning.state.bucket
  rule {
    id     = "what-was-replaced"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_policy" "state" {
  bucket = aws_s3_bucket.state.id
  policy = templatefile("${path.module}/policies/state-bucket.json", {
    bucket_arn     = aws_s3_bucket.state.arn
    readers        = jsonencode(concat([aws_iam_role.master.arn], var.administrators))
    administrators = jsonencode(var.administrators)
  })
  lifecycle {
    prevent_destroy = true
  }
}
