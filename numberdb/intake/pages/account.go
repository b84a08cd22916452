package pages

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// showAccount is a person's own page.
func showAccount(v *visit) error { return v.account(http.StatusOK, emptyForm(), nil) }

// secondFactor is a new secret of a second factor that has yet to be confirmed.
type secondFactor struct {
	Secret string `json:"secret"`
	URI    string `json:"uri"`

	Size int    `json:"-"` // of the picture, in modules with the quiet zone
	Path string `json:"-"` // of the picture
}

func (v *visit) account(status int, f *form, factor *secondFactor) error {
	var tokens page[token]
	if v.me.Person && !v.me.MustChange {
		if err := v.get("/v1/me/tokens?limit=200", &tokens); err != nil {
			return err
		}
	}
	return v.show(status, "account", v.words.text("account.title"), map[string]any{
		"Form": f, "Tokens": tokens.Items, "Factor": factor, "Token": formToken(f),
	})
}

// changePassword gives the person another password.
func changePassword(v *visit) error {
	fresh := v.r.PostFormValue("new")
	if fresh != v.r.PostFormValue("again") {
		f := emptyForm()
		f.add("again", v.words.text("fault.again"))
		return v.account(http.StatusUnprocessableEntity, f, nil)
	}
	err := v.send(http.MethodPost, "/v1/me/password", map[string]string{"old": v.r.PostFormValue("old"), "new": fresh}, nil)
	return v.settled(err, "password")
}

// settled shows the account again, with what is wrong or with what was done.
func (v *visit) settled(err error, done string) error {
	f, err := v.refusedForm(err)
	if err != nil {
		return err
	}
	if f.Wrong() {
		f.Values = url.Values{} // passwords do not come back
		return v.account(http.StatusUnprocessableEntity, f, nil)
	}
	return v.to("/account", done)
}

// startCode makes the secret of a second factor and shows it. It counts for nothing until a code of it is confirmed.
func startCode(v *visit) error {
	var factor secondFactor
	f, err := v.refusedForm(v.send(http.MethodPost, "/v1/me/totp", map[string]string{"password": v.r.PostFormValue("password")}, &factor))
	if err != nil {
		return err
	}
	if f.Wrong() {
		f.Values = url.Values{} // the password does not come back
		return v.account(http.StatusUnprocessableEntity, f, nil)
	}
	return v.showFactor(http.StatusOK, f, &factor)
}

func (v *visit) showFactor(status int, f *form, factor *secondFactor) error {
	if err := factor.draw(); err != nil {
		return err
	}
	return v.account(status, f, factor)
}

// confirmCode proves that the person's telephone has the secret. After a wrong code the same secret is shown again.
func confirmCode(v *visit) error {
	f, err := v.refusedForm(v.send(http.MethodPut, "/v1/me/totp", map[string]string{"code": v.form("code")}, nil))
	if err != nil {
		return err
	}
	if !f.Wrong() {
		return v.to("/account", "code")
	}
	if factor := (&secondFactor{Secret: v.form("secret"), URI: v.form("uri")}); strings.HasPrefix(factor.URI, "otpauth://") {
		return v.showFactor(http.StatusUnprocessableEntity, f, factor)
	}
	return v.account(http.StatusUnprocessableEntity, f, nil)
}

// removeCode ends the second factor.
func removeCode(v *visit) error {
	return v.settled(v.send(http.MethodDelete, "/v1/me/totp", map[string]string{"password": v.r.PostFormValue("password")}, nil), "nocode")
}

// addOwnToken makes a token with which the person uses the command line.
func addOwnToken(v *visit) error {
	var a secretAnswer
	body := map[string]any{"name": v.form("name")}
	if expires := v.form("expires"); expires != "" {
		body["expires"] = expires + "T00:00:00Z"
	}
	f, err := v.refusedForm(v.send(http.MethodPost, "/v1/me/tokens", body, &a, "Idempotency-Key", idempotencyKey(v.form("form"), "own")))
	if err != nil {
		return err
	}
	if f.Wrong() {
		return v.account(http.StatusUnprocessableEntity, f, nil)
	}
	return v.showSecret("token", v.form("name"), a.Text, "/account")
}

// deleteOwnToken ends one of the person's own tokens.
func deleteOwnToken(v *visit) error {
	return v.settled(v.send(http.MethodDelete, "/v1/me/tokens/"+url.PathEscape(v.r.PathValue("name")), nil, nil), "deleted")
}

// draw makes the picture of the secret that a telephone reads (ISO/IEC 18004), as the path of an SVG with one unit for each module.
func (f *secondFactor) draw() error {
	code, err := qr.Encode(f.URI, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	f.Path, f.Size = modules(code)
	return nil
}

func modules(code barcode.Barcode) (string, int) {
	const quiet = 4 // modules of nothing around it, as the standard asks
	size := code.Bounds().Dx()
	var b strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				b.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h1v1h-1z")
			}
		}
	}
	return b.String(), size + 2*quiet
}
