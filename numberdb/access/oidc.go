package access

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// DefaultClaim is the claim that is a person's name here where none is configured.
const DefaultClaim = "preferred_username"

// Bounds on what a provider does to us.
const (
	defaultOIDCTimeout = 5 * time.Second // for all that one request asks the provider
	maxProviderAnswer  = 1 << 20         // bytes
	maxAtProvider      = 16              // requests that wait for the provider at the same time
	discoveryLife      = time.Hour       // after which addresses and keys are read anew: a key that was taken back counts so long at most
)

// Errors about signing in at a provider.
var (
	// ErrNoProvider says that the operator has named none.
	ErrNoProvider = errors.New("no sign-in provider is set up here: the operator has to name one under intake.oidc")
	// ErrProviderAway says that the provider does not answer in time, or not as OpenID Connect wants it.
	ErrProviderAway = errors.New("the sign-in provider cannot be asked")
)

// OIDCOptions is how people sign in at a provider of OpenID Connect (OpenID Connect Core 1.0, code flow) instead of with a password.
type OIDCOptions struct {
	// Issuer is the provider's address, as its tokens name it: https, or http on this machine.
	Issuer string
	// ClientID and ClientSecret are what the provider knows us by.
	ClientID, ClientSecret string
	// Callback is our own address as browsers and the provider know it.
	Callback string
	// Claim of the ID token is the person's name here; [DefaultClaim] if empty. An email counts only where it is verified.
	Claim string
	// CreateReporters adds whoever the provider knows and we do not, as a reporter.
	CreateReporters bool
	// RequireMFA lets people who have set up a second factor here in only where the provider says that it has asked for one, too.
	RequireMFA bool
	// Timeout bounds what one request asks the provider; 5 seconds if zero.
	Timeout time.Duration
	// Now is the clock; [time.Now] if nil.
	Now func() time.Time
}

// CheckProviderURL says what is wrong with an address at which a provider or we are to be found, empty if nothing is: codes and secrets go
// over TLS, but on this machine.
func CheckProviderURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "is not a plain address"
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "is not an https address"
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// OIDC is a provider at which people sign in. Its methods are safe for concurrent use.
type OIDC struct {
	OIDCOptions
	client *http.Client
	asking chan struct{} // holds one for each request that waits for the provider

	turn  chan struct{} // holds one while found is looked at or made
	found *discovered
}

// discovered is what a provider says of itself.
type discovered struct {
	at       time.Time
	flow     oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// NewOIDC does not talk to the provider yet: it may be away when we start.
func NewOIDC(o OIDCOptions) (*OIDC, error) {
	switch issuer, callback := CheckProviderURL(o.Issuer), CheckProviderURL(o.Callback); {
	case issuer != "":
		return nil, fmt.Errorf("access: the issuer %.80q %s", o.Issuer, issuer)
	case callback != "":
		return nil, fmt.Errorf("access: the callback %.80q %s", o.Callback, callback)
	case o.ClientID == "" || o.ClientSecret == "":
		return nil, errors.New("access: no client id or client secret given for the sign-in provider")
	}
	if o.Claim == "" {
		o.Claim = DefaultClaim
	}
	setDefault(&o.Timeout, defaultOIDCTimeout)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &OIDC{
		OIDCOptions: o, asking: make(chan struct{}, maxAtProvider), turn: make(chan struct{}, 1),
		client: &http.Client{
			Transport: boundedAnswers{http.DefaultTransport}, Timeout: o.Timeout,
			// Secrets go where the provider's description says, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// boundedAnswers keeps a provider from filling our memory.
type boundedAnswers struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxProviderAnswer)
	}
	return answer, err
}

// atProvider asks the provider something, in bounded time and if few others do.
func (o *OIDC) atProvider(ctx context.Context, ask func(context.Context, *discovered) error) error {
	select {
	case o.asking <- struct{}{}:
		defer func() { <-o.asking }()
	default:
		return fmt.Errorf("%w: too many people wait for it", ErrProviderAway)
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, o.client), o.Timeout)
	defer cancel()
	d, err := o.discover(ctx)
	if err != nil {
		return fmt.Errorf("%w: read its description: %w", ErrProviderAway, err)
	}
	return ask(ctx, d)
}

// discover is the provider's description, read where it is not known yet or too old.
func (o *OIDC) discover(ctx context.Context) (*discovered, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := o.Now()
	if o.found != nil && now.Sub(o.found.at) < discoveryLife {
		return o.found, nil
	}
	provider, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		Keys        string   `json:"jwks_uri"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, more.Keys} {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return nil, fmt.Errorf("it names %.80q, which is not an https address", address)
		}
	}
	// The library would try both, and the first attempt may spend the code. The default is that of OpenID Connect Discovery 1.0.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if len(more.AuthMethods) > 0 && !slices.Contains(more.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	o.found = &discovered{
		at: now,
		flow: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: endpoint, RedirectURL: o.Callback,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
		// Keys are read when they are needed, in the time that the client has, whatever becomes of this request.
		verifier: provider.VerifierContext(oidc.ClientContext(context.Background(), o.client), &oidc.Config{ClientID: o.ClientID, Now: o.Now}),
	}
	return o.found, nil
}

// arrival is who somebody is by the word of the provider.
type arrival struct {
	account string // at the provider, hashed
	name    string // here
	mfa     bool   // the provider has asked for more than one factor
}

// redeem turns the code of an attempt into who it is. What the provider does not stand by is a *[RefusedError].
func (o *OIDC) redeem(ctx context.Context, a *oidcAttempt, code string) (who arrival, err error) {
	err = o.atProvider(ctx, func(ctx context.Context, d *discovered) error {
		token, err := d.flow.Exchange(ctx, code, oauth2.VerifierOption(a.verifier()))
		var answered *oauth2.RetrieveError
		switch {
		case errors.As(err, &answered) && answered.ErrorCode == "invalid_grant":
			return &RefusedError{Why: "the provider does not take the code, or has taken it before"}
		case err != nil:
			return fmt.Errorf("%w: redeem a code: %w", ErrProviderAway, err)
		}
		raw, _ := token.Extra("id_token").(string)
		if raw == "" {
			return fmt.Errorf("%w: it sends no ID token", ErrProviderAway)
		}
		id, err := d.verifier.Verify(ctx, raw)
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("%w: check an ID token: %w", ErrProviderAway, err)
		case err != nil:
			return &RefusedError{Why: "the ID token is not good: " + err.Error()}
		}
		who, err = o.read(id, a.nonce())
		return err
	})
	return who, err
}

// read takes from an ID token with a good signature, issuer, audience and time what we need, if the rest is good too
// (OpenID Connect Core 1.0 section 3.1.3.7).
func (o *OIDC) read(id *oidc.IDToken, nonce string) (arrival, error) {
	var claims struct {
		For           string          `json:"azp"`
		Methods       []string        `json:"amr"`
		EmailVerified json.RawMessage `json:"email_verified"`
	}
	var all map[string]json.RawMessage
	if err := errors.Join(id.Claims(&claims), id.Claims(&all)); err != nil {
		return arrival{}, &RefusedError{Why: "the ID token has claims of the wrong type: " + err.Error()}
	}
	var claimed string
	if json.Unmarshal(all[o.Claim], &claimed) != nil { // missing, or no text: there is no name
		claimed = ""
	}
	name, sound := claimedName(claimed)
	verified := string(claims.EmailVerified)
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return arrival{}, &RefusedError{Why: "the ID token is of another attempt (nonce)"}
	case claims.For != "" && claims.For != o.ClientID, claims.For == "" && len(id.Audience) > 1:
		return arrival{}, &RefusedError{Why: "the ID token was made for somebody else (azp)"}
	case id.Subject == "" || len(id.Subject) > 255:
		return arrival{}, &RefusedError{Why: "the ID token names no account (sub)"}
	case !sound:
		return arrival{}, &RefusedError{Why: fmt.Sprintf("the claim %s is missing or cannot name a person: %.80q", o.Claim, claimed)}
	case o.Claim == "email" && verified != "true" && verified != `"true"`:
		return arrival{}, &RefusedError{Why: "the provider has not verified the e-mail address"}
	}
	hash := HashToken(id.Issuer + "\n" + id.Subject)
	return arrival{account: fmt.Sprintf("%x", hash[:16]), name: name, mfa: slices.Contains(claims.Methods, "mfa")}, nil
}

// claimedName is [FoldName] for what a provider says: it may let people choose their names, so what only becomes a name by being tidied is none.
func claimedName(s string) (string, bool) {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", false
	}
	return FoldName(s)
}
