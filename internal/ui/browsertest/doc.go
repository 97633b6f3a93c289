// Package browsertest looks at the page of `starburst ui` in a real browser: what it shows against what the table holds, its buttons, light
// and dark, a phone's width, accessibility, size and speed. It is a module of its own, so that what drives the browser is no dependency of
// the product. It needs Chromium, and npm to fetch axe-core: make test-ui.
package browsertest
