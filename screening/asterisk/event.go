package asterisk

import (
	"errors"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"
)

// kind is what a message from Asterisk is to us.
type kind uint8

const (
	kindUnknown         kind = iota // a type that this package has never heard of: counted, otherwise without effect
	kindUnused                      // a type of ARI that nobody here needs; the event filter keeps most of them away
	kindMalformed                   // not a JSON object with a type
	kindResponse                    // RESTResponse
	kindBroadcast                   // CallBroadcast
	kindStart                       // StasisStart
	kindEnd                         // StasisEnd, ChannelDestroyed
	kindDTMF                        // ChannelDtmfReceived
	kindPlaybackStarted             // PlaybackStarted
	kindPlaybackEnded               // PlaybackFinished
	kindReplaced                    // ApplicationReplaced
	kindSign                        // ChannelUserevent
	kindCount           = iota
)

// String is the metric label.
func (k kind) String() string {
	return [kindCount]string{"unknown", "unused", "malformed", "response", "call_broadcast", "stasis_start", "stasis_end",
		"dtmf", "playback_started", "playback_finished", "replaced", "sign_of_life"}[k]
}

// wanted are the event types that Asterisk is asked to send. RESTResponse is one of them: the filter applies to replies too.
var wanted = [...]string{
	"StasisStart", "StasisEnd", "ChannelDestroyed", "ChannelDtmfReceived", "PlaybackStarted", "PlaybackFinished",
	"CallBroadcast", "ApplicationReplaced", "ChannelUserevent", "RESTResponse",
}

// unused are the types of ARI (rest-api/api-docs/events.json of Asterisk 23) that we know and do without. Before the event filter
// is set, and where Asterisk has none, they arrive.
var unused = map[string]struct{}{
	"ApplicationMoveFailed": {}, "ApplicationRegistered": {}, "ApplicationUnregistered": {}, "BridgeAttendedTransfer": {},
	"BridgeBlindTransfer": {}, "BridgeCreated": {}, "BridgeDestroyed": {}, "BridgeMerged": {}, "BridgeVideoSourceChanged": {},
	"CallClaimed": {}, "ChannelCallerId": {}, "ChannelConnectedLine": {}, "ChannelCreated": {}, "ChannelDialplan": {},
	"ChannelEnteredBridge": {}, "ChannelHangupRequest": {}, "ChannelHold": {}, "ChannelLeftBridge": {}, "ChannelStateChange": {},
	"ChannelTalkingFinished": {}, "ChannelTalkingStarted": {}, "ChannelToneDetected": {}, "ChannelTransfer": {},
	"ChannelUnhold": {}, "ChannelVarset": {}, "ContactInfo": {}, "ContactStatusChange": {},
	"DeviceStateChanged": {}, "Dial": {}, "EndpointStateChange": {}, "MissingParams": {}, "Peer": {}, "PeerStatusChange": {},
	"PlaybackContinuing": {}, "RecordingFailed": {}, "RecordingFinished": {}, "RecordingStarted": {}, "TextMessageReceived": {},
}

// message is one message from Asterisk, read as far as its kind needs.
type message struct {
	kind    kind
	app     string    // application that it was sent to
	channel string    // id of the channel that it is about, if any
	sign    string    // name of the event by which a fellow shows a sign of life
	event   ari.Event // what the channel's handler gets, for kinds that are delivered
	data    *ChannelData
	args    []string
	reply   wireReply
}

// wireReply is a RESTResponse. body is still the JSON string that it came as.
type wireReply struct {
	id   string
	code int
	body string
}

var errMalformed = errors.New("message from Asterisk is not a JSON object with a type")

// decode reads one message: the type first, then only what its kind needs. It keeps no reference to raw. Of text that is not quite
// JSON it reads what can be told apart: Asterisk writes no such text, and to make sure would take longer than all the rest.
func decode(raw []byte) (message, error) {
	text := string(raw)
	typ := ""
	f := fieldsOf(text)
	for f.next() {
		if typ == "" && f.key == "type" {
			typ = stringOf(f.value)
		}
	}
	if !f.whole() {
		return message{kind: kindMalformed}, errMalformed
	}
	m := message{kind: kindOf(typ)}
	switch m.kind {
	case kindMalformed:
		return m, errMalformed
	case kindUnknown, kindUnused:
	case kindResponse:
		m.reply = decodeReply(text)
	case kindStart:
		m.data = new(ChannelData)
		for f := fieldsOf(text); f.next(); {
			switch f.key {
			case "application":
				m.app = stringOf(f.value)
			case "args":
				m.args = stringsOf(f.value)
			case "channel":
				m.data.decode(f.value)
			}
		}
		m.channel = m.data.ID
	case kindBroadcast, kindEnd:
		for f := fieldsOf(text); f.next(); {
			switch f.key {
			case "application":
				m.app = stringOf(f.value)
			case "channel":
				m.channel = idOf(f.value)
			}
		}
	case kindReplaced:
		for f := fieldsOf(text); f.next(); {
			if f.key == "application" {
				m.app = stringOf(f.value)
			}
		}
	case kindSign:
		for f := fieldsOf(text); f.next(); {
			switch f.key {
			case "application":
				m.app = stringOf(f.value)
			case "eventname":
				m.sign = stringOf(f.value)
			}
		}
	case kindDTMF:
		e := &ari.ChannelDtmfReceived{EventData: decodeHeader(text, typ)}
		for f := fieldsOf(text); f.next(); {
			switch f.key {
			case "channel":
				e.Channel.ID = idOf(f.value)
			case "digit":
				e.Digit = stringOf(f.value)
			case "duration_ms":
				e.DurationMs = intOf(f.value)
			}
		}
		m.app, m.channel, m.event = e.Application, e.Channel.ID, e
	case kindPlaybackStarted:
		e := &ari.PlaybackStarted{EventData: decodeHeader(text, typ), Playback: decodePlayback(text)}
		m.app, m.channel, m.event = e.Application, playbackChannel(&e.Playback), e
	case kindPlaybackEnded:
		e := &ari.PlaybackFinished{EventData: decodeHeader(text, typ), Playback: decodePlayback(text)}
		m.app, m.channel, m.event = e.Application, playbackChannel(&e.Playback), e
	}
	return m, nil
}

func kindOf(typ string) kind {
	switch typ {
	case "":
		return kindMalformed
	case "RESTResponse":
		return kindResponse
	case "CallBroadcast":
		return kindBroadcast
	case "StasisStart":
		return kindStart
	case "StasisEnd", "ChannelDestroyed":
		return kindEnd
	case "ChannelDtmfReceived":
		return kindDTMF
	case "PlaybackStarted":
		return kindPlaybackStarted
	case "PlaybackFinished":
		return kindPlaybackEnded
	case "ApplicationReplaced":
		return kindReplaced
	case "ChannelUserevent":
		return kindSign
	}
	if _, ok := unused[typ]; ok {
		return kindUnused
	}
	return kindUnknown
}

func decodeReply(text string) (r wireReply) {
	for f := fieldsOf(text); f.next(); {
		switch f.key {
		case "request_id":
			r.id = stringOf(f.value)
		case "status_code":
			r.code = intOf(f.value)
		case "message_body":
			r.body = f.value
		}
	}
	return r
}

// decodeHeader reads what all events carry. A time that cannot be read is the zero time.
func decodeHeader(text, typ string) ari.EventData {
	d := ari.EventData{Type: typ}
	for f := fieldsOf(text); f.next(); {
		switch f.key {
		case "application":
			d.Application = stringOf(f.value)
		case "asterisk_id":
			d.Node = stringOf(f.value)
		case "timestamp":
			if t, err := time.Parse(ari.DateFormat, stringOf(f.value)); err == nil {
				d.Timestamp = ari.DateTime(t)
			}
		}
	}
	return d
}

func decodePlayback(text string) (p ari.PlaybackData) {
	for f := fieldsOf(text); f.next(); {
		if f.key != "playback" {
			continue
		}
		for f := fieldsOf(f.value); f.next(); {
			switch f.key {
			case "id":
				p.ID = stringOf(f.value)
			case "language":
				p.Language = stringOf(f.value)
			case "media_uri":
				p.MediaURI = stringOf(f.value)
			case "state":
				p.State = stringOf(f.value)
			case "target_uri":
				p.TargetURI = stringOf(f.value)
			}
		}
	}
	return p
}

// playbackChannel is the id of the channel that a playback plays to, empty for a bridge.
func playbackChannel(p *ari.PlaybackData) string {
	id, ok := strings.CutPrefix(p.TargetURI, "channel:")
	if !ok {
		return ""
	}
	return id
}

// idOf is the member "id" of a JSON object.
func idOf(object string) string {
	for f := fieldsOf(object); f.next(); {
		if f.key == "id" {
			return stringOf(f.value)
		}
	}
	return ""
}

// decode fills in what the JSON of a channel says.
func (d *ChannelData) decode(object string) {
	d.Caller, d.Dialplan = new(ari.CallerID), new(ari.DialplanCEP)
	for f := fieldsOf(object); f.next(); {
		switch f.key {
		case "id":
			d.ID = stringOf(f.value)
		case "name":
			d.Name = stringOf(f.value)
		case "state":
			d.State = stringOf(f.value)
		case "protocol_id":
			d.ProtocolID = stringOf(f.value)
		case "language":
			d.Language = stringOf(f.value)
		case "caller":
			for f := fieldsOf(f.value); f.next(); {
				switch f.key {
				case "name":
					d.Caller.Name = stringOf(f.value)
				case "number":
					d.Caller.Number = stringOf(f.value)
				}
			}
		case "dialplan":
			for f := fieldsOf(f.value); f.next(); {
				switch f.key {
				case "context":
					d.Dialplan.Context = stringOf(f.value)
				case "exten":
					d.Dialplan.Exten = stringOf(f.value)
				case "priority":
					d.Dialplan.Priority = int64(intOf(f.value))
				}
			}
		}
	}
}
