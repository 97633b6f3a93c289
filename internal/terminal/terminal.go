// Package terminal decides in one place what may be written to a stream: colours, lines drawn over each other, questions.
//
//	NO_COLOR not empty          no colours (no-color.org)
//	CLICOLOR_FORCE not 0        colours, also in a pipe (bixense.com/clicolors)
//	STARBURST_COLOR             always, never or auto: what --color says, before the two above
//	TERM=dumb                   no colours, nothing drawn over
//	CI not empty                nothing drawn over, no questions: nobody sits there
package terminal

import (
	"os"

	"golang.org/x/term"
)

// EnvColor is the variable of --color: auto, always or never.
const EnvColor = "STARBURST_COLOR"

// Style is what a stream may be sent.
type Style struct {
	// Color is true when its reader sees colours; Draw when it can move the cursor.
	Color, Draw bool
}

// Of decides for a stream, such as os.Stderr; what is no file is no terminal.
func Of(stream any, getenv func(string) string) Style { return decide(isTerminal(stream), getenv) }

// Asks reports whether a person at a stream, such as os.Stdin, can be asked something.
func Asks(stream any, getenv func(string) string) bool {
	return isTerminal(stream) && getenv("CI") == ""
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func decide(terminal bool, getenv func(string) string) Style {
	capable := terminal && getenv("TERM") != "dumb"
	s := Style{Color: capable, Draw: capable && getenv("CI") == ""}
	switch force := getenv("CLICOLOR_FORCE"); {
	case getenv(EnvColor) == "always":
		s.Color = true
	case getenv(EnvColor) == "never", getenv("NO_COLOR") != "":
		s.Color = false
	case force != "" && force != "0":
		s.Color = true
	}
	return s
}
