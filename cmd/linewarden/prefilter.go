package main

import (
	"fmt"
	"log/slog"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening/ami"
	"github.com/linewarden/linewarden/screening/prefilter"
)

// newPrefilter is what keeps the i-th Asterisk's own database filled; nil if that was not asked for.
func (l *loaded) newPrefilter(i int, list prefilter.List, log *slog.Logger, metrics prometheus.Registerer) (*prefilter.Prefilter, error) {
	c := l.Asterisk[i].Prefilter
	if c.Manager == "" {
		return nil, nil
	}
	secured, err := c.TLS.client()
	if err != nil {
		return nil, fmt.Errorf("asterisk[%d].prefilter.tls: %w", i, err)
	}
	origins := map[string]numberdb.Origin{}
	for name, p := range l.Policies {
		origins[name] = p.origin()
	}
	label := strconv.Itoa(i)
	return prefilter.New(prefilter.Options{
		List: list, Instance: l.Instance, Origins: origins, StaleAfter: c.StaleAfter,
		Asterisk: ami.Config{Address: c.Manager, Username: c.Username, Secret: c.Password.Reveal(), TLS: secured},
		Logger:   log.With("asterisk", label),
		Metrics:  prometheus.WrapRegistererWith(prometheus.Labels{"asterisk": label}, metrics),
	})
}
