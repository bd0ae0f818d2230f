package demo

import (
	"context"
	"time"
)

const (
	// frameEvery is the shortest real time between two pictures.
	frameEvery = 100 * time.Millisecond
	// slack is how much longer than asked a paced run may take on a slow machine.
	slack = 2 * time.Second
)

// pacer ties virtual time to real time. It is the only thing here that reads the
// wall clock, and nothing simulated depends on it.
type pacer struct {
	speed float64       // virtual seconds per real second; 0 = as fast as possible
	limit time.Duration // real time; 0 = none
	start time.Time
}

func newPacer(speed float64, limit time.Duration) *pacer {
	if limit > 0 && speed > 0 {
		limit += slack
	}
	return &pacer{speed: speed, limit: limit, start: time.Now()}
}

// wait returns when so much virtual time may have passed; false if the run's
// real time is over or the context has ended.
func (p *pacer) wait(ctx context.Context, virtual time.Duration) bool {
	spent := time.Since(p.start)
	if ctx.Err() != nil || (p.limit > 0 && spent >= p.limit) {
		return false
	}
	if p.speed <= 0 {
		return true
	}
	early := time.Duration(float64(virtual)/p.speed) - spent
	if early <= 0 {
		return true
	}
	t := time.NewTimer(early)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// frameRate says when it is time for another picture.
type frameRate struct{ drawn time.Time }

func (f *frameRate) due() bool {
	now := time.Now()
	if now.Sub(f.drawn) < frameEvery {
		return false
	}
	f.drawn = now
	return true
}
