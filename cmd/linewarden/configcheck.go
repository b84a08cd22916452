package main

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/screening/journal"
	"github.com/linewarden/linewarden/screening/prefilter"
)

// parts are what a process is to run.
type parts struct {
	screening, intake bool
}

// partsOf is what to run where only one part is named, or none for both.
func partsOf(only string) parts {
	return parts{screening: only != "intake", intake: only != "screening"}
}

var (
	instanceName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,52}$`) // dialplan.AppPrefix and this name an application, of 64 characters at most
	keyPrefix       = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	policyName      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	emergencyNumber = regexp.MustCompile(`^[0-9*#]{2,15}$`)
)

// checker collects what is wrong with a config that has the right shape.
type checker struct {
	*loaded
	faults configFaults
}

// result is the faults as an error, nil for none.
func (c *checker) result() error {
	if len(c.faults) == 0 {
		return nil
	}
	return c.faults
}

func (c *checker) fault(key, what, hint string) {
	c.faults = append(c.faults, configFault{Where: c.where(key), Key: key, What: what, Hint: hint})
}

// oneOf wants one of a few words.
func (c *checker) oneOf(key, value string, words ...string) {
	if !slices.Contains(words, value) {
		c.fault(key, fmt.Sprintf("%.40q is not known", value), nearest(value, words))
	}
}

// address wants a host and a port.
func (c *checker) address(key, value string) {
	if _, port, err := net.SplitHostPort(value); err != nil || port == "" {
		c.fault(key, fmt.Sprintf("%.80q is not an address", value), "write host:port, such as 127.0.0.1:6379")
	}
}

// between wants a time in bounds.
func (c *checker) between(key string, value, least, most time.Duration) {
	if value < least || value > most {
		c.fault(key, fmt.Sprintf("%v is out of bounds", value), fmt.Sprintf("write a time from %v to %v", least, most))
	}
}

// region wants a country whose numbering plan we know.
func (c *checker) region(key, value string) {
	if !numberdb.KnownRegion(value) {
		c.fault(key, fmt.Sprintf("%.40q is not a region", value), "write the two capital letters of the country (ISO 3166-1), such as US")
	}
}

// validate says whether the config is sound and complete for the parts. Secrets that are kept in files must have been read, by
// [loaded.resolveSecrets]. The error is a [configFaults].
func (l *loaded) validate(p parts) error {
	c := &checker{loaded: l}
	c.checkNode()
	c.checkRedis()
	c.checkPolicies()
	c.checkRules()
	c.checkJournal()
	if p.screening {
		c.checkAsterisk()
	}
	if p.intake {
		c.checkIntake()
	}
	return c.result()
}

func (c *checker) checkNode() {
	if !instanceName.MatchString(c.Instance) {
		c.fault("instance", fmt.Sprintf("%.80q cannot name a node", c.Instance), "write letters, digits, dots and hyphens, at most 53, different on each node")
	}
	if c.Region == "" {
		c.fault("region", "is missing", "write the country whose telephone numbers your trunks use, such as region: US")
	} else {
		c.region("region", c.Region)
	}
	c.between("list.stale_after", c.List.StaleAfter, 3*time.Second, 24*time.Hour) // a list in good health is up to 2 s old
	c.between("calls.deadline", c.Calls.Deadline, 100*time.Millisecond, 10*time.Second)
	if len(c.Calls.Languages) == 0 {
		c.fault("calls.languages", "is empty", "name at least one language that prompts are built for, such as en")
	}
	for i, language := range c.Calls.Languages {
		c.oneOf(fmt.Sprintf("calls.languages[%d]", i), language, promptLanguages()...)
	}
	for i, slug := range c.Calls.RecordedBrands {
		if slug == "" || !numberdb.Brand(slug).Valid() {
			c.fault(fmt.Sprintf("calls.recorded_brands[%d]", i), fmt.Sprintf("%.40q is not a brand's slug", slug), "write 1 to 32 of a-z, 0-9 and hyphen")
		}
	}
	if _, _, err := syslogAddress(c.Audit.Syslog); c.Audit.Syslog != "" && err != nil {
		c.fault("audit.syslog", fmt.Sprintf("%.80q is not the address of a syslog", c.Audit.Syslog), "write udp://host:514, tcp://host:514 or unix:///dev/log")
	}
	c.between("audit.syslog_every", c.Audit.SyslogEvery, time.Second, time.Hour)
	c.address("ops.listen", c.Ops.Listen)
	c.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", c.Log.Format, "text", "json")
}

func (c *checker) checkRedis() {
	r := c.Redis
	if len(r.Addresses) == 0 {
		c.fault("redis.addresses", "is empty", "write at least one host:port")
	}
	for i, a := range r.Addresses {
		c.address(fmt.Sprintf("redis.addresses[%d]", i), a)
	}
	if r.Cluster && r.SentinelMaster != "" {
		c.fault("redis.cluster", "is set beside sentinel_master", "a Redis is a cluster or kept by sentinels: remove one of the two")
	}
	if r.DB < 0 || r.DB != 0 && r.Cluster {
		c.fault("redis.db", "is negative, or beside cluster", "a cluster has one database: write 0")
	}
	if !keyPrefix.MatchString(r.Prefix) {
		c.fault("redis.prefix", fmt.Sprintf("%.40q cannot begin a key", r.Prefix), "write 1 to 32 letters, digits, _ and -")
	}
	c.pair("redis.tls.cert_file", r.TLS.CertFile, "redis.tls.key_file", r.TLS.KeyFile)
}

func (c *checker) checkRules() {
	for _, f := range c.Rules.Check() {
		c.fault("rules."+f.Field, f.Problem, f.Remedy)
	}
}

func (c *checker) checkJournal() {
	c.between("journal.retention", c.Journal.Retention, journal.MinRetention, journal.MaxRetention)
	if c.Journal.MostPerDay < 1 {
		c.fault("journal.most_per_day", fmt.Sprintf("%d is out of bounds", c.Journal.MostPerDay), "write how many calls of a day this node may record, at least 1")
	}
	if key := c.Journal.PseudonymKey; key.Set() && len(key.Reveal()) < journal.MinKeyLength {
		c.fault("journal.pseudonym_key", fmt.Sprintf("has fewer than %d characters", journal.MinKeyLength), "make a random one, such as 'openssl rand -hex 32' prints")
	}
}

func (c *checker) checkAsterisk() {
	if len(c.Asterisk) == 0 {
		c.fault("asterisk", "is missing", "name at least one Asterisk with url, username and password_file, or start with --only intake")
	}
	for i, a := range c.Asterisk {
		key := fmt.Sprintf("asterisk[%d].", i)
		switch u, err := url.Parse(a.URL); {
		case a.URL == "":
			c.fault(key+"url", "is missing", "write where Asterisk's HTTP server is, such as http://127.0.0.1:8088")
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			c.fault(key+"url", "is not an http or https address", "write it as http://127.0.0.1:8088")
		case u.User != nil:
			c.fault(key+"url", "holds a user", "write it under username and password_file: addresses are logged")
		}
		if a.Username == "" {
			c.fault(key+"username", "is missing", "write the user's name in Asterisk's ari.conf")
		}
		if !a.Password.Set() {
			c.fault(key+"password", "is missing", "name a file that holds it with password_file, or set "+variableName(key+"password"))
		}
		c.oneOf(key+"transport", a.Transport, "auto", "websocket", "http")
		c.checkPrefilter(key+"prefilter", a.Prefilter)
	}
}

func (c *checker) checkPrefilter(key string, p prefilterConfig) {
	if p.Manager == "" {
		if p.Username != "" || p.Password.Set() {
			c.fault(key+".manager", "is missing", "write where Asterisk's manager interface is, such as 127.0.0.1:5038, or remove the whole of prefilter")
		}
		return
	}
	c.address(key+".manager", p.Manager)
	if p.Username == "" {
		c.fault(key+".username", "is missing", "write the user's name in Asterisk's manager.conf")
	}
	if !p.Password.Set() {
		c.fault(key+".password", "is missing", "name a file that holds it with password_file, or set "+variableName(key+".password"))
	}
	c.between(key+".stale_after", p.StaleAfter, prefilter.MinStaleAfter, prefilter.MaxStaleAfter)
	c.pair(key+".tls.cert_file", p.TLS.CertFile, key+".tls.key_file", p.TLS.KeyFile)
}

func (c *checker) checkPolicies() {
	for name, p := range c.Policies {
		key := "policies." + name
		if !policyName.MatchString(name) {
			c.fault(key, "is not a name that the dialplan can give", "write letters, digits, _ and -, at most 32")
			continue
		}
		if p.Region != c.Region { // what is wrong with that of the whole config has been said
			c.region(key+".region", p.Region)
		}
		c.oneOf(key+".bare_digits", p.BareDigits, "national", "e164")
		c.between(key+".key_wait", p.KeyWait, 500*time.Millisecond, 30*time.Second)
		if p.Language != "" {
			c.oneOf(key+".language", p.Language, c.Calls.Languages...)
		}
		for i, n := range p.EmergencyExtra {
			if !emergencyNumber.MatchString(n) {
				c.fault(fmt.Sprintf("%s.emergency_extra[%d]", key, i), fmt.Sprintf("%.40q is not a telephone number", n), "write 2 to 15 digits, as they are dialled")
			}
		}
	}
}

func (c *checker) checkIntake() {
	c.address("intake.listen", c.Intake.Listen)
	c.pair("intake.tls_cert_file", c.Intake.TLSCertFile, "intake.tls_key_file", c.Intake.TLSKeyFile)
	if c.Intake.Organisation == "" || !numberdb.Brand(c.Intake.Organisation).Valid() {
		c.fault("intake.organisation", "is missing or not a slug", "write for whom the people report who sign in: 1 to 32 of a-z, 0-9 and hyphen")
	}
	c.between("intake.session_idle", c.Intake.SessionIdle, time.Minute, 24*time.Hour)
	c.between("intake.session_life", c.Intake.SessionLife, c.Intake.SessionIdle, 7*24*time.Hour)
	if key := c.Intake.SealingKey; key.Set() && len(key.Reveal()) < numberdb.MinSealingKey {
		c.fault("intake.sealing_key", fmt.Sprintf("has fewer than %d characters", numberdb.MinSealingKey), "make a random one, such as 'openssl rand -hex 32' prints")
	}
	for key, most := range map[string]int{"intake.reports_per_day": c.Intake.ReportsPerDay, "intake.feed_reports_per_day": c.Intake.FeedReportsPerDay} {
		if most < 1 {
			c.fault(key, fmt.Sprintf("%d is out of bounds", most), "write how many reports of one reporter are taken in a day, at least 1")
		}
	}
	c.checkOIDC()
	names, hashes := map[string]bool{}, map[[sha256.Size]byte]bool{}
	for i, t := range c.Intake.Tokens {
		key := fmt.Sprintf("intake.tokens[%d].", i)
		if t.Name == "" || strings.TrimSpace(t.Name) != t.Name || len(t.Name) > 64 {
			c.fault(key+"name", "is missing or cannot name anyone", "write 1 to 64 characters, without space around them")
		}
		if t.Organisation == "" || !numberdb.Brand(t.Organisation).Valid() {
			c.fault(key+"organisation", "is missing or not a slug", "write 1 to 32 of a-z, 0-9 and hyphen")
		}
		c.oneOf(key+"source", t.Source, "staff", "partner", "feed", "public")
		if access.Role(t.Role).ForPeople() && !access.Role(t.Role).ForMachines() {
			c.fault(key+"role", t.Role+" is a role of people, who sign in", "make the first administrator with 'linewarden user first NAME', who adds the others")
		} else {
			c.oneOf(key+"role", t.Role, words(access.MachineRoles)...)
		}
		switch {
		case t.SHA256 == "" && t.TokenFile == "":
			c.fault(key+"token_file", "is missing", "name a file that holds the token, or write its SHA-256 under sha256")
		case names[t.Name]:
			c.fault(key+"name", "is that of another token", "give each user a token and a name of their own")
		case hashes[t.hash]:
			c.fault(key+"token_file", "holds the token of another name", "give each user a token of their own")
		}
		names[t.Name], hashes[t.hash] = true, true
	}
}

// pair wants the files of a certificate and its key, or neither.
func (c *checker) pair(certKey, cert, keyKey, key string) {
	switch {
	case cert == "" && key == "":
	case cert == "":
		c.fault(certKey, "is missing", "it belongs to "+keyKey+": write both or neither")
	case key == "":
		c.fault(keyKey, "is missing", "it belongs to "+certKey+": write both or neither")
	default:
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			c.fault(certKey, "cannot be used: "+err.Error(), "name a certificate and its key in PEM form, readable for this user")
		}
	}
}

// resolveSecrets reads the secrets that are kept in files. The error is a [configFaults].
func (l *loaded) resolveSecrets() error {
	c := &checker{loaded: l}
	c.redisSecrets()
	c.secretFile("journal.pseudonym_key", &l.Journal.PseudonymKey, l.Journal.PseudonymKeyFile)
	c.secretFile("intake.oidc.client_secret", &l.Intake.OIDC.ClientSecret, l.Intake.OIDC.ClientSecretFile)
	c.secretFile("intake.sealing_key", &l.Intake.SealingKey, l.Intake.SealingKeyFile)
	for i := range l.Asterisk {
		a := &l.Asterisk[i]
		c.secretFile(fmt.Sprintf("asterisk[%d].password", i), &a.Password, a.PasswordFile)
		c.secretFile(fmt.Sprintf("asterisk[%d].prefilter.password", i), &a.Prefilter.Password, a.Prefilter.PasswordFile)
	}
	for i := range l.Intake.Tokens {
		c.tokenFile(fmt.Sprintf("intake.tokens[%d]", i), &l.Intake.Tokens[i])
	}
	return c.result()
}

// resolveRedisSecrets is [loaded.resolveSecrets] for commands that only need the store.
func (l *loaded) resolveRedisSecrets() error {
	c := &checker{loaded: l}
	c.redisSecrets()
	return c.result()
}

func (c *checker) redisSecrets() {
	c.secretFile("redis.password", &c.Redis.Password, c.Redis.PasswordFile)
	c.secretFile("redis.sentinel_password", &c.Redis.SentinelPassword, c.Redis.SentinelPasswordFile)
}

// secretFile reads a secret from its file. One that the environment holds wins over the file; in the config file only one of the two
// may be written.
func (c *checker) secretFile(key string, s *secret, file string) {
	if file == "" || s.Set() && c.env[variableName(key)] {
		return
	}
	if s.Set() {
		c.fault(key, "is set beside "+key+"_file", "write one of the two, better the file")
		return
	}
	text, fault := readSecret(file)
	if fault != "" {
		c.fault(key+"_file", fault, "put the secret there, readable for this user")
		return
	}
	*s = newSecret(text)
}

// tokenFile works out the hash of a token, from its file or as it is written.
func (c *checker) tokenFile(key string, t *tokenConfig) {
	switch {
	case t.SHA256 != "" && t.TokenFile != "":
		c.fault(key+".sha256", "is set beside token_file", "write one of the two")
	case t.SHA256 != "":
		hash, err := access.ParseTokenHash(t.SHA256)
		if err != nil {
			c.fault(key+".sha256", err.Error(), "")
		}
		t.hash = hash
	case t.TokenFile != "":
		text, fault := readSecret(t.TokenFile)
		if fault == "" && len(text) < access.MinTokenLength {
			fault = fmt.Sprintf("the token has fewer than %d characters", access.MinTokenLength)
		}
		if fault != "" {
			c.fault(key+".token_file", fault, "put a random token there, such as 'openssl rand -hex 32' prints")
		}
		t.hash = access.HashToken(text)
	}
}

// words are the names of roles.
func words(roles []access.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return names
}

// readSecret is the text of a file, without the line end that editors add, or what is wrong.
func readSecret(file string) (text, fault string) {
	b, err := readLimited(file, 64<<10)
	if err != nil {
		return "", err.Error()
	}
	text = strings.TrimRight(string(b), "\r\n")
	switch {
	case text == "":
		return "", "the file is empty"
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", "the file has several lines"
	}
	return text, ""
}
