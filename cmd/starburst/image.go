package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/image"
)

func imageCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "image",
		Usage: "build the workers' container image without Docker, and send it to a registry",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "build", Usage: "build the image and say how large it is",
				UsageText: "starburst image build ./cmd/simulate\nstarburst image build --layout DIR ./simulate-linux-arm64 --arch arm64",
				Flags: slices.Concat(imageFlags(), []cli.Flag{&cli.StringFlag{Name: "layout", Usage: "write the image into `DIR`, in the layout that other tools read"}},
					documentFlags()),
				Action: imageBuild,
			}),
			command(&cli.Command{
				Name: "push", Usage: "build the image, unless the registry has it, and send it",
				UsageText: "starburst image push --to 127.0.0.1:5000/workers ./cmd/simulate\n" +
					"starburst image push --stack NAME --base python@sha256:… --copy ./app --serve 'python3 worker.py'",
				Description: "The image's tag is the hash of all that goes into it. One that the registry has is not built; of one that it has\n" +
					"not, only the layers that it has not are sent. Prints the image's name by digest.",
				Flags: slices.Concat(imageFlags(), siteFlags(), []cli.Flag{
					&cli.StringFlag{Name: "to", Usage: "`REPOSITORY`, such as 127.0.0.1:5000/workers", DefaultText: "the stack's"},
				}, documentFlags()),
				Action: imagePush,
			}),
			command(&cli.Command{
				Name: "dockerfile", Usage: "print a Dockerfile to start from, for those who prefer Docker",
				UsageText: "starburst image dockerfile " + strings.Join(image.Dockerfiles(), "|"),
				Action: func(c *cli.Context) error {
					kind, err := oneArgument(c, "KIND")
					if err != nil {
						return err
					}
					text, err := image.Dockerfile(kind)
					if err != nil {
						return exit.Errorf(exit.Usage, "%w", err).WithHint("starburst image dockerfile %s", image.Dockerfiles()[0])
					}
					_, err = fmt.Fprint(c.App.Writer, text)
					return err
				},
			}),
		},
	})
}

// imageFlags say what goes into an image.
func imageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "arch", Usage: "`ARCHITECTURES`, separated by commas: arm64, amd64", DefaultText: "the stack's, else both"},
		&cli.StringFlag{Name: "base", Usage: "`IMAGE` below, by digest, for programs in other languages"},
		&cli.StringSliceFlag{Name: "copy", Usage: "`FROM[:TO]`: files for the image, a layer each", DefaultText: "TO is /app/NAME"},
		&cli.StringSliceFlag{Name: "env", Usage: "`NAME=VALUE` in the image"},
		&cli.StringFlag{Name: "serve", Usage: "with --base: the worker `COMMAND` of starburst worker --serve"},
		&cli.BoolFlag{Name: "exec", Usage: "with --base: run the program given after --, once per task"},
		&cli.StringFlag{Name: "starburst", Usage: "with --base: starburst's own executable for Linux, as `FILE`", DefaultText: "this one, or built with Go"},
	}
}

// imagePlan builds what the flags say and names the image.
func imagePlan(c *cli.Context, fallback ...image.Arch) (*image.Plan, error) {
	arches, err := archesOf(c, fallback)
	if err != nil {
		return nil, err
	}
	spec := image.Spec{Base: c.String("base"), Env: c.StringSlice("env"), Programs: map[image.Arch]string{}}
	for _, text := range c.StringSlice("copy") {
		copied, err := image.ParseCopy(text)
		if err != nil {
			return nil, exit.Errorf(exit.Usage, "--copy %w", err)
		}
		spec.Copies = append(spec.Copies, copied)
	}
	if spec.Base == "" {
		err = ownProgram(c, &spec, arches)
	} else {
		err = starburstProgram(c, &spec, arches)
	}
	if err != nil {
		return nil, err
	}
	plan, err := image.NewPlan(spec)
	if err = imageError(c.Context, err); err != nil && exit.CodeOf(err) == exit.Failed {
		err = exit.Errorf(exit.Usage, "%w", err) // nobody has been asked yet: what was given is wrong
	}
	return plan, err
}

func archesOf(c *cli.Context, fallback []image.Arch) ([]image.Arch, error) {
	if c.String("arch") == "" {
		if len(fallback) == 0 {
			fallback = []image.Arch{image.AMD64, image.ARM64}
		}
		return fallback, nil
	}
	var all []image.Arch
	for name := range strings.SplitSeq(c.String("arch"), ",") {
		a, err := image.ParseArch(strings.TrimSpace(name))
		if err != nil {
			return nil, exit.Errorf(exit.Usage, "--arch: %w", err)
		}
		all = append(all, a)
	}
	return all, nil
}

// ownProgram takes the user's program: a Go package, or an executable that is built already.
func ownProgram(c *cli.Context, spec *image.Spec, arches []image.Arch) error {
	program := cmp.Or(c.Args().First(), ".")
	switch {
	case c.IsSet("serve") || c.Bool("exec"):
		return exit.Errorf(exit.Usage, "--serve and --exec need --base: an image without one has neither a shell nor an interpreter").WithHint("--base python@sha256:…")
	case c.NArg() > 1:
		return exit.Errorf(exit.Usage, "one program makes an image; got %q", c.Args().Slice())
	}
	spec.Name = image.NameOf(program)
	if info, err := os.Stat(program); err == nil && info.Mode().IsRegular() && !strings.HasSuffix(program, ".go") {
		return executable(c, spec, program, arches)
	}
	for _, a := range arches {
		built, err := image.Compiler{}.Build(c.Context, program, a)
		if err != nil {
			return exit.Errorf(exit.Usage, "%w", err)
		}
		spec.Programs[a] = built
	}
	return nil
}

// executable takes a file that is built already: it is for one architecture, which needs no saying unless the stack wants another.
func executable(c *cli.Context, spec *image.Spec, path string, arches []image.Arch) error {
	var first error
	for _, a := range arches {
		err := image.CheckProgram(path, a)
		if err == nil {
			spec.Programs[a] = path
		} else if first == nil || c.IsSet("arch") {
			first = err
		}
	}
	if len(spec.Programs) == 0 || c.IsSet("arch") {
		return imageError(c.Context, first)
	}
	return nil
}

// ownPackage is this command's, for a machine whose own executable is not for the workers.
const ownPackage = "github.com/starburst-go/starburst/cmd/starburst"

// starburstProgram takes this program as the worker, and the user's as what it runs.
func starburstProgram(c *cli.Context, spec *image.Spec, arches []image.Arch) error {
	spec.Name = "starburst"
	switch {
	case c.IsSet("serve") == c.Bool("exec"):
		return exit.Errorf(exit.Usage, "say how the image runs tasks").WithHint("--serve 'python3 worker.py', or --exec -- python3 simulate.py {}")
	case c.Bool("exec"):
		if c.NArg() == 0 {
			return exit.Errorf(exit.Usage, "--exec needs the program after --").WithHint("--exec -- python3 simulate.py {}")
		}
		spec.Args = append([]string{"worker", "--exec", "--"}, c.Args().Slice()...)
	default:
		spec.Args = []string{"worker", "--serve", c.String("serve")}
	}
	for _, a := range arches {
		path, err := starburstFor(c, a)
		if err != nil {
			return err
		}
		spec.Programs[a] = path
	}
	return nil
}

func starburstFor(c *cli.Context, a image.Arch) (string, error) {
	if own := c.String("starburst"); own != "" {
		return own, nil
	}
	if runtime.GOOS == "linux" && runtime.GOARCH == string(a) {
		if self, err := os.Executable(); err == nil && image.CheckProgram(self, a) == nil {
			return self, nil
		}
	}
	path, err := image.Compiler{}.Build(c.Context, ownPackage, a)
	if err != nil {
		return "", exit.Errorf(exit.Usage, "starburst's own executable for linux/%s is needed: %w", a, err).WithHint("name one: --starburst FILE; or only this machine's architecture: --arch %s", runtime.GOARCH)
	}
	return path, nil
}

// imageError adds what to do to an error about an image.
func imageError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*image.NoDigestError](err); ok {
		typed := exit.Errorf(exit.Usage, "%w", err)
		if by, err := image.Resolve(ctx, e.Base, image.PushOptions{}); err == nil {
			return typed.WithHint("today it is: --base %s", by)
		}
		return typed.WithHint("--base NAME@sha256:…")
	}
	if e, ok := errors.AsType[*image.ArchError](err); ok {
		return exit.Errorf(exit.Usage, "%w", err).WithHint("build it with GOOS=linux GOARCH=%s CGO_ENABLED=0, or name the Go package instead of an executable", e.Want)
	}
	switch {
	case image.IsDenied(err):
		return exit.Errorf(exit.Permission, "%w", err).WithHint("log in to the registry (docker login), or for Amazon's attach the deployer policy: terraform output deployer_policy_arn")
	case image.IsNotFound(err):
		return exit.Errorf(exit.NotFound, "%w", err).WithHint("is the repository's name right? terraform output repository_url")
	}
	return err
}

// built is the JSON form of an image that was built.
type built struct {
	Tag    string       `json:"tag"`
	Digest string       `json:"digest"`
	Sizes  []image.Size `json:"sizes"`
	Took   float64      `json:"seconds"`
}

func imageBuild(c *cli.Context) error {
	began := time.Now()
	plan, err := imagePlan(c)
	if err != nil {
		return err
	}
	index, err := plan.Index(c.Context, image.PushOptions{})
	if err != nil {
		return imageError(c.Context, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	out := built{Tag: plan.Tag(), Digest: digest.String()}
	if out.Sizes, err = plan.Sizes(index); err != nil {
		return err
	}
	if dir := c.String("layout"); dir != "" {
		if err := image.WriteLayout(dir, index); err != nil {
			return err
		}
	}
	out.Took = time.Since(began).Seconds()
	if isJSON(c) {
		return printDocument(c, "image", out)
	}
	printSizes(c, out.Sizes)
	_, _ = fmt.Fprintf(c.App.ErrWriter, "built in %.1f s\n", out.Took)
	_, err = fmt.Fprintln(c.App.Writer, out.Digest)
	return err
}

func printSizes(c *cli.Context, sizes []image.Size) {
	for _, s := range sizes {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "linux/%s: %.1f MB compressed\n", s.Arch, float64(s.Compressed)/1e6)
	}
}

func imagePush(c *cli.Context) error {
	repository, options, fallback, err := destination(c)
	if err != nil {
		return err
	}
	sent, err := pushImage(c, repository, options, fallback...)
	if err != nil {
		return err
	}
	if isJSON(c) {
		return printDocument(c, "image-sent", sent)
	}
	_, err = fmt.Fprintln(c.App.Writer, sent.Reference)
	return err
}

// pushImage builds and sends, and says what was sent.
func pushImage(c *cli.Context, repository string, o image.PushOptions, fallback ...image.Arch) (image.Sent, error) {
	began := time.Now()
	plan, err := imagePlan(c, fallback...)
	if err != nil {
		return image.Sent{}, err
	}
	sent, err := image.Push(c.Context, plan, repository, o)
	if err != nil {
		return sent, imageError(c.Context, err)
	}
	printSizes(c, sent.Sizes)
	if sent.Unchanged {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "unchanged: the registry has %s (%.1f s)\n", sent.Tag, time.Since(began).Seconds())
		return sent, nil
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "sent %s: %d blobs, %.1f MB (%.1f s)\n", sent.Tag, sent.Blobs, float64(sent.Bytes)/1e6, time.Since(began).Seconds())
	return sent, nil
}
