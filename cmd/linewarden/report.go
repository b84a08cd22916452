package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// reportCommand reports a number to the intake endpoint.
type reportCommand struct {
	Number   string   `arg:"" help:"The number, as people write it."`
	Role     []string `required:"" enum:"callback,caller_id" help:"callback: people are told to dial it; caller_id: it shows on incoming calls. Once for each."`
	Region   string   `placeholder:"CC" help:"Country by whose rules the number is written; the server's if missing."`
	Brand    string   `help:"Slug of the impersonated company, such as amazon."`
	Category string   `help:"other, fake_customer_care, tech_support, refund, account_locked, order_or_delivery or payment."`
	Arrived  string   `help:"How it reached the victim: call, voicemail, sms, email, popup, chat or search."`
	RedFlag  []string `help:"What the real company never asks for: sign_in_code, card_or_bank_data, remote_access, gift_cards, odd_purchases, fee, installs_software or refund. Once for each."`
	Text     string   `help:"What happened, in free words."`
	Loss     float64  `help:"What the victim lost."`
	Currency string   `help:"Currency of the loss, such as USD."`
	Language string   `help:"Language of the call or message, such as en."`
	At       string   `placeholder:"TIME" help:"When it happened, as 2026-01-31T14:05:00Z; now if missing."`
	JSON     bool     `help:"Print the receipt as one JSON object."`
	serverFlags
}

// standardServer is where a server on this machine listens unless it was told otherwise.
const standardServer = "http://127.0.0.1:8080"

// Run sends the report and prints the receipt.
func (cmd reportCommand) Run(p *program) error {
	body := intake.ReportBody{
		Number: cmd.Number, Region: cmd.Region, Roles: cmd.Role, Brand: cmd.Brand, Category: cmd.Category, Arrived: cmd.Arrived,
		RedFlags: cmd.RedFlag, Text: cmd.Text, Loss: cmd.Loss, Currency: cmd.Currency, Language: cmd.Language,
	}
	if cmd.At != "" {
		at, err := time.Parse(time.RFC3339, cmd.At)
		if err != nil {
			return usageError{fmt.Errorf("--at %.40q is not a time: write it as 2026-01-31T14:05:00Z", cmd.At)}
		}
		body.At = &at
	}
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var receipt intake.ReceiptBody
	if err := c.do(p.ctx, http.MethodPost, "/v1/reports", nil, body, &receipt); err != nil {
		return fmt.Errorf("report not taken: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(receipt)
	}
	note := ""
	switch {
	case receipt.Forging:
		note = " It is a genuine line: the report is kept as a sign that it is being forged."
	case receipt.Repeat:
		note = " You had reported it before: it does not count again."
	}
	_, err = fmt.Fprintf(p.out, "%s reported as %s; now %s to dial and %s as a caller.%s\n",
		receipt.Number, receipt.ID, receipt.Standing.Callback, receipt.Standing.CallerID, note)
	return err
}
