package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/store"
)

// listedDead bounds what `dlq ls` and `dlq show` look at.
const listedDead = 1000

func dlqCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "dlq",
		Usage: "look into the dead-letter queue, move its messages back, empty it",
		Description: "The dead-letter queue holds messages that no worker could understand. A task that fails is not among them: it is\n" +
			"recorded as failed, see `starburst retry`.",
		Subcommands: []*cli.Command{
			dlqSub(&cli.Command{Name: "ls", Usage: "list the messages and why they are there", Flags: listFlags(), UsageText: "starburst dlq ls\nstarburst dlq ls -o csv"}, dlqList),
			dlqSub(&cli.Command{Name: "show", Usage: "show one message", UsageText: "starburst dlq show MESSAGE"}, dlqShow),
			dlqSub(&cli.Command{Name: "redrive", Usage: "move all messages back to the queue", Flags: []cli.Flag{
				&cli.IntFlag{Name: "rate", Usage: "messages per second", DefaultText: "as fast as it goes"},
			}}, dlqRedrive),
			dlqSub(&cli.Command{Name: "purge", Usage: "delete all messages", Flags: []cli.Flag{
				&cli.BoolFlag{Name: "yes", Usage: "really delete them"},
			}}, dlqPurge),
		},
	})
}

// dlqSub makes a command that works on the stack's dead-letter queue.
func dlqSub(c *cli.Command, action func(ctx context.Context, c *cli.Context, q *dlq.Queue, s *burst.Session) error) *cli.Command {
	takesMessage := c.Name == "show"
	c.Action = func(c *cli.Context) error {
		switch {
		case !takesMessage && c.Args().Present():
			return exit.Errorf(exit.Usage, "dlq %s takes no arguments; got %q", c.Command.Name, c.Args().First()).WithHint("starburst dlq %s --help", c.Command.Name)
		case c.Int("rate") < 0:
			return exit.Errorf(exit.Usage, "--rate is %d; at least 1 message a second is moved", c.Int("rate"))
		}
		if takesMessage {
			if _, err := oneArgument(c, "MESSAGE"); err != nil {
				return err
			}
		}
		s, err := connect(c)
		if err != nil {
			return err
		}
		return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
			q, err := dlq.Open(ctx, s.Clients().SQS, s.Stack().QueueURL, s.Stack().DLQURL)
			if err != nil {
				return err
			}
			return action(ctx, c, q, s)
		})
	}
	return command(c)
}

// deadLine is the JSON form of a dead message.
type deadLine struct {
	Message  string    `json:"message"`
	Sent     time.Time `json:"sent"`
	Receives int       `json:"receives"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail,omitempty"`
	Handler  string    `json:"handler,omitempty"`
	Job      string    `json:"job,omitempty"`
	Tasks    int       `json:"tasks,omitempty"`
	// Body as it is on the queue, or, from show, as the map that it encodes.
	Body json.RawMessage `json:"body"`
}

func deadLineOf(m dlq.Message) deadLine {
	body, err := json.Marshal(m.Body)
	if err != nil {
		body = json.RawMessage("null") // a string always can be
	}
	l := deadLine{Message: m.ID, Sent: m.Sent.UTC(), Receives: m.Receives, Reason: "not recorded", Body: body}
	if m.Err != nil {
		l.Detail = m.Err.Error()
	}
	if r := m.Record; r != nil {
		l.Reason, l.Detail = r.Reason, r.Detail
	}
	if m.Decoded != nil {
		l.Handler, l.Job, l.Tasks = m.Decoded.Handler, m.Decoded.Job, m.Decoded.Len()
	}
	return l
}

func dlqList(ctx context.Context, c *cli.Context, q *dlq.Queue, s *burst.Session) error {
	options, err := listOptions(c, deadList(time.Now()))
	if err != nil {
		return err
	}
	dead, err := q.List(ctx, listedDead)
	if err != nil {
		return err
	}
	if err := dlq.Explain(ctx, s.Store(), dead); err != nil {
		return err
	}
	if len(dead) == listedDead {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "the first %d messages; there may be more\n", listedDead)
	}
	if err := tellRefused(ctx, c.App.ErrWriter, s.Store(), dead, time.Now()); err != nil {
		return err
	}
	lines := make([]deadLine, len(dead))
	for i, m := range dead {
		lines[i] = deadLineOf(m)
	}
	if len(lines) == 0 {
		_, _ = fmt.Fprintln(c.App.ErrWriter, "the dead-letter queue is empty")
		if options.Format == listing.Table || options.Format == listing.Wide {
			return nil
		}
	}
	_, err = deadList(time.Now()).Write(c.App.Writer, options, all(lines))
	return err
}

func deadList(now time.Time) listing.List[deadLine] {
	type line = deadLine
	return listing.List[line]{Schema: "starburst.dead-letters/v1", Columns: []listing.Column[line]{
		{Name: "message", Cell: func(l line) string { return l.Message }},
		{Name: "age", Cell: func(l line) string { return age(now.Sub(l.Sent)) }, Raw: func(l line) string { return strconv.FormatFloat(now.Sub(l.Sent).Seconds(), 'f', 0, 64) }},
		{Name: "reason", Cell: func(l line) string { return l.Reason }},
		{Name: "detail", Cell: func(l line) string { return l.Detail }},
		{Name: "handler", Cell: func(l line) string { return l.Handler }},
		{Name: "job", Cell: func(l line) string { return l.Job }},
		{Name: "tasks", Wide: true, Cell: func(l line) string { return strconv.Itoa(l.Tasks) }},
		{Name: "receives", Wide: true, Cell: func(l line) string { return strconv.Itoa(l.Receives) }},
		{Name: "sent", Wide: true, Cell: func(l line) string { return localTime(l.Sent) }, Raw: func(l line) string { return rawTime(l.Sent) }},
	}}
}

func dlqShow(ctx context.Context, c *cli.Context, q *dlq.Queue, s *burst.Session) error {
	id, err := oneArgument(c, "MESSAGE")
	if err != nil {
		return err
	}
	all, err := q.List(ctx, listedDead)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.ID != id {
			continue
		}
		one := []dlq.Message{m}
		if err := dlq.Explain(ctx, s.Store(), one); err != nil {
			return err
		}
		line := deadLineOf(one[0])
		if b, ok := readable(m.Body); ok {
			line.Body = b
		}
		return printDocument(c, "dead-letter", line)
	}
	return exit.Errorf(exit.NotFound, "message %s is not in the dead-letter queue", id).WithHint("starburst dlq ls")
}

// readable is the JSON form of a body that can be decoded.
func readable(body string) (json.RawMessage, bool) {
	raw, err := codec.DecodeBody(body)
	if err != nil {
		return nil, false
	}
	b, err := codec.MsgpackToJSON(raw)
	return b, err == nil
}

// age shows a time span in its two largest units.
func age(d time.Duration) string {
	switch d = max(d, 0).Round(time.Second); {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return d.String()
}

func dlqRedrive(ctx context.Context, c *cli.Context, q *dlq.Queue, _ *burst.Session) error {
	before, err := q.Count(ctx)
	if err != nil {
		return err
	}
	moved, err := q.Redrive(ctx, c.Int("rate"), func(total int) {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "moved %d of about %d\n", total, before)
	})
	if _, e := fmt.Fprintf(c.App.Writer, "%d messages moved back to the queue\n", moved); err == nil {
		err = e
	}
	switch {
	case moved == 0 || err == nil:
		return err
	case errors.Is(err, context.Canceled):
		return exit.Errorf(exit.Partly, "interrupted; the other messages stay where they are")
	}
	return exit.Errorf(exit.Partly, "%w", err)
}

func dlqPurge(ctx context.Context, c *cli.Context, q *dlq.Queue, _ *burst.Session) error {
	n, err := q.Count(ctx)
	if err != nil {
		return err
	}
	if !c.Bool("yes") {
		return exit.Errorf(exit.Usage, "purge deletes about %d messages for good: say --yes", n).WithHint("starburst dlq purge --yes")
	}
	if err := q.Purge(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "about %d messages deleted\n", n)
	return err
}
