// Package deploy knows a stack that Terraform has made, and ships programs to it.
//
// A Site is what Terraform tells: the same JSON object is an output and a
// parameter of SSM (infra/terraform/README.md has its keys). Deploy makes a
// revision of the workers' task definition with an image's digest, gives it to
// the services, and waits until a worker of it has said hello: it has written its
// ledger, so it could be pulled, started, found the table and announced its handlers. If none
// does, the services get back what they had, and the error says why.
package deploy
