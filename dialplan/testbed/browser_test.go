package testbed

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestBrowserShowsAPage(t *testing.T) {
	b := BrowserFor(t)
	cmd := exec.CommandContext(soon(t), b.Path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--dump-dom", "data:text/html,<p id=said></p><script>document.getElementById('said').textContent = 6 * 7</script>")
	cmd.Env = append(os.Environ(), b.Env...)
	said, err := output(cmd)
	if err != nil || !strings.Contains(said, `<p id="said">42</p>`) {
		t.Errorf("the page is %q (%v)", said, err)
	}
}

func TestBrowserThatIsNotThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("LINEWARDEN_CACHE", t.TempDir())
	for choice, want := range map[string]string{"path": "found none of chromium", "": "apt-get is not here", "fetch": "apt-get is not here"} {
		t.Setenv("LINEWARDEN_TESTBED", choice)
		if _, err := PrepareBrowser(t.Context(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LINEWARDEN_TESTBED=%s: got %v, want an error about %q", choice, err, want)
		}
	}
}
