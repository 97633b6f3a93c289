package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// WorkerEnd is what ECS tells of a worker that has stopped, which the worker could
// not see itself: above all until when it is billed. The zero value means not known.
type WorkerEnd struct {
	// PullStarted and Stopped bound the bill; a zero PullStarted means that no image was
	// pulled and nothing is billed.
	PullStarted, Stopped time.Time
	// Provider is the capacity provider, FARGATE or FARGATE_SPOT.
	Provider string
	// Arch, VCPUMilli, MemoryMiB and DiskGiB are as in CostSample.
	Arch                          string
	VCPUMilli, MemoryMiB, DiskGiB int64
	// Code is ECS's stop code, for example ServiceSchedulerInitiated or SpotInterruption.
	Code string
}

// IsZero reports whether the end is not known.
func (e WorkerEnd) IsZero() bool { return e.Stopped.IsZero() }

// The end's attributes lie beside the worker's own snapshot in one item, so that
// whoever reads ledgers has both without another call.
const (
	endStopped  = "e_stop"
	endPulled   = "e_pull"
	endProvider = "e_prov"
	endArch     = "e_arch"
	endVCPU     = "e_cpu"
	endMemory   = "e_mem"
	endDisk     = "e_disk"
	endCode     = "e_code"
)

// EndWorker notes the end of a worker, once: what was noted first stays, and no later
// snapshot replaces it. A worker that never wrote a ledger gets one that says nothing else. It
// reports whether this call noted it.
func (s *Store) EndWorker(ctx context.Context, fleet, worker string, e WorkerEnd) (noted bool, err error) {
	if err := errors.Join(checkName("fleet", fleet), checkName("worker", worker)); err != nil {
		return false, fmt.Errorf("note the end of a worker: %w", err)
	}
	op := "note the end of worker " + worker
	if e.IsZero() {
		return false, fmt.Errorf("%s: it has no time", op)
	}
	values := item{
		":stop": avN(e.Stopped.UnixMilli()), ":pull": avN(unixMS(e.PullStarted)), ":prov": avS(e.Provider), ":arch": avS(e.Arch),
		":cpu": avN(e.VCPUMilli), ":mem": avN(e.MemoryMiB), ":disk": avN(e.DiskGiB), ":code": avS(e.Code),
		":zero": avN(int64(0)), ":exp": avSecond(s.now().Add(s.retention)),
	}
	in := &dynamodb.UpdateItemInput{
		TableName: s.table, Key: ledgerKey(fleet, worker).attrs(),
		UpdateExpression: aws.String("SET " + endStopped + " = :stop, " + endPulled + " = :pull, " + endProvider + " = :prov, " + endArch + " = :arch, " +
			endVCPU + " = :cpu, " + endMemory + " = :mem, " + endDisk + " = :disk, " + endCode + " = :code, " +
			"seq = if_not_exists(seq, :zero), #e = if_not_exists(#e, :exp)"),
		ConditionExpression:       aws.String("attribute_not_exists(" + endStopped + ")"),
		ExpressionAttributeNames:  map[string]string{"#e": attrExp},
		ExpressionAttributeValues: values,
	}
	err = s.patient(ctx, op, func() error {
		_, err := s.api.UpdateItem(ctx, in)
		return err
	})
	if _, before := errors.AsType[*types.ConditionalCheckFailedException](err); before {
		return false, nil
	}
	return err == nil, err
}

// end reads what EndWorker wrote.
func (f *fields) end() WorkerEnd {
	if _, known := f.it[endStopped]; !known {
		return WorkerEnd{}
	}
	e := WorkerEnd{
		Stopped: time.UnixMilli(f.num(endStopped)), Provider: f.str(endProvider), Arch: f.str(endArch),
		VCPUMilli: f.num(endVCPU), MemoryMiB: f.num(endMemory), DiskGiB: f.num(endDisk), Code: f.str(endCode),
	}
	if ms := f.num(endPulled); ms > 0 {
		e.PullStarted = time.UnixMilli(ms)
	}
	return e
}

// ledgerOfSilent is the ledger of a worker that never wrote one.
func ledgerOfSilent(e WorkerEnd) Ledger {
	return Ledger{
		Started: e.PullStarted, Updated: e.Stopped, Final: true, Slots: 1, End: e,
		Cost: CostSample{
			Provider: e.Provider, Arch: e.Arch, VCPUMilli: e.VCPUMilli, MemoryMiB: e.MemoryMiB, DiskGiB: e.DiskGiB,
			Launched: e.PullStarted, Ready: e.Stopped,
		},
	}
}
