# The workers' images. Tags are immutable: a revision of the task definition names a
# digest, and what a digest's tag says stays true.

resource "aws_ecr_repository" "workers" {
  #checkov:skip=CKV_AWS_136:Encrypted with the keys of S3, at no charge; kms_key_arn sets one of the account's own
  count = var.image == null ? 1 : 0

  name                 = "${var.name}-workers"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }

  tags = local.tags
}

resource "aws_ecr_lifecycle_policy" "workers" {
  count = var.image == null ? 1 : 0

  repository = aws_ecr_repository.workers[0].name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "what no tag names is left over from a push"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 7 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "keep the newest"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.image_keep }
        action       = { type = "expire" }
      },
    ]
  })
}
