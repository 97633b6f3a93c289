package localaws

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/cloudwatch"
	"github.com/starburst-go/starburst/internal/localaws/ecs"
	"github.com/starburst-go/starburst/internal/localaws/servicequotas"
	"github.com/starburst-go/starburst/internal/localaws/sqs"
)

// adminPath is the root of what the endpoint says about itself. A bucket's name
// cannot start with an underscore.
const adminPath = "/_starburst/"

// The X-Amz-Target prefixes of the services that have one.
const (
	dynamodbTarget = "DynamoDB_20120810."
	ecsTarget      = "AmazonEC2ContainerServiceV20141113."
)

// handler checks who asks, and hands the request to its service.
func (s *Server) handler() http.Handler {
	admin := http.NewServeMux()
	admin.HandleFunc("GET "+adminPath+"health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	admin.HandleFunc("GET "+adminPath+"stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.stats.read())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := refuse(r); reason != "" {
			writeJSON(w, http.StatusForbidden, map[string]string{"__type": "AccessDeniedException", "message": reason})
			return
		}
		if strings.HasPrefix(r.URL.Path, adminPath) {
			admin.ServeHTTP(w, r)
			return
		}
		name, service := s.route(r)
		s.stats.count(name, r)
		if service == nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{
				"__type":  "UnknownOperationException",
				"message": "the service " + name + " is not supported by this local endpoint; it has sqs, dynamodb, ecs, s3, and parts of servicequotas and cloudwatch",
			})
			return
		}
		service.ServeHTTP(w, r)
	})
}

// refuse says why a request may not be served, or "".
func refuse(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	switch {
	case !isLoopback(host):
		return "the Host " + r.Host + " is not a name of this machine's loopback: this local endpoint is for this machine only"
	case r.Header.Get("Origin") != "":
		return "requests of web pages (with an Origin header) are refused"
	case r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-Site") != "none":
		return "requests of web pages (Sec-Fetch-Site: " + r.Header.Get("Sec-Fetch-Site") + ") are refused"
	}
	return ""
}

// route finds a request's service; nil for one that is not here.
func (s *Server) route(r *http.Request) (name string, service http.Handler) {
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(target, sqs.TargetPrefix):
		return "sqs", s.sqs
	case strings.HasPrefix(target, dynamodbTarget):
		return "dynamodb", s.ddb
	case strings.HasPrefix(target, ecsTarget), strings.HasPrefix(r.URL.Path, ecs.AgentPath):
		return "ecs", s.ecs
	case strings.HasPrefix(target, servicequotas.TargetPrefix):
		return servicequotas.Scope, s.quota
	case strings.HasPrefix(target, cloudwatch.TargetPrefix), strings.HasPrefix(r.URL.Path, cloudwatch.PathPrefix):
		return cloudwatch.Scope, s.watch
	}
	switch name := scope(r); name {
	case "sqs":
		return name, s.sqs
	case "dynamodb":
		return name, s.ddb
	case "ecs":
		return name, s.ecs
	case servicequotas.Scope:
		return name, s.quota
	case cloudwatch.Scope:
		return name, s.watch
	case "", "s3", "s3express":
		return "s3", s.s3
	default:
		return name, nil
	}
}

// scope returns the service in the credential scope of a signature (version 4),
// in the header or in a presigned URL: "AKID/20261124/us-east-1/s3/aws4_request".
func scope(r *http.Request) string {
	_, credential, found := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !found {
		if !strings.Contains(r.URL.RawQuery, "X-Amz-Credential") {
			return ""
		}
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	credential, _, _ = strings.Cut(credential, ",")
	parts := strings.Split(credential, "/")
	// From the end: an access key may hold slashes, the rest cannot.
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // the client may have gone
}
