package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// Profile is what a running sandbox writes about itself.
type Profile struct {
	PPC Agency `json:"ppc"`
	IPA Agency `json:"ipa"`
	// Wrong is a folder of certificates that PPC's service refuses.
	Wrong   string   `json:"wrong"`
	Restart []string `json:"restart"`
}

// Agency is one of the two services.
type Agency struct {
	Address    string `json:"address"`
	ServerName string `json:"server_name"`
	// Callers is the folder of the certificates of the agency's own systems.
	Callers string `json:"callers"`
}

// Desk is a connection to an agency's service. It is opened with the first call and again whenever it was lost.
func (it Agency) Desk(caller string) (*grpc.ClientConn, error) {
	config, err := tlsConfig(filepath.Join(it.Callers, caller), it.ServerName)
	if err != nil {
		return nil, err
	}
	return dial(it.Address, config)
}

func dial(address string, config *tls.Config) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
}

// tlsConfig reads what a system shows and whom it trusts. The server name is that in the service's certificate.
func tlsConfig(folder, serverName string) (*tls.Config, error) {
	identity, err := tls.LoadX509KeyPair(filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(filepath.Join(folder, "roots.pem"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + folder)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{identity}, RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS13,
	}, nil
}

// official names the official on whose behalf calls are made. It is stated for each call, because a system serves many.
func official(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "renkei-official", "tanaka")
}

// purpose adds what the official wants to do with what is read. Only some methods ask for it.
func purpose(ctx context.Context, purpose string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "renkei-purpose", purpose)
}
