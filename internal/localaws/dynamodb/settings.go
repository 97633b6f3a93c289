package dynamodb

import "encoding/json"

// settings are the parameters of a table that this endpoint stores and shows but that change nothing
// here. Their JSON is AWS's.
type settings struct {
	BillingMode               string      `json:",omitempty"`
	ProvisionedThroughput     *throughput `json:",omitempty"`
	OnDemandThroughput        *onDemand   `json:",omitempty"`
	TableClass                string      `json:",omitempty"`
	DeletionProtectionEnabled bool
	StreamSpecification       *stream     `json:",omitempty"`
	SSESpecification          *encryption `json:",omitempty"`
	// WarmThroughput and the like are echoed as they came.
	WarmThroughput json.RawMessage `json:",omitempty"`
	ResourcePolicy string          `json:",omitempty"`
	// StreamLabel is when the stream was switched on.
	StreamLabel string `json:",omitempty"`
	// OnDemandSince is when the table was last made on-demand, in Unix seconds.
	OnDemandSince float64 `json:",omitempty"`
}

type onDemand struct {
	MaxReadRequestUnits  *int64 `json:",omitempty"`
	MaxWriteRequestUnits *int64 `json:",omitempty"`
}

type stream struct {
	StreamEnabled  bool
	StreamViewType string `json:",omitempty"`
}

type encryption struct {
	Enabled        bool
	SSEType        string `json:",omitempty"`
	KMSMasterKeyId string `json:",omitempty"`
}

// change applies those parameters of UpdateTable that were given.
func (s *settings) change(in *updateTableInput, now float64) {
	if in.BillingMode != "" {
		s.BillingMode = in.BillingMode
		if in.BillingMode == onDemandBilling {
			s.OnDemandSince, s.ProvisionedThroughput = now, nil
		}
	}
	if in.ProvisionedThroughput != nil {
		s.ProvisionedThroughput = in.ProvisionedThroughput
	}
	if in.OnDemandThroughput != nil {
		s.OnDemandThroughput = in.OnDemandThroughput
	}
	if in.TableClass != "" {
		s.TableClass = in.TableClass
	}
	if in.DeletionProtectionEnabled != nil {
		s.DeletionProtectionEnabled = *in.DeletionProtectionEnabled
	}
	if in.StreamSpecification != nil {
		s.setStream(in.StreamSpecification, now)
	}
	if in.SSESpecification != nil {
		s.SSESpecification = in.SSESpecification
	}
	if in.WarmThroughput != nil {
		s.WarmThroughput = in.WarmThroughput
	}
}

func (s *settings) setStream(st *stream, now float64) {
	s.StreamSpecification, s.StreamLabel = nil, ""
	if st != nil && st.StreamEnabled {
		s.StreamSpecification, s.StreamLabel = st, label(now)
	}
}
