package page

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// monthNames are what the names of months begin with, in the languages that
// servers write them in; a longer beginning goes before a shorter one.
var monthNames = [...]string{
	1:  "jan jaan ene gen janv ян січ led sty tammi ian oca ιαν ιανουάριος",
	2:  "feb veebr fev fév févr feb únor úno lut helmi şub subat фев лют φεβ",
	3:  "mar mär mrz mrt maa mars bře brez maalis мар бер μαρ márc",
	4:  "apr abr avr ápr kwi dub huhti nis апр кві απρ",
	5:  "may maí mai maj mag mei máj kvě maio mayo touko май мая тра μαϊ μάι μαΐ",
	6:  "jun juuni júní juin giu cze čer čvn kesä iun haz jún июн чер ιουν ιούν",
	7:  "jul juuli júlí juil lug lip čvc červenec července heinä iul tem júl июл лип ιουλ ιούλ",
	8:  "aug avg agu ágú aoû aou ago sie srp elo ağu авг сер αυγ αύγ",
	9:  "sep sept set szept wrz zář syys eyl сен вер σεπ",
	10: "oct okt ott out paź paz říj loka eki окт жов οκτ",
	11: "nov lis marras kas ноя лис νοε νοέ",
	12: "dec dets dez des dic déc gru pro joulu ara дек гру δεκ",
}

// months gives the beginnings of monthNames their month.
var months = sync.OnceValue(func() map[string]int16 {
	m := make(map[string]int16)
	for n, names := range monthNames {
		for name := range strings.FieldsSeq(names) {
			m[name] = int16(n)
		}
	}
	return m
})

// month is which month word names, 1 to 12; 0 for none.
func month(word string) int16 {
	if len(word) == 3 { // nearly all pages
		const english = "janfebmaraprmayjunjulaugsepoctnovdec"
		for i := 0; i < len(english); i += 3 {
			if word[0]|0x20 == english[i] && word[1]|0x20 == english[i+1] && word[2]|0x20 == english[i+2] {
				return int16(i/3 + 1)
			}
		}
	}
	if word == "" || len(word) > len("σεπτεμβρίου") {
		return 0
	}
	word = strings.ToLower(word)
	for end := len(word); end > 0; {
		if n, ok := months()[word[:end]]; ok {
			return n
		}
		_, w := utf8.DecodeLastRuneInString(word[:end])
		end -= w
	}
	return 0
}
