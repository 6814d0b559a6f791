// Does with iceberg-go and go-oidc what each line of standard input asks for, and answers with one line each. A line is
// a JSON object with "do" and its arguments; the answer is {"result": ...} or {"error": "..."}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/coreos/go-oidc/v3/oidc"
)

type question struct {
	Do         string            `json:"do"`
	Properties map[string]string `json:"properties"`
	JwksURI    string            `json:"jwks_uri"`
	Issuer     string            `json:"issuer"`
	Audience   string            `json:"audience"`
	Token      string            `json:"token"`
}

var catalog *rest.Catalog

// Keys are kept, as a service keeps them.
var keys = map[string]oidc.KeySet{}
var providers = map[string]*oidc.Provider{}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var ask question
		err := json.Unmarshal(lines.Bytes(), &ask)
		var result any
		if err == nil {
			result, err = answer(context.Background(), ask)
		}
		if err != nil {
			out.Encode(map[string]string{"error": err.Error()})
		} else {
			out.Encode(map[string]any{"result": result})
		}
	}
}

func answer(ctx context.Context, ask question) (any, error) {
	switch ask.Do {
	case "start": // fetches a token for /v1/config, and throws it away
		tokens, err := url.Parse(ask.Properties["oauth2-server-uri"])
		if err != nil {
			return nil, err
		}
		options := []rest.Option{rest.WithCredential(ask.Properties["credential"]), rest.WithAuthURI(tokens)}
		if scope, ok := ask.Properties["scope"]; ok {
			options = append(options, rest.WithScope(scope))
		}
		catalog, err = rest.NewCatalog(ctx, "e2e", ask.Properties["uri"], options...)
		return true, err
	case "list":
		namespaces, err := catalog.ListNamespaces(ctx, nil)
		return namespaces, err
	case "discover": // the same, with all that it needs from discovery
		if providers[ask.Issuer] == nil {
			provider, err := oidc.NewProvider(ctx, ask.Issuer)
			if err != nil {
				return nil, err
			}
			providers[ask.Issuer] = provider
		}
		token, err := providers[ask.Issuer].Verifier(&oidc.Config{ClientID: ask.Audience}).Verify(ctx, ask.Token)
		if err != nil {
			return nil, err
		}
		return token.Subject, nil
	case "verify": // go-oidc knows ID tokens, and takes any JWT of that shape for one
		if keys[ask.JwksURI] == nil {
			keys[ask.JwksURI] = oidc.NewRemoteKeySet(ctx, ask.JwksURI)
		}
		verifier := oidc.NewVerifier(ask.Issuer, keys[ask.JwksURI], &oidc.Config{
			ClientID: ask.Audience, SupportedSigningAlgs: []string{oidc.ES256},
		})
		token, err := verifier.Verify(ctx, ask.Token)
		if err != nil {
			return nil, err
		}
		return token.Subject, nil
	}
	return nil, fmt.Errorf("unknown: %s", ask.Do)
}
