package sqsbatch

import "testing"

func TestTraceHeader(t *testing.T) {
	t.Parallel()
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, c := range []struct{ name, traceparent, want string }{
		{"sampled", "00-" + trace + "-" + span + "-01", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"},
		{"not sampled", "00-" + trace + "-" + span + "-00", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=0"},
		{"random flag without sampling", "00-" + trace + "-" + span + "-02", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=0"},
		{"none", "", ""},
		{"another version", "01-" + trace + "-" + span + "-01", ""},
		{"upper case is not allowed", "00-" + trace + "-00F067AA0BA902B7-01", ""},
		{"a digit short", "00-" + trace[1:] + "-" + span + "-01", ""},
		{"anything", "abc", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := traceHeader(c.traceparent); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
