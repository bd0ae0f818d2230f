package scaler

import (
	"context"
	"hash/fnv"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
)

// StreamIsActive sends the state at once, each change as it comes, and, while active
// at zero replicas, true again every Options.Repeat: KEDA drops a true that it is not
// ready for. What is not known is not sent. The stream ends without an error, on
// which KEDA comes back in two seconds; any other end doubles its pause up to a minute.
func (s service) StreamIsActive(ref *pb.ScaledObjectRef, out grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	t, err := s.trigger(ref)
	if err != nil {
		return err
	}
	return s.hold(out.Context(), s.end(ref), t, &pusher{out: out, repeat: s.opts.Repeat})
}

// pusher sends what has changed, and what has to be said again.
type pusher struct {
	out    grpc.ServerStreamingServer[pb.IsActiveResponse]
	repeat time.Duration
	active bool
	sent   time.Time // zero = never
}

func (p *pusher) say(a answer, now time.Time) error {
	again := a.active && a.atZero && now.Sub(p.sent) >= p.repeat
	if !p.sent.IsZero() && a.active == p.active && !again {
		return nil
	}
	p.active, p.sent = a.active, now
	return p.out.Send(&pb.IsActiveResponse{Result: a.active})
}

// StreamMetricSpec sends the spec at once; it never changes.
func (s service) StreamMetricSpec(
	ref *pb.ScaledObjectRef, out grpc.ServerStreamingServer[pb.GetMetricSpecResponse],
) error {
	t, err := s.trigger(ref)
	if err != nil {
		return err
	}
	if err := out.Send(specOf(t)); err != nil {
		return err
	}
	return s.hold(out.Context(), s.end(ref), t, nil)
}

// hold keeps a stream until the caller goes, we stop, or its end has come. With each
// newer snapshot and each beat it says what the answer is; a nil pusher says nothing.
// Ten thousand of these may wait here, so it keeps little.
func (s service) hold(ctx context.Context, end time.Time, t Trigger, p *pusher) error {
	for {
		beat := s.beat()
		snapshot, newer := s.opts.Board.Watch()
		now := s.opts.Now()
		if !now.Before(end) {
			return nil
		}
		if p == nil {
			newer = nil
		} else if a, _, err := s.reader.state(snapshot, t, now); err == nil {
			if err := p.say(a, now); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stopping:
			return nil
		case <-newer:
		case <-beat:
		}
	}
}

// end is when a stream that begins now ends. Ends are spread over a tenth of a
// stream's life, so that they do not all come back at once.
func (s service) end(ref *pb.ScaledObjectRef) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(ref.GetNamespace() + "/" + ref.GetName()))
	life := s.opts.StreamLife
	return s.opts.Now().Add(life - life/10*time.Duration(h.Sum32()%100)/100)
}
