//go:build tools

// Package tools pins the programs that build.sh builds from this module.
package tools

import (
	_ "github.com/fluxcd/kustomize-controller"
	_ "sigs.k8s.io/kustomize/kustomize/v5"
)
