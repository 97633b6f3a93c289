package otelstarburst

import (
	"context"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/starburst-go/starburst"
)

// EnvTracing switches tracing: otlp, off or auto. Default: auto, which is otlp when a variable names a collector.
const EnvTracing = "STARBURST_TRACING"

// defaultService is the service's name where neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES has one.
const defaultService = "starburst"

// wanted tells whether the environment asks for traces.
func wanted(getenv func(string) string) (bool, error) {
	switch v := getenv(EnvTracing); v {
	case "off":
		return false, nil
	case "otlp":
		return true, nil
	case "", "auto":
	default:
		return false, fmt.Errorf("%s is %q; known are otlp, off and auto", EnvTracing, v)
	}
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch getenv("OTEL_TRACES_EXPORTER") {
	case "", "otlp":
	default:
		return false, nil
	}
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "", nil
}

// FromEnv returns a Tracing that sends spans to the collector that the environment names, or nil when none is asked for. It reads
// STARBURST_TRACING, OTEL_EXPORTER_OTLP_* (endpoint, headers, timeout, compression, certificate, and their forms for traces alone),
// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_* and OTEL_SDK_DISABLED. Nothing is sent yet: a
// collector that is not there costs spans, and no task.
func FromEnv(ctx context.Context) (starburst.Tracing, error) {
	on, err := wanted(os.Getenv)
	if err != nil || !on {
		return nil, err
	}
	c, err := newClient(os.Getenv)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, c)
	if err != nil {
		return nil, err
	}
	// What the environment says comes last, and counts.
	r, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(semconv.ServiceName(defaultService)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(r))
	t := New(provider)
	t.shutdown = provider.Shutdown
	return t, nil
}
