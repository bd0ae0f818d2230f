package main

import (
	"math"
	"testing"
)

func TestFiguresStayShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1.234: "1.23", 12.34: "12.3", 123456: "123456", 1e6: "1000000",
		12345678: "1.235e+07", 1e300: "1e+300", -2e9: "-2e+09",
	} {
		if got := figure(v); got != want {
			t.Errorf("%g: want %s, got %s", v, want, got)
		}
	}
	for v, want := range map[float64]string{330: "5m30s", 7200: "2h0m", 1e12: "1e+12s", math.Inf(1): "+Infs"} {
		if got := spanOf(v); got != want {
			t.Errorf("%g s: want %s, got %s", v, want, got)
		}
	}
}

func TestOneIsSingular(t *testing.T) {
	if one, two := counted(1, "GPU"), counted(2, "GPU"); one != "1 GPU" || two != "2 GPUs" {
		t.Errorf("want 1 GPU and 2 GPUs, got %s and %s", one, two)
	}
}
