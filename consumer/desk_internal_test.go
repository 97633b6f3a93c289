package consumer

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Whatever the order of messages, hands and slots: every message is taken once, in order, never by more hands than
// there are slots, and none waits while a slot and a hand are free.
func TestDesk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 4).Draw(t, "slots")
		d := newDesk(slots)
		seats := make([]chan *delivery, slots+rapid.IntRange(0, 3).Draw(t, "more hands"))
		const away, sitting, working, recording = 0, 1, 2, 3
		state := make([]int, len(seats))
		d.count(len(seats))
		put, taken := 0, 0
		begin := func(hand int, m *delivery) {
			if m.receiveCount != taken {
				t.Fatalf("message %d was taken as number %d", m.receiveCount, taken)
			}
			taken++
			state[hand] = working
		}
		// next is what a hand does that wants work, without waiting for it.
		next := func(hand int) {
			d.mu.Lock()
			now := d.free > 0 && len(d.waiting) > 0
			d.mu.Unlock()
			if now {
				begin(hand, d.next(seats[hand]))
				return
			}
			d.mu.Lock()
			d.idle = append(d.idle, seats[hand])
			d.mu.Unlock()
			state[hand] = sitting
		}
		for i := range seats {
			seats[i] = make(chan *delivery, 1)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			hand := rapid.IntRange(0, len(seats)-1).Draw(t, "hand")
			switch {
			case rapid.Bool().Draw(t, "a message comes"):
				d.put(&delivery{receiveCount: put})
				put++
			case state[hand] == away || state[hand] == recording:
				next(hand)
			case state[hand] == working:
				state[hand] = recording
				d.leave()
			}
			for i := range seats { // who has been given something
				select {
				case m := <-seats[i]:
					begin(i, m)
				default:
				}
			}
			busy, free := 0, 0
			for _, s := range state {
				switch s {
				case working:
					busy++
				case sitting:
					free++
				}
			}
			if busy > slots || busy < slots && free > 0 && put > taken || d.backlog() != put-taken {
				t.Fatalf("%d of %d slots busy, %d hands idle, %d messages put, %d taken, %d wait", busy, slots, free, put, taken, d.backlog())
			}
		}
		if left := len(d.clear()); left != put-taken {
			t.Fatalf("%d of %d messages left", left, put-taken)
		}
	})
}

func TestDeskCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(1)
		d.count(2)
		d.put(&delivery{})
		if d.next(make(chan *delivery, 1)) == nil {
			t.Fatal("a message and a slot are there")
		}
		var idle sync.WaitGroup
		idle.Go(func() {
			if d.next(make(chan *delivery, 1)) != nil {
				t.Error("an idle hand was given something")
			}
			d.count(-1)
		})
		synctest.Wait()
		d.put(&delivery{})
		d.close()
		idle.Wait()
		if d.next(make(chan *delivery, 1)) != nil {
			t.Error("a closed desk gives no more")
		}
		if d.awaitSlots(time.Second) {
			t.Error("a slot is in use")
		}
		d.awaitHands() // for all but the one that has the slot
		d.leave()
		d.count(-1)
		if !d.awaitSlots(time.Second) || d.backlog() != 1 {
			t.Errorf("all slots are free, and one message is left: %d", d.backlog())
		}
		d.awaitHands()
	})
}
