// Package manual is what a command line says about itself, from one description of it:
//
//	Tree.Root, Tree.Help   the help texts, for 80 columns
//	Tree.Man               a manual page
//	Tree.Markdown          the reference in docs/commands.md
//	Tree.Complete          what may follow on a command line; Script has the shells' side of it
//	Nearest                the name that somebody who mistyped one meant
//
// It knows nothing of the library that parses the command line: whoever uses one describes its commands as a [Tree].
package manual
