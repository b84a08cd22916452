package extract

import (
	"regexp"
	"strings"

	"github.com/linewarden/linewarden/numberdb"
)

// What words of a message say about it, in English and French, without accents and in lower case. They are few and plain on purpose: a guess
// that is missing costs a click, a wrong one is believed.

// said matches one of several phrases, each from the beginning of a word.
func said(phrases ...string) *regexp.Regexp {
	return regexp.MustCompile(`\b(?:` + strings.Join(phrases, "|") + `)`)
}

// asked is a request, up to what is asked for.
const asked = `(?:share|read|tell|give|send|provide|confirm|enter|forward|verify|update|submit|need|communiqu|donn|transm|prepar|envoy|dict|saisi|fourni|renseign|met(?:tez|tre) a jour)[a-z]* [^.!?]{0,40}\b`

var redFlagPhrases = []struct {
	flag    numberdb.RedFlags
	phrases *regexp.Regexp
}{
	{numberdb.RedFlagSignInCode, said(asked + `(?:code|otp|pass ?code|password|log[- ]?in|pin|mots? de passe|identifiants)\b`)},
	{numberdb.RedFlagCardOrBankData, said(asked + `(?:card (?:number|details|information)|cvv|bank (?:account |card )?(?:details|information|number)|account number|routing number|billing (?:information|details)|` +
		`payment (?:method|information|details)|(?:numeros?|informations?) de (?:votre )?carte|coordonnees bancaires|informations bancaires|carte bancaire|cryptogramme|rib)\b`)},
	{numberdb.RedFlagRemoteAccess, said(`any ?desk`, `team ?viewer`, `ultra ?viewer`, `rust ?desk`, `screen ?connect`, `log ?me ?in rescue`, `supremo`, `remote(?:ly)? (?:access|connection|session|desktop|connect|support)`,
		`shar(?:e|ing) your screen`, `connect to your (?:computer|pc|device)`, `prise de controle`, `(?:acces|controle|assistance|depannage) a distance`, `partage(?:r|z)? (?:votre |d')?ecran`)},
	{numberdb.RedFlagGiftCards, said(`gift ?cards?`, `(?:google play|itunes|steam|vanilla) cards?`, `cartes? cadeaux?`, `(?:coupons?|tickets?|recharges?) (?:pcs|neosurf|transcash)`)},
	{numberdb.RedFlagOddPurchases, said(`(?:did not|didn't|have not|haven't) (?:make|made|authori[sz]ed?|place|placed|recogni[sz]e|request|requested|order|ordered)`, `if this was(?: not|n't) you`, `not you\?`,
		`un-?authori[sz]ed (?:transaction|charge|purchase|order|payment|activity)`, `suspicious (?:purchase|transaction|charge|order|payment)`, `(?:will be|has been|have been|was) (?:auto[- ]?)?(?:charged|debited|deducted)`,
		`auto[- ]?(?:renew|debit|deduct)`, `n'etes pas a l'origine`, `n'avez pas (?:effectue|autorise|passe|demande)`, `si ce n'(?:est|etait) pas vous`, `(?:achat|paiement|transaction|operation) (?:suspecte?|inhabituel(?:le)?|non autorise)`,
		`(?:a ete|sera|seront) (?:debite|preleve)`)},
	{numberdb.RedFlagFee, said(`(?:processing|activation|customs|delivery|redelivery|re-delivery|release|handling|unlock|clearance|shipping|late) (?:fee|charge)s?\b`, `pay (?:a|the) (?:small )?(?:fee|fine|penalty)`,
		`frais (?:de (?:douane|livraison|dossier|port|traitement|reexpedition|deblocage)|d'affranchissement)`, `(?:regler|payer) (?:les|des|vos) frais`)},
	{numberdb.RedFlagInstallsSoftware, said(`(?:download|install|run) (?:the |this |our |a |an )?(?:[a-z]+ )?(?:app|application|software|program|tool|update|patch|file)\b`, `(?:download|install) (?:any ?desk|team ?viewer)`,
		`telecharge[rz] (?:le |la |l'|notre |une? |cette )`, `installe[rz] (?:le |la |l'|notre |une? |cette )`, `instalation`)},
	{numberdb.RedFlagRefund, said(`refund`, `reimburse`, `money back`, `overpa(?:id|yment)`, `rembours`, `trop[- ]percu`)},
}

// advised matches what stands before a phrase that a message warns of, as a real company's does.
var advised = regexp.MustCompile(`(?:\bnever|\bdo not|\bdon't|\bwill not|\bwon't|\bne (?:vous )?(?:demand|communiqu|partag|donn|transmet)\w*|\bjamais|\bno one)[^.!?]{0,60}$`)

// redFlags are the red flags that a message raises by itself.
func redFlags(lower string) (flags numberdb.RedFlags) {
	for _, p := range redFlagPhrases {
		for _, m := range p.phrases.FindAllStringIndex(lower, -1) {
			if !advised.MatchString(lower[max(0, m[0]-90):m[0]]) {
				flags |= p.flag
				break
			}
		}
	}
	return flags
}

// categories are tried in this order: what is rare and plain before what nearly every message says.
var categories = []struct {
	category numberdb.Category
	phrases  *regexp.Regexp
}{
	{numberdb.CategoryTechSupport, said(`virus`, `malware`, `spyware`, `trojan`, `hacke[dr]`, `infecte`, `firewall`, `windows (?:defender|support|security|license|licence)`, `tech(?:nical)? support`, `your (?:computer|pc|device|iphone|mac)\b.{0,30}(?:locked|blocked|infected|at risk|compromised|disabled)`,
		`support technique`, `ordinateur\b.{0,30}(?:bloque|infecte|verrouille)`, `logiciel(?:s)? (?:malveillant|espion)`)},
	{numberdb.CategoryAccountLocked, said(`account\b.{0,30}(?:locked|suspended|limited|disabled|blocked|restricted|on hold|deactivated|compromised)`, `unusual (?:activity|sign[- ]?in|log[- ]?in)`, `suspicious (?:activity|log[- ]?in|sign[- ]?in)`,
		`compte\b.{0,30}(?:bloque|suspendu|limite|desactive|verrouille|restreint)`, `(?:activite|connexion) (?:suspecte|inhabituelle)`)},
	{numberdb.CategoryRefund, said(`refund`, `reimburse`, `overpa(?:id|yment)`, `rembours`, `trop[- ]percu`)},
	{numberdb.CategoryOrderOrDelivery, said(`(?:your|this|the) (?:order|parcel|package|delivery|shipment)\b`, `order (?:number|no\b|id|#|confirm)`, `(?:parcel|package|courier|customs)\b`, `colis\b`, `livraison`, `(?:votre|la) commande`)},
	{numberdb.CategoryPayment, said(`invoice`, `payment`, `charged`, `debited`, `renew(?:al|ed)`, `subscription`, `transaction`, `billing`, `facture`, `paiement`, `prelevement`, `abonnement`, `debite`, `virement`)},
	{numberdb.CategoryFakeCustomerCare, said(`customer (?:care|service|support)`, `helpline`, `help ?desk`, `toll[- ]free`, `service client`, `assistance`)},
}

func category(lower string) numberdb.Category {
	for _, c := range categories {
		if c.phrases.MatchString(lower) {
			return c.category
		}
	}
	return numberdb.CategoryOther
}

var (
	popupPhrases = said(`(?:do not|don't) (?:close|shut|restart|turn off|power off|ignore this (?:critical|alert|warning))`, `access to this (?:pc|computer|device) (?:has been|is) (?:blocked|locked)`, `your (?:computer|pc|windows)\b.{0,30}(?:locked|blocked|infected)`,
		`error (?:code|#)`, `ne (?:fermez|redemarrez|eteignez) pas`, `(?:votre|cet) ordinateur\b.{0,30}(?:bloque|infecte|verrouille)`)
	headerLines      = regexp.MustCompile(`(?m)^(?:subject|from|to|reply-to|cc|objet|de|a|envoye|date) ?:`)
	emailPhrases     = said(`unsubscribe`, `view (?:this email )?in (?:your )?browser`, `dear (?:customer|user|valued|sir|member|client)`, `this e-?mail`, `cher(?:e)?(?:\(e\))? client`, `se desabonner`, `cet? e-?mail`, `madame, monsieur`)
	voicemailPhrases = said(`press (?:1|one|the 1)\b`, `this is an? (?:automated|recorded|pre-recorded)`, `this message is (?:for|intended)`, `to speak (?:to|with) (?:an?|our) (?:representative|agent|operator|associate), press`, `voice ?mail`, `appuyez sur`, `message vocal`, `ceci est un message`, `tapez 1`)
	searchPhrases    = said(`sponsored`, `people also ask`, `ad [.|-] `, `sponsorise`, `annonce [.|-] `)
	smsPhrases       = said(`(?:reply|text|txt|send) (?:stop|yes|no|help|y|n)\b`, `stop (?:to|2) (?:opt|end|quit|unsub)`, `msg ?(?:&|and) ?data rates`, `repond(?:ez|re) (?:stop|oui|non|par oui)`, `stop (?:au|sms)\b`, `free ?msg`)
	chatPhrases      = regexp.MustCompile(`(?m)^\[?[0-9]{1,2}[/.:][0-9]{1,2}[^\]\n]{0,20}\]? ?-? ?[a-z ]{2,30}: |\blive chat\b|\bwhatsapp (?:message|chat)`)
)

// arrival is how a message came, as far as it shows.
func arrival(lower string, html bool) numberdb.Arrival {
	switch {
	case popupPhrases.MatchString(lower):
		return numberdb.ArrivalPopup
	case html || len(headerLines.FindAllStringIndex(lower, 2)) == 2 || emailPhrases.MatchString(lower):
		return numberdb.ArrivalEmail
	case voicemailPhrases.MatchString(lower):
		return numberdb.ArrivalVoicemail
	case searchPhrases.MatchString(lower):
		return numberdb.ArrivalSearch
	case smsPhrases.MatchString(lower):
		return numberdb.ArrivalSMS
	case chatPhrases.MatchString(lower):
		return numberdb.ArrivalChat
	}
	return numberdb.ArrivalUnknown
}
