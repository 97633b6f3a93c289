package deploy

import (
	"context"
	"fmt"
	"regexp"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/starburst-go/starburst/internal/image"
)

// Login returns user and password of the account's image registry; *awscall.Caller has it.
type Login interface {
	RegistryLogin(ctx context.Context) (user, password string, err error)
}

// Registry returns how to speak to registries: to Amazon's with the credentials of the AWS configuration, to others with those of `docker login`.
func Registry(l Login) image.PushOptions { return image.PushOptions{Keys: &keys{login: l}} }

// ofECR is what Amazon's registries are called.
var ofECR = regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)$`)

// keys asks ECR once: what it answers is good for 12 hours.
type keys struct {
	login Login
	mu    sync.Mutex // protects ecr
	ecr   authn.Authenticator
}

var _ authn.ContextKeychain = (*keys)(nil)

// Resolve is ResolveContext without a context.
func (k *keys) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

// ResolveContext returns the credentials for a registry.
func (k *keys) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	if !ofECR.MatchString(r.RegistryStr()) {
		return authn.Resolve(ctx, authn.DefaultKeychain, r)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ecr != nil {
		return k.ecr, nil
	}
	user, password, err := k.login.RegistryLogin(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", r.RegistryStr(), err)
	}
	k.ecr = authn.FromConfig(authn.AuthConfig{Username: user, Password: password})
	return k.ecr, nil
}
