package ecs

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// echo holds the members of a request that are stored and returned, and have no
// effect here (networkConfiguration, logConfiguration, roles …), so that one
// definition serves both AWS and the laptop.
type echo map[string]json.RawMessage

// keepsRaw is implemented by requests that want all their members.
type keepsRaw interface{ keepRaw(echo) }

// given reports whether a member is there and is not null, false, "", [] or {}.
func (e echo) given(name string) bool {
	switch string(e[name]) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}

// refuse returns an error that names the first of the given members that is set.
func (e echo) refuse(names ...string) error {
	for _, n := range names {
		if e.given(n) {
			return invalid("%s is not supported by the local endpoint.", n)
		}
	}
	return nil
}

// only returns the named members.
func (e echo) only(names ...string) echo {
	out := echo{}
	for _, n := range names {
		if e.given(n) {
			out[n] = e[n]
		}
	}
	return out
}

// with marshals view and adds the members of e that view does not have.
func (e echo) with(view any) (json.RawMessage, error) {
	raw, err := json.Marshal(view)
	if err != nil || len(e) == 0 {
		return raw, err
	}
	all := echo{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	for k, v := range e {
		if _, has := all[k]; !has {
			all[k] = v
		}
	}
	return json.Marshal(all)
}

// epoch is a time as the JSON protocol writes it: seconds since 1970, with a
// fraction of milliseconds.
type epoch struct{ time.Time }

func (e epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(e.UnixMilli())/1e3, 'f', 3, 64), nil
}

func (e *epoch) UnmarshalJSON(raw []byte) error {
	s, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(s) > 1e12 {
		return fmt.Errorf("timestamp %s: want seconds since 1970", raw)
	}
	e.Time = time.UnixMilli(int64(s * 1e3)).UTC()
	return nil
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func checkTags(tags []tag) error {
	// 50 tags, keys 1..128, values ..256 characters (API reference, Tag).
	if len(tags) > 50 {
		return invalid("Tags can not have more than 50 entries.")
	}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return invalid("Tag %q: the key must have 1 to 128 characters and the value at most 256.", t.Key)
		}
	}
	return nil
}

// mergeTags returns old with the tags of more added or replaced.
func mergeTags(old, more []tag) []tag {
	out := slices.Clone(old)
	for _, t := range more {
		if i := slices.IndexFunc(out, func(o tag) bool { return o.Key == t.Key }); i >= 0 {
			out[i] = t
		} else {
			out = append(out, t)
		}
	}
	return out
}

type failure struct {
	ARN    string `json:"arn"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

type strategyItem struct {
	Provider string `json:"capacityProvider"`
	Weight   int    `json:"weight"`
	Base     int    `json:"base"`
}

func checkStrategy(items []strategyItem) error {
	weights := 0
	for _, it := range items {
		if it.Provider != fargate && it.Provider != fargateSpot {
			return invalid("The specified capacity provider %s was not found: the local endpoint knows FARGATE and FARGATE_SPOT.", it.Provider)
		}
		if it.Weight < 0 || it.Weight > 1000 || it.Base < 0 || it.Base > 100000 {
			return invalid("Capacity provider %s: weight must be 0 to 1,000 and base 0 to 100,000.", it.Provider)
		}
		weights += it.Weight
	}
	if len(items) > 0 && weights == 0 {
		return invalid("At least one capacity provider must have a weight greater than 0.")
	}
	return nil
}

func checkLaunchType(launchType string) error {
	if launchType != "" && launchType != fargate {
		return invalid("launchType %s is not supported by the local endpoint, which stands in for FARGATE.", launchType)
	}
	return nil
}

// pageOf cuts one page out of sorted ARNs. The token is the last ARN of the
// page before, so that a list may change between two calls.
func pageOf(arns []string, maxResults *int, token string) (page []string, next string, err error) {
	size := 100 // API reference: 1 to 100, 100 when not given
	if maxResults != nil {
		size = *maxResults
	}
	if size < 1 || size > 100 {
		return nil, "", invalid("maxResults must be between 1 and 100.")
	}
	slices.Sort(arns)
	from, found := slices.BinarySearch(arns, token)
	if found {
		from++
	}
	page = arns[from:]
	if len(page) > size {
		page = page[:size]
		next = page[size-1]
	}
	return slices.Clip(append([]string{}, page...)), next, nil
}
