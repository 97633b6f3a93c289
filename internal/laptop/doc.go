// Package laptop brings up everything a job needs on one machine: a state
// directory, the embedded endpoint as a process of its own, and a fleet whose
// tasks are processes of the user's program. Nothing here is a second
// implementation: callers talk to the endpoint with the AWS SDK as they would to AWS.
package laptop
