package cloudwatch_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/starburst-go/starburst/internal/localaws/cloudwatch"
)

// Whatever bytes come, the answer is CBOR, and the service's own fault only when it is.
func FuzzCBOR(f *testing.F) {
	f.Add([]byte{})
	f.Add(cbor.Encode(cbor.Map{"StartTime": &cbor.Tag{ID: 1, Value: cbor.Uint(1)}, "EndTime": &cbor.Tag{ID: 1, Value: cbor.Float64(2e9)},
		"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("a"), "ReturnData": cbor.Bool(true), "MetricStat": cbor.Map{"Period": cbor.Uint(60)}}}}))
	f.Add([]byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(bytes.Repeat([]byte{0x81}, 20000))
	s, err := cloudwatch.New(cloudwatch.Options{Used: func(bool) float64 { return 1 }, Now: func() time.Time { return time.Unix(1e9, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, cloudwatch.PathPrefix+"GetMetricData", bytes.NewReader(body))
		r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if _, err := cbor.Decode(w.Body.Bytes()); err != nil || w.Code >= 500 {
			t.Errorf("%x is answered with %d, %v", body, w.Code, err)
		}
	})
}
