package testbed

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// The payload type that our offers give to telephone-event (RFC 4733); it is the customary one.
const offeredEventType = 101

// peer is where and how the other side wants to be sent sound.
type peer struct {
	addr      netip.AddrPort
	eventType uint8 // payload type of telephone-event; 0 if it takes none
}

// describe makes the session description of a telephone that listens on a port of 127.0.0.1.
func describe(codec Codec, port int, session uint64) ([]byte, error) {
	const loopback = "127.0.0.1"
	audio, event := strconv.Itoa(int(codec.payloadType())), strconv.Itoa(offeredEventType)
	description := sdp.SessionDescription{
		Origin: sdp.Origin{Username: "-", SessionID: session, SessionVersion: 1,
			NetworkType: "IN", AddressType: "IP4", UnicastAddress: loopback},
		SessionName:           "-",
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: loopback}},
		TimeDescriptions:      []sdp.TimeDescription{{}},
		MediaDescriptions: []*sdp.MediaDescription{{
			MediaName: sdp.MediaName{Media: "audio", Port: sdp.RangedPort{Value: port},
				Protos: []string{"RTP", "AVP"}, Formats: []string{audio, event}},
			Attributes: []sdp.Attribute{
				sdp.NewAttribute("rtpmap", fmt.Sprintf("%s %v/%d", audio, codec, SampleRate)),
				sdp.NewAttribute("rtpmap", fmt.Sprintf("%s telephone-event/%d", event, SampleRate)),
				sdp.NewAttribute("fmtp", event+" 0-15"),
				sdp.NewAttribute("ptime", "20"),
				sdp.NewPropertyAttribute("sendrecv"),
			},
		}},
	}
	return description.Marshal()
}

// readDescription finds the other side's audio in its session description.
func readDescription(text []byte, codec Codec) (peer, error) {
	var description sdp.SessionDescription
	if err := description.Unmarshal(text); err != nil {
		return peer{}, fmt.Errorf("reading a session description: %w", err)
	}
	for _, media := range description.MediaDescriptions {
		if media.MediaName.Media != "audio" || media.MediaName.Port.Value == 0 {
			continue
		}
		connection := description.ConnectionInformation
		if media.ConnectionInformation != nil {
			connection = media.ConnectionInformation
		}
		if connection == nil || connection.Address == nil {
			return peer{}, errors.New("the session description has no address")
		}
		addr, err := netip.ParseAddr(connection.Address.Address)
		if err != nil {
			return peer{}, fmt.Errorf("the session description's address: %w", err)
		}
		wanted := strconv.Itoa(int(codec.payloadType()))
		for _, format := range media.MediaName.Formats {
			if format == wanted {
				return peer{netip.AddrPortFrom(addr, uint16(media.MediaName.Port.Value)), eventType(media)}, nil
			}
		}
		return peer{}, fmt.Errorf("the other side takes %v, not %v", media.MediaName.Formats, codec)
	}
	return peer{}, errors.New("the session description has no audio")
}

func eventType(media *sdp.MediaDescription) uint8 {
	for _, attribute := range media.Attributes {
		number, name, _ := strings.Cut(attribute.Value, " ")
		if attribute.Key == "rtpmap" && strings.HasPrefix(strings.ToLower(name), "telephone-event/8000") {
			if payloadType, err := strconv.ParseUint(number, 10, 7); err == nil {
				return uint8(payloadType)
			}
		}
	}
	return 0
}
