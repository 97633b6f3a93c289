package ecs

import "github.com/starburst-go/starburst/internal/localaws/awsjson"

// The texts are those of ECS where they are known, because people search for them.
var errClusterNotFound = apiError("ClusterNotFoundException", "Cluster not found.")

func apiError(code, message string) error { return awsjson.Errorf(code, "%s", message) }

func invalid(format string, args ...any) error {
	return awsjson.Errorf("InvalidParameterException", format, args...)
}

func clientError(message string) error { return apiError("ClientException", message) }
