package virtual

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// toItem turns the SDK's form of an item into the expression engine's.
func toItem(m map[string]types.AttributeValue) (attr.Item, error) {
	var it attr.Item
	for name, v := range m {
		a, err := toAttr(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		it = it.With(name, a)
	}
	return it, nil
}

func toAttr(v types.AttributeValue) (attr.Value, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return attr.String(v.Value), nil
	case *types.AttributeValueMemberN:
		d, err := attr.ParseDecimal(v.Value)
		return attr.Number(d), err
	case *types.AttributeValueMemberB:
		return attr.Value{Kind: attr.B, Text: string(v.Value)}, nil
	case *types.AttributeValueMemberBOOL:
		return attr.Value{Kind: attr.BOOL, Bool: v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return attr.Value{Kind: attr.NULL}, nil
	case *types.AttributeValueMemberSS:
		elements := make([]attr.Value, len(v.Value))
		for i, s := range v.Value {
			elements[i] = attr.String(s)
		}
		set, ok := attr.NewSet(attr.SS, elements)
		if !ok || len(elements) == 0 {
			return set, attr.Invalid("a set must have elements, each once")
		}
		return set, nil
	case *types.AttributeValueMemberM:
		m, err := toItem(v.Value)
		return attr.Value{Kind: attr.M, Map: m}, err
	case *types.AttributeValueMemberL:
		list := attr.Value{Kind: attr.L}
		for _, e := range v.Value {
			a, err := toAttr(e)
			if err != nil {
				return list, err
			}
			list.List = append(list.List, a)
		}
		return list, nil
	}
	return attr.Value{}, attr.Invalid("%T is not supported here", v)
}

// fromItem is the inverse of toItem; nil for no item.
func fromItem(it attr.Item) map[string]types.AttributeValue {
	if it == nil {
		return nil
	}
	m := make(map[string]types.AttributeValue, len(it))
	for _, a := range it {
		m[a.Name] = fromAttr(a.Value)
	}
	return m
}

func fromAttr(v attr.Value) types.AttributeValue {
	switch v.Kind {
	case attr.S:
		return &types.AttributeValueMemberS{Value: v.Text}
	case attr.N:
		return &types.AttributeValueMemberN{Value: v.Text}
	case attr.B:
		return &types.AttributeValueMemberB{Value: []byte(v.Text)}
	case attr.BOOL:
		return &types.AttributeValueMemberBOOL{Value: v.Bool}
	case attr.SS:
		set := &types.AttributeValueMemberSS{}
		for _, e := range v.List {
			set.Value = append(set.Value, e.Text)
		}
		return set
	case attr.M:
		return &types.AttributeValueMemberM{Value: fromItem(v.Map)}
	case attr.L:
		list := &types.AttributeValueMemberL{}
		for _, e := range v.List {
			list.Value = append(list.Value, fromAttr(e))
		}
		return list
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}
