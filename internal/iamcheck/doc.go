// Package iamcheck holds what programs really ask of AWS against what Terraform allows
// them. It is for tests only.
//
// A Recorder stands between one program and its endpoint and notes the IAM action of each
// call; Load reads the lists of actions from the module's files:
//
//	lists, err := iamcheck.Load("../../infra/terraform")
//	worker := iamcheck.NewRecorder(endpoint)
//	server := httptest.NewServer(worker)   // the worker's AWS_ENDPOINT_URL
//	…
//	for _, action := range lists.Missing("worker", worker.Actions()) { t.Error(action) }
//
// Emulators enforce no policies, so a missing action would first be noticed on AWS, by a user.
package iamcheck
