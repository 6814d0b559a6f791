// Gets tokens with real Go clients (grpc-go's credentials/sts, golang.org/x/oauth2, Prometheus' common package) as each
// line of standard input asks, and answers with what the service behind them saw. A line is a JSON object with "do" and its
// arguments; the answer is {"result": [authorization, ...]} or {"error": "..."}.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v2"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/sts"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

type question struct {
	Do     string                   `json:"do"`
	Calls  int                      `json:"calls"`
	STS    sts.Options              `json:"sts"`
	HTTP   string                   `json:"http"`
	Client clientcredentials.Config `json:"client"`
	JWT    jwtConfig                `json:"jwt"`
}

type jwtConfig struct {
	Email, Subject, PrivateKey, TokenURL, Audience string
	Scopes                                         []string
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var ask question
		err := json.Unmarshal(lines.Bytes(), &ask)
		var result []string
		if err == nil {
			result, err = answer(ask)
		}
		if err != nil {
			out.Encode(map[string]string{"error": err.Error()})
		} else {
			out.Encode(map[string]any{"result": result})
		}
	}
}

func answer(ask question) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	switch ask.Do {
	case "sts":
		return bySTS(ctx, ask)
	case "prometheus":
		var settings config.HTTPClientConfig
		if err := yaml.UnmarshalStrict([]byte(ask.HTTP), &settings); err != nil {
			return nil, err
		}
		client, err := config.NewClientFromConfig(settings, "e2e")
		if err != nil {
			return nil, err
		}
		return byHTTP(ctx, client, ask.Calls)
	case "client credentials":
		return byHTTP(ctx, ask.Client.Client(ctx), ask.Calls)
	case "jwt":
		settings := jwt.Config{
			Email: ask.JWT.Email, Subject: ask.JWT.Subject, PrivateKey: []byte(ask.JWT.PrivateKey),
			TokenURL: ask.JWT.TokenURL, Audience: ask.JWT.Audience, Scopes: ask.JWT.Scopes,
		}
		return byHTTP(ctx, oauth2.NewClient(ctx, settings.TokenSource(ctx)), ask.Calls)
	}
	return nil, fmt.Errorf("unknown: %q", ask.Do)
}

// Calls a service by HTTP, and gives back the Authorization header of each call.
func byHTTP(ctx context.Context, client *http.Client, calls int) ([]string, error) {
	var seen []string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		seen = append(seen, request.Header.Get("Authorization"))
	}))
	defer service.Close()
	for range calls {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, service.URL, nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		response.Body.Close()
	}
	return seen, nil
}

// Calls a service by gRPC over TLS, without which grpc-go sends no token, and gives back the authorization of each call.
func bySTS(ctx context.Context, ask question) ([]string, error) {
	perCall, err := sts.NewCredentials(ask.STS)
	if err != nil {
		return nil, err
	}
	certificate, roots, err := selfSigned()
	if err != nil {
		return nil, err
	}
	var seen []string
	service := grpc.NewServer(
		grpc.Creds(credentials.NewServerTLSFromCert(&certificate)),
		grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			fields, _ := metadata.FromIncomingContext(ctx)
			seen = append(seen, fields.Get("authorization")...)
			return next(ctx, request)
		}),
	)
	grpc_health_v1.RegisterHealthServer(service, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go service.Serve(listener)
	defer service.Stop()
	channel, err := grpc.NewClient(
		listener.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")),
		grpc.WithPerRPCCredentials(perCall),
	)
	if err != nil {
		return nil, err
	}
	defer channel.Close()
	client := grpc_health_v1.NewHealthClient(channel)
	for range ask.Calls {
		if _, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

func selfSigned() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots, nil
}
