package codec

//go:generate go tool msgp -io=false -tests=false -o tasks_gen_test.go

// Path is a task of a few numbers, as the Monte Carlo example has it.
type Path struct {
	Seed  uint64  `json:"seed" msg:"seed"`
	Days  int     `json:"days" msg:"days"`
	Drift float64 `json:"drift" msg:"drift"`
	Vol   float64 `json:"vol" msg:"vol"`
}

// Quote is a task with text, a list and a struct inside.
type Quote struct {
	Symbol string    `json:"symbol" msg:"symbol"`
	Strike float64   `json:"strike" msg:"strike"`
	Curve  []float64 `json:"curve" msg:"curve"`
	Steps  int       `json:"steps" msg:"steps"`
	Call   bool      `json:"call" msg:"call"`
	Path   Path      `json:"path" msg:"path"`
}

// PathChunk is the envelope of a message of paths, as the peers read and write it.
type PathChunk struct {
	V int    `json:"v" msg:"v"`
	F string `json:"f" msg:"f"`
	J string `json:"j" msg:"j"`
	Q int    `json:"q" msg:"q"`
	T []Path `json:"t" msg:"t"`
}

// QuoteChunk is PathChunk for quotes.
type QuoteChunk struct {
	V int     `json:"v" msg:"v"`
	F string  `json:"f" msg:"f"`
	J string  `json:"j" msg:"j"`
	Q int     `json:"q" msg:"q"`
	T []Quote `json:"t" msg:"t"`
}
