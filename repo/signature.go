package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

const (
	// maxSignature bounds a file of signatures: one of RSA has 800 bytes.
	maxSignature = 64 << 10
	// maxSignatures bounds how many there are in it, since the text is hashed for
	// each; distributions use up to four at a time.
	maxSignatures = 16
	// clockSkew is how late the clock of this machine may be.
	clockSkew = 5 * time.Minute
)

// ErrUntrusted is that of a text that no key of the ring has signed. What it is
// wrapped in says who did, and why that is not accepted.
var ErrUntrusted = errors.New("no signature is accepted")

// Inline checks a text that has its signature in it (InRelease), and returns what
// was signed: nothing else may be in the text. As with apt, one good signature of
// the ring's keys is enough. now is when keys and signatures have to be valid.
//
// The error is ErrUnsigned, one that says how the text is malformed, or wraps
// ErrUntrusted.
func (k *Keyring) Inline(r io.Reader, now time.Time) (body []byte, err error) {
	text, err := whole(r)
	if err != nil {
		return nil, err
	}
	body, signature, err := clearsigned(text)
	if err != nil {
		return nil, err
	}
	// The end of the last line is not signed, and all others are signed as CRLF.
	signed := bytes.ReplaceAll(bytes.TrimSuffix(body, []byte{'\n'}), []byte{'\n'}, []byte("\r\n"))
	if err := k.Detached(bytes.NewReader(signed), signature, now); err != nil {
		return nil, err
	}
	return body, nil
}

// Detached checks a file with the signature beside it, armoured or not. One good
// signature of the ring's keys is enough. The error is that of reading, or wraps
// ErrUntrusted.
func (k *Keyring) Detached(body io.Reader, signature []byte, now time.Time) error {
	if len(signature) > maxSignature {
		return fmt.Errorf("%w: the signature is larger than %d bytes", ErrUntrusted, maxSignature)
	}
	packets := io.Reader(bytes.NewReader(signature))
	if len(signature) > 0 && signature[0]&0x80 == 0 { // no packet begins so
		block, err := armor.Decode(packets)
		if err != nil || block.Type != "PGP SIGNATURE" {
			return fmt.Errorf("%w: there is no signature in the file", ErrUntrusted)
		}
		packets = block.Body
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	config := &packet.Config{Time: func() time.Time { return now }}
	md, err := openpgp.VerifyDetachedSignatureReader(k.keys, body, packets, config)
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return fmt.Errorf("%w: there is no signature in the file", ErrUntrusted)
	case err != nil:
		return fmt.Errorf("%w: the signature cannot be read: %w", ErrUntrusted, err)
	case len(md.SignatureCandidates) > maxSignatures:
		return fmt.Errorf("%w: there are more than %d", ErrUntrusted, maxSignatures)
	}
	for _, c := range md.SignatureCandidates {
		if t := c.CorrespondingSig.CreationTime; t.After(now) && t.Before(now.Add(clockSkew)) {
			now = t
		}
	}
	if _, err := io.Copy(io.Discard, md.UnverifiedBody); err != nil {
		return err
	}
	var why []string
	for _, c := range md.SignatureCandidates {
		reason := k.judge(c, now, config)
		if reason == "" {
			return nil
		}
		why = append(why, fmt.Sprintf("%016X %s", c.IssuerKeyId, reason))
	}
	return fmt.Errorf("%w: %s", ErrUntrusted, strings.Join(why, "; "))
}

// judge says why a signature is not accepted, or "". The library asks whether the
// key was valid when it signed. What is asked here, as gpg does, is whether it is now:
// keys are renewed, and exported without the older of their own signatures.
func (k *Keyring) judge(c *openpgp.SignatureCandidate, now time.Time, config *packet.Config) string {
	sig := c.CorrespondingSig
	switch {
	case c.SignedByEntity == nil:
		return "has signed it, and is not in the keyring"
	case c.SigType != packet.SigTypeBinary && c.SigType != packet.SigTypeText:
		return "has made a signature of another kind"
	case sig.CreationTime.After(now):
		return "has signed it at a time that has not come: " + sig.CreationTime.UTC().Format(time.DateTime)
	}
	key, ok := c.SignedByEntity.SigningKeyById(now, c.IssuerKeyId, config)
	if !ok {
		return "has signed it, and " + invalid(c, now, config)
	}
	err := c.SignatureError
	if c.SignedBy == nil && c.Hash != nil {
		err = details(key.PublicKey, sig, now, config)
		if err == nil {
			err = key.PublicKey.VerifySignature(c.Hash, sig)
		}
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return "has signed it, and the signature has expired"
	}
	return "has not signed what is there: " + err.Error()
}

// details are what a signature says of itself.
func details(key *packet.PublicKey, sig *packet.Signature, now time.Time, config *packet.Config) error {
	switch {
	case config.RejectMessageHashAlgorithm(sig.Hash) || config.RejectHashAlgorithm(sig.Hash):
		return fmt.Errorf("the digest %s is too weak", sig.Hash)
	case sig.CreationTime.Before(key.CreationTime):
		return pgperrors.ErrSignatureOlderThanKey
	case sig.SigExpired(now):
		return pgperrors.ErrSignatureExpired
	}
	for _, n := range sig.Notations {
		if n.IsCritical && !config.KnownNotation(n.Name) {
			return errors.New("it has a condition that is not known here")
		}
	}
	return nil
}

// invalid says what is the matter with the key of a signature.
func invalid(c *openpgp.SignatureCandidate, now time.Time, config *packet.Config) string {
	_, err := c.SignedByEntity.VerifyPrimaryKey(now, config)
	for _, sub := range c.SignedByEntity.Subkeys {
		if sub.PublicKey.KeyId == c.IssuerKeyId {
			if _, e := sub.Verify(now, config); err == nil {
				err = e
			}
		}
	}
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "the key has expired"
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "the key is revoked"
	}
	return "the key may not sign"
}
