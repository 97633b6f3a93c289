package cloudwatch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// protocol is the value of the Smithy-Protocol header.
const protocol = "rpc-v2-cbor"

// serveCBOR serves a call of RPC v2: the path names the operation, CBOR in and out.
func (s *Service) serveCBOR(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	var body cbor.Value
	if out, err := s.call(w, r); err == nil {
		body = encode(out)
	} else {
		e, ok := errors.AsType[*awsjson.Error](err)
		if !ok {
			e = &awsjson.Error{Code: "InternalServiceFault", Message: err.Error(), Status: http.StatusInternalServerError}
		}
		status, body = cmp.Or(e.Status, http.StatusBadRequest), cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + e.Code), "message": cbor.String(e.Message)}
	}
	w.Header().Set("Smithy-Protocol", protocol)
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(status)
	_, _ = w.Write(cbor.Encode(body)) // the client may have gone
}

func (s *Service) call(w http.ResponseWriter, r *http.Request) (*dataOutput, error) {
	if op := strings.TrimPrefix(r.URL.Path, PathPrefix); op != "GetMetricData" || r.Method != http.MethodPost {
		return nil, awsjson.Errorf("UnknownOperationException", "the operation %s %s is not supported by this local endpoint", r.Method, op)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, awsjson.Errorf("SerializationException", "read the request: %v", err)
	}
	in, err := decode(raw)
	if err != nil {
		return nil, awsjson.Errorf("SerializationException", "the request is not what GetMetricData takes: %v", err)
	}
	return s.getMetricData(r.Context(), in)
}

// decode reads the document by way of JSON: the shapes are the same, but for times.
func decode(raw []byte) (*dataInput, error) {
	v, err := cbor.Decode(raw)
	if err != nil {
		return nil, err
	}
	plain, err := plainOf(v)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	in := &dataInput{}
	return in, json.Unmarshal(b, in)
}

// plainOf makes values that encoding/json knows. Times (tag 1) are numbers.
func plainOf(v cbor.Value) (any, error) {
	switch v := v.(type) {
	case cbor.Uint:
		return uint64(v), nil
	case cbor.NegInt:
		return -float64(v), nil
	case cbor.Float32:
		return finite(float64(v))
	case cbor.Float64:
		return finite(float64(v))
	case cbor.String:
		return string(v), nil
	case cbor.Bool:
		return bool(v), nil
	case *cbor.Nil, *cbor.Undefined:
		return nil, nil
	case *cbor.Tag:
		return plainOf(v.Value)
	case cbor.List:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = plainOf(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case cbor.Map:
		out := make(map[string]any, len(v))
		for k := range v {
			var err error
			if out[k], err = plainOf(v[k]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("a %T has no place here", v)
}

func finite(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is not a number of this protocol", f)
	}
	return f, nil
}

// encode writes the answer; times have tag 1, seconds since 1970.
func encode(out *dataOutput) cbor.Value {
	results := cbor.List{}
	for _, r := range out.MetricDataResults {
		times, values := cbor.List{}, cbor.List{}
		for i := range r.Values {
			times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(r.Timestamps[i])})
			values = append(values, cbor.Float64(r.Values[i]))
		}
		results = append(results, cbor.Map{
			"Id": cbor.String(r.ID), "Label": cbor.String(r.Label), "StatusCode": cbor.String(r.StatusCode), "Timestamps": times, "Values": values,
		})
	}
	return cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}
}
