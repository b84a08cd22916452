package main

import (
	"encoding/json"
	"fmt"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// auditCommand reads the audit chain: who changed what, in an order that cannot be changed unseen.
type auditCommand struct {
	List   listAudit   `cmd:"" help:"Ask the intake endpoint who did what."`
	Verify verifyAudit `cmd:"" help:"Walk the audit chain and name every entry that was altered, removed or moved."`
	Export exportAudit `cmd:"" help:"Print the audit chain, one JSON object a line, telephone numbers in full."`
}

// verifyAudit says whether the chain is good.
type verifyAudit struct {
	Head []string `placeholder:"N:HASH" help:"A head that was kept elsewhere, such as the one that syslog got last: what lies before it is proved too. Once for each."`
	JSON bool     `help:"Print the findings as one JSON object."`
	serverFlags
}

// Run prints one line if the chain is good, and one for each finding otherwise; then it fails. It asks the intake endpoint if one is named, and
// otherwise walks the chain itself, however long it is.
func (cmd verifyAudit) Run(p *program) error {
	var known []numberdb.AuditHead
	for _, text := range cmd.Head {
		h, err := numberdb.ParseAuditHead(text)
		if err != nil {
			return usageError{fmt.Errorf("--head: %w", err)}
		}
		known = append(known, h)
	}
	if cmd.Server != "" {
		result, err := cmd.askServer(p)
		if err != nil {
			return fmt.Errorf("verify the audit chain: %w", err)
		}
		return cmd.print(p, result)
	}
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	return p.withStoreAsItIs(l, func(store *redisstore.Store) error {
		result, err := store.VerifyAudit(p.ctx, known...)
		if err != nil {
			return fmt.Errorf("verify the audit chain: %w", err)
		}
		return cmd.print(p, result)
	})
}

func (cmd verifyAudit) print(p *program, result numberdb.AuditResult) error {
	good := len(result.Findings) == 0
	var err error
	switch {
	case cmd.JSON:
		err = json.NewEncoder(p.out).Encode(struct {
			Good bool `json:"good"`
			numberdb.AuditResult
		}{good, result})
	case good:
		_, err = fmt.Fprintf(p.out, "the audit chain is good: %d entries, head %v\n", result.Entries, result.Last)
	default:
		for _, f := range result.Findings {
			if _, err = fmt.Fprintln(p.out, printable(f.String())); err != nil {
				return err
			}
		}
	}
	if err == nil && !good {
		err = fmt.Errorf("the audit chain is not good: %d findings in %d entries; compare with an export or a backup, and ask who could write to Redis",
			uint64(len(result.Findings))+result.Omitted, result.Entries)
	}
	return err
}

// exportAudit prints the chain.
type exportAudit struct {
	From uint64 `default:"1" placeholder:"N" help:"The first entry to print."`
}

// exportedEntry is one line of an export.
type exportedEntry struct {
	numberdb.AuditEntry
	Hash numberdb.AuditHash `json:"hash"`
	// Encoded is what the hash covers, in base64, so that others can check it with tools of their own.
	Encoded []byte `json:"encoded"`
	// Fault says why the other fields are empty.
	Fault string `json:"fault,omitempty"`
}

// record writes to the audit chain that it is about to be printed, and gives the number of that entry. A chain that is damaged may take no more: then it
// must be possible to print it all the same.
func (cmd exportAudit) record(p *program, store *redisstore.Store) uint64 {
	seq, err := store.Audit(p.ctx, numberdb.AuditEntry{
		At: now(), Who: accountName(), Role: roleCommandLine, Action: numberdb.AuditExported, Object: "audit chain", After: fmt.Sprintf(`{"from":%d}`, cmd.From),
	})
	if err != nil {
		fmt.Fprintln(p.err, "linewarden: this export is not in the audit chain: "+printable(err.Error()))
		return 0
	}
	return seq
}

// Run prints a line for whatever lies in the chain, sound or not, but the entry that tells of this export.
func (cmd exportAudit) Run(p *program) error {
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	return p.withStoreAsItIs(l, func(store *redisstore.Store) error {
		own := cmd.record(p, store)
		out := json.NewEncoder(p.out)
		for r, err := range store.AuditRecords(p.ctx, cmd.From) {
			if err != nil {
				return fmt.Errorf("export the audit chain: %w", err)
			}
			if own != 0 && r.Seq == own {
				continue
			}
			line := exportedEntry{Hash: r.Hash, Encoded: r.Encoded}
			if err := line.UnmarshalBinary(r.Encoded); err != nil {
				line.Seq, line.Fault = r.Seq, err.Error()
			}
			if err := out.Encode(line); err != nil {
				return err
			}
		}
		return nil
	})
}
