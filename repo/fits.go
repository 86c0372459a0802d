package repo

import (
	"bytes"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// SignatureFits reports whether a detached signature, armoured or not, can be that of a
// file. It needs no key, and so proves nothing: but a signature repeats two bytes of
// the digest that was signed (RFC 9580, 5.2.3), and one of another version of the
// file has others. known is false where there is nothing to be compared.
func SignatureFits(body io.ReaderAt, size int64, signature []byte) (fits, known bool) {
	packets := io.Reader(bytes.NewReader(signature))
	if len(signature) > 0 && signature[0]&0x80 == 0 {
		block, err := armor.Decode(packets)
		if err != nil {
			return false, false
		}
		packets = block.Body
	}
	reader := packet.NewReader(packets)
	for range maxSignatures {
		p, err := reader.Next()
		if err != nil {
			break
		}
		sig, ok := p.(*packet.Signature)
		if !ok || !sig.Hash.Available() {
			continue
		}
		h, err := sig.PrepareVerify()
		if err != nil {
			continue
		}
		var text io.Writer = h
		if sig.SigType == packet.SigTypeText {
			text = openpgp.NewCanonicalTextHash(h)
		}
		if _, err := io.Copy(text, io.NewSectionReader(body, 0, size)); err != nil {
			return false, false
		}
		h.Write(sig.HashSuffix)
		known = true
		if sum := h.Sum(nil); sum[0] == sig.HashTag[0] && sum[1] == sig.HashTag[1] {
			return true, true
		}
	}
	return false, known
}
