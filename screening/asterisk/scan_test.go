package asterisk

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/CyCoreSystems/ari/v5"
)

// captured are messages of an Asterisk 22.10.1, numbers replaced.
var captured = []string{
	`{"type":"StasisStart","timestamp":"2026-11-21T20:38:54.890+0000","args":["v1","outbound","p"],"channel":{"id":"1795293534.1","name":"Local/st-linewarden-a@test-00000000;2","state":"Ring","protocol_id":"","caller":{"name":"","number":""},"connected":{"name":"","number":""},"accountcode":"","dialplan":{"context":"test","exten":"st-linewarden-a","priority":2,"app_name":"Stasis","app_data":"linewarden-a,v1,outbound,p"},"creationtime":"2026-11-21T20:38:54.890+0000","language":"en"},"asterisk_id":"02:fc:00:00:00:01","application":"linewarden-a"}`,
	`{"type":"RESTResponse","transaction_id":"","request_id":"3","status_code":404,"reason_phrase":"Not Found","uri":"channels/12%2e3%20x/continue","content_type":"application/json","message_body":"{\"message\":\"Channel not found\"}","application":"linewarden-a","timestamp":"2026-11-21T20:38:55.591+0000","asterisk_id":"02:fc:00:00:00:01"}`,
	`{"type":"ChannelDtmfReceived","timestamp":"2026-11-21T20:38:54.890+0000","digit":"#","duration_ms":120,"channel":{"id":"1.2"},"asterisk_id":"02:fc:00:00:00:01","application":"linewarden-a"}`,
	`{"type":"PlaybackFinished","timestamp":"2026-11-21T20:56:42.580+0000","playback":{"id":"1.2-play-0","media_uri":"sound:x","target_uri":"channel:1.2","language":"fr","state":"done"},"asterisk_id":"02:fc:00:00:00:01","application":"linewarden-a"}`,
	`{"type":"CallBroadcast","timestamp":"2026-11-21T20:38:54.890+0000","channel":{"id":"1.2"},"caller":"","called":"bc","asterisk_id":"02:fc:00:00:00:01","application":"linewarden-a"}`,
	`{"type":"ApplicationReplaced","timestamp":"2026-11-21T20:38:54.890+0000","application":"linewarden-a","asterisk_id":"02:fc:00:00:00:01"}`,
}

func TestDecode(t *testing.T) {
	start, err := decode([]byte(captured[0]))
	if err != nil || start.kind != kindStart || start.channel != "1795293534.1" || start.app != "linewarden-a" ||
		!reflect.DeepEqual(start.args, []string{"v1", "outbound", "p"}) || start.data.Name != "Local/st-linewarden-a@test-00000000;2" ||
		start.data.Dialplan.Priority != 2 || start.data.Dialplan.Exten != "st-linewarden-a" || start.data.Language != "en" {
		t.Errorf("%+v, %v", start, err)
	}
	reply, err := decode([]byte(captured[1]))
	if err != nil || reply.reply.id != "3" || reply.reply.code != 404 || refusal(stringOf(reply.reply.body)) != "Channel not found" {
		t.Errorf("%+v, %v", reply, err)
	}
	for i, want := range map[int]kind{2: kindDTMF, 3: kindPlaybackEnded} {
		m, err := decode([]byte(captured[i]))
		if err != nil || m.kind != want || m.channel != "1.2" {
			t.Errorf("%+v, %v", m, err)
		}
		reference, err := ari.DecodeEvent([]byte(captured[i]))
		if e, ok := reference.(*ari.ChannelDtmfReceived); ok {
			e.Channel.Creationtime = nil // ari/v5 makes a time of what is not there
		}
		if err != nil || !reflect.DeepEqual(m.event, reference) {
			t.Errorf("event\n%+v, ari/v5 reads\n%+v, %v", m.event, reference, err)
		}
	}
	for i, want := range map[int]kind{4: kindBroadcast, 5: kindReplaced} {
		if m, err := decode([]byte(captured[i])); err != nil || m.kind != want || m.app != "linewarden-a" {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

func TestScanStrings(t *testing.T) {
	for _, s := range []string{"", "plain", "a\"b\\c", "é中\U0001F600", "\x00\r\n\t\x7f", "</script>", "\xff\xfe", strings.Repeat("x\"", 1000)} {
		encoded := string(appendJSON(nil, s))
		var want string
		if err := json.Unmarshal([]byte(encoded), &want); err != nil {
			t.Errorf("%q is encoded as %q: %v", s, encoded, err)
		}
		if got := stringOf(encoded); got != want || want != strings.ToValidUTF8(s, "\uFFFD") && s != "\xff\xfe" {
			t.Errorf("%q came back as %q, encoding/json reads %q", s, got, want)
		}
	}
	for _, notString := range []string{"", `"`, "1", "null", "{}"} {
		if got := stringOf(notString); got != "" {
			t.Errorf("stringOf(%q) is %q", notString, got)
		}
	}
}

// FuzzDecode: whatever comes, decode does not panic, and of valid JSON it reads the same as encoding/json does.
func FuzzDecode(f *testing.F) {
	for _, m := range captured {
		f.Add([]byte(m))
	}
	f.Add([]byte(` { "type" : "StasisEnd" , "channel" : { "x" : [ { "id" : "no" } , -1.5e3 , true ] , "id" : "y\u00e9\"z" } } `))
	f.Add([]byte(`{"`))
	f.Add([]byte(`{"type":"StasisStart","args":[null,1,{},"a"],"channel":{"caller":[],"dialplan":{"priority":1e99}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decode(raw)
		if (err != nil) != (m.kind == kindMalformed) {
			t.Fatalf("kind %v, error %v", m.kind, err)
		}
		if json.Valid(raw) {
			compare(t, string(raw))
		}
	})
}

// compare walks the whole text with fields and elements and compares with encoding/json. Where a key occurs twice, or holds escapes,
// the two differ by design.
func compare(t *testing.T, text string) {
	text = strings.TrimSpace(text)
	var object map[string]json.RawMessage
	var array []json.RawMessage
	switch {
	case strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &object) == nil:
		last := make(map[string]string)
		n := 0
		for f := fieldsOf(text); f.next(); n++ {
			if strings.ContainsRune(f.key, '\\') || !isASCII(f.key) {
				return
			}
			last[f.key] = f.value
		}
		if len(last) != len(object) || n < len(object) {
			t.Fatalf("%d members, encoding/json reads %d: %q", len(last), len(object), text)
		}
		for k, v := range last {
			if strings.TrimSpace(v) != string(object[k]) {
				t.Fatalf("member %q is %q, encoding/json reads %q", k, v, object[k])
			}
			compare(t, v)
		}
	case strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &array) == nil:
		n := 0
		for e := elementsOf(text); e.next(); n++ {
			if n >= len(array) || e.value != string(array[n]) {
				t.Fatalf("element %d is %q in %q", n, e.value, text)
			}
			compare(t, e.value)
		}
		if n != len(array) {
			t.Fatalf("%d elements of %d: %q", n, len(array), text)
		}
	case strings.HasPrefix(text, `"`):
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got := stringOf(text); got != want {
			t.Fatalf("string %q, encoding/json reads %q", got, want)
		}
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
