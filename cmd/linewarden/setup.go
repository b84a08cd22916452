package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/linewarden/linewarden/dialplan"
)

// setupCommand prepares what the services of docker-compose.yml share. It may run any number of times: secrets that are there stay,
// everything else is written anew.
type setupCommand struct {
	Secrets string `required:"" placeholder:"DIR" help:"Folder for the secrets that only Linewarden reads."`

	Redis      string `required:"" placeholder:"DIR" help:"Folder for Redis's list of users."`
	RedisGroup int    `required:"" placeholder:"ID" help:"Group that Redis reads it with."`

	Asterisk      string `required:"" placeholder:"DIR" help:"Folder for the configuration of a small exchange."`
	AsteriskGroup int    `required:"" placeholder:"ID" help:"Group that Asterisk reads it with."`

	PublicAddress string `default:"127.0.0.1" placeholder:"IP" help:"Where phones and the carrier reach the exchange."`
	SIPPort       int    `name:"sip-port" default:"5060" help:"UDP port where subscribers call out."`
	CarrierPort   int    `default:"5080" help:"UDP port where calls from outside come in."`
	RTPFirst      int    `name:"rtp-first" default:"20000" help:"First UDP port for sound."`
	RTPLast       int    `name:"rtp-last" default:"20079" help:"Last UDP port for sound."`
	Carrier       string `placeholder:"HOST:PORT" help:"To which calls go out; none if empty."`
	Subscriber    string `placeholder:"HOST:PORT" help:"To which calls from outside go; none if empty."`
	Helpline      string `placeholder:"HOST:PORT" help:"To which callers go who ask for the helpline; none if empty."`
}

// The names that docker-compose.yml gives to serve, which compose_test.go compares.
const (
	redisUser         = "linewarden"
	redisPasswordFile = "redis-password"
	redisUsersFile    = "users.acl"
	ariUser           = "linewarden"
	ariPasswordFile   = "ari-password"
	intakeTokenFile   = "intake-token"
	journalKeyFile    = "journal-key"
	sealingKeyFile    = "sealing-key"
)

// Owners give themselves the right to write, and Linewarden's own secrets are for nobody else.
const (
	ownFile     fs.FileMode = 0o600
	ownFolder   fs.FileMode = 0o700
	groupFile   fs.FileMode = 0o640
	groupFolder fs.FileMode = 0o750
)

// Run makes and writes all, and says where the intake token is.
func (c *setupCommand) Run(p *program) error {
	if err := os.Chmod(c.Secrets, ownFolder); err != nil {
		return fmt.Errorf("keep the folder of secrets from others: %w", err)
	}
	secrets := map[string]string{}
	for _, name := range []string{redisPasswordFile, ariPasswordFile, intakeTokenFile, journalKeyFile, sealingKeyFile} {
		text, err := keptSecret(filepath.Join(c.Secrets, name))
		if err != nil {
			return err
		}
		secrets[name] = text
	}
	users := map[string][]byte{redisUsersFile: []byte(redisUsers(secrets[redisPasswordFile]))}
	if err := writeForGroup(c.Redis, c.RedisGroup, users); err != nil {
		return err
	}
	files, err := c.exchange(secrets[ariPasswordFile])
	if err != nil {
		return err
	}
	if err := writeForGroup(c.Asterisk, c.AsteriskGroup, files); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "ready; the token for reports is in %s: copy it with 'docker compose cp linewarden:%[1]s .'\n",
		filepath.Join(c.Secrets, intakeTokenFile))
	return err
}

// exchange is the configuration of an exchange in a container of its own, whose address nobody knows beforehand.
func (c *setupCommand) exchange(password string) (map[string][]byte, error) {
	const anyAddress = "0.0.0.0"
	const ariPort = 8088
	return dialplan.PBX(dialplan.PBXOptions{
		Bind: anyAddress, External: c.PublicAddress, SubscriberPort: c.SIPPort, CarrierPort: c.CarrierPort,
		RTPFirst: c.RTPFirst, RTPLast: c.RTPLast,
		HTTPBind: anyAddress, HTTPPort: ariPort, ARIUser: ariUser, ARIPassword: password,
		Carrier: c.Carrier, Subscriber: c.Subscriber, Helpline: c.Helpline,
	})
}

// redisUsers is Redis's list of users. Linewarden works on its own keys and can neither empty the database nor change how Redis runs;
// the health check can do nothing else; nobody can be the default user.
//
// That one has all rights nevertheless: in its name Redis reads its append-only file when it starts. Where it has fewer, the versions
// before redis/redis#14545 and valkey-io/valkey#3984 leave out what scripts wrote, with no more than a line in the log.
func redisUsers(password string) string {
	return "user default reset off ~* &* +@all\n" +
		"user health reset on nopass +ping\n" +
		fmt.Sprintf("user %s reset on #%x ~lw:* &* +@all -@admin -@dangerous +info\n", redisUser, sha256.Sum256([]byte(password)))
}

// keptSecret is the secret that a file holds; where there is no file, a new one of at least 256 random bits.
func keptSecret(file string) (string, error) {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		text, fault := readSecret(file)
		if fault != "" {
			return "", fmt.Errorf("read the secret %s: %s; remove the file to have a new one made", file, fault)
		}
		return text, nil
	}
	text := rand.Text() + rand.Text() // at least 128 bits each
	if err := replaceFile(file, []byte(text+"\n"), ownFile, -1); err != nil {
		return "", fmt.Errorf("keep a new secret: %w", err)
	}
	return text, nil
}

// writeForGroup writes files into a folder that a group may read and nobody else.
func writeForGroup(folder string, group int, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := replaceFile(filepath.Join(folder, name), files[name], groupFile, group); err != nil {
			return fmt.Errorf("write for group %d: %w", group, err)
		}
	}
	return errors.Join(os.Chown(folder, -1, group), os.Chmod(folder, groupFolder))
}

// replaceFile writes a file that is either there as a whole or as it was before, also after a power cut. group -1 leaves the group.
func replaceFile(name string, text []byte, mode fs.FileMode, group int) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = f.Write(text)
	err = errors.Join(err, f.Chown(-1, group), f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
