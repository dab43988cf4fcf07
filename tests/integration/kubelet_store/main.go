// What a kubelet does with its client certificate, by its own code (client-go): opens the store as
// it does when it starts, at the time that is given, and lets it take a certificate of its own as
// it does when it rotates. Prints the name in the certificate that was there; exits with 1 where
// the kubelet would not start, or would not rotate.
//
//	kubelet_store DIRECTORY 2027-01-15T10:15:00Z
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"

	"k8s.io/client-go/util/certificate"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

func main() {
	directory, now := os.Args[1], must(time.Parse(time.RFC3339, os.Args[2]))
	store := must(certificate.NewFileStore("kubelet-client", directory, directory, "", ""))
	current := must(store.Current())
	// isClientConfigStillValid() of the kubelet's bootstrap: one that has ended, wherever it stands
	// in the file, and the kubelet asks for a bootstrap kubeconfig.
	for _, der := range current.Certificate {
		if each := must(x509.ParseCertificate(der)); now.After(each.NotAfter) {
			must(0, fmt.Errorf("part of the existing bootstrap client certificate is expired: %v", each.NotAfter))
		}
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "its own"},
		NotBefore: now, NotAfter: now.Add(time.Hour)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	must(store.Update(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(key))})))
	if own := must(store.Current()); own.Leaf.Subject.CommonName != "its own" {
		must(0, fmt.Errorf("its own certificate is not the current one"))
	}
	fmt.Println(current.Leaf.Subject.CommonName)
}
