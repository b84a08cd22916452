package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/linewarden/linewarden/numberdb/access"
)

// callbackPath is where the intake waits for browsers that come from the provider.
const callbackPath = "/signin/oidc/callback"

var claimName = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,100}$`)

// checkOIDC wants all that signing in at a provider needs, if anything is written about it. It does not ask the provider.
func (c *checker) checkOIDC() {
	o := c.Intake.OIDC
	if !o.isSet() {
		return
	}
	c.providerURL("issuer", o.Issuer, "write the provider's address as its own /.well-known/openid-configuration names it under issuer")
	if c.providerURL("callback", o.Callback, "write https://, the host by which browsers reach the intake, and "+callbackPath+"; the provider needs the same") &&
		!strings.HasSuffix(o.Callback, callbackPath) {
		c.fault("intake.oidc.callback", "does not end in "+callbackPath, "write https://, the host by which browsers reach the intake, and "+callbackPath)
	}
	if o.ClientID == "" {
		c.fault("intake.oidc.client_id", "is missing", "write the name by which the provider knows Linewarden")
	}
	if !o.ClientSecret.Set() {
		c.fault("intake.oidc.client_secret", "is missing", "name a file that holds it with client_secret_file, or set "+variableName("intake.oidc.client_secret"))
	}
	if !claimName.MatchString(o.Claim) {
		c.fault("intake.oidc.claim", fmt.Sprintf("%.40q cannot be a claim", o.Claim), "write which one is the person's name here, such as preferred_username or email")
	}
	if o.Label == "" || len(o.Label) > 60 || strings.TrimSpace(o.Label) != o.Label {
		c.fault("intake.oidc.label", "cannot be on a button", "write what people call the provider, 1 to 60 characters")
	}
}

// providerURL says whether an address is there and good.
func (c *checker) providerURL(key, text, hint string) bool {
	fault := "is missing"
	if text != "" {
		fault = access.CheckProviderURL(text)
	}
	if fault != "" {
		c.fault("intake.oidc."+key, fault, hint)
	}
	return fault == ""
}

// newOIDC is the provider at which people may sign in; nil for none.
func (l *loaded) newOIDC() (*access.OIDC, error) {
	o := l.Intake.OIDC
	if !o.isSet() {
		return nil, nil
	}
	return access.NewOIDC(access.OIDCOptions{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Callback: o.Callback,
		Claim: o.Claim, CreateReporters: o.CreateReporters, RequireMFA: o.RequireMFA,
	})
}
