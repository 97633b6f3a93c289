package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/exit"
)

// maxText bounds what is read of a message's JSON text, in bytes: binary grows by a
// third in it and floats to double, so this is more than any legal message has.
const maxText = 8 * codec.MaxRaw

// wireDoc is the hint of every refusal.
const wireDoc = "docs/wire-format.md has the rules; starburst codec decode shows what is in a body"

// forms are the names of --form.
var forms = map[string]codec.BodyFormat{"base64": codec.Plain, "zstd": codec.Zstd, "json": codec.JSON}

func codecCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "codec",
		Usage: "make, read and check the bodies of messages, without a stack",
		Description: "A message is a JSON object such as {\"f\":\"price\",\"t\":[[\"AAPL\",187.25]]}; a body is what is sent to SQS for it.\n" +
			"docs/wire-format.md specifies both.",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "encode", Usage: "turn a message in JSON into the body of an SQS message",
				UsageText: `echo '{"f":"price","t":[["AAPL",187.25]]}' | starburst codec encode`,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "form", Usage: "`base64|zstd|json`", DefaultText: "base64, compressed where that pays"},
				},
				Action: encodeBody,
			}),
			command(&cli.Command{
				Name: "decode", Usage: "turn a body into JSON",
				UsageText: "starburst codec decode [BODY]           (without BODY: from standard input)\n" +
					"starburst codec decode --packed ITEM    the attribute d or ix of a result item, as base64",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "packed", Usage: "the text is base64 of a packed value of the table"},
				},
				Action: decodeBody,
			}),
			command(&cli.Command{
				Name: "check", Usage: "check a body, or this program against the format's vectors",
				UsageText: "starburst codec check             run the vectors that are part of this program\n" +
					"starburst codec check FILE.json   run a file of vectors\n" +
					"starburst codec check BODY        say what a body is, or why it is refused\n" +
					"starburst codec check -           the same, from standard input",
				Action: check,
			}),
		},
	})
}

// readText reads standard input to its end, up to limit bytes.
func readText(c *cli.Context, limit int) (string, error) {
	b, err := io.ReadAll(io.LimitReader(c.App.Reader, int64(limit)+1))
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if len(b) > limit {
		return "", exit.Errorf(exit.Usage, "standard input has more than %d bytes", limit)
	}
	return string(b), nil
}

// atMostOne refuses a second argument, which would be ignored otherwise.
func atMostOne(c *cli.Context) (string, error) {
	if c.NArg() > 1 {
		return "", exit.Errorf(exit.Usage, "codec %s takes one body; got %d arguments", c.Command.Name, c.NArg()).
			WithHint("put the body in single quotes, or send it to standard input")
	}
	return c.Args().First(), nil
}

// bodyText is the body that the argument gives, "-" or "" meaning standard input.
func bodyText(c *cli.Context, arg string) (string, error) {
	if arg != "" && arg != "-" {
		return arg, nil
	}
	// Bodies that are too long are for the codec to refuse, with its reason.
	return readText(c, 2*codec.MaxBody)
}

func encodeBody(c *cli.Context) error {
	if c.Args().Present() {
		return exit.Errorf(exit.Usage, "codec encode reads standard input; got the argument %q", c.Args().First()).WithHint("%s", c.Command.UsageText)
	}
	name := c.String("form")
	form, known := forms[name]
	if name != "" && !known {
		return exit.Errorf(exit.Usage, "--form %q is not a form", name).WithHint("--form base64, --form zstd, --form json")
	}
	text, err := readText(c, maxText)
	if err != nil {
		return err
	}
	raw, err := codec.JSONToMsgpack([]byte(text))
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(wireDoc)
	}
	if _, err := codec.DecodeMessage(raw); err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(wireDoc)
	}
	body := codec.EncodeBody(raw)
	if known {
		if body, err = codec.EncodeBodyAs(form, raw); err != nil {
			return exit.Errorf(exit.Usage, "%w", err).WithHint("leave out --form")
		}
	}
	if len(body) > codec.MaxBody {
		return exit.Errorf(exit.Usage, "the body has %d bytes; SQS carries at most %d", len(body), codec.MaxBody).
			WithHint("send fewer tasks in a message, or let starburst submit put the arguments into the bucket")
	}
	_, err = fmt.Fprintln(c.App.Writer, body)
	return err
}

func decodeBody(c *cli.Context) error {
	arg, err := atMostOne(c)
	if err != nil {
		return err
	}
	body, err := bodyText(c, arg)
	if err != nil {
		return err
	}
	if c.Bool("packed") {
		if body, err = unpacked(body); err != nil {
			return err
		}
	}
	raw, err := codec.DecodeBody(body)
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(wireDoc)
	}
	text, err := codec.MsgpackToJSON(raw)
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(wireDoc)
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s\n", text)
	return err
}

// unpacked writes a packed value of the table as the body that holds the same: both
// are msgpack, in zstd or not, and a first byte tells in place of "z1.".
func unpacked(text string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", exit.Errorf(exit.Usage, "a packed value: %w", err).WithHint("aws dynamodb get-item --output text --query Item.d.B prints one")
	case len(b) > 1 && b[0] == 0:
		return base64.StdEncoding.EncodeToString(b[1:]), nil
	case len(b) > 1 && b[0] == 1:
		return "z1." + base64.StdEncoding.EncodeToString(b[1:]), nil
	}
	return "", exit.Errorf(exit.Usage, "a packed value begins with the byte 0 or 1, and something follows").WithHint("leave out --packed for the body of a message")
}

func check(c *cli.Context) error {
	arg, err := atMostOne(c)
	if err != nil {
		return err
	}
	switch {
	case c.NArg() == 0: // an empty argument is an empty body
		vectors, err := codec.Vectors()
		if err != nil {
			return err
		}
		return checkVectors(c, vectors)
	case strings.HasSuffix(arg, ".json"): // no body ends so
		vectors, err := readVectors(arg)
		if err != nil {
			return exit.Errorf(exit.Usage, "%w", err).WithHint("codec/testdata/vectors/README.md describes the file")
		}
		return checkVectors(c, vectors)
	}
	return checkBody(c, arg)
}

func readVectors(name string) ([]codec.Vector, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return codec.ReadVectors(f)
}

// checkVectors prints a line for each vector.
func checkVectors(c *cli.Context, vectors []codec.Vector) error {
	failed := 0
	for _, v := range vectors {
		line := "pass  " + v.Name
		if err := v.Check(); err != nil {
			failed++
			line = fmt.Sprintf("FAIL  %s: %v", v.Name, err)
		}
		if _, err := fmt.Fprintln(c.App.Writer, line); err != nil {
			return err
		}
	}
	if failed > 0 {
		return exit.Errorf(exit.Failed, "%d of %d vectors fail", failed, len(vectors))
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "all %d vectors pass\n", len(vectors))
	return nil
}

func checkBody(c *cli.Context, arg string) error {
	body, err := bodyText(c, arg)
	if err != nil {
		return err
	}
	m, err := codec.Decode(body)
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(wireDoc)
	}
	if err := m.CheckOffload(); err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(wireDoc)
	}
	_, err = fmt.Fprintln(c.App.Writer, describe(body, m))
	return err
}

// describe says in a sentence what a worker would make of a body.
func describe(body string, m *codec.Message) string {
	text := fmt.Sprintf("good: a message in %v, %d bytes, for the handler %q; ", codec.FormatOf(body), len(strings.TrimSpace(body)), m.Handler)
	last := m.Index(m.Len() - 1)
	switch {
	case m.Len() == 1:
		text += fmt.Sprintf("task %d", m.First)
	case m.Indices != nil:
		text += fmt.Sprintf("%d tasks from %d to %d", m.Len(), m.First, last)
	default:
		text += fmt.Sprintf("tasks %d to %d", m.First, last)
	}
	switch {
	case m.Job != "":
		text += fmt.Sprintf(" of job %q", m.Job)
	case m.ID != "":
		text += fmt.Sprintf(" without a job; result in the table under pk %q, sk %q", "R#~"+m.ID, m.Self())
	default:
		text += fmt.Sprintf(" without a job; result in the table under pk %q and the MessageId that SQS gives, sk %q", "R#~", m.Self())
	}
	if m.Offload != nil {
		text += fmt.Sprintf("; arguments in the object %q", m.Offload.Key)
	}
	return text
}
