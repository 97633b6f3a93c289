// Package deployed tests what infra/terraform makes. It has no code of its own.
//
// Its quick tests hold the module's files together: variables, their rules and tests,
// documentation, and what scanners are told to skip.
//
// The long ones, which `make test-terraform` runs, apply the module with the real provider to servers nobody here
// wrote (moto, MiniStack), submit 10,000 tasks with the command line, let the autoscaler's function size the
// services while a crew of worker processes follows their desired counts, and destroy everything. Each
// program speaks through a recorder, and did anything that its list of actions does not allow, the test fails.
package deployed
