package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/cmd/linewarden/progress"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/feed"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// importCommand takes in a list of reports. Each row counts as one report of the list's source, by the same rules as any other: a public list
// alone has numbers watched, a partner's has people warned. Nothing is decided: for that, there is decide.
type importCommand struct {
	File         string   `arg:"" help:"The list; - for standard input."`
	Format       string   `enum:"csv" default:"csv" help:"csv: the first row names the columns: number, region, roles, brand, category, arrived, red_flags, text, loss, currency, language, at, id. Only number is needed."`
	Source       string   `required:"" enum:"feed,partner" help:"feed: nobody has checked the list, it can have numbers watched; partner: an organisation that checks what it sends, its word has people warned."`
	Organisation string   `required:"" placeholder:"SLUG" help:"Whose list it is, such as ftc; the same each time."`
	Role         []string `enum:"callback,caller_id" help:"For rows that name no roles: callback: people dial it; caller_id: it shows on incoming calls. Once for each."`
	Region       string   `placeholder:"CC" help:"Country by whose rules the numbers are written; the config's if missing."`
	At           string   `placeholder:"TIME" help:"When it happened, for rows that do not say, such as 2026-01-31; now if missing."`
	Ignore       []string `placeholder:"COLUMN" help:"A column to pass over. Once for each."`
	Rejects      string   `placeholder:"FILE" help:"Keep the rows that are refused in a new file, each with the reason. Mended, it can be imported as it is."`
	DryRun       bool     `help:"Only read and check the list; nothing is stored, and no Redis is needed."`
}

// Run reads the list and takes it in, side by side.
func (cmd importCommand) Run(p *program) (err error) {
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	options, err := cmd.options(l)
	if err != nil {
		return err
	}
	list, size, err := cmd.open()
	if err != nil {
		return err
	}
	defer list.Close() // only read from: nothing can be lost
	if cmd.Rejects != "" {
		kept, openErr := os.OpenFile(cmd.Rejects, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // rows may hold what people told of themselves
		if openErr != nil {
			return usageError{fmt.Errorf("--rejects: %w: name a new file", openErr)}
		}
		buffered := bufio.NewWriter(kept)
		defer func() { err = errors.Join(err, buffered.Flush(), kept.Close()) }()
		options.Rejects = buffered
	}
	in := &countingReader{in: list}
	rows, err := feed.NewCSVReader(in, options)
	if err != nil {
		return usageError{err}
	}
	im := &importing{cmd: cmd, rows: rows, refused: newRefusals(p.err), bar: progress.New(p.err, "Importing"), in: in, size: size}
	if cmd.DryRun {
		err = im.run(p.ctx, func(_ context.Context, reports []numberdb.Report) (redisstore.Imported, error) {
			return redisstore.Imported{Reports: len(reports)}, nil
		})
	} else {
		err = p.withStore(l, func(store *redisstore.Store) error {
			if err := cmd.record(p.ctx, store); err != nil {
				return err
			}
			return im.run(p.ctx, store.Importer(options.Source).Take)
		})
	}
	return im.tell(p.out, err)
}

// record writes to the audit chain whose list is about to be taken in.
func (cmd importCommand) record(ctx context.Context, store *redisstore.Store) error {
	after, err := json.Marshal(struct {
		Source       string `json:"source"`
		Organisation string `json:"organisation"`
		File         string `json:"file"`
	}{cmd.Source, cmd.Organisation, strings.ToValidUTF8(filepath.Base(cmd.File), "")})
	if err == nil {
		_, err = store.Audit(ctx, numberdb.AuditEntry{
			At: now(), Who: accountName(), Role: roleCommandLine, Action: numberdb.AuditImported, Object: "reports", After: string(after),
		})
	}
	if err != nil {
		return fmt.Errorf("write the import to the audit chain, before which nothing is taken in: %w", err)
	}
	return nil
}

// options are how the list is to be read.
func (cmd importCommand) options(l *loaded) (o feed.CSVOptions, err error) {
	o = feed.CSVOptions{Origin: l.Policies["default"].origin(), At: now(), Now: now(), Ignore: cmd.Ignore}
	o.Source.Organisation = cmd.Organisation
	if err := o.Source.Kind.UnmarshalText([]byte(cmd.Source)); err != nil {
		return o, usageError{err}
	}
	if faults := o.Source.Check(); faults != nil {
		return o, usageError{faults}
	}
	if o.Roles, err = rolesOf(cmd.Role); err != nil {
		return o, err
	}
	if cmd.Region != "" {
		if !numberdb.KnownRegion(cmd.Region) {
			return o, unknownRegion(cmd.Region)
		}
		o.Origin = numberdb.Origin{Region: cmd.Region}
	}
	if cmd.At != "" {
		var known bool
		if o.At, known = feed.ParseTime(cmd.At); !known || o.At.After(o.Now) {
			return o, usageError{fmt.Errorf("--at %.40q is not a time in the past: write it as 2026-01-31 or 2026-01-31T14:05:00Z", cmd.At)}
		}
	}
	return o, nil
}

// open opens the list, and gives its size in bytes if it has one.
func (cmd importCommand) open() (io.ReadCloser, int, error) {
	if cmd.File == "-" {
		return io.NopCloser(os.Stdin), 0, nil
	}
	f, err := os.Open(cmd.File)
	if err != nil {
		return nil, 0, usageError{fmt.Errorf("open the list: %w", err)}
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return f, 0, nil // a pipe, or a folder, of which reading tells
	}
	return f, int(info.Size()), nil
}

// portion is how many reports go to the store together, some hundred for each of its partitions.
const portion = 8192

// importing is the work of an import. One goroutine reads and checks rows while another sends the portion before to the store.
type importing struct {
	cmd     importCommand
	rows    *feed.CSVReader
	refused *refusals
	bar     *progress.Progress
	in      *countingReader
	size    int
	total   redisstore.Imported
}

// run takes all rows in.
func (im *importing) run(ctx context.Context, take func(context.Context, []numberdb.Report) (redisstore.Imported, error)) error {
	portions := make(chan []numberdb.Report, 1)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(portions)
		return im.read(ctx, portions)
	})
	group.Go(func() error {
		for reports := range portions {
			one, err := take(ctx, reports)
			if err != nil {
				return err
			}
			im.total.Reports += one.Reports
			im.total.Repeats += one.Repeats
			im.total.Forgeries += one.Forgeries
			im.bar.At(int(im.in.bytes.Load()), im.size, fmt.Sprint(im.total.Reports, " rows"))
		}
		return ctx.Err()
	})
	return group.Wait()
}

// read gives the sound rows in portions.
func (im *importing) read(ctx context.Context, portions chan<- []numberdb.Report) error {
	for ended := false; !ended; {
		reports := make([]numberdb.Report, 0, portion)
		for len(reports) < portion && !ended {
			report, err := im.rows.Read()
			var refused *feed.Rejected
			switch {
			case err == nil:
				reports = append(reports, report)
			case errors.As(err, &refused):
				if im.refused.add(refused); im.refused.count%portion == 0 && ctx.Err() != nil {
					return ctx.Err() // of a list without one sound row
				}
			case errors.Is(err, io.EOF):
				ended = true
			default:
				return err
			}
		}
		select {
		case portions <- reports:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tell says what became of the rows. Refused rows, or a broken off import, are an error.
func (im *importing) tell(w io.Writer, err error) error {
	t := im.total
	im.refused.tell()
	if err != nil {
		return fmt.Errorf("import broken off after %d rows: %w; import the same list again: what is in the store counts once", t.Reports, err)
	}
	done := "taken in"
	if im.cmd.DryRun {
		done = "sound; nothing was stored"
	}
	line := fmt.Sprintf("%d rows %s", t.Reports-t.Repeats, done)
	if t.Repeats > 0 {
		line += fmt.Sprintf("; %d had been before", t.Repeats)
	}
	if t.Forgeries > 0 {
		line += fmt.Sprintf("; %d are about genuine or cleared numbers, and kept as a sign that these are being forged", t.Forgeries)
	}
	if _, err := fmt.Fprintln(w, line); err != nil {
		return err
	}
	if n := im.refused.count; n > 0 {
		return fmt.Errorf("%d of %d rows were refused", n, n+t.Reports)
	}
	return nil
}

// countingReader counts what was read, for whoever wants to know meanwhile.
type countingReader struct {
	in    io.Reader
	bytes atomic.Int64
}

// Read implements [io.Reader].
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// rolesOf reads the roles that a command line names.
func rolesOf(words []string) (roles numberdb.Roles, err error) {
	for _, w := range words {
		var r numberdb.Role
		if err := r.UnmarshalText([]byte(w)); err != nil {
			return 0, usageError{err}
		}
		roles |= numberdb.RolesOf(r)
	}
	return roles, nil
}
