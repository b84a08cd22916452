package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// keptSignin is who has signed in on this account, and where, as it lies in a file that only they can read.
type keptSignin struct {
	Server    string    `json:"server"` // without a slash at its end
	User      string    `json:"user"`
	TokenName string    `json:"token_name"`
	Expires   time.Time `json:"expires"`
	Token     string    `json:"token"` // the file is for it: it is printed nowhere else
}

// signinFile is where a sign-in is kept: below the user's folder for configs, of which an account without a home has none.
func signinFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder in which a sign-in is kept: %w", err)
	}
	return filepath.Join(dir, "linewarden", "signin.json"), nil
}

// readSignin is the sign-in that is kept; nil if there is none.
func readSignin() (*keptSignin, error) {
	file, err := signinFile()
	if err != nil {
		return nil, nil // where none can be kept, there is none
	}
	text, err := readLimited(file, 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var kept keptSignin
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err == nil && (kept.Server == "" || kept.Token == "" || kept.TokenName == "") {
		err = fmt.Errorf("%s is not whole", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read your sign-in: %w", err)
	}
	return &kept, nil
}

// usableSignin is the sign-in that is kept, if its token is good still and nobody else can read it; nil if there is none.
func usableSignin() (*keptSignin, error) {
	kept, err := readSignin()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w; 'linewarden signin' begins another", err)
	case kept == nil:
		return nil, nil
	}
	if !now().Before(kept.Expires) {
		return nil, fmt.Errorf("your sign-in at %s ended on %s: 'linewarden signin' begins another", kept.Server, kept.Expires.Format(time.DateOnly))
	}
	file, err := signinFile()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read your sign-in: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others can read or change your sign-in: 'linewarden signout', and sign in again; it lies in %s", file)
	}
	return kept, nil
}

// isSignedIn says whether there is a sign-in that can be used.
func isSignedIn() bool {
	kept, err := usableSignin()
	return err == nil && kept != nil
}

// write keeps a sign-in in place of the one before, whole or not at all.
func (k *keptSignin) write() error {
	file, err := signinFile()
	if err != nil {
		return err
	}
	text, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	if err := replaceFile(file, text, ownFile, -1); err != nil {
		return fmt.Errorf("keep the sign-in: %w", err)
	}
	return nil
}

// forgetSignin removes the file, if it is there.
func forgetSignin() error {
	file, err := signinFile()
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the sign-in: %w", err)
	}
	return nil
}
