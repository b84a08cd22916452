package dialplan

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed pbx
var pbxFiles embed.FS

var pbxTemplates = template.Must(template.ParseFS(pbxFiles, "pbx/*.tmpl"))

// PBXOptions shape a small telephone exchange. The zero value of a field stands for its default where one is given.
type PBXOptions struct {
	// Bind is the IP address for SIP and sound; default 127.0.0.1. The exchange trusts whoever reaches it there.
	Bind string
	// SubscriberPort and CarrierPort are the two UDP doors: a call that is addressed to CarrierPort comes from outside and is screened
	// inbound, any other is a subscriber's and is screened outbound.
	SubscriberPort, CarrierPort int
	// RTPFirst and RTPLast are the UDP ports for sound: rtpstart and rtpend.
	RTPFirst, RTPLast int
	// External is the address under which phones reach the exchange if it is not Bind, as in a container; default none.
	External string

	// HTTPBind and HTTPPort are where ARI listens; the address defaults to 127.0.0.1.
	HTTPBind string
	HTTPPort int
	// ARIUser and ARIPassword are the account of Linewarden: letters, digits and -_.
	ARIUser, ARIPassword string
	// ManagerPort is where AMI listens, at HTTPBind and for the same account, as the pre-filter needs it; 0 for not at all.
	ManagerPort int

	// Carrier, Subscriber and Helpline are the SIP addresses (host:port) to which calls go out, calls come in, and callers go who asked
	// for the helpline. Empty: there is none, and a call there fails.
	Carrier, Subscriber, Helpline string

	// Policy is what the trunks name in their Gosub; default "default".
	Policy string
	// Language is the language of all phones as a folder of sounds, such as "fr"; default Asterisk's own, "en".
	Language string
	// Settings override those of SettingsFile by name, such as "LINEWARDEN_MODE": "stasis".
	Settings map[string]string
}

var (
	pbxWord    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	pbxSetting = regexp.MustCompile(`^LINEWARDEN_[A-Z_]+$`)
)

// untouched are the files that Asterisk complains of if they are not there at all.
var untouched = []string{"acl", "ccss", "features", "pjproject", "stasis", "udptl", "websocket_client"}

// PBX renders the configuration files of a small telephone exchange by name, SettingsFile and SubroutinesFile among them; only
// asterisk.conf, which names folders, is left to the caller. An error names every option that cannot be.
func PBX(o PBXOptions) (map[string][]byte, error) {
	for field, preset := range map[*string]string{
		&o.Bind: "127.0.0.1", &o.HTTPBind: "127.0.0.1", &o.Policy: "default",
	} {
		if *field == "" {
			*field = preset
		}
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("rendering the exchange's configuration: %w", err)
	}

	type contact struct{ Name, Address string }
	data := struct {
		PBXOptions
		Settings []string
		Contacts []contact
	}{
		PBXOptions: o,
		Contacts:   []contact{{"subscriber", o.Subscriber}, {"carrier", o.Carrier}, {"helpline", o.Helpline}},
	}
	if o.Helpline != "" {
		data.Settings = append(data.Settings, "LINEWARDEN_HELPLINE=PJSIP/helpline")
	}
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		data.Settings = append(data.Settings, name+"="+o.Settings[name])
	}

	files := make(map[string][]byte)
	for _, t := range pbxTemplates.Templates() {
		name, isFile := strings.CutSuffix(t.Name(), ".tmpl")
		if !isFile {
			continue
		}
		var text bytes.Buffer
		if err := t.Execute(&text, data); err != nil {
			return nil, fmt.Errorf("rendering %s: %w", name, err)
		}
		files[name] = text.Bytes()
	}
	for _, name := range untouched {
		files[name+".conf"] = []byte("; Everything here is as Asterisk has it by itself.\n")
	}
	for _, name := range []string{SettingsFile, SubroutinesFile} {
		text, err := conf.ReadFile("conf/" + name)
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return files, nil
}

// check finds what would break out of a line of a configuration file, or what Asterisk would silently ignore.
func (o PBXOptions) check() error {
	var errs []error
	check := func(field string, ok bool, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: want %s", field, want))
		}
	}
	port := func(n int) bool { return n >= 1 && n <= 65535 }
	check("SubscriberPort", port(o.SubscriberPort), "a port from 1 to 65535")
	check("CarrierPort", port(o.CarrierPort) && o.CarrierPort != o.SubscriberPort, "a port from 1 to 65535 other than SubscriberPort")
	check("HTTPPort", port(o.HTTPPort), "a port from 1 to 65535")
	check("ManagerPort", o.ManagerPort == 0 || port(o.ManagerPort) && o.ManagerPort != o.HTTPPort, "a port from 1 to 65535 other than HTTPPort, or 0 for none")
	check("RTPFirst", port(o.RTPFirst), "a port from 1 to 65535")
	check("RTPLast", port(o.RTPLast) && o.RTPLast > o.RTPFirst, "a port from 1 to 65535 above RTPFirst")

	ip := func(s string) bool { _, err := netip.ParseAddr(s); return err == nil }
	check("Bind", ip(o.Bind), "an IP address")
	check("HTTPBind", ip(o.HTTPBind), "an IP address")
	check("External", o.External == "" || ip(o.External), "an IP address or nothing")

	phone := func(s string) bool {
		host, number, found := strings.Cut(s, ":")
		n, err := strconv.Atoi(number)
		return s == "" || found && pbxWord.MatchString(host) && err == nil && port(n)
	}
	check("Carrier", phone(o.Carrier), "host:port or nothing")
	check("Subscriber", phone(o.Subscriber), "host:port or nothing")
	check("Helpline", phone(o.Helpline), "host:port or nothing")

	const word = "1 to 128 of letters, digits, -_."
	check("ARIUser", pbxWord.MatchString(o.ARIUser), word)
	check("ARIPassword", pbxWord.MatchString(o.ARIPassword), word)
	check("Policy", pbxWord.MatchString(o.Policy), word)
	check("Language", o.Language == "" || pbxWord.MatchString(o.Language), word+" or nothing")
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		check("Settings "+name, pbxSetting.MatchString(name) && !strings.ContainsAny(o.Settings[name], "\r\n;\x00"),
			"LINEWARDEN_… and a value without line break or semicolon")
	}
	return errors.Join(errs...)
}
