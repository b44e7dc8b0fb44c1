//go:build tools

// Package tools pins the program that build.sh builds from this module.
package tools

import (
	_ "github.com/kyverno/kyverno/cmd/kyverno"
)
