package scaler

import (
	"hash/fnv"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	return s.hold(ref, out, func() func(answer) error {
		var last answer
		var sent time.Time
		return func(a answer) error {
			now := s.opts.Now()
			again := a.active && a.atZero && now.Sub(sent) >= s.opts.Repeat
			if !sent.IsZero() && a.active == last.active && !again {
				return nil
			}
			last, sent = a, now
			return out.Send(&pb.IsActiveResponse{Result: a.active})
		}
	}(), t)
}

// StreamMetricSpec sends the spec at once; it never changes.
func (s service) StreamMetricSpec(ref *pb.ScaledObjectRef, out grpc.ServerStreamingServer[pb.GetMetricSpecResponse]) error {
	t, err := s.trigger(ref)
	if err != nil {
		return err
	}
	if err := out.Send(specOf(t)); err != nil {
		return err
	}
	return s.hold(ref, out, nil, t)
}

// hold keeps a stream until the caller goes, we stop, or it has lived long enough.
// With each newer snapshot and each beat it says what the answer is.
func (s service) hold(ref *pb.ScaledObjectRef, stream grpc.ServerStream, say func(answer) error, t Trigger) error {
	if s.streams.Add(1) > int64(s.opts.MaxStreams) {
		s.streams.Add(-1)
		return status.Errorf(codes.ResourceExhausted, "%d streams are open, which is the limit", s.opts.MaxStreams)
	}
	defer s.streams.Add(-1)
	end := s.opts.Now().Add(lifetime(ref, s.opts.StreamLife))
	for {
		beat := s.beat()
		snapshot, newer := s.opts.Board.Watch()
		now := s.opts.Now()
		if !now.Before(end) {
			return nil
		}
		if say == nil {
			newer = nil
		} else if a, err := s.reader.answer(snapshot, t, ref.GetNamespace(), now); err == nil {
			if err := say(a); err != nil {
				return err
			}
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-s.stopping:
			return nil
		case <-newer:
		case <-beat:
		}
	}
}

// lifetime spreads the ends of streams over a tenth of their life, so that they do
// not all come back at once.
func lifetime(ref *pb.ScaledObjectRef, life time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(ref.GetNamespace() + "/" + ref.GetName()))
	return life - life/10*time.Duration(h.Sum32()%100)/100
}
