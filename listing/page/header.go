package page

import (
	"strings"
	"sync"
	"unicode"
)

// A role is what a column of a listing shows.
type role uint8

const (
	unknownRole role = iota
	nameRole
	timeRole
	sizeRole
	typeRole
	otherRole // a column that is none of these for certain: a description, a checksum
)

// roleWords are what heads columns, in the languages that servers speak. Where a
// heading has words of several roles ("File Size"), the last list that has one
// wins.
var roleWords = [...]struct {
	role  role
	words string
}{
	{nameRole, "name filename file nom nome nombre datei naam navn namn nazwa imię имя файл название nimi név ad archivo fichier ficheiro arquivo bestand fil plik soubor jméno název 名前 名称 名稱 文件名 檔名 檔案名稱 ファイル 이름 파일 όνομα"},
	{timeRole, "date filetime filedate lastmodified lastmod änderungsdatum modified modification mtime time last changed updated datum tid zeit geändert modifié dernière modificación fecha última ultima data modificado modifica gewijzigd ändrad ændret endret zmodyfikowano zmiany дата изменён изменен изменения muokattu módosítás dátum tarih změněno 最終更新 更新 日付 日時 修改 日期 时间 時間 날짜 수정 시간 ημερομηνία timestamp age"},
	{sizeRole, "size filesize dateigröße größe grösse groesse taille tamaño tamanho dimensione dimensioni grootte omvang storlek størrelse rozmiar размер koko méret boyut velikost サイズ 大小 크기 μέγεθος bytes length octets"},
	{typeRole, "type filetype dateityp kind content typ tipo тип 種類 種別 类型 類型 종류"},
	{otherRole, "description beschreibung descripción descrição descrizione kommentar comment opis описание 説明 描述 설명 md5 sha1 sha256 sha512 hash checksum permissions perms mode owner group user links hits downloads count actions row encoding ext extension created creation"},
}

// roles gives the roleWords their role; unspaced has those of scripts that
// write no blanks between words, where they are looked for at the beginning.
var roles = sync.OnceValues(func() (words, unspaced map[string]role) {
	words, unspaced = make(map[string]role), make(map[string]role)
	for _, list := range roleWords {
		for word := range strings.FieldsSeq(list.words) {
			if words[word] = list.role; word[0] >= 0xe0 {
				unspaced[word] = list.role
			}
		}
	}
	return words, unspaced
})

// maxHeading is longer than a heading is; beyond it is prose.
const maxHeading = 48

// roleOf reads a heading.
func roleOf(heading string) role {
	if len(heading) > maxHeading {
		return unknownRole
	}
	words, unspaced := roles()
	found := unknownRole
	for word := range strings.FieldsFuncSeq(strings.ToLower(heading), notWord) {
		found = max(found, words[word])
		if word[0] < 0xe0 {
			continue
		}
		for begin, r := range unspaced {
			if strings.HasPrefix(word, begin) {
				found = max(found, r)
			}
		}
	}
	return found
}

func notWord(r rune) bool { return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit) }

// A heading is one column's head.
type heading struct {
	role role
	unit int64 // of sizes written without one; 1 unless it says "Size (KB)"
}

// columns are the headings of a table or of a block of lines.
type columns struct {
	heads []heading
	// complete: all headings were understood, so that a listing without a
	// size column has no sizes, whatever its descriptions begin with.
	complete bool
}

// headings reads a row as heads of columns; none where it is not that.
func headings(texts []string, spans []int) columns {
	var c columns
	var seen [otherRole + 1]bool
	c.complete = true
	for i, text := range texts {
		h := heading{role: roleOf(text), unit: 1}
		if open := strings.IndexAny(text, "([{"); h.role == sizeRole && open >= 0 {
			if unit, _, ok := readUnit(text[open+1:]); ok {
				h.unit = unit
			}
		}
		if seen[h.role] && h.role != otherRole {
			h.role = unknownRole
		}
		seen[h.role] = true
		c.complete = c.complete && (h.role != unknownRole || strings.TrimFunc(text, notWord) == "")
		for range max(1, min(spans[i], 8)) {
			c.heads = append(c.heads, h)
		}
	}
	known := 0
	for _, role := range []role{nameRole, timeRole, sizeRole} {
		if seen[role] {
			known++
		}
	}
	if known < 2 && !(seen[nameRole] && c.complete && len(texts) > 1) {
		return columns{}
	}
	return c
}

// at is the heading of column i.
func (c *columns) at(i int) heading {
	if i < len(c.heads) {
		return c.heads[i]
	}
	return heading{unit: 1}
}

// headed: there is a column of that role.
func (c *columns) headed(want role) bool {
	for _, h := range c.heads {
		if h.role == want {
			return true
		}
	}
	return false
}

// has: there may be a column of that role.
func (c *columns) has(want role) bool {
	return !c.complete || len(c.heads) == 0 || c.headed(want)
}
