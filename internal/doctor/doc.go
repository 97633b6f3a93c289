// Package doctor looks at everything that a stack needs on AWS, one thing after
// the other, and says of each whether it is right and, if not, what to do:
//
//	checks := doctor.Run(ctx, doctor.Config{Site: site, Clients: clients, Ask: awscall.New(clients.AWS)})
//
// A thing that cannot be looked at (no permission, or an endpoint that is not AWS) is
// Unknown, with the reason: it is never taken for right. With Fix, what can be
// mended without a risk is: settings of the queues, and the table's expiry. Nothing
// is created, deleted or stopped.
package doctor
