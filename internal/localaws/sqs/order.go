package sqs

import "container/heap"

// list is a doubly linked list of messages through their own links: a queue may
// hold a million messages, and any of them can leave from the middle.
type list struct {
	head, tail *message
}

func (l *list) pushBack(m *message) {
	m.prev, m.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = m
	} else {
		l.head = m
	}
	l.tail = m
}

// insert puts m before the first message with a larger order. It searches from
// the front: what comes back into the middle is older than what waits.
func (l *list) insert(m *message) {
	if l.tail == nil || l.tail.order < m.order {
		l.pushBack(m)
		return
	}
	at := l.head
	for at.order < m.order {
		at = at.next
	}
	m.prev, m.next = at.prev, at
	if at.prev != nil {
		at.prev.next = m
	} else {
		l.head = m
	}
	at.prev = m
}

func (l *list) remove(m *message) {
	if m.prev != nil {
		m.prev.next = m.next
	} else {
		l.head = m.next
	}
	if m.next != nil {
		m.next.prev = m.prev
	} else {
		l.tail = m.prev
	}
	m.prev, m.next = nil, nil
}

// hiddenHeap orders delayed and in-flight messages by the time they become
// visible. It implements heap.Interface.
type hiddenHeap []*message

func (h hiddenHeap) Len() int { return len(h) }
func (h hiddenHeap) Less(i, j int) bool {
	if h[i].visibleAt != h[j].visibleAt {
		return h[i].visibleAt < h[j].visibleAt
	}
	return h[i].id < h[j].id
}
func (h hiddenHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}
func (h *hiddenHeap) Push(x any) {
	m := x.(*message) //nolint:forcetypeassert // heap.Push is given messages
	m.heapIndex = len(*h)
	*h = append(*h, m)
}
func (h *hiddenHeap) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return m
}

// group is the messages with one MessageGroupId: a FIFO queue's unit of order,
// a standard queue's tenant (fair queues).
type group struct {
	name      string
	ready     list
	inFlight  int
	noisy     bool
	heapIndex int // -1: not in the heap
}

// groupHeap orders groups that can be received from: quiet before noisy ones,
// then by their first message. It implements heap.Interface.
type groupHeap []*group

func (h groupHeap) Len() int { return len(h) }
func (h groupHeap) Less(i, j int) bool {
	if h[i].noisy != h[j].noisy {
		return h[j].noisy
	}
	return h[i].ready.head.order < h[j].ready.head.order
}
func (h groupHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}
func (h *groupHeap) Push(x any) {
	g := x.(*group) //nolint:forcetypeassert // heap.Push is given groups
	g.heapIndex = len(*h)
	*h = append(*h, g)
}
func (h *groupHeap) Pop() any {
	old := *h
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	g.heapIndex = -1
	return g
}

// readySet holds the messages that can be received, and their groups' states.
type readySet struct {
	fifo     bool
	n        int  // ready messages, those of locked groups included
	inFlight int  // messages of the queue that are in flight
	plain    list // messages without a group
	groups   map[string]*group
	turn     groupHeap // groups that can be received from
	orders   int64     // counts arrivals here
}

// join makes m a member of its group, if it has one.
func (s *readySet) join(m *message) {
	name := m.groupName()
	if name == "" || m.group != nil {
		return
	}
	if s.groups == nil {
		s.groups = map[string]*group{}
	}
	g := s.groups[name]
	if g == nil {
		g = &group{name: name, heapIndex: -1}
		s.groups[name] = g
	}
	m.group = g
}

// push adds a message that has become visible. In a standard queue messages
// stand in line in the order they became visible; in a FIFO queue's group in the
// order they were sent.
func (s *readySet) push(m *message) {
	s.join(m)
	s.n++
	s.orders++
	m.order = s.orders
	if m.group == nil {
		s.plain.pushBack(m)
		return
	}
	if s.fifo {
		m.order = m.id
	}
	m.group.ready.insert(m)
	s.settle(m.group)
}

// remove takes a message out of the middle.
func (s *readySet) remove(m *message) {
	s.n--
	if m.group == nil {
		s.plain.remove(m)
		return
	}
	m.group.ready.remove(m)
	s.settle(m.group)
	m.group = nil
}

// hold counts m as in flight without taking it from here: after a restart.
func (s *readySet) hold(m *message) {
	s.join(m)
	s.inFlight++
	if m.group != nil {
		m.group.inFlight++
		s.settle(m.group)
	}
}

// release notes that m is no longer in flight.
func (s *readySet) release(m *message) {
	s.inFlight--
	if m.group != nil {
		m.group.inFlight--
		s.settle(m.group)
		m.group = nil
	}
}

// settle puts g where it belongs after a change of its messages: into the heap,
// to another place there, out of it, or out of the map when it is empty.
func (s *readySet) settle(g *group) {
	eligible := g.ready.head != nil && (!s.fifo || g.inFlight == 0)
	g.noisy = s.isNoisy(g)
	switch {
	case eligible && g.heapIndex < 0:
		heap.Push(&s.turn, g)
	case eligible:
		heap.Fix(&s.turn, g.heapIndex)
	case g.heapIndex >= 0:
		heap.Remove(&s.turn, g.heapIndex)
	}
	if g.ready.head == nil && g.inFlight == 0 {
		delete(s.groups, g.name)
	}
}

// isNoisy is the rule of fair queues (developer guide, "Amazon SQS fair
// queues"): a tenant with at least 30 messages and over a tenth of all messages
// in flight stands behind the others.
func (s *readySet) isNoisy(g *group) bool {
	return !s.fifo && g.inFlight >= 30 && g.inFlight*10 > s.inFlight
}

// available reports whether pop would give a message.
func (s *readySet) available() bool { return s.plain.head != nil || len(s.turn) > 0 }

// pop takes the next message, or nil, and counts it as in flight. After a
// message of a FIFO queue, same is its group: a receive may return several
// messages of a group, in order, although the first one locks it.
func (s *readySet) pop(same *group) *message {
	if same != nil && same.ready.head != nil {
		return s.take(same)
	}
	for len(s.turn) > 0 {
		g := s.turn[0]
		if noisy := s.isNoisy(g); noisy != g.noisy {
			g.noisy = noisy // the others in flight have become fewer or more
			heap.Fix(&s.turn, 0)
			continue
		}
		if s.plain.head != nil && (g.noisy || s.plain.head.order < g.ready.head.order) {
			break // each message without a group is a tenant of its own
		}
		return s.take(g)
	}
	m := s.plain.head
	if m != nil {
		s.n--
		s.inFlight++
		s.plain.remove(m)
	}
	return m
}

func (s *readySet) take(g *group) *message {
	m := g.ready.head
	s.n--
	s.inFlight++
	g.ready.remove(m)
	g.inFlight++
	s.settle(g)
	return m
}
