package role

import "runtime/debug"

// Build describes the running program's build: its module version and the
// revision it was built from, as far as the toolchain recorded them.
func Build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	b := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return b + " " + s.Value[:12]
		}
	}
	return b
}
