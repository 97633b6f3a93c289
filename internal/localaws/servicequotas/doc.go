// Package servicequotas is the local endpoint's Service Quotas: Fargate's two
// vCPU quotas, with the limit that the endpoint was started with, and requests for more.
//
//	s, err := servicequotas.New(db, servicequotas.Options{VCPU: 6})
//
// Requests are stored and stay PENDING: nobody is there to approve them. A second one for the same quota is
// refused with ResourceAlreadyExistsException, as AWS does. An endpoint without a limit answers
// NoSuchResourceException, as AWS does for a quota without an applied value.
package servicequotas
