package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/numberdb/redisstore"
	"github.com/linewarden/linewarden/numberdb/replica"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/asterisk"
	"github.com/linewarden/linewarden/screening/callflow"
	"github.com/linewarden/linewarden/screening/journal"
)

// newIntake is the intake endpoint as the config describes it.
func (l *loaded) newIntake(store *redisstore.Store, list *replica.Replica, key journal.Key, log *slog.Logger, metrics prometheus.Registerer) (*intake.API, error) {
	tokens, names := make([]access.Token, len(l.Intake.Tokens)), make([]string, len(l.Intake.Tokens))
	for i, t := range l.Intake.Tokens {
		source := numberdb.Source{Organisation: t.Organisation}
		if err := source.Kind.UnmarshalText([]byte(t.Source)); err != nil {
			return nil, err
		}
		tokens[i] = access.Token{Principal: access.Principal{Name: t.Name, Source: source, Role: access.Role(t.Role)}, Hash: t.hash}
		names[i] = t.Name
	}
	people, err := l.newDirectory(store, names)
	if err != nil {
		return nil, err
	}
	policy := l.Policies[callflow.DefaultPolicy]
	return intake.New(intake.Options{
		Store: store, Access: people, Tokens: tokens, Audit: store.Audit, Decisions: store, Companies: store, Impact: impact(journal.NewLookBack(store, key.Traffic(), nil)), Origin: policy.origin(), Policy: policy.screening(),
		Rules: &l.Rules, Trunks: l.trunks(), Voice: l.Calls.voice(), List: list, Sounds: l.Intake.Sounds,
		ReportsPerDay: l.Intake.ReportsPerDay, FeedReportsPerDay: l.Intake.FeedReportsPerDay,
		OIDCLabel: l.Intake.OIDC.Label, SignInPage: "/signin",
		Calls: store, CallRetention: l.Journal.Retention, Nodes: store, Chain: store,
		Version: version(), Logger: log, Metrics: metrics,
	})
}

// newDirectory is the people and tokens of the intake; taken are the names of the config's tokens.
func (l *loaded) newDirectory(store *redisstore.Store, taken []string) (*access.Directory, error) {
	var factorKey *access.FactorKey
	if l.Intake.SealingKey.Set() {
		var err error
		if factorKey, err = access.NewFactorKey(l.Intake.SealingKey.Reveal()); err != nil {
			return nil, fmt.Errorf("intake.sealing_key: %w", err)
		}
	}
	provider, err := l.newOIDC()
	if err != nil {
		return nil, fmt.Errorf("intake.oidc: %w", err)
	}
	return access.New(access.Options{
		Store: store, Audit: store.Audit, Organisation: l.Intake.Organisation, Taken: taken,
		SessionIdle: l.Intake.SessionIdle, SessionLife: l.Intake.SessionLife, FactorKey: factorKey, OIDC: provider,
	})
}

// newFlow is the call flow as the config describes it.
func (l *loaded) newFlow(list callflow.List, observe func(callflow.Record), log *slog.Logger, metrics prometheus.Registerer) (*callflow.Flow, error) {
	policies := map[string]callflow.Policy{}
	for name, p := range l.Policies {
		policies[name] = callflow.Policy{
			Screening: p.screening(), Origin: p.origin(),
			Helpline: p.Helpline, RequireKey: p.RequireKey, KeyWait: p.KeyWait, Language: p.Language,
		}
	}
	return callflow.New(callflow.Options{
		List: list, Voice: l.Calls.voice(), Policies: policies, Languages: l.Calls.Languages,
		Deadline: l.Calls.Deadline, Observe: observe, Logger: log, Metrics: metrics,
	})
}

// origin is how the policy's trunk writes numbers.
func (p policyConfig) origin() numberdb.Origin {
	o := numberdb.Origin{Region: p.Region, ExtraEmergency: strings.Join(p.EmergencyExtra, " ")}
	if p.BareDigits == "e164" {
		o.Bare = numberdb.BareE164
	}
	return o
}

// trunks are the policies as those see them who ask what a call would get.
func (l *loaded) trunks() map[string]intake.Trunk {
	trunks := map[string]intake.Trunk{}
	for name, p := range l.Policies {
		t := intake.Trunk{Screening: p.screening(), Origin: p.origin(), Helpline: p.Helpline, RequireKey: p.RequireKey, Language: p.Language}
		if !slices.Contains(l.Calls.Languages, t.Language) && len(l.Calls.Languages) > 0 {
			t.Language = l.Calls.Languages[0] // as screening/callflow does
		}
		trunks[name] = t
	}
	return trunks
}

// voice knows which brands callers hear by name.
func (c callsConfig) voice() dialplan.Voice { return dialplan.NewVoice(c.RecordedBrands...) }

// screening is the policy in terms of decisions.
func (p policyConfig) screening() screening.Policy { return screening.Policy{ReportOnly: p.ReportOnly} }

// transports are the words of the config.
var transports = map[string]asterisk.Transport{
	"auto": asterisk.TransportAuto, "websocket": asterisk.TransportWebsocket, "http": asterisk.TransportHTTP,
}

// client is how this instance connects to one Asterisk.
func (a asteriskConfig) client(i int, instance string, log *slog.Logger, metrics prometheus.Registerer) asterisk.Config {
	label := strconv.Itoa(i)
	return asterisk.Config{
		URL: a.ariURL(), App: dialplan.AppPrefix + instance, Username: a.Username, Password: a.Password.Reveal(),
		Transport: transports[a.Transport], PeerPrefix: dialplan.AppPrefix, OrphanPlace: callflow.OrphanPlace,
		Logger:  log.With("asterisk", label),
		Metrics: prometheus.WrapRegistererWith(prometheus.Labels{"asterisk": label}, metrics),
	}
}

// ariURL is the address of ARI, which is at /ari unless Asterisk's http.conf sets a prefix.
func (a asteriskConfig) ariURL() string {
	u, err := url.Parse(a.URL)
	if err != nil || u.Path != "" && u.Path != "/" {
		return a.URL
	}
	return u.JoinPath("ari").String()
}

// buildInfo is a metric that is always 1 and says which version runs.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linewarden_build_info", Help: "Always 1; the label says which version runs.",
		ConstLabels: prometheus.Labels{"version": version()},
	}, func() float64 { return 1 })
}

// watchList makes the readiness tell how the list is.
func watchList(ready *readiness, list *replica.Replica, staleAfter time.Duration) {
	ready.add("list", func(time.Time) string {
		switch s := list.State(); {
		case !s.Loaded:
			return "no list has been loaded yet: calls pass unscreened"
		case errors.Is(s.Err, replica.ErrReplaced):
			return s.Err.Error()
		case s.Age > staleAfter:
			return fmt.Sprintf("the list is stale: last confirmed %v ago; calls are screened with it", s.Age.Round(time.Second))
		}
		return ""
	})
	ready.add("redis", func(time.Time) string {
		if err := list.State().Err; err != nil {
			return err.Error()
		}
		return ""
	})
}

// asteriskReady tells whether calls come in from an Asterisk.
func asteriskReady(c *asterisk.Client) func(time.Time) string {
	return func(time.Time) string {
		s := c.Status()
		switch {
		case s.Connected:
			return ""
		case s.LastError != nil:
			return "not connected: " + s.LastError.Error()
		}
		return "not connected yet"
	}
}
