package lines

import (
	"bytes"
	"math/bits"
	"strings"
	"sync"
	"unicode/utf8"
)

// monthNames are the abbreviated names of the months as ls writes them, one
// language a line, from the locales of glibc; "|" is between spellings. Whole
// names begin with them. The order decides for words that are another month in
// another language ("lis" is October in Croatian, November in Polish), unless
// the rest of the listing does.
var monthNames = [...]string{
	"jan feb mar apr may jun jul aug sep|sept oct nov dec",                                         // English
	"jan|jän feb mär|mrz|maerz apr mai jun jul aug sep okt nov dez",                                // German
	"janv|jan févr|fév mars|mar avril|avr mai juin|jun juil|jui|jul août|aoû sept|sep oct nov déc", // French
	"ene feb mar abr may jun jul ago sep|set oct nov dic",                                          // Spanish
	"gen feb mar apr mag giu lug ago set ott nov dic",                                              // Italian
	"jan fev mar abr mai jun jul ago set out nov dez",                                              // Portuguese
	"jan feb mrt apr mei jun jul aug sep okt nov dec",                                              // Dutch
	"jan feb mar apr maj jun jul aug sep okt nov dec",                                              // Danish, Swedish
	"jan feb mars april mai juni juli aug sep okt nov des",                                         // Norwegian
	"tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",                         // Finnish
	"jan feb mar apr maí jún júl ágú sep okt nóv des",                                              // Icelandic
	"sty lut mar kwi maj cze lip sie wrz paź lis gru",                                              // Polish
	"led úno bře dub kvě čen čec srp zář říj lis pro",                                              // Czech
	"jan feb mar apr máj jún júl aug sep okt nov dec",                                              // Slovak
	"jan feb mar apr maj jun jul avg sep okt nov dec",                                              // Slovenian, Serbian
	"sij velj ožu tra svi lip srp kol ruj lis stu pro",                                             // Croatian
	"јан феб мар апр мај јун јул авг сеп окт нов дец",                                              // Serbian
	"јан фев мар апр мај јун јул авг сеп окт ное дек",                                              // Macedonian
	"яну фев мар апр май юни юли авг сеп окт ное дек",                                              // Bulgarian
	"янв фев мар апр мая|май июн июл авг сен окт ноя дек",                                          // Russian
	"січ лют бер кві тра чер лип сер вер жов лис гру",                                              // Ukrainian
	"сту лют сак кра мая|май чэр ліп жні вер кас ліс сне",                                          // Belarusian
	"ian feb mar apr mai iun iul aug sep oct nov dec",                                              // Romanian
	"jan febr márc ápr máj jún júl aug szept okt nov dec",                                          // Hungarian
	"jaan veebr märts apr mai juuni juuli aug sept okt nov dets",                                   // Estonian
	"jan feb mar apr mai jūn jūl aug sep okt nov dec",                                              // Latvian
	"saus vas kov bal geg birž liep rugp rugs spal lapkr gruod",                                    // Lithuanian
	"oca şub mar nis may haz tem ağu eyl eki kas ara",                                              // Turkish
	"yan fev mar apr may i̇yn|iyn i̇yl|iyl avq sen okt noy dek",                                    // Azerbaijani
	"yan fev mar apr may iyn iyl avg sen okt noy dek",                                              // Uzbek
	"қаң ақп нау сәу мам мау шіл там қыр қаз қар жел",                                              // Kazakh
	"ιαν φεβ μαρ|μάρ απρ μαΐ|μάι ιουν|ιούν ιουλ|ιούλ αυγ|αύγ σεπ οκτ νοε|νοέ δεκ",                  // Greek
	"gen febr març d’abr|abr maig juny jul d’ag|ag set d’oct|oct nov des",                          // Catalan
	"xan feb mar abr mai xuñ xul ago set out nov dec",                                              // Galician
	"urt ots mar api mai eka uzt abu ira urr aza abe",                                              // Basque
	"gen febr març abr mai junh jul ago set oct nov dec",                                           // Occitan
	"ean feabh márta aib beal meith iúil lún mfómh dfómh samh noll",                                // Irish
	"ion chw maw ebr mai meh gor aws med hyd tach rha",                                             // Welsh
	"gen cʼhw meu ebr mae mezh gou eos gwe her du ker",                                             // Breton
	"jan feb mrt apr mei jun jul aug sep okt nov des",                                              // Afrikaans
	"jan feb mar apr maj jun jul aŭg sep okt nov dec",                                              // Esperanto
	"jan shk mar pri maj qer kor gsh sht tet nën dhj",                                              // Albanian
	"jan fra mar apr mej ġun lul aww set ott nov diċ",                                              // Maltese
	"jan feb mar apr mei jun jul agu sep okt nov des",                                              // Indonesian
	"jan feb mac apr mei jun jul ogos sep okt nov dis",                                             // Malay
	"jan feb mar apu maa juu jul agu seb oki nov des",                                              // Luganda
	"იან თებ მარ აპრ მაი ივნ ივლ აგვ სექ ოქტ ნოე დეკ",                                              // Georgian
	"հնվ փտր մար ապր մայ հնս հլս օգս սեպ հոկ նմբ դեկ",                                              // Armenian
	"ינו פבר מרץ אפר מאי יונ יול אוג ספט אוק נוב דצמ",                                              // Hebrew
	"ينا فبر مار أبر ماي يون يول أغس سبت أكت نوف ديس",                                              // Arabic
	"يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",                   // Arabic
	"ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اكتبر نوامبر دسامبر",                        // Persian
	"ม.ค ก.พ มี.ค เม.ย พ.ค มิ.ย ก.ค ส.ค ก.ย ต.ค พ.ย ธ.ค",                                           // Thai
	"जन॰ फ़र॰ मार्च अप्रैल मई जून जुल॰ अग॰ सित॰ अक्तू॰ नव॰ दिस॰",                                   // Hindi
	"一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",                                                        // Chinese
	"chi feb mar abr may chn chl ago set oct nov avi",                                              // Aragonese
	"xin feb mar abr may xun xnt ago set och pay avi",                                              // Asturian
	"ene peb mar abr may hun hul ago set okt nob dis",                                              // Filipino
}

// languages is a set of languages: bit n is line n of monthNames.
type languages uint64

// reading is a month that a word means in some languages.
type reading struct {
	month int
	in    languages
}

var months = sync.OnceValue(func() map[string][]reading {
	words := make(map[string][]reading)
	for lang, line := range monthNames {
		for i, spellings := range strings.Fields(line) {
			for _, word := range strings.Split(spellings, "|") {
				words[word] = addReading(words[word], i+1, languages(1)<<lang)
			}
		}
	}
	return words
})

func addReading(readings []reading, month int, in languages) []reading {
	for i := range readings {
		if readings[i].month == month {
			readings[i].in |= in
			return readings
		}
	}
	return append(readings, reading{month, in})
}

// monthReadings returns what word may mean: a month's abbreviation, with or
// without a dot, or its whole name.
func monthReadings(word []byte) []reading {
	if len(word) < 2 || len(word) > 40 || digits(word[:1]) {
		return nil
	}
	if !utf8.Valid(word) {
		for _, set := range charsets() {
			if readings := monthReadings(set.decode(word)); readings != nil {
				return readings
			}
		}
		return nil
	}
	known, word := months(), bytes.TrimRight(lower(word, make([]byte, 0, 40)), ".,")
	if readings := known[string(word)]; readings != nil {
		return readings
	}
	for end := len(word) - 1; end >= 3 && word[end] >= 'a'; end-- {
		if readings := known[string(word[:end])]; readings != nil {
			return readings
		}
	}
	return nil
}

// ballot counts which language explains the most words.
type ballot [len(monthNames)]int

func (b *ballot) add(readings []reading) {
	for _, r := range readings {
		for in := r.in; in != 0; in &= in - 1 {
			b[bits.TrailingZeros64(uint64(in))]++
		}
	}
}

// winner is the set of the one language with the most votes, the first of equals.
func (b *ballot) winner() languages {
	best := 0
	for lang, votes := range b {
		if votes > b[best] {
			best = lang
		}
	}
	return 1 << best
}

// choose picks the month that the word means in that language, or else in the
// first that knows it.
func choose(readings []reading, in languages) int {
	for _, r := range readings {
		if r.in&in != 0 {
			return r.month
		}
	}
	return readings[0].month
}
