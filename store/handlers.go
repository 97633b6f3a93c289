package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// PutHandler records that the fleet's workers can run a handler; the latest record of a name stands.
func (s *Store) PutHandler(ctx context.Context, fleet string, h HandlerInfo) error {
	if err := errors.Join(checkName("fleet", fleet), checkName("handler", h.Name)); err != nil {
		return fmt.Errorf("record handler: %w", err)
	}
	it := newItem(handlerKey(fleet, h.Name))
	it.putMS("seen", h.Seen)
	it.putS("lang", h.Language)
	it.putS("build", h.Build)
	return s.patient(ctx, fmt.Sprintf("record handler %q of fleet %q", h.Name, fleet), func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table, Item: it})
		return err
	})
}

// Handlers returns the handlers that the fleet's workers or a deploy have named, ordered by name.
func (s *Store) Handlers(ctx context.Context, fleet string) ([]HandlerInfo, error) {
	var all []HandlerInfo
	for it, err := range s.items(ctx, query{pk: handlerKey(fleet, "").pk}) {
		if err != nil {
			return nil, fmt.Errorf("read the handlers of fleet %q: %w", fleet, err)
		}
		f := fields{it: it}
		all = append(all, HandlerInfo{Name: it.key().sk, Seen: f.ms("seen"), Language: f.str("lang"), Build: f.str("build")})
		if f.err != nil {
			return nil, f.err
		}
	}
	return all, nil
}
