package deploy_test

import (
	"context"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/starburst-go/starburst/internal/deploy"
)

type login int

func (l *login) RegistryLogin(context.Context) (user, password string, err error) {
	*l++
	return "AWS", "secret", nil
}

func TestAmazonsRegistryIsLoggedInToOnceAndOthersAreNot(t *testing.T) {
	t.Parallel()
	l := new(login)
	keys := deploy.Registry(l).Keys
	for _, tc := range []struct {
		host string
		ours bool
	}{
		{"123456789012.dkr.ecr.eu-west-1.amazonaws.com", true}, {"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", true},
		{"127.0.0.1:5000", false}, {"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example", false}, {"evil.example", false},
	} {
		r, err := name.NewRegistry(tc.host)
		if err != nil {
			t.Fatal(err)
		}
		a, err := keys.Resolve(r)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := authn.Authorization(t.Context(), a); err != nil || (c.Password == "secret") != tc.ours {
			t.Errorf("%s: %+v, %v; want ours: %v", tc.host, c, err, tc.ours)
		}
	}
	if *l != 1 {
		t.Errorf("logged in %d times", *l)
	}
}
