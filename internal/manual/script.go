package manual

import (
	"embed"
	"slices"
)

// scripts ask the hidden command __complete, which prints a candidate a line, its meaning behind a tab; ":files" stands for the
// names of files, which the shell knows best.
//
//go:embed scripts
var scripts embed.FS

// Shells are those that Script knows.
func Shells() []string { return []string{"bash", "fish", "powershell", "zsh"} }

// Script returns a shell's side of the completion; ok is false for a shell that is not known.
func Script(shell string) (text string, ok bool) {
	if !slices.Contains(Shells(), shell) {
		return "", false
	}
	b, err := scripts.ReadFile("scripts/" + shell)
	return string(b), err == nil
}
