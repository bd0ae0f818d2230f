package scaler

import (
	"context"
	"math"
	"regexp"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// service is the ExternalScaler of KEDA.
type service struct {
	pb.UnimplementedExternalScalerServer
	*Server
}

// GetMetricSpec is a function of the metadata alone: KEDA asks it with every poll,
// and builds the HPA without us if it fails.
func (s service) GetMetricSpec(_ context.Context, ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	t, err := s.trigger(ref)
	if err != nil {
		return nil, err
	}
	return specOf(t), nil
}

// GetMetrics is the value of the trigger's one metric.
func (s service) GetMetrics(_ context.Context, req *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	t, err := s.trigger(req.GetScaledObjectRef())
	if err != nil {
		return nil, err
	}
	if got := unindexed(req.GetMetricName()); got != t.name() {
		return nil, status.Errorf(codes.NotFound, "metric %.200q: this trigger has %s", got, t.name())
	}
	snapshot, _ := s.opts.Board.Watch()
	a, err := s.reader.answer(snapshot, t, s.opts.Now())
	if err != nil {
		return nil, err
	}
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{
		MetricName: t.name(), MetricValue: int64(math.Ceil(a.value)), MetricValueFloat: a.value,
	}}}, nil
}

// IsActive says whether the target may not be at zero.
func (s service) IsActive(_ context.Context, ref *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	t, err := s.trigger(ref)
	if err != nil {
		return nil, err
	}
	snapshot, _ := s.opts.Board.Watch()
	a, _, err := s.reader.state(snapshot, t, s.opts.Now())
	if err != nil {
		return nil, err
	}
	return &pb.IsActiveResponse{Result: a.active}, nil
}

// specOf is the one spec of a trigger. KEDA before 2.16 reads only the whole number,
// which must not be 0.
func specOf(t Trigger) *pb.GetMetricSpecResponse {
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{
		MetricName: t.name(), TargetSize: int64(math.Ceil(t.Target)), TargetSizeFloat: t.Target,
	}}}
}

var indexed = regexp.MustCompile(`^s[0-9]{1,4}-`)

// unindexed is the name without the prefix that KEDA gives it in the HPA, and takes
// away before it asks.
func unindexed(name string) string { return indexed.ReplaceAllString(name, "") }

func (s service) trigger(ref *pb.ScaledObjectRef) (Trigger, error) {
	if ref.GetNamespace() == "" || ref.GetName() == "" {
		return Trigger{}, status.Error(codes.InvalidArgument, "scaledObjectRef: want a name and a namespace")
	}
	t, err := s.triggers.of(ref.GetNamespace(), ref.GetName(), ref.GetScalerMetadata())
	if err != nil {
		return Trigger{}, status.Errorf(codes.InvalidArgument, "trigger of ScaledObject %s/%s: %v", ref.GetNamespace(),
			ref.GetName(), err)
	}
	return t, nil
}

// errPanic is what a caller sees of a defect of ours.
var errPanic = status.Error(codes.Internal, "a defect in Forewarm: see its log")
