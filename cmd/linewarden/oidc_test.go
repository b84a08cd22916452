package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb/access"
)

// TestProviderIsOnlyWhereOneIsNamed wants what is written about a provider to reach it, and none where nothing is.
func TestProviderIsOnlyWhereOneIsNamed(t *testing.T) {
	l, err := sound(write(t, minimal))
	if err != nil {
		t.Fatal(err)
	}
	if o, err := l.newOIDC(); o != nil || err != nil {
		t.Errorf("nothing is written, and there is %v, %v", o, err)
	}
	file := filepath.Join(t.TempDir(), "oidc.secret")
	if err := os.WriteFile(file, []byte("secret of this test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err = sound(write(t, strings.Replace(minimal, "intake: {", `intake: {oidc: {issuer: "https://id.example.org", client_id: linewarden, client_secret_file: "`+file+
		`", callback: "https://linewarden.example.org/signin/oidc/callback", create_reporters: true}, `, 1)), "LINEWARDEN_INTAKE_OIDC_REQUIRE_MFA=true")
	if err != nil {
		t.Fatal(err)
	}
	o, err := l.newOIDC() // which does not ask the provider: there is none
	if err != nil {
		t.Fatal(err)
	}
	if o.ClientSecret != "secret of this test" || o.Claim != access.DefaultClaim || o.Issuer != "https://id.example.org" || o.ClientID != "linewarden" || !o.CreateReporters || !o.RequireMFA {
		t.Errorf("the provider is %+v", o.OIDCOptions)
	}
	if l.Intake.OIDC.Label != "single sign-on" {
		t.Errorf("the label is %q", l.Intake.OIDC.Label)
	}
}

// TestSampleProviderIsSound uncomments the provider of the sample.
func TestSampleProviderIsSound(t *testing.T) {
	before, after, found := strings.Cut(sampleConfig, "  # oidc:\n")
	block, rest, ends := strings.Cut(after, "  tokens:")
	if !found || !ends {
		t.Fatal("the sample has no provider")
	}
	file := filepath.Join(t.TempDir(), "oidc.secret")
	if err := os.WriteFile(file, []byte("secret of this test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	block = strings.ReplaceAll(strings.ReplaceAll("\n"+block, "\n  # ", "\n  "), "/etc/linewarden/oidc.secret", file)
	l, err := sound(write(t, before+"  oidc:"+block+"  tokens:"+rest))
	if err != nil {
		t.Fatal(err)
	}
	if o := l.Intake.OIDC; o.Claim != defaultOIDC().Claim || o.Label != defaultOIDC().Label || o.CreateReporters || o.RequireMFA || !o.isSet() {
		t.Errorf("the sample differs from the defaults: %+v", o)
	}
}
