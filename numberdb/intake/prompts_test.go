package intake

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

// putClip writes a WAV file of 8 kHz.
func putClip(t *testing.T, dir, name string, samples ...int16) {
	t.Helper()
	le := binary.LittleEndian
	file := le.AppendUint32([]byte("RIFF"), uint32(36+2*len(samples)))
	file = le.AppendUint16(le.AppendUint16(le.AppendUint32(append(file, "WAVEfmt "...), 16), 1), 1)
	file = le.AppendUint16(le.AppendUint16(le.AppendUint32(le.AppendUint32(file, 8000), 16000), 2), 16)
	file = le.AppendUint32(append(file, "data"...), uint32(2*len(samples)))
	for _, s := range samples {
		file = le.AppendUint16(file, uint16(s))
	}
	path := filepath.Join(dir, "en", "linewarden", name+".wav")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPrompts(t *testing.T) {
	dir := t.TempDir()
	putClip(t, dir, "warn", 100, -200)
	putClip(t, dir, "choices-no-helpline", 300)
	putClip(t, dir, "advice", -400)
	h := newBoard(t, func(o *Options) { o.Sounds = dir })
	for number, standing := range map[numberdb.Number]numberdb.Standing{12025550143: numberdb.StandingWarn, 12025550144: numberdb.StandingBlock} {
		d := numberdb.Decision{Target: numberdb.Target{Number: number}, Roles: numberdb.RolesOf(numberdb.RoleCallback), Standing: standing,
			Reason: "seen", Author: "ann", Approver: "bob", At: noon}
		if _, err := h.store.Decide(soon(t), numberdb.Actor{Name: "bob", Role: "reviewer"}, d); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []string{"%2B12025550143", "(202)%20555-0143"} {
		got := h.as(t, "rita", http.MethodGet, "/v1/prompts/en/"+number, "")
		want := []byte{100, 0, 0x38, 0xff, 0x2c, 1, 0x70, 0xfe} // the samples of all clips, as they are played
		if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "audio/wav" || !bytes.HasPrefix(got.Body.Bytes(), []byte("RIFF")) ||
			!bytes.HasSuffix(got.Body.Bytes(), append([]byte("data\x08\x00\x00\x00"), want...)) {
			t.Errorf("%s: status %d, %s, % x", number, got.Code, got.Header().Get("Content-Type"), got.Body.Bytes())
		}
	}
	for name, path := range map[string]string{
		"not built":        "/v1/prompts/en/%2B12025550144",
		"language without": "/v1/prompts/fr/%2B12025550143",
		"no language":      "/v1/prompts/..%2Fen/%2B12025550143",
		"not listed":       "/v1/prompts/en/%2B12025550145",
		"no number":        "/v1/prompts/en/911",
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, h.as(t, "rita", http.MethodGet, path, ""), http.StatusNotFound)
		})
	}
	without := newBoard(t, func(*Options) {})
	wantProblem(t, without.as(t, "rita", http.MethodGet, "/v1/prompts/en/%2B12025550143", ""), http.StatusNotFound)
}
