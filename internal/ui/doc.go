// Package ui serves a page about jobs from this machine to its own browser: what runs, how far it is, what its fleet does, what failed and
// why, what it costs, and the dead-letter queue.
//
//	page, err := ui.Listen(ctx, "127.0.0.1:0", ui.Config{Store: s, Bills: bills})
//	fmt.Println(page.URL())      // has a token in it: who knows it may look
//	err = page.Serve(ctx)
//
// The figures are those of package view. Each address is there three times: as a page, as JSON below /api, and below /events as a stream
// of the page's parts that have changed. Looks at a job are shared by all who watch it, and end with the last of them.
//
// It listens on the loopback interface alone. A token in the first address becomes a cookie; the Host and Origin of requests are checked,
// actions need a second token, and nothing is loaded from elsewhere. See guard.go.
package ui
