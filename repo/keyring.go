package repo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Keyring is a set of public keys, whose signatures are to be accepted. Any number of
// goroutines may use it.
type Keyring struct {
	keys openpgp.EntityList

	// mu is held while signatures are checked: keys remember what they have found
	// out of their own signatures.
	mu sync.Mutex
}

// maxKeyring bounds a file with keys: those of all Debian developers have 40 MB.
const maxKeyring = 64 << 20

// LoadKeyring reads the public keys in a file, as gpg --export writes them or
// gpg --armor --export; there can be several of either, one after the other.
func LoadKeyring(path string) (*Keyring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyring+1))
	if err == nil && len(data) > maxKeyring {
		err = fmt.Errorf("it is larger than %d MiB", maxKeyring>>20)
	}
	var keys openpgp.EntityList
	if err == nil {
		keys, err = readKeys(data)
	}
	if err != nil {
		return nil, fmt.Errorf("the keyring %s: %w", path, err)
	}
	return &Keyring{keys: keys}, nil
}

func readKeys(data []byte) (openpgp.EntityList, error) {
	switch {
	case len(data) == 0:
		return nil, errors.New("it is empty")
	case len(data) > 12 && string(data[8:12]) == "KBXf":
		return nil, errors.New("it is a keybox, which only gpg reads: write its keys to a file with gpg --no-default-keyring --keyring FILE --export > KEYS.gpg")
	case data[0]&0x80 != 0: // as every packet begins
		return readBlock(bytes.NewReader(data))
	}
	var keys openpgp.EntityList
	for r := bufio.NewReader(bytes.NewReader(data)); ; {
		block, err := armor.Decode(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("its armour cannot be read: %w", err)
		}
		if block.Type != "PGP PUBLIC KEY BLOCK" {
			return nil, fmt.Errorf("there is a %s in it, and may be public keys only", block.Type)
		}
		more, err := readBlock(block.Body)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return keys, nil
}

func readBlock(r io.Reader) (openpgp.EntityList, error) {
	keys, err := openpgp.ReadKeyRing(r)
	if err != nil {
		return nil, fmt.Errorf("its keys cannot be read: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	for _, k := range keys {
		if k.PrivateKey != nil {
			return nil, errors.New("there is a secret key in it, and may be public ones only")
		}
	}
	return keys, nil
}
