// Package image makes the workers' container images without Docker, and sends
// them to a registry.
//
// A Go program that was built without cgo needs nothing but itself: its image
// is the executable, the certificate authorities, a user that is not root and
// a /tmp. A program in another language gets layers of its own files, and
// Starburst's executable, on a base image that is named by its digest.
//
//	plan, err := image.NewPlan(image.Spec{Name: "montecarlo", Programs: map[image.Arch]string{image.ARM64: "bin/montecarlo"}})
//	sent, err := image.Push(ctx, plan, "127.0.0.1:5000/workers", image.PushOptions{})
//	fmt.Println(sent.Reference) // 127.0.0.1:5000/workers@sha256:…
//
// The same input gives the same bytes: entries are sorted, times are the Unix
// epoch, owners are numbers. A Plan therefore knows its name before anything
// is compressed: Tag is made of the hash of all that goes in (the environment
// hash), and an image whose tag the registry has is neither built nor sent.
// Of one that it has not, layers that it has are not sent again.
package image
