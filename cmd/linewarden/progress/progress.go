// Package progress shows people at a command line how far long work is. It has a place of its own since both the demo and the program's
// commands do such work.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress shows how far long work is: a bar on a terminal, elsewhere a line now and then. Work that is over within a second is not
// worth a word. A Progress is not safe for concurrent use.
type Progress struct {
	w       io.Writer
	task    string
	began   time.Time
	bar     *progressbar.ProgressBar
	printed int // tenths of the work that were told
}

// New shows the progress of a task on w.
func New(w io.Writer, task string) *Progress {
	return &Progress{w: w, task: task, began: time.Now(), printed: -1}
}

// At says that done of total is finished, and what is being done now.
func (p *Progress) At(done, total int, what string) {
	if total <= 0 || p.bar == nil && time.Since(p.began) < time.Second {
		return
	}
	if f, ok := p.w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if p.bar == nil {
			p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetWidth(30),
				progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
		}
		p.bar.Describe(p.task + ": " + what)
		_ = p.bar.Set(done) // a bar that cannot be drawn is no reason to stop
		return
	}
	if tenth := 10 * done / total; tenth > p.printed {
		p.printed = tenth
		fmt.Fprintf(p.w, "%s: %d %% (%s)\n", p.task, 100*done/total, what)
	}
}
