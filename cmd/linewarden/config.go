package main

import (
	"crypto/sha256"
	"os"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/screening/callflow"
	"github.com/linewarden/linewarden/screening/journal"
)

// config is everything that an operator may choose. Each key of the YAML file has the environment variable LINEWARDEN_ and its path in
// capitals (redis.addresses is LINEWARDEN_REDIS_ADDRESSES, a list is separated by commas), which wins over the file; policies and rules
// come from the file alone. sample.yaml explains every key.
type config struct {
	Instance string           `yaml:"instance" env:"INSTANCE"`
	Region   string           `yaml:"region" env:"REGION"`
	Redis    redisConfig      `yaml:"redis" envPrefix:"REDIS_"`
	List     listConfig       `yaml:"list" envPrefix:"LIST_"`
	Asterisk []asteriskConfig `yaml:"asterisk" envPrefix:"ASTERISK_"`
	Calls    callsConfig      `yaml:"calls" envPrefix:"CALLS_"`
	Policies policies         `yaml:"policies" env:"-"`
	Rules    numberdb.Rules   `yaml:"rules" env:"-"`
	Journal  journalConfig    `yaml:"journal" envPrefix:"JOURNAL_"`
	Intake   intakeConfig     `yaml:"intake" envPrefix:"INTAKE_"`
	Audit    auditConfig      `yaml:"audit" envPrefix:"AUDIT_"`
	Ops      opsConfig        `yaml:"ops" envPrefix:"OPS_"`
	Log      logConfig        `yaml:"log" envPrefix:"LOG_"`
}

// policies are the trunks' policies by name.
type policies map[string]policyConfig

// redisConfig says where the store is.
type redisConfig struct {
	Addresses            []string  `yaml:"addresses" env:"ADDRESSES"`
	Username             string    `yaml:"username" env:"USERNAME"`
	Password             secret    `yaml:"password" env:"PASSWORD"`
	PasswordFile         string    `yaml:"password_file" env:"PASSWORD_FILE"`
	SentinelMaster       string    `yaml:"sentinel_master" env:"SENTINEL_MASTER"`
	SentinelUsername     string    `yaml:"sentinel_username" env:"SENTINEL_USERNAME"`
	SentinelPassword     secret    `yaml:"sentinel_password" env:"SENTINEL_PASSWORD"`
	SentinelPasswordFile string    `yaml:"sentinel_password_file" env:"SENTINEL_PASSWORD_FILE"`
	Cluster              bool      `yaml:"cluster" env:"CLUSTER"`
	DB                   int       `yaml:"db" env:"DB"`
	Prefix               string    `yaml:"prefix" env:"PREFIX"`
	TLS                  tlsClient `yaml:"tls" envPrefix:"TLS_"`
}

// tlsClient is how a connection of ours is secured.
type tlsClient struct {
	Enabled    bool   `yaml:"enabled" env:"ENABLED"`
	CAFile     string `yaml:"ca_file" env:"CA_FILE"`
	CertFile   string `yaml:"cert_file" env:"CERT_FILE"`
	KeyFile    string `yaml:"key_file" env:"KEY_FILE"`
	ServerName string `yaml:"server_name" env:"SERVER_NAME"`
}

// listConfig is how the node keeps its copy of the list.
type listConfig struct {
	Snapshot   string        `yaml:"snapshot" env:"SNAPSHOT"`
	StaleAfter time.Duration `yaml:"stale_after" env:"STALE_AFTER"`
}

// asteriskConfig is one Asterisk.
type asteriskConfig struct {
	URL          string `yaml:"url" env:"URL"`
	Username     string `yaml:"username" env:"USERNAME"`
	Password     secret `yaml:"password" env:"PASSWORD"`
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
	Transport    string `yaml:"transport" env:"TRANSPORT"`

	Prefilter prefilterConfig `yaml:"prefilter" envPrefix:"PREFILTER_"`
}

// prefilterConfig is how what is listed gets into one Asterisk's own database; without an address it does not.
type prefilterConfig struct {
	Manager      string        `yaml:"manager" env:"MANAGER"`
	Username     string        `yaml:"username" env:"USERNAME"`
	Password     secret        `yaml:"password" env:"PASSWORD"`
	PasswordFile string        `yaml:"password_file" env:"PASSWORD_FILE"`
	StaleAfter   time.Duration `yaml:"stale_after" env:"STALE_AFTER"`
	TLS          tlsClient     `yaml:"tls" envPrefix:"TLS_"`
}

// callsConfig is what holds for the calls of all trunks.
type callsConfig struct {
	Deadline       time.Duration `yaml:"deadline" env:"DEADLINE"`
	Languages      []string      `yaml:"languages" env:"LANGUAGES"`
	RecordedBrands []string      `yaml:"recorded_brands" env:"RECORDED_BRANDS"`
}

// policyConfig is how the calls of one trunk are screened.
type policyConfig struct {
	Region         string        `yaml:"region"`
	BareDigits     string        `yaml:"bare_digits"`
	EmergencyExtra []string      `yaml:"emergency_extra"`
	ReportOnly     bool          `yaml:"report_only"`
	RequireKey     bool          `yaml:"require_key"`
	Helpline       bool          `yaml:"helpline"`
	KeyWait        time.Duration `yaml:"key_wait"`
	Language       string        `yaml:"language"`
}

// UnmarshalYAML lets a key that is not written keep its default.
func (p *policyConfig) UnmarshalYAML(decode func(any) error) error {
	type plain policyConfig
	*p = defaultPolicy()
	return decode((*plain)(p))
}

func defaultPolicy() policyConfig {
	return policyConfig{BareDigits: "national", Helpline: true, KeyWait: callflow.DefaultKeyWait}
}

// journalConfig is what is remembered of calls.
type journalConfig struct {
	Retention        time.Duration `yaml:"retention" env:"RETENTION"`
	MostPerDay       int           `yaml:"most_per_day" env:"MOST_PER_DAY"`
	PseudonymKey     secret        `yaml:"pseudonym_key" env:"PSEUDONYM_KEY"`
	PseudonymKeyFile string        `yaml:"pseudonym_key_file" env:"PSEUDONYM_KEY_FILE"`
}

// intakeConfig is the intake endpoint.
type intakeConfig struct {
	Listen      string `yaml:"listen" env:"LISTEN"`
	TLSCertFile string `yaml:"tls_cert_file" env:"TLS_CERT_FILE"`
	TLSKeyFile  string `yaml:"tls_key_file" env:"TLS_KEY_FILE"`
	// Organisation is for whom the people report who sign in.
	Organisation string        `yaml:"organisation" env:"ORGANISATION"`
	SessionIdle  time.Duration `yaml:"session_idle" env:"SESSION_IDLE"`
	SessionLife  time.Duration `yaml:"session_life" env:"SESSION_LIFE"`
	Tokens       []tokenConfig `yaml:"tokens" envPrefix:"TOKENS_"`

	SealingKey        secret `yaml:"sealing_key" env:"SEALING_KEY"`
	SealingKeyFile    string `yaml:"sealing_key_file" env:"SEALING_KEY_FILE"`
	ReportsPerDay     int    `yaml:"reports_per_day" env:"REPORTS_PER_DAY"`
	ShipGenuineLines  bool   `yaml:"ship_genuine_lines" env:"SHIP_GENUINE_LINES"`
	FeedReportsPerDay int    `yaml:"feed_reports_per_day" env:"FEED_REPORTS_PER_DAY"`
	// Sounds is Asterisk's folder of sounds, or a copy of it, for people who want to hear what callers do.
	Sounds string `yaml:"sounds" env:"SOUNDS"`

	OIDC oidcConfig `yaml:"oidc" envPrefix:"OIDC_"`
}

// oidcConfig is the provider at which people may sign in, none where nothing is written.
type oidcConfig struct {
	Issuer           string `yaml:"issuer" env:"ISSUER"`
	ClientID         string `yaml:"client_id" env:"CLIENT_ID"`
	ClientSecret     secret `yaml:"client_secret" env:"CLIENT_SECRET"`
	ClientSecretFile string `yaml:"client_secret_file" env:"CLIENT_SECRET_FILE"`
	Callback         string `yaml:"callback" env:"CALLBACK"`
	Claim            string `yaml:"claim" env:"CLAIM"`
	Label            string `yaml:"label" env:"LABEL"`
	CreateReporters  bool   `yaml:"create_reporters" env:"CREATE_REPORTERS"`
	RequireMFA       bool   `yaml:"require_mfa" env:"REQUIRE_MFA"`
}

// defaultOIDC is what holds where a provider is named.
func defaultOIDC() oidcConfig {
	return oidcConfig{Claim: access.DefaultClaim, Label: "single sign-on"}
}

// isSet says whether anything is written about a provider.
func (o oidcConfig) isSet() bool {
	standard := defaultOIDC()
	return o.Issuer+o.ClientID+o.ClientSecretFile+o.Callback != "" || o.ClientSecret.Set() || o.CreateReporters || o.RequireMFA || o.Claim != standard.Claim || o.Label != standard.Label
}

// tokenConfig is a machine that may use the intake endpoint.
type tokenConfig struct {
	Name         string `yaml:"name" env:"NAME"`
	Organisation string `yaml:"organisation" env:"ORGANISATION"`
	Source       string `yaml:"source" env:"SOURCE"`
	Role         string `yaml:"role" env:"ROLE"`
	SHA256       string `yaml:"sha256" env:"SHA256"`
	TokenFile    string `yaml:"token_file" env:"TOKEN_FILE"`

	hash [sha256.Size]byte // of the token, once the secrets are resolved
}

// auditConfig is where the heads of the audit chain are sent.
type auditConfig struct {
	Syslog      string        `yaml:"syslog" env:"SYSLOG"`
	SyslogEvery time.Duration `yaml:"syslog_every" env:"SYSLOG_EVERY"`
}

// opsConfig is the listener for health checks and metrics.
type opsConfig struct {
	Listen string `yaml:"listen" env:"LISTEN"`
	Pprof  bool   `yaml:"pprof" env:"PPROF"`
}

// logConfig is the log on standard error.
type logConfig struct {
	Level  string `yaml:"level" env:"LEVEL"`
	Format string `yaml:"format" env:"FORMAT"`
}

// defaultConfig is what holds where neither file nor environment says anything.
func defaultConfig() config {
	instance, err := os.Hostname()
	if err != nil || !instanceName.MatchString(instance) {
		instance = "linewarden" // a host without a usable name is asked for one only where two nodes serve one Asterisk
	}
	return config{
		Instance: instance,
		Redis:    redisConfig{Addresses: []string{"127.0.0.1:6379"}, Prefix: "lw"},
		List:     listConfig{StaleAfter: 30 * time.Second},
		Calls:    callsConfig{Deadline: callflow.DefaultDeadline, Languages: []string{"en"}},
		Rules:    numberdb.DefaultRules(),
		Journal:  journalConfig{Retention: journal.DefaultRetention, MostPerDay: journal.DefaultMostPerDay},
		Intake: intakeConfig{
			Listen: "127.0.0.1:8080", ReportsPerDay: intake.DefaultReportsPerDay, FeedReportsPerDay: intake.DefaultFeedReportsPerDay, ShipGenuineLines: true,
			Organisation: "helpline", SessionIdle: access.DefaultSessionIdle, SessionLife: access.DefaultSessionLife,
			OIDC: defaultOIDC(),
		},
		Audit: auditConfig{SyslogEvery: 10 * time.Second},
		Ops:   opsConfig{Listen: "127.0.0.1:8081"},
		Log:   logConfig{Level: "info", Format: "text"},
	}
}
