//go:build tools

// Package networkpolicy pins what build.sh beside it builds.
package networkpolicy

import (
	_ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
)
