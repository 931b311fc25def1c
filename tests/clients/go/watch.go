package main

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	watchv1 "renkei.dev/gen/go/renkei/watch/v1"
)

// Watch is a stream of changes. A system keeps the cursor together with what it made of the changes, so that another
// watch goes on after them.
type Watch struct {
	stream grpc.ServerStreamingClient[watchv1.WatchResponse]
	cursor string
}

// openWatch returns once the service has sent its first response, a heartbeat: all later changes will be seen.
func openWatch(ctx context.Context, desk *grpc.ClientConn, cursor string) (*Watch, error) {
	stream, err := watchv1.NewWatchServiceClient(desk).Watch(ctx, &watchv1.WatchRequest{Cursor: cursor})
	if err != nil {
		return nil, err
	}
	watch := &Watch{stream, cursor}
	first, err := watch.next()
	if err == nil && first != nil {
		err = errors.New("a watch does not begin with a heartbeat")
	}
	return watch, err
}

// next is the next change, or nil for a heartbeat.
func (it *Watch) next() (*watchv1.Event, error) {
	response, err := it.stream.Recv()
	if err != nil {
		return nil, err
	}
	if response.Cursor == "" {
		return nil, errors.New("a response of a watch has no cursor")
	}
	it.cursor = response.Cursor
	return response.Event, nil
}

// until gives all changes up to an entry of this kind in this matter.
func (it *Watch) until(matter, fact string) ([]*watchv1.Event, error) {
	var events []*watchv1.Event
	for {
		event, err := it.next()
		if err != nil {
			return nil, fmt.Errorf("before %s: %w", fact, err)
		}
		if event == nil {
			continue
		}
		events = append(events, event)
		if event.Matter == matter && event.GetEntryApplied().GetFactType() == fact {
			return events, nil
		}
	}
}

// end reads until the stream ends, and gives the error with which it does.
func (it *Watch) end() error {
	for {
		if _, err := it.next(); err != nil {
			return err
		}
	}
}
